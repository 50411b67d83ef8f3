//! What a round wrote to dimensions: applied by the dimension stage, told to subscriptions, and to the flows that read
//! them, which may write again.

use std::sync::Arc;

use ahash::AHashMap;
use bumpalo::Bump;
use nsf_plan::SubscriptionId;

use super::{
    drive::Run,
    error::RunError,
    output::incarnation,
    pieces::Core,
    stage::{DimensionStage, DimensionWrite, RecordOrigin, StageMessage, StageOutput, SubscriptionRecord},
    told,
    work::Taken,
};
use crate::{
    connector::{MessageId, OutputBatch},
    rejected::Rejection,
    stable,
};

/// Where a record stands among others: its stream's number, its partition, its offset.
type Place = (u32, u32, u64);

const fn place(origin: &RecordOrigin) -> Place {
    (origin.stream, origin.partition, origin.offset)
}

impl Core {
    /// The place of the first record of each batch.
    pub(crate) fn firsts(&self, batches: &[Taken]) -> impl Iterator<Item = Option<Place>> {
        batches.iter().map(|taken| {
            let offset = taken.batch.messages.first()?.offset;
            Some((self.streams.get(taken.stream)?.number, taken.batch.partition, offset))
        })
    }
}

/// Puts writes in the order in which the engine took the records that caused them. Lanes work in that order, also over
/// several streams or partitions: what a flow writes last of a row must be what its lane computed last. A batch is given by
/// the place of its first record.
pub(crate) fn order_as_taken(writes: &mut [DimensionWrite], firsts: impl Iterator<Item = Option<Place>>) {
    if writes.len() < 2 {
        return;
    }
    let mut firsts: Vec<(Place, usize)> = firsts.enumerate().filter_map(|(at, first)| Some((first?, at))).collect();
    firsts.sort_unstable();
    let batch_of = |origin: &RecordOrigin| {
        let behind = firsts.partition_point(|(first, _)| *first <= place(origin));
        firsts.get(behind.wrapping_sub(1)).map_or(usize::MAX, |(_, at)| *at)
    };
    writes.sort_by_cached_key(|write| (batch_of(&write.origin), write.origin));
}

/// The same for what flows made of what subscriptions told them.
fn order_as_told(writes: &mut [DimensionWrite], told: &[Place]) {
    if writes.len() < 2 {
        return;
    }
    let mut first: AHashMap<Place, usize> = AHashMap::new();
    for (at, place) in told.iter().enumerate() {
        first.entry(*place).or_insert(at);
    }
    writes.sort_by_cached_key(|write| (first.get(&place(&write.origin)).copied(), write.origin));
}

/// Most writes that are applied at once: what subscriptions tell of each is in memory until it is sent.
const PIECE: usize = 4_096;

/// About how many bytes what is told of a write may take, with much told of it.
const TOLD: usize = 4_096;

/// Cuts writes into pieces of about so many. All of one record are in the same: what subscriptions tell of them is counted by
/// record.
fn pieces(mut writes: &[DimensionWrite], most: usize) -> impl Iterator<Item = &[DimensionWrite]> {
    std::iter::from_fn(move || {
        let last = writes.get(..most.min(writes.len()))?.last()?;
        let same = |write: &&DimensionWrite| place(&write.origin) == place(&last.origin);
        let end = most.min(writes.len()) + writes.iter().skip(most).take_while(same).count();
        let (piece, rest) = writes.split_at(end);
        writes = rest;
        Some(piece)
    })
}

/// Most rounds of subscriptions that one round of records may cause.
const MOST_TOLD: usize = 64;

impl Run {
    /// Writes dimensions, tells subscriptions, runs the flows that read them, until nothing more comes of it; gives whether
    /// something was sent that the run also reads. All writes of one record stand beside one another.
    pub(crate) fn store_dimensions(&mut self, writes: &[DimensionWrite]) -> Result<bool, RunError> {
        let mut wrote = false;
        let most = (self.options.round_bytes / TOLD).clamp(1, PIECE);
        for piece in pieces(writes, most) {
            wrote |= self.store_piece(piece)?;
        }
        Ok(wrote)
    }

    fn store_piece(&mut self, piece: &[DimensionWrite]) -> Result<bool, RunError> {
        let mut wrote = false;
        let mut writes = Vec::new();
        self.apply(piece, &mut writes, &mut wrote)?;
        for _ in 1..MOST_TOLD {
            if writes.is_empty() {
                return Ok(wrote);
            }
            let told = std::mem::take(&mut writes);
            self.apply(&told, &mut writes, &mut wrote)?;
        }
        Err(RunError::Internal("subscriptions and the flows that read them feed one another without an end".to_owned()))
    }

    /// Applies writes and tells of them; what flows write that were told is added to `further`.
    fn apply(
        &mut self,
        writes: &[DimensionWrite],
        further: &mut Vec<DimensionWrite>,
        wrote: &mut bool,
    ) -> Result<(), RunError> {
        let mut output = StageOutput::default();
        let store = Arc::clone(&self.core.shared.store);
        let applied = self.stage.apply(writes, &*store, &mut output);
        applied.map_err(|error| RunError::connector("store", error))?;
        self.tally.stored(&output.stored);
        self.tally.rejected += output.rejected.len() as u64;
        self.uncommitted.kept += output.rejected.iter().map(Rejection::memory).sum::<usize>();
        self.rejected.append(&mut output.rejected);
        let message = |told: &StageMessage| size_of::<StageMessage>() + told.key.len() + told.bytes.len();
        self.made += output.messages.iter().map(message).sum::<usize>();
        *wrote |= self.send(output.messages)?;
        self.tell_flows(output.records, further, wrote)
    }

