//! Topics as sinks: one idempotent producer for all topics of a cluster.

mod account;
mod producer;

pub use producer::{KafkaProducer, KafkaSink};

/// The header that tells a message from every other of its topic: `APPLICATION/STREAM/PARTITION/OFFSET/ORDINAL`. STREAM,
/// PARTITION and OFFSET name the record that caused it (STREAM counts the streams that the plan reads, from 0), ORDINAL
/// which of its messages it is. A message that is sent again has the same, and the same bytes.
pub const ID_HEADER: &str = "nsf-id";
