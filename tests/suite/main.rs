//! The suites that cross crates, as one program.

mod boundaries;
mod catalogue;
mod house;
mod language;
mod oulad;
mod project;
mod runs;
mod stdlib;
