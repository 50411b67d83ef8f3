//! Kafka: topics as sources that several workers share, and as sinks.
//!
//! A crate of its own, so that only a program which names it links librdkafka. Nothing here decides where a partition is
//! read from or when it is committed: the engine does, by its store. The group only says who reads which partition.

mod configuration;
mod context;
mod fault;
mod group;
mod native;
mod settings;
mod sink;
mod source;
mod topics;
mod transactions;
mod trouble;

pub use group::KafkaGroup;
pub use settings::{CreateTopics, KafkaSettings, Pem, Sasl, Secret, Security, StartAt, Tls};
pub use sink::{ID_HEADER, KafkaProducer, KafkaSink, LANE_HEADER};
pub use source::{KafkaSource, KafkaStatus, PartitionEnd};
pub use topics::{KafkaTopics, TopicReport, TopicsReport};
pub use transactions::{KafkaTransactions, LONGEST_COMMIT};
