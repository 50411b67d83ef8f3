//! A node of a written expression.

use serde::{Deserialize, Serialize};

use crate::{BinaryOperator, HandleId, Literal, MappingId, Origin, Pattern, SlotId, Type};

/// An expression whose operands are named by their index in the list of nodes. Which members are there depends on
/// `op`; `expression.rs` says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Node {
    /// The form.
    pub op: String,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::present")]
    pub value: Option<Literal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<Vec<SlotId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<HandleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The only operand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// The index of a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<u32>,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<u32>,
    #[serde(rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<u32>,
    /// What a `let` puts into its slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<u32>,
    /// What a `let` or `lambda` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arms: Option<Vec<NodeArm>>,
    /// The type of the value; none only in a damaged plan.
    #[serde(rename = "type")]
    pub ty: Option<Type>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Origin>,
}

/// An arm of a match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeArm {
    /// Any of them; left out where the arm matches everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<Pattern>,
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<u32>,
    pub then: u32,
}

/// Operators and their `op`.
pub(super) const OPERATORS: [(&str, BinaryOperator); 16] = [
    ("or", BinaryOperator::Or),
    ("and", BinaryOperator::And),
    ("equal", BinaryOperator::Equal),
    ("not_equal", BinaryOperator::NotEqual),
    ("less", BinaryOperator::Less),
    ("less_equal", BinaryOperator::LessEqual),
    ("greater", BinaryOperator::Greater),
    ("greater_equal", BinaryOperator::GreaterEqual),
    ("in", BinaryOperator::In),
    ("not_in", BinaryOperator::NotIn),
    ("range", BinaryOperator::Range),
    ("add", BinaryOperator::Add),
    ("subtract", BinaryOperator::Subtract),
    ("multiply", BinaryOperator::Multiply),
    ("divide", BinaryOperator::Divide),
    ("remainder", BinaryOperator::Remainder),
];

/// The `op` of an operator.
pub(super) fn operator_name(operator: BinaryOperator) -> &'static str {
    OPERATORS.iter().find(|(_, other)| *other == operator).map_or("?", |(name, _)| name)
}