    fn send(&mut self, messages: Vec<StageMessage>) -> Result<bool, RunError> {
        let mut wrote = false;
        let mut batches: Vec<OutputBatch> = Vec::new();
        batches.resize_with(self.core.topics.len(), OutputBatch::default);
        for message in &messages {
            if let Some(batch) = batches.get_mut(message.topic.index()) {
                batch.push(&message.key, &message.bytes);
                if self.core.ids.get(message.topic.index()).copied().unwrap_or(false) {
                    let RecordOrigin { stream, partition, offset, ended, by, count, made_in: sequence, .. } =
                        message.origin;
                    let own = self.core.subscriptions.get(message.subscription.index()).map_or(0, |own| own.number);
                    let (by, ordinal) = (stable::mixed(&[own, by, message.again]), count);
                    let incarnation = incarnation(&self.core.incarnations, stream);
                    let id = MessageId { stream, partition, offset, by, ordinal, sequence, ended, incarnation };
                    batch.ids.push(id);
                }
                self.tally.topics[message.topic.index()] += 1;
            }
        }
        for own in &mut self.outputs {
            let batch = &batches[own.topic];
            if !batch.ends.is_empty() {
                own.sink.append(batch).map_err(|error| RunError::connector(&own.name, error))?;
                wrote |= own.read;
            }
        }
        Ok(wrote)
    }

    fn tell_flows(
        &mut self,
        records: Vec<SubscriptionRecord>,
        writes: &mut Vec<DimensionWrite>,
        wrote: &mut bool,
    ) -> Result<(), RunError> {
        let told: Vec<Place> = records.iter().map(|record| place(&record.origin)).collect();
        let mut by_subscription: Vec<(SubscriptionId, Vec<SubscriptionRecord>)> = Vec::new();
        for record in records {
            let id = record.subscription;
            match by_subscription.iter_mut().find(|(own, _)| *own == id) {
                Some((_, records)) => records.push(record),
                None => by_subscription.push((id, vec![record])),
            }
        }
        if by_subscription.is_empty() {
            return Ok(());
        }
        let arena = Bump::new();
        let (mut batches, mut worked) = (Vec::new(), Vec::new());
        for (id, records) in &by_subscription {
            batches.push(told::batch(&self.core, &self.plan, *id, records));
            worked.push(told::entries(&self.core, &self.plan, *id, records, &arena, self.core.output()));
        }
        self.run_lanes(&batches, &worked)?;
        for worked in worked {
            *wrote |= self.emit(None, worked.output, writes, worked.broken)?;
        }
        *wrote |= self.emit_lanes(writes)?;
        order_as_told(writes, &told);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nsf_plan::{DimensionId, PipelineId};

    use super::*;
    use crate::run::stage::{WriteKind, WriteOrder, Writer};

    fn write(stream: u32, partition: u32, offset: u64) -> DimensionWrite {
        DimensionWrite {
            dimension: DimensionId(0),
            keys: Vec::new(),
            fields: Vec::new(),
            kind: WriteKind::Assign,
            order: WriteOrder::Flow,
            writer: Writer::Pipeline(PipelineId(0)),
            origin: RecordOrigin::of_record(stream, partition, offset, 0),
        }
    }

    fn places(writes: &[DimensionWrite]) -> Vec<Place> {
        writes.iter().map(|write| place(&write.origin)).collect()
    }

    #[test]
    fn pieces_hold_all_writes_in_order_and_all_of_a_record_together() {
        assert_eq!(pieces(&[], PIECE).count(), 0);
        // Records by their offsets, each with so many writes.
        let cut_into = |counts: &[(u64, usize)], lengths: &[usize]| {
            let writes = counts.iter().flat_map(|(offset, count)| std::iter::repeat_n(write(70, 0, *offset), *count));
            let all: Vec<DimensionWrite> = writes.collect();
            let cut: Vec<&[DimensionWrite]> = pieces(&all, PIECE).collect();
            assert_eq!(cut.iter().map(|piece| piece.len()).collect::<Vec<_>>(), lengths, "{counts:?}");
            assert_eq!(places(&cut.concat()), places(&all));
        };
        cut_into(&[(0, 3)], &[3]);
        cut_into(&[(0, PIECE)], &[PIECE]);
        cut_into(&[(0, PIECE - 1), (1, 4), (2, 1)], &[PIECE + 3, 1]);
        cut_into(&[(0, PIECE), (1, PIECE + 1), (2, 2)], &[PIECE, PIECE + 1, 2]);
    }

    #[test]
    fn writes_of_several_partitions_and_streams_stand_as_their_records_were_taken() {
        let batches = [Some((70, 8, 5)), Some((20, 3, 9)), None, Some((20, 8, 0)), Some((70, 8, 7))];
        // As the lanes give them, each its own in order.
        let mut writes =
            [write(20, 3, 11), write(70, 8, 8), write(70, 8, 5), write(20, 3, 9), write(20, 8, 2), write(70, 8, 6)];
        order_as_taken(&mut writes, batches.into_iter());
        assert_eq!(places(&writes), [(70, 8, 5), (70, 8, 6), (20, 3, 9), (20, 3, 11), (20, 8, 2), (70, 8, 8)]);
    }

    #[test]
    fn writes_of_flows_that_were_told_stand_as_their_records_were_told() {
        let told = [(70, 9, 1), (70, 2, 4), (20, 3, 0), (70, 2, 5)];
        let mut writes = [write(20, 3, 0), write(70, 2, 4), write(70, 2, 5), write(70, 9, 1)];
        order_as_told(&mut writes, &told);
        assert_eq!(places(&writes), told);
    }
}
