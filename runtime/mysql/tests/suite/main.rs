//! The connector against a real MariaDB.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dimensions;
mod doubt;
mod faults;
mod lanes;
mod lookups;
mod migrations;
mod model;
mod states;
mod support;
