//! The suites that cross crates, as one program.

mod boundaries;
mod catalogue;
mod house;
mod language;
mod project;
mod stdlib;
