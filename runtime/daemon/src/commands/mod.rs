//! The sub-commands.

pub mod check;
pub mod run;
