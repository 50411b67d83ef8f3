//! The suites that cross crates, as one program.

mod boundaries;
mod house;
