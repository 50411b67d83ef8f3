//! The plan's top level: streams, states, dimensions and what belongs to them.

use serde::{Deserialize, Serialize};

use crate::{
    DimensionId, Expr, Ingest, Literal, MappingId, Origin, Pipeline, SlotId, SourceText, SpaceId, TenantId, TopicId,
    Type, connector::Connector,
};

/// Version of the plan format: a runtime reads plans of its own major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanVersion {
    /// Changes when an older runtime would run the plan wrongly.
    pub major: u32,
    /// Changes when something was added that an older runtime may leave out.
    pub minor: u32,
}

impl PlanVersion {
    /// What this crate writes.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };
}

/// A compiled project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version.
    #[serde(rename = "nsf_plan")]
    pub version: PlanVersion,
    /// The project's name.
    pub name: String,
    /// The files it was compiled from; [`Origin::file`] points here.
    pub files: Vec<SourceText>,
    /// Tenants.
    pub tenants: Vec<Tenant>,
    /// Value mappings.
    pub mappings: Vec<Mapping>,
    /// Topics and other channels that are read or written.
    pub topics: Vec<Topic>,
    /// Typed streams.
    pub sources: Vec<Source>,
    /// Ingests.
    pub ingests: Vec<Ingest>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Keyed states, marks of `unique` included.
    pub states: Vec<State>,
    /// Spaces.
    pub spaces: Vec<Space>,
    /// Primaries.
    pub primaries: Vec<Primary>,
    /// Dimensions.
    pub dimensions: Vec<Dimension>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// What happens to records.
    pub pipelines: Vec<Pipeline>,
    /// Monitors; checked, not yet run.
    pub monitors: Vec<MonitorPlan>,
}

/// Who owns data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// `app_id`.
    pub app_id: String,
    /// Name of the secret that holds the `app_key`.
    pub app_key: Option<String>,
    /// IANA time zone.
    pub zone: String,
}

/// A conversion of values by a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// What is converted.
    pub from: Type,
    /// Into what.
    pub to: Type,
    /// Pairs.
    pub pairs: Vec<(Literal, Literal)>,
    /// Any other value.
    pub otherwise: MappingElse,
}

/// What becomes of a value that no arm names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingElse {
    /// It stays (as text where the result is text).
    Keep,
    /// It becomes this.
    Value(Literal),
    /// The record is rejected.
    Reject,
}

/// A channel for messages: a Kafka topic (in `dev` a file), a file, a standard stream, a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// What it is on.
    pub connector: Connector,
    /// Whether the project reads it.
    pub read: bool,
    /// Whether the project writes it.
    pub written: bool,
    /// Whether the compiler made it, for `repartition by`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}

/// How a message's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Format {
    Json,
    Csv,
    Text,
    Bytes,
}

/// What is done with a value of a near type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coerce {
    /// It is rejected. (CSV cells are always read by their field's type.)
    Strict,
    /// Numeric text becomes a number, a scalar a list of one; every conversion is counted by field.
    Lenient,
}

/// What follows a record that keeps failing for an outside reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OnError {
    BlockLane,
    ParkKey,
    SkipOrder,
    DeadLetter,
}

impl OnError {
    /// Whether the record waits in its source's `retry` topic.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::ParkKey | Self::SkipOrder)
    }
}

/// What is done with a record whose time is behind the watermark by more than the source allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Late {
    Drop,
    Reject,
    Topic(TopicId),
}

/// A typed stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Stable identity.
    pub id: String,
    /// Its name, module in front.
    pub name: String,
    /// Where it is read from.
    pub from: TopicId,
    /// How its messages are read.
    pub encoding: Encoding,
    /// The partition key, as indices of fields.
    pub key: Vec<u32>,
    /// The field that holds the record's time.
    pub time: Option<u32>,
    /// How late a record may be, in milliseconds; none where the source has no `late`.
    pub late: Option<i64>,
    /// What is done with later ones.
    pub late_else: Late,
    /// How far a record's time may be ahead of the message's, in milliseconds.
    pub max_skew: i64,
    /// After how long without a record a partition holds back nothing any more, in milliseconds; none for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<i64>,
    /// Topic for retries.
    pub retry: Option<TopicId>,
    /// Policy for outside faults.
    pub on_error: OnError,
    /// Topic for rejected records.
    pub reject: Option<TopicId>,
    /// Where it stands.
    pub origin: Origin,
}

/// How a message's bytes become fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// The format.
    pub format: Format,
    /// What is done with values of near types.
    pub coerce: Coerce,
    /// Whether unknown members reject the record.
    pub strict: bool,
    /// The fields.
    pub fields: Vec<RecordField>,
}

/// A field of a stream's record or of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordField {
    /// Its name.
    pub name: String,
    /// Member names from the outermost, or one of `$key`, `$key.m`, `$header.h`, `$topic`, `$partition`, `$offset`,
    /// `$timestamp` as the only element. For CSV the header's cell.
    pub path: Vec<String>,
    /// Its type. Members of a record type are read by the names of `renames`, else by their own.
    #[serde(rename = "type")]
    pub ty: Type,
    /// The value of an absent member.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::codec::present")]
    pub default: Option<Literal>,
    /// Whether any pipeline, key or time needs it; the decoder skips others.
    pub used: bool,
    /// Nested members that are read under other names: path of field names in the type, and the member's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<(Vec<String>, String)>,
}

