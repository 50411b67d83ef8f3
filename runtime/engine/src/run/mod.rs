//! Running a plan: rounds, commits, and what takes part in them.

pub(crate) mod output;
pub mod stage;
