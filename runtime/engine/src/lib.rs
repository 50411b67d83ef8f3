//! Builds a plan into pieces and runs them.

pub mod cell;
pub mod fault;
pub mod functions;
pub mod value;
