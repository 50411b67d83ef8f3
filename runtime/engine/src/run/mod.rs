//! Running a plan: rounds, commits, and what takes part in them.

pub mod stage;
