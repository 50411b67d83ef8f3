//! Arbitrary expressions of every form.

use nsf_plan::{BinaryOperator, Expr, ExprKind, HandleId, MappingId, MatchArm, Pattern, SlotId};
use proptest::prelude::*;

use super::values::{literal, origin, text, ty};

pub const OPERATORS: [BinaryOperator; 16] = [
    BinaryOperator::Or,
    BinaryOperator::And,
    BinaryOperator::Equal,
    BinaryOperator::NotEqual,
    BinaryOperator::Less,
    BinaryOperator::LessEqual,
    BinaryOperator::Greater,
    BinaryOperator::GreaterEqual,
    BinaryOperator::In,
    BinaryOperator::NotIn,
    BinaryOperator::Range,
    BinaryOperator::Add,
    BinaryOperator::Subtract,
    BinaryOperator::Multiply,
    BinaryOperator::Divide,
    BinaryOperator::Remainder,
];

fn index() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 0..8_u32, 1 => any::<u32>()]
}

pub fn slot() -> impl Strategy<Value = SlotId> {
    index().prop_map(SlotId)
}

pub fn handle() -> impl Strategy<Value = HandleId> {
    index().prop_map(HandleId)
}

pub fn expression() -> impl Strategy<Value = Expr> {
    typed(leaf()).prop_recursive(5, 16, 3, |inner| typed(prop_oneof![with_few(inner.clone()), with_many(inner)]))
}

fn typed(kind: impl Strategy<Value = ExprKind>) -> impl Strategy<Value = Expr> {
    (kind, ty(), prop::option::of(origin())).prop_map(|(kind, ty, origin)| Expr { kind, ty, origin })
}

fn leaf() -> impl Strategy<Value = ExprKind> {
    prop_oneof![
        literal().prop_map(ExprKind::Literal),
        slot().prop_map(ExprKind::Slot),
        (handle(), index()).prop_map(|(row, field)| ExprKind::Loaded(row, field)),
        handle().prop_map(ExprKind::Exists),
        Just(ExprKind::Now),
        text().prop_map(ExprKind::Reject),
    ]
}

fn with_few(inner: impl Strategy<Value = Expr> + Clone + 'static) -> impl Strategy<Value = ExprKind> {
    let one = inner.clone().prop_map(Box::new);
    let two = (one.clone(), one.clone());
    prop_oneof![
        one.clone().prop_map(ExprKind::Not),
        one.clone().prop_map(ExprKind::Negate),
        one.clone().prop_map(ExprKind::IsNull),
        one.clone().prop_map(ExprKind::Widen),
        one.clone().prop_map(ExprKind::NonNull),
        (one.clone(), index()).prop_map(|(object, field)| ExprKind::Field(object, field)),
        (index(), one.clone()).prop_map(|(mapping, of)| ExprKind::Mapping(MappingId(mapping), of)),
        (prop::collection::vec(slot(), 0..3), one.clone()).prop_map(|(slots, body)| ExprKind::Lambda(slots, body)),
        (prop::sample::select(&OPERATORS[..]), two.clone())
            .prop_map(|(operator, (left, right))| ExprKind::Binary(operator, left, right)),
        two.clone().prop_map(|(left, right)| ExprKind::Coalesce(left, right)),
        two.clone().prop_map(|(left, right)| ExprKind::Catch(left, right)),
        two.clone().prop_map(|(left, right)| ExprKind::Index(left, right)),
        (slot(), two).prop_map(|(slot, (value, body))| ExprKind::Let(slot, value, body)),
        (one.clone(), one.clone(), one).prop_map(|(condition, then, other)| ExprKind::If(condition, then, other)),
    ]
}

fn with_many(inner: impl Strategy<Value = Expr> + Clone + 'static) -> impl Strategy<Value = ExprKind> {
    let many = prop::collection::vec(inner.clone(), 0..4);
    let pattern = (literal(), prop::option::of(literal())).prop_map(|(low, high)| Pattern { low, high });
    let arm = (prop::collection::vec(pattern, 0..3), prop::option::of(inner.clone()), inner)
        .prop_map(|(patterns, guard, value)| MatchArm { patterns, guard, value });
    prop_oneof![
        many.clone().prop_map(ExprKind::List),
        many.clone().prop_map(ExprKind::Record),
        many.clone().prop_map(ExprKind::Join),
        (text(), many).prop_map(|(function, arguments)| ExprKind::Call(function, arguments)),
        (slot(), prop::collection::vec(arm, 0..3)).prop_map(|(slot, arms)| ExprKind::Match(slot, arms)),
    ]
}
