//! The connector against a real Apache Kafka, and against librdkafka's mock of one where faults are to be injected.

mod faults;
mod reading;
mod sharing;
mod support;
mod writing;
