//! The connector against a real MariaDB.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dimensions;
mod faults;
mod lookups;
mod migrations;
mod support;
