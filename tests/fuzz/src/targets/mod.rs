//! What is fuzzed: each function takes any bytes, and panics when something that must hold of them does not.
//!
//! The fuzz targets and the seeded mutations of the test suite call the same functions.
#![allow(clippy::panic, reason = "a panic is how a target reports")]

mod plan;
mod record;
mod text;

pub use plan::{plan, plan_behind_the_hash};
pub use record::record;
pub use text::{formatter, parser};
