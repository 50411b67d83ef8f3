//! The connector against a real Apache Kafka, and against librdkafka's mock of one where faults are to be injected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod faults;
mod reading;
mod sharing;
mod support;
mod transactions;
mod writing;
