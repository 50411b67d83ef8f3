//! Topics as sinks: one idempotent producer for all topics of a cluster.

mod account;
mod producer;

pub use nsf_engine::marks::{ID_HEADER, LANE_HEADER};
pub use producer::{KafkaProducer, KafkaSink};
