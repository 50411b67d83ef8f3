//! The dimension stage's contract: what ingests and flows hand to it and what it gives back to the round.
//!
//! A round goes: batches of sources and ingests are worked on in parallel and give [`DimensionWrite`]s; these are put
//! in the order of their [`RecordOrigin`] and applied by one [`DimensionStage`], which gives messages of subscriptions
//! and records for flows that read subscriptions; those flows run in the same round and may write again. When a commit
//! is due, the stage adds its changed rows to the store's batch, so that they join the same transaction as states,
//! rejected records and progress.

use bumpalo::Bump;
use nsf_plan::{DimensionId, IngestId, PipelineId, SubscriptionId, TopicId};

use crate::{
    cell::Cell,
    connector::{ConnectorResult, Message, RawBatch, Sequence},
    rejected::Rejection,
    store::{Store, StoreBatch},
};

/// Who writes a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Writer {
    /// A flow's expand.
    Pipeline(PipelineId),
    /// An ingest.
    Ingest(IngestId),
}

/// The record that caused a write or a message. Orders by stream, partition and offset, then by the values that one record
/// ended, then by what it caused itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordOrigin {
    /// The stream's number, [`crate::stable::number`] of its id.
    pub stream: u32,
    /// Its partition.
    pub partition: u32,
    /// The message's offset in it.
    pub offset: u64,
    /// Which of the values it is that the record ended, in their order; [`RecordOrigin::ITSELF`] for the record itself,
    /// which comes after them.
    pub turn: u32,
    /// Tells such a value from others that the same record ended; 0 for the record itself.
    pub ended: u64,
    /// The order of what the record caused, flow by flow as the program has them.
    pub ordinal: u32,
    /// The number of the flow or ingest that writes; of a flow that was told by a subscription it holds why.
    pub by: u32,
    /// Counts what it wrote because of the record.
    pub count: u32,
    /// The record's time in milliseconds.
    pub time: i64,
    /// Which writes come in the order of their records.
    pub made_in: Sequence,
}

impl RecordOrigin {
    /// The turn of a record itself.
    pub const ITSELF: u32 = u32::MAX;

    /// Of a record itself, which has caused nothing yet.
    #[must_use]
    pub const fn of_record(stream: u32, partition: u32, offset: u64, time: i64) -> Self {
        let (turn, made_in) = (Self::ITSELF, Sequence::None);
        Self { stream, partition, offset, turn, ended: 0, ordinal: 0, by: 0, count: 0, time, made_in }
    }
}

/// What a write does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Sets the fields given; null clears.
    Assign,
    /// The same, reported as `reset`; fields without a value are cleared.
    Reset,
    /// Deletes the row.
    Delete,
}

/// How a write is ordered against others of the same field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteOrder {
    /// By the flow's own order: the later applied wins.
    Flow,
    /// By time in milliseconds; ties by the origin's stream, partition and offset.
    Time(i64),
}

/// A change of one row of a dimension.
#[derive(Clone, Debug)]
pub struct DimensionWrite {
    /// The dimension.
    pub dimension: DimensionId,
    /// The values of its keys, in the order of [`nsf_plan::Dimension::keys`].
    pub keys: Vec<Cell>,
    /// Fields by index and their new values.
    pub fields: Vec<(u32, Cell)>,
    /// What is done.
    pub kind: WriteKind,
    /// Against other writes.
    pub order: WriteOrder,
    /// Who writes.
    pub writer: Writer,
    /// Because of which record.
    pub origin: RecordOrigin,
}

impl DimensionWrite {
    /// About how many bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        /// What the allocator keeps beside each of its two lists.
        const BESIDE: usize = 32;
        let keys: usize = self.keys.iter().map(Cell::memory).sum();
        let fields: usize = self.fields.iter().map(|(_, cell)| size_of::<u64>() + cell.memory()).sum();
        size_of::<Self>() + keys + fields + BESIDE
    }
}

