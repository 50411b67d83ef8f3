//! Pipelines: what happens to a record, step by step.
//!
//! A pipeline is one unit of undoing: a flow that reads sources or a subscription, with the flows that read it nested
//! at its end. A `repartition` cuts a flow into two pipelines with an internal topic between them. In memory blocks are
//! nested; written down they are a list (`codec`).

use serde::{Deserialize, Serialize};

use crate::{
    DimensionId, Expr, Guarantee, HandleId, Origin, SlotId, SourceId, StateId, SubscriptionId, TableId, TopicId, Type,
};

/// A flow with the flows that read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Stable identity.
    pub id: String,
    /// The flow's name, module in front.
    pub name: String,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// The record's fields and all local names, by [`SlotId`].
    pub slots: Vec<Slot>,
    /// The rows that it loads or saves, by [`HandleId`].
    pub handles: Vec<Handle>,
    /// Its steps.
    pub body: Block,
    /// The slots that make the partition key: what a record's lane is chosen by. Empty where the pipeline keeps no state.
    pub key: Vec<SlotId>,
    /// Whether any step keeps state (saves, `unique`).
    pub stateful: bool,
    /// Where the flow stands.
    pub origin: Origin,
}

/// One of the streams that a pipeline reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The stream.
    pub from: InputSource,
    /// For each used field of the stream: its index there and its slot here. The fields of a subscription are its
    /// dimension's keys, the fields, and `updated`.
    pub fields: Vec<(u32, SlotId)>,
    /// The slot that holds the record as read, where a step uses the stream's name; null for other streams' records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<SlotId>,
}

/// Where a pipeline's records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum InputSource {
    Source(SourceId),
    Subscription(SubscriptionId),
    /// Values of a state that have ended.
    Expired(StateId),
}

/// A field or local name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name, for messages.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
}

/// A row that steps load, read and save.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handle {
    /// The name that steps use.
    pub name: String,
    /// Of what.
    pub target: HandleTarget,
    /// The values of its keys, in the order of the target's keys.
    pub keys: Vec<Expr>,
}

/// What a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum HandleTarget {
    State(StateId),
    Table(TableId),
    Dimension(DimensionId),
}

/// Steps in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Stable identity within the plan, as metrics, traces and rejected records name it: `plan_duration/verify.1`.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// Where it stands.
    pub origin: Origin,
}

/// The kinds of steps. Named step functions are unfolded where they are called.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// Rejects the record unless the condition holds.
    Require {
        /// The condition.
        condition: Expr,
        /// The reason.
        reason: String,
    },
    /// Drops the record when the condition holds.
    Drop {
        /// The condition.
        condition: Expr,
        /// The reason it is counted by.
        reason: String,
    },
    /// Rejects the record when the condition holds.
    Reject {
        /// The condition.
        condition: Expr,
        /// The reason.
        reason: String,
    },
    /// Drops the record when an equal value was seen within a duration of record time.
    Unique {
        /// What must be unique.
        values: Vec<Expr>,
        /// Milliseconds of record time.
        within: i64,
        /// The reason it is counted by.
        reason: String,
        /// The state that holds the marks.
        marks: StateId,
    },
    /// Puts a value into a slot.
    Assign {
        /// The slot.
        slot: SlotId,
        /// The value.
        value: Expr,
    },
    /// Reads a row.
    Load {
        /// The row.
        handle: HandleId,
        /// What happens when it is missing.
        missing: Missing,
    },
    /// Changes a row of a state.
    Save {
        /// The row.
        handle: HandleId,
        /// The changes in order.
        operations: Vec<SaveOperation>,
    },
    /// Writes fields of a dimension.
    ExpandDimension(DimensionExpand),
    /// Sends a message to a topic.
    ExpandTopic(TopicExpand),
    /// The first arm whose condition holds is run.
    When {
        /// Conditions and steps.
        arms: Vec<(Expr, Block)>,
        /// Steps if none holds.
        otherwise: Block,
    },
    /// Runs steps for each element of a list; a `stop` in them ends the element.
    Each {
        /// The element's slot.
        slot: SlotId,
        /// The list.
        list: Expr,
        /// The steps.
        body: Block,
    },
    /// Ends the innermost element, flow or record.
    Stop {
        /// Only when this holds.
        condition: Option<Expr>,
    },
    /// Goes on at a later step of the flow's outermost block.
    Jump {
        /// Only when this holds.
        condition: Option<Expr>,
        /// Index of the step in the flow's block.
        target: u32,
    },
    /// The steps of a flow that reads this one; `stop` in them ends only them.
    Flow {
        /// The flow's name.
        name: String,
        /// Its steps.
        body: Block,
    },
}

/// What a load does when there is no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Fields are null (a state's have their defaults).
    Null,
    /// The record is rejected with this reason.
    Reject(String),
    /// The record is dropped, counted by this reason.
    Drop(String),
}

/// A change of one field of a state's value, or of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaveOperation {
    /// What is done.
    #[serde(flatten)]
    pub kind: SaveKind,
    /// Where it stands.
    pub origin: Origin,
}

/// The operations of a save; `field` is an index into the state's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum SaveKind {
    /// `f = e`.
    Set { field: u32, value: Expr },
    /// `f += e`; a null counts as zero.
    Add { field: u32, value: Expr },
    /// `f -= e`.
    Subtract { field: u32, value: Expr },
    /// `f max= e`; sets a null.
    Max { field: u32, value: Expr },
    /// `f min= e`; sets a null.
    Min { field: u32, value: Expr },
    /// `m[k] = e`, `l[i] = e`.
    SetEntry { field: u32, key: Expr, value: Expr },
    /// `m[k] += e`; a missing entry counts as zero.
    AddEntry { field: u32, key: Expr, value: Expr },
    /// `insert e into f`: adds to a set, appends to a list.
    Insert { field: u32, value: Expr },
    /// `remove k from f`: a map's key, a set's element, a list's equal elements.
    Remove { field: u32, value: Expr },
    /// The whole row.
    Delete,
}

/// `expand DIM { … }`, `expand delete DIM`, `expand reset DIM { … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionExpand {
    /// The dimension.
    pub dimension: DimensionId,
    /// Its keys, in the order of its primaries.
    pub keys: Vec<Expr>,
    /// Fields by index and their values; null clears.
    pub fields: Vec<(u32, Expr)>,
    /// Whether the row is deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// Whether it is a reset: the subscription event is `reset`. Fields named without a value have a null, whatever
    /// their type, and are cleared; without any field the whole row is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// What holds for what it writes.
    pub guarantee: Guarantee,
}

/// `expand kafka("t", key: k) { … }`, also `stdout` and `file`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicExpand {
    /// The topic.
    pub topic: TopicId,
    /// The message's key, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Expr>,
    /// The message: an expression of a record type.
    pub message: Expr,
    /// What holds for what it sends.
    pub guarantee: Guarantee,
}

/// Names the stream of an input for messages.
impl InputSource {
    /// The source's index, where it is one.
    #[must_use]
    pub const fn source(self) -> Option<SourceId> {
        if let Self::Source(id) = self { Some(id) } else { None }
    }
}
