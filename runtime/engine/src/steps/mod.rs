//! Steps: a pipeline built once and run record by record.

mod build;
mod execute;
mod expand;
mod foreign;
mod program;
mod rows;
mod tables;
pub(crate) mod uses;

pub(crate) use build::{ProgramBuilder, key_positions};
pub(crate) use execute::{Ending, Execution, Record, Scratch};
pub(crate) use foreign::ForeignRow;
pub(crate) use program::{Mode, Program, Target};
pub(crate) use rows::{Binding, LaneStates, Link, Shared, damaged_row};
