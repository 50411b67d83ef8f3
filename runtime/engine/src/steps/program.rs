//! A pipeline in the form that runs.

use nsf_plan::{DimensionId, InputSource, Origin, StateId, TableId, TopicId, Type};

use crate::{
    expression::{AnyCell, AnyValue, Assignment, Condition, Key, Message},
    frame::{Layout, Place},
    state::Change,
};

/// Where a pipeline's records are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whole by the worker that decodes the batch; outputs keep the input's order.
    Direct,
    /// By the worker up to the first step that needs the lane, then in the lane.
    Laned,
}

/// A pipeline, built.
pub(crate) struct Program {
    /// Stable identity.
    pub id: String,
    /// The number of it.
    pub number: u32,
    /// The flow's name.
    pub name: String,
    /// Where its record's slots lie.
    pub layout: Layout,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Steps and their places, by point.
    pub points: Vec<PointInfo>,
    /// Reasons that records are dropped for; the first is that of late records.
    pub reasons: Vec<String>,
    /// The steps.
    pub steps: Vec<Compiled>,
    /// How many of them the decoding worker runs, one record after the other; in a direct program, those before the first
    /// that loads a table's row.
    pub prefix: usize,
    /// The rows.
    pub handles: Vec<HandleProgram>,
    /// The rows whose keys are known before the lane's steps run, as indices into `handles`.
    pub eager: Vec<usize>,
    /// The same, by handle.
    pub is_eager: Vec<bool>,
    /// Rows of tables whose keys are known before the steps behind the prefix run, as indices into `handles`.
    pub tables: Vec<usize>,
    /// Where it runs.
    pub mode: Mode,
    /// The partition key; none where every record goes to the first lane.
    pub key: Option<Key>,
    /// Slots that the lane's steps read of what the worker set.
    pub carry: Vec<Place>,
}

/// A stream that a pipeline reads.
pub(crate) struct Input {
    /// Which.
    pub from: InputSource,
    /// The stream's used fields and the pipeline's places for them.
    pub fields: Vec<(u32, Place)>,
    /// The slot of the record as read, and its type.
    pub record: Option<(Place, Type)>,
}

/// A step for messages.
#[derive(Clone, Debug)]
pub(crate) struct PointInfo {
    /// The step's id.
    pub id: String,
    /// Where it stands.
    pub origin: Origin,
}

/// What a row belongs to, and how it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A state whose rows lie in the record's lane.
    Own(StateId),
    /// A state whose rows may lie in other lanes: its committed rows.
    Foreign(StateId),
    /// A table.
    Table(TableId),
    /// A dimension: its committed rows.
    Dimension(DimensionId),
}

/// A row that steps use.
pub(crate) struct HandleProgram {
    /// Its name.
    pub name: String,
    /// Of what.
    pub target: Target,
    /// Its key as bytes.
    pub key: Key,
    /// Its key as cells, for dimensions.
    pub parts: Vec<AnyCell>,
}

/// A step, built.
pub(crate) struct Compiled {
    /// Index into [`Program::points`].
    pub point: u32,
    /// What it does.
    pub action: Action,
}

/// What a step does when a row is missing.
pub(crate) enum MissingRow {
    /// Nothing: fields are null or defaults.
    Null,
    /// The record is rejected.
    Reject(String),
    /// The record is dropped; index into [`Program::reasons`].
    Drop(u32),
}

/// What steps do.
pub(crate) enum Action {
    /// Rejects unless.
    Require(Condition, String),
    /// Drops when; index into [`Program::reasons`].
    Drop(Condition, u32),
    /// Rejects when.
    Reject(Condition, String),
    /// Drops what was seen before.
    Unique(Unique),
    /// Puts a value into a slot.
    Assign(Assignment),
    /// Reads a row.
    Load(usize, MissingRow),
    /// Changes a row.
    Save(usize, Vec<Change>),
    /// Writes a dimension.
    Dimension(DimensionAction),
    /// Sends a message.
    Topic(TopicAction),
    /// The first arm that holds.
    When(Vec<(Condition, Vec<Compiled>)>, Vec<Compiled>),
    /// For each element.
    Each(Place, AnyValue, Vec<Compiled>),
    /// Ends element, flow or record.
    Stop(Option<Condition>),
    /// Goes on at a step of the flow's outermost block.
    Jump(Option<Condition>, usize),
    /// A flow that reads this one.
    Flow(Vec<Compiled>),
}

/// `unique`.
pub(crate) struct Unique {
    /// Partition key and values.
    pub key: Key,
    /// The state that holds the marks.
    pub marks: StateId,
    /// Milliseconds of record time.
    pub within: i64,
    /// Index into [`Program::reasons`].
    pub reason: u32,
}

/// `expand DIM`.
pub(crate) struct DimensionAction {
    /// The dimension.
    pub dimension: DimensionId,
    /// Its keys.
    pub keys: Vec<(AnyCell, Type)>,
    /// Fields and values.
    pub fields: Vec<(u32, AnyCell)>,
    /// What is done.
    pub kind: crate::run::stage::WriteKind,
}

/// The key of a message.
pub(crate) enum MessageKey {
    /// There is none.
    None,
    /// A value and its type.
    Value(AnyValue, Type),
    /// The key under which the message is kept as a value, part by part.
    Template(Vec<KeyPart>),
}

/// A part of a key's template.
pub(crate) enum KeyPart {
    /// What is written.
    Text(Box<str>),
    /// What is put in: a text, escaped so that two keys never meet.
    Value(AnyValue),
}

/// `expand kafka(…)`.
pub(crate) struct TopicAction {
    /// The topic.
    pub topic: TopicId,
    /// The message's key.
    pub key: MessageKey,
    /// The message.
    pub message: Message,
}