/// A message of a subscription.
#[derive(Clone, Debug)]
pub struct StageMessage {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Where it goes.
    pub topic: TopicId,
    /// The message's key.
    pub key: Vec<u8>,
    /// The message, without a line end.
    pub bytes: Vec<u8>,
    /// The record that caused it.
    pub origin: RecordOrigin,
    /// How many messages of the same cause came before.
    pub again: u32,
}

/// A record of a subscription for flows that read it.
#[derive(Clone, Debug)]
pub struct SubscriptionRecord {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The dimension's keys, its fields (`empty` values filled in), and `updated`: what [`nsf_plan::Input::fields`]
    /// counts.
    pub values: Vec<Cell>,
    /// The record that caused it.
    pub origin: RecordOrigin,
}

/// What the stage gives back.
#[derive(Debug, Default)]
pub struct StageOutput {
    /// Messages in order.
    pub messages: Vec<StageMessage>,
    /// Records in order, of subscriptions that flows read.
    pub records: Vec<SubscriptionRecord>,
    /// Writes that changed something or created a row, by dimension index.
    pub stored: Vec<(DimensionId, u64)>,
    /// Messages that could not be made because a subscription's `when` failed; the write itself stands.
    pub rejected: Vec<Rejection>,
}

/// Applies writes to rows of dimensions. One for a run; called by one thread.
pub trait DimensionStage: Send {
    /// Applies writes in the order given, over rows as earlier calls left them (its own working copies, committed or
    /// not).
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn apply(&mut self, writes: &[DimensionWrite], store: &dyn Store, output: &mut StageOutput) -> ConnectorResult<()>;

    /// Adds every row changed since the last commit to the batch ([`crate::store::StoreTable::Dimension`]).
    fn collect(&mut self, batch: &mut StoreBatch);

    /// About how many bytes of memory the rows take that changed since the last commit.
    fn changed_bytes(&self) -> usize;

    /// By row of the last [`DimensionStage::collect`], in its order: what the store had, as [`crate::store::row_version`].
    fn versions(&self) -> Vec<u64>;

    /// Forgets all rows in memory, changed ones too: they are read again, or changed again.
    fn forget(&mut self);

    /// The batch was committed: changed rows are no longer to be collected; the cache may shrink.
    fn committed(&mut self);
}

/// Reads rows of dimensions for `load` and for outputs; shared by workers.
pub trait DimensionRows: Send + Sync {
    /// The key of a row in [`crate::store::StoreTable::Dimension`].
    fn key(&self, dimension: DimensionId, keys: &[Cell], key: &mut Vec<u8>);

    /// Start of the keys of all rows of a dimension.
    fn prefix(&self, dimension: DimensionId) -> Vec<u8>;

    /// The values of the keys of a stored row; none where the key is damaged.
    fn keys(&self, dimension: DimensionId, key: &[u8]) -> Option<Vec<Cell>>;

    /// The values of all fields of a stored row with this key, `empty` values filled in, null where there is none; none
    /// where the row is deleted.
    ///
    /// # Errors
    /// Where the row is damaged or of a newer format.
    fn fields(&self, dimension: DimensionId, key: &[u8], row: &[u8]) -> ConnectorResult<Option<Vec<Cell>>>;
}

/// What a batch of an ingest gave.
#[derive(Debug, Default)]
pub struct IngestOutput {
    /// Writes in the order of the messages.
    pub writes: Vec<DimensionWrite>,
    /// Messages that were rejected.
    pub rejected: Vec<Rejection>,
    /// Conversions made, by raw member.
    pub coerced: Vec<(String, u64)>,
    /// Messages taken without rejection.
    pub accepted: u64,
}

/// Works on messages of one ingest; shared by workers, keeps no state.
pub trait IngestProcessor: Send + Sync {
    /// Works on a message. `stream` is the number for [`RecordOrigin::stream`]. Long values may be put into the arena,
    /// which is reset after the batch.
    fn process(&self, stream: u32, batch: &RawBatch, message: &Message, arena: &Bump, output: &mut IngestOutput);
}
