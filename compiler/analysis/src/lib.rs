//! Names, types, graph, proofs and lowering of NSF programs.
//!
//! ```text
//! texts ─ syntax ─► trees ─ names ─► Names ─ types ─► Program ─ graph ─► Dag ─ proofs, lints ─► lower ─► Plan
//! ```
//!
//! Pure: files come in as text; no IO, no clock, no threads. Every pass returns a value and diagnostics and goes on
//! after errors; what could not be understood agrees with everything, so one mistake gives one message.

mod allow;
mod check;
mod division;
pub mod graph;
pub mod index;
pub mod json;
pub mod levels;
pub mod lock;
pub mod lower;
pub mod model;
pub mod names;
pub mod project;
pub mod rejections;
pub mod rename;
pub mod samples;
pub mod types;
pub mod visit;

pub use allow::Allowances;
pub use check::{Analysis, LIBRARY, check, check_indexed, check_parsed, check_part, check_while, check_with};
