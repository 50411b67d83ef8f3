//! Every place where a record may be rejected: for `nsfc check --fallible` and for editors.

use std::collections::BTreeSet;

use nsf_plan::{
    BinaryOperator, Expr, ExprKind, Mapping, MappingElse, MappingId, Missing, Origin, Plan, SaveKind, Step, StepKind,
    Type,
};

use crate::LIBRARY;
use crate::graph::{Dag, FlowNode};

/// A place where a record may be rejected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File, by its place in the plan, and line.
    pub origin: (u32, u32),
    /// The flow, source or ingest whose record it is.
    pub of: String,
    /// What rejects it.
    pub what: String,
}

/// Every place of a plan, by file and line.
#[must_use]
pub fn places(plan: &Plan) -> Vec<Place> {
    let mut found = Found { mapping: &|id| plan.mapping(id), places: BTreeSet::new() };
    for source in &plan.sources {
        found.add(source.origin, &source.name, "a message that does not fit the record".to_owned());
    }
    for ingest in &plan.ingests {
        found.add(ingest.origin, &ingest.name, "a message that does not keep the ingest protocol".to_owned());
    }
    for pipeline in &plan.pipelines {
        pipeline.body.walk(&mut |step| found.step(step, &pipeline.name));
    }
    found.places.into_iter().collect()
}

/// Every place of a flow, by file and line; of flows that read it, theirs.
#[must_use]
pub fn places_of(dag: &Dag, flow: &FlowNode) -> Vec<Place> {
    let mapping = |id| dag.mapping(id).map(|mapping| &mapping.value);
    let mut found = Found { mapping: &mapping, places: BTreeSet::new() };
    dag.walk(flow, &mut |outer, step| found.step(step, &outer.flow));
    found.places.into_iter().collect()
}

struct Found<'p> {
    mapping: &'p dyn Fn(MappingId) -> Option<&'p Mapping>,
    places: BTreeSet<Place>,
}

impl Found<'_> {
    fn add(&mut self, origin: Origin, of: &str, what: String) {
        self.places.insert(Place { origin: (origin.file, origin.line), of: of.to_owned(), what });
    }

    fn step(&mut self, step: &Step, of: &str) {
        match &step.kind {
            StepKind::Require { reason, .. } | StepKind::Reject { reason, .. } => {
                self.add(step.origin, of, rule(reason));
            }
            StepKind::Load { missing: Missing::Reject(reason), .. } => self.add(step.origin, of, rule(reason)),
            StepKind::Save { operations, .. } => {
                for operation in operations {
                    if let Some(what) = overflowing(&operation.kind) {
                        self.add(operation.origin, of, what);
                    }
                }
            }
            _ => {}
        }
        for expression in step.kind.expressions() {
            self.expression(expression, step.origin, of);
        }
    }

    /// What may fail in an expression and is not caught in it.
    fn expression(&mut self, expression: &Expr, step: Origin, of: &str) {
        let mut open = vec![expression];
        while let Some(part) = open.pop() {
            if let ExprKind::Catch(_, otherwise) = &part.kind {
                open.push(otherwise);
                continue;
            }
            if let Some(what) = self.failure(part) {
                self.add(part.origin.unwrap_or(step), of, what);
            }
            open.extend(part.children());
        }
    }

    /// How the outermost operation of an expression may fail.
    fn failure(&self, expression: &Expr) -> Option<String> {
        match &expression.kind {
            ExprKind::Reject(reason) => Some(rule(reason)),
            ExprKind::Binary(operator, left, _) => operator_failure(*operator, &left.ty),
            ExprKind::Negate(_) => Some("`-` may leave the range of its type".to_owned()),
            ExprKind::Index(object, _) if matches!(object.ty.non_null(), Type::List(_)) => {
                Some("an index may be outside its list".to_owned())
            }
            ExprKind::Mapping(id, _) => {
                let mapping = (self.mapping)(*id).filter(|mapping| mapping.otherwise == MappingElse::Reject)?;
                Some(format!("`{}` may have no arm for the value", mapping.name))
            }
            ExprKind::Call(signature, _) => {
                let function = LIBRARY.signature(signature).filter(|function| function.fallible)?;
                Some(format!("`{}(…)` may not take the value", function.name))
            }
            _ => None,
        }
    }
}

fn rule(reason: &str) -> String {
    format!("the rule \"{reason}\"")
}

fn operator_failure(operator: BinaryOperator, left: &Type) -> Option<String> {
    let sign = match operator {
        BinaryOperator::Divide => return Some("`/` may divide by zero".to_owned()),
        BinaryOperator::Remainder => return Some("`%` may divide by zero".to_owned()),
        // Texts and lists are joined, which always works.
        BinaryOperator::Add if matches!(left.non_null(), Type::Text | Type::List(_)) => return None,
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        _ => return None,
    };
    Some(format!("`{sign}` may leave the range of its type"))
}

fn overflowing(kind: &SaveKind) -> Option<String> {
    let sign = match kind {
        SaveKind::Add { .. } | SaveKind::AddEntry { .. } => "+=",
        SaveKind::Subtract { .. } => "-=",
        _ => return None,
    };
    Some(format!("`{sign}` may leave the range of its type"))
}
