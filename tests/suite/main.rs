//! The suites that cross crates, as one program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod boundaries;
mod catalogue;
mod corpus;
mod cutting;
mod damage;
mod dose;
mod editor_grammar;
mod editor_queries;
mod formatting;
#[path = "../fuzz/src/targets/mod.rs"]
mod fuzz_targets;
mod house;
mod language;
mod laws;
mod migrate;
mod mistakes;
mod mutations;
mod oulad;
mod programs;
mod project;
mod reference;
mod runs;
mod servers;
mod sizes;
mod stdlib;
