//! What must hold between the parts of a plan, so that the engine can index and choose code by type without asking.
//!
//! Checked are: every index is inside its list; conditions are booleans; jumps go forward; ids are not used twice;
//! values have the types of the places they go to (whether null is among them is the compiler's to prove and is not
//! checked again); nothing is nested deeper than a document can say. Not checked are origins: [`Plan::place`] takes
//! any.

mod expression;
mod fit;
mod flow;
mod model;
mod stream;

use std::collections::BTreeSet;

use fit::an;

use crate::{Handle, Origin, Plan, Slot, TestCase, TestExpectation, Type};

/// Something in a plan that does not fit another part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which part, in the plan's own terms: "step `plan_duration/save.1`".
    pub part: String,
    /// What is wrong with it.
    pub message: String,
    /// Where it was written, if known: the line in the `.nsf` file.
    pub origin: Option<Origin>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.part, self.message)
    }
}

impl Plan {
    /// Everything that does not fit in the plan, in the order of its lists; empty for a plan that can be built.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut checker = Checker::new(self);
        checker.model();
        checker.streams();
        checker.flows();
        checker.problems
    }

    /// Everything that does not fit in a test of this plan.
    #[must_use]
    pub fn test_problems(&self, test: &TestCase) -> Vec<Problem> {
        let mut checker = Checker::new(self);
        checker.at(format!("test `{}`", test.title), Some(test.origin));
        for expectation in &test.expect {
            match expectation {
                TestExpectation::Condition { condition, sides, .. } => {
                    let sides = sides.iter().flat_map(|(left, right)| [left, right]);
                    for expression in sides.chain([condition]) {
                        let scope = Scope { slots: &expression.slots, handles: &expression.handles };
                        checker.handles(scope);
                        checker.expression(scope, &expression.value);
                    }
                    checker.condition_type(&condition.value.ty);
                }
                TestExpectation::Published { topic, .. } => checker.index("topic", topic.0, self.topics.len()),
                TestExpectation::Count { .. } => {}
            }
        }
        checker.problems
    }
}

/// What the expressions of a part may name.
#[derive(Clone, Copy)]
struct Scope<'plan> {
    slots: &'plan [Slot],
    handles: &'plan [Handle],
}

struct Checker<'plan> {
    plan: &'plan Plan,
    problems: Vec<Problem>,
    /// The part at hand and where it was written.
    part: String,
    origin: Option<Origin>,
}

impl<'plan> Checker<'plan> {
    const fn new(plan: &'plan Plan) -> Self {
        Self { plan, problems: Vec::new(), part: String::new(), origin: None }
    }

    /// Goes on to a part.
    fn at(&mut self, part: String, origin: Option<Origin>) {
        self.part = part;
        self.origin = origin;
    }

    fn problem(&mut self, message: impl Into<String>) {
        let (part, origin) = (self.part.clone(), self.origin);
        self.problems.push(Problem { part, message: message.into(), origin });
    }

    /// Reports an index outside its list; `what` names what it points at.
    fn index(&mut self, what: &str, index: u32, length: usize) {
        if index as usize >= length {
            self.problem(format!("it names {what} {index}, and there are {length}"));
        }
    }

    fn topic(&mut self, topic: Option<crate::TopicId>) {
        if let Some(topic) = topic {
            self.index("topic", topic.0, self.plan.topics.len());
        }
    }

    fn type_depth(&mut self, ty: &Type) {
        if ty.depth() > Type::MAX_DEPTH {
            self.problem(format!("a type is nested more than {} deep", Type::MAX_DEPTH));
        }
    }

    fn condition_type(&mut self, ty: &Type) {
        if *ty != Type::Bool {
            self.problem(format!("its condition is {} and not a `bool`", an(ty)));
        }
    }

    /// Reports names that stand twice in a list; `what` says what the names are.
    fn distinct<'name>(&mut self, what: &str, names: impl IntoIterator<Item = &'name str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                self.problem(format!("the {what} `{name}` is there twice"));
            }
        }
    }
}
