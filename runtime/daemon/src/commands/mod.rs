//! The sub-commands.

pub mod check;
pub mod migrate;
pub mod run;
