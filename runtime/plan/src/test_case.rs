//! `test` items, compiled beside the plan and never part of it.

use serde::{Deserialize, Serialize};

use crate::{Expr, Handle, HandleTarget, IngestId, Literal, Origin, Slot, SourceId, TopicId};

/// A test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// Its title.
    pub title: String,
    /// `with`, in order.
    pub with: Vec<TestRows>,
    /// `given`, in order.
    pub given: Vec<TestFeed>,
    /// `expect`, in order.
    pub expect: Vec<TestExpectation>,
    /// `expect same under …`.
    pub laws: Vec<(TestLaw, Origin)>,
    /// Where it stands.
    pub origin: Origin,
}

/// Rows that are there before the first record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRows {
    /// Of a table, state or dimension.
    pub target: HandleTarget,
    /// Key values and then the given fields as (index of the field, value). A table's row has all its fields by index
    /// and an empty key.
    pub rows: Vec<TestRow>,
    /// Where it stands.
    pub origin: Origin,
}

/// The values of a row's keys, and fields by index with their values.
pub type TestRow = (Vec<Literal>, Vec<(u32, Literal)>);

/// Messages for a source or ingest, as the bytes that would arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestFeed {
    /// The stream.
    pub to: TestFeedTarget,
    /// One JSON text a record (for a CSV source too: members by field name are made into cells by the compiler).
    pub messages: Vec<String>,
    /// Where each stands.
    pub origins: Vec<Origin>,
}

pub use feed::TestFeedTarget;

mod feed {
    use super::{Deserialize, IngestId, Serialize, SourceId};

    /// What a test feeds.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[allow(missing_docs)]
    pub enum TestFeedTarget {
        Source(SourceId),
        Ingest(IngestId),
    }
}

/// What must hold at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "expect", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // A test has a handful of them.
pub enum TestExpectation {
    /// A condition over stored rows.
    Condition {
        /// The condition.
        condition: TestExpression,
        /// As written, for the message.
        text: String,
        /// For a comparison its two sides, so that both values can be shown.
        sides: Option<(TestExpression, TestExpression)>,
        /// Where it stands.
        origin: Origin,
    },
    /// How many records were rejected or dropped.
    Count {
        /// Rejected, else dropped.
        rejected: bool,
        /// Of which source or ingest; none for all.
        source: Option<TestFeedTarget>,
        /// How many; none for at least one.
        count: Option<u64>,
        /// For which reason; none for any.
        reason: Option<String>,
        /// Where it stands.
        origin: Origin,
    },
    /// What was published to a topic: exactly these, in order per key.
    Published {
        /// The topic.
        topic: TopicId,
        /// JSON objects; only the members that are written are compared.
        messages: Vec<String>,
        /// Where it stands.
        origin: Origin,
    },
}

/// An expression that reads stored rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestExpression {
    /// The rows, with constant keys.
    pub handles: Vec<Handle>,
    /// Local names.
    pub slots: Vec<Slot>,
    /// The expression.
    pub value: Expr,
}

/// A law that a test's results must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestLaw {
    /// Every record delivered again at its own offset.
    Duplicate,
    /// Every record delivered again at a new offset.
    Resend,
    /// Stopped at every failpoint between and inside commits.
    Restart,
    /// Other orders within `late`.
    Shuffle,
    /// More lanes.
    Parallel,
}