/// Rows looked up by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name, module in front.
    pub name: String,
    /// Where its rows are.
    pub from: TopicId,
    /// How they are read.
    pub encoding: Encoding,
    /// The key, as indices of fields.
    pub key: Vec<u32>,
    /// Milliseconds for which a row that was read from a server need not be read again; a file is read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<i64>,
    /// Where it stands.
    pub origin: Origin,
}

/// Which write of a field wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The last in the flow's order.
    Flow,
    /// The one with the latest record time.
    Time,
}

/// Keyed state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Stable identity; part of stored keys.
    pub id: String,
    /// Its name, module in front.
    pub name: String,
    /// Names and types of its keys.
    pub keys: Vec<(String, Type)>,
    /// Where it is kept.
    pub store: Option<Connector>,
    /// How long a value is kept after its last save, in milliseconds of record time.
    pub keep: Option<i64>,
    /// When a value ends: over slots `0..keys.len()` that hold the keys.
    pub closes: Option<Expr>,
    /// Which write of a field wins.
    pub order: Order,
    /// The value's fields.
    pub fields: Vec<StateField>,
    /// Whether it holds marks of a `unique`: a value of one timestamp.
    pub marks: bool,
    /// Where it stands.
    pub origin: Origin,
}

/// A field of a state's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateField {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Its value before the first save.
    pub default: Literal,
    /// The name under which stored values have it, where that is another: it was renamed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_as: Option<String>,
}

impl StateField {
    /// The name under which stored values have it; never another's of the same state.
    #[must_use]
    pub fn stored_name(&self) -> &str {
        self.stored_as.as_deref().unwrap_or(&self.name)
    }
}

/// Where dimensions are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// `mysql`, `redis` or `embedded`.
    pub store: String,
    /// Number of shards; kept, not yet run above 1.
    pub shards: u32,
    /// Milliseconds a row is kept; none for ever.
    pub keep: Option<i64>,
}

/// A field that alone identifies a dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Primary {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Its number.
    pub number: u32,
    /// Its label.
    pub label: Option<String>,
}

/// A combination of primaries and its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// Its name, module in front.
    pub name: String,
    /// Its code; part of stored keys.
    pub code: u32,
    /// Its keys: names and types of its primaries, in the order written.
    pub keys: Vec<(String, Type)>,
    /// Where it is stored; the first is authoritative. Empty: the profile's default store.
    pub spaces: Vec<SpaceId>,
    /// Its fields.
    pub fields: Vec<DimensionField>,
    /// Its label.
    pub label: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// A field of a dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionField {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// The 14-digit Arris field id.
    pub id: u64,
    /// Its label.
    pub label: Option<String>,
    /// Whether a flow computes it.
    pub derived: bool,
    /// What a reader gets while it has no value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::codec::present")]
    pub empty: Option<Literal>,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionEvent {
    /// Its key was first seen.
    Create,
    /// A listened field changed.
    Binlog,
    /// A field or the row was cleared.
    Reset,
    /// A message that touches a listened field was accepted, changed or not.
    Datain,
}

/// The standard subscription protocol v2.0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Stable identity.
    pub id: String,
    /// Its name, module in front.
    pub name: String,
    /// The dimension.
    pub dimension: DimensionId,
    /// Who is told.
    pub tenant: TenantId,
    /// What is listened to: a writer (ingest or pipeline id; none for any) and a field by its index.
    pub listen: Vec<(Option<String>, u32)>,
    /// A condition over slots: the dimension's keys, then its fields, then `updated`.
    pub when: Option<Expr>,
    /// On what.
    pub on: Vec<SubscriptionEvent>,
    /// What is published, by slot as in `when`.
    pub publish: Vec<(String, SlotId)>,
    /// The slots: keys, fields, `updated`, then local names.
    pub slots: Vec<crate::Slot>,
    /// Where it is published to; none where only flows read it.
    pub to: Option<TopicId>,
    /// Sent as `extra_args`.
    pub extra: Option<String>,
    /// What holds for what it sends.
    pub guarantee: Guarantee,
    /// Where it stands.
    pub origin: Origin,
}

/// A monitor as written; not yet run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorPlan {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub on: String,
    /// Its settings as written.
    pub settings: Vec<(String, String)>,
}

/// What holds for an output when a run is killed and replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// It is there once.
    ExactlyOnce,
    /// It may be sent again with the same id and bytes.
    EffectivelyOnce,
    /// It may be sent again.
    AtLeastOnce,
    /// It may be sent again and may then differ.
    MayDiffer,
}

/// Names of a mapping's index for messages.
impl Plan {
    /// The mapping of an index.
    #[must_use]
    pub fn mapping(&self, id: MappingId) -> Option<&Mapping> {
        self.mappings.get(id.index())
    }

    /// `path:line` of an origin, for messages.
    #[must_use]
    pub fn place(&self, origin: Origin) -> String {
        let path = self.files.get(origin.file as usize).map_or("?", |file| file.path.as_str());
        format!("{path}:{}", origin.line)
    }
}
