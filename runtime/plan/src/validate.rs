//! What must hold between the parts of a plan, so that the engine can index without asking.

use crate::{Origin, Plan};

/// Something in a plan that does not fit another part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which part, in the plan's own terms: "step `f/save.1` of pipeline `f`".
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
    /// Everything that does not fit in the plan; empty for a plan that can be built.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
