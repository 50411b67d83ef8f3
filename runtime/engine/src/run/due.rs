//! Values of states that end while a lane works: what is due is found, taken away, and told to its flows.
//!
//! A record first raises the watermark of its partition; what ends by that is told of before the record's own steps run,
//! in the order of the ends. So what ended a value is a record, as it is read again after a fault; in which batch or lane
//! it came makes no difference.

use std::sync::Arc;

use hashbrown::HashMap;
use nsf_plan::PipelineId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    ended::Ended,
    expiring::Expiring,
    lane::{Lane, Round},
    output::{Place, Sender, Turn},
    pieces::Core,
    stage::RecordOrigin,
    work::Taken,
};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorResult, Message, RawBatch, Sequence},
    encode::{json, key::read_part},
    observe::{Point, RecordId},
    stable,
    state::Row,
    steps::{LaneStates, Record},
    store::LaneStore,
    value::Value,
};

/// How many ends are asked for at once.
const PAGE: usize = 1_000;

/// How many ends of a state and partition stay in memory after a commit.
pub(super) const MOST_ENDS: usize = 100_000;

/// How far a lane is in a batch with what ends.
pub(super) struct Ticks {
    /// The first message that the lane's rows do not have.
    next: usize,
    /// The message that ended the last value, and how many it has ended.
    last: (usize, u32),
    /// By flow: when the last value ended that it was told of, and how much it sent and wrote for those that ended then.
    counted: HashMap<usize, (i64, u32)>,
}

/// How many messages of values that end at once are known to come in order; of further ones nobody is told so.
const MOST_IN_ORDER: u32 = 60_000;

/// A value that is due.
struct Due {
    /// The message that ends it, by its index in the batch.
    tick: usize,
    /// The last watermark at which it is there.
    due: i64,
    /// Its state among those whose ends flows are told of.
    at: usize,
}

impl Lane {
    /// Finds the rows of values that end in the round, so that they are read together with all others.
    pub(super) fn find_due(&mut self, round: &Round<'_, '_>) -> ConnectorResult<()> {
        if round.core.expiring.is_empty() {
            return Ok(());
        }
        for (taken, worked) in round.batches.iter().zip(round.worked) {
            let Some(last) = worked.times.last().copied() else { continue };
            for &at in round.core.expiring.of(taken.stream) {
                let own = &round.core.expiring.all[at];
                // No more than this can end: other streams may be behind.
                self.know_ends(round.core, own, taken.batch.partition, last)?;
                let LaneStates { states, ends, .. } = &mut self.states;
                let (rows, shape) = (&mut states[own.state.index()], &round.core.shared.states[own.state.index()]);
                for key in ends.due(own.state, taken.batch.partition, last) {
                    if rows.find(key).is_none() {
                        self.missing.push((own.state, rows.insert(Row::absent(shape, key), 0)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks the store for ends until all are known that are due before a watermark.
    fn know_ends(&mut self, core: &Core, own: &Expiring, partition: u32, watermark: i64) -> ConnectorResult<()> {
        let shape = &core.shared.states[own.state.index()];
        let mut page = PAGE;
        loop {
            let known = self.states.ends.known(own.state, partition);
            let (Some(link), Some(lanes)) = (&self.states.link, core.shared.store.lanes()) else { return Ok(()) };
            if known >= watermark {
                return Ok(());
            }
            let ends = LaneStore::ends(lanes, link.lane, &link.held, &shape.id, partition, known, page)?;
            let reached = match ends.last() {
                // Of those that are due with the last there may be more.
                Some((last, _)) if ends.len() >= page => last.saturating_sub(1),
                _ => i64::MAX,
            };
            page = if reached > known { PAGE } else { page.saturating_mul(2) };
            let ends = ends.into_iter().filter_map(|(due, key)| Some((due, shape.read_text_key(&key)?.into())));
            self.states.ends.add_stored(own.state, partition, ends, reached);
        }
    }

    /// Begins a batch.
    pub(super) fn begin_ticks(&self, taken: &Taken) -> Ticks {
        let first = self.first_of(taken);
        let next = if first == 0 { 0 } else { taken.batch.messages.partition_point(|message| message.offset < first) };
        Ticks { next, last: (usize::MAX, 0), counted: HashMap::new() }
    }

    /// Ends what is due before the steps of a message run.
    pub(super) fn end_until(&mut self, round: &Round<'_, '_>, batch: usize, ticks: &mut Ticks, message: usize) {
        while let Some(due) = self.next_due(round, batch, ticks, message) {
            if ticks.last.0 == due.tick {
                ticks.last.1 += 1;
            } else {
                ticks.last = (due.tick, 0);
            }
            if let Err(error) = self.end_first(round, batch, &due, ticks) {
                self.broken = Some(error);
            }
            if self.broken.is_some() {
                return;
            }
        }
    }

    /// Ends what is due behind the last of the lane's records, and keeps how far the partition's watermark is.
    pub(super) fn end_batch(&mut self, round: &Round<'_, '_>, batch: usize, mut ticks: Ticks) {
        if round.core.expiring.is_empty() {
            return;
        }
        self.end_until(round, batch, &mut ticks, usize::MAX);
        let (taken, times) = (&round.batches[batch], &round.worked[batch].times);
        if let Some(last) = times.last().filter(|_| ticks.next < times.len()) {
            let watermark = self.watermarks.entry((taken.stream, taken.batch.partition)).or_insert(*last);
            *watermark = (*last).max(*watermark);
        }
    }

    /// The value that ends first, if a message up to this one ends it.
    fn next_due(&self, round: &Round<'_, '_>, batch: usize, ticks: &Ticks, message: usize) -> Option<Due> {
        let taken = &round.batches[batch];
        let due = |&at: &usize| {
            let own = &round.core.expiring.all[at];
            let due = self.states.ends.first(own.state, taken.batch.partition)?;
            let tick = self.tick(own, taken, &round.worked[batch].times, ticks.next, due)?;
            (tick <= message).then_some(Due { tick, due, at })
        };
        let all = round.core.expiring.of(taken.stream).iter().filter_map(due);
        all.min_by_key(|own| (own.tick, own.due, own.at))
    }

    /// The first message at which all streams of a state have passed an end.
    fn tick(&self, own: &Expiring, taken: &Taken, times: &[i64], next: usize, due: i64) -> Option<usize> {
        let others = own.streams.iter().filter(|stream| **stream != taken.stream);
        let passed = |stream: &usize| {
            self.watermarks.get(&(*stream, taken.batch.partition)).is_some_and(|watermark| *watermark > due)
        };
        if !{ others }.all(passed) {
            return None;
        }
        let tick = times.partition_point(|time| *time <= due).max(next);
        (tick < times.len()).then_some(tick)
    }

    /// Takes the first end: the value goes, and its flows are told; or it ends later than was noted.
    fn end_first(&mut self, round: &Round<'_, '_>, batch: usize, due: &Due, ticks: &mut Ticks) -> ConnectorResult<()> {
        let (core, taken) = (round.core, &round.batches[batch]);
        let (own, partition) = (&core.expiring.all[due.at], taken.batch.partition);
        let shape = &core.shared.states[own.state.index()];
        let Some((noted, key)) = self.states.ends.take_first(own.state, partition) else { return Ok(()) };
        let id = self.states.load(&core.shared, own.state, &key)?;
        let rows = &mut self.states.states[own.state.index()];
        let row = rows.row_mut(id);
        if !row.is_stored() {
            row.noted = false;
            self.states.ends.forget(own.state, partition, &key);
            return Ok(());
        }
        let (last, time) = row.end(shape);
        if last > noted {
            row.noted = true;
            self.states.ends.note(own.state, partition, &key, last);
            return Ok(());
        }
        let fields = row.exists.then(|| row.fields.to_vec());
        rows.mark(id);
        rows.row_mut(id).clear(shape);
        self.states.ends.forget(own.state, partition, &key);
        let Some(fields) = fields else { return Ok(()) };
        let message = &taken.batch.messages[due.tick];
        let cause = RecordId { stream: core.stream(taken.stream).number, partition, offset: message.offset };
        let ended = EndedValue {
            cells: core.keys_and_fields(own, &key, fields)?,
            record: Record {
                id: cause,
                time,
                watermark: last,
                late: shape.late,
                place: core.shared.origins.place(taken.stream, partition, message.timestamp),
            },
            // Which record ended it may differ where streams are merged, so that the value's own end is part of its ids.
            id: RecordId {
                stream: own.streams.first().map_or(0, |stream| core.stream(*stream).number),
                partition,
                offset: last as u64,
            },
            number: xxh3_64_with_seed(&key, u64::from(stable::number(&shape.id))).max(1),
        };
        let turn = Turn::Ended(last, due.at, Arc::from(&*key));
        self.output.place = Place { record: ((batch as u64) << 32) | due.tick as u64, turn };
        let follows =
            own.streams.len() == 1 && last >= self.watermark_before(taken, &round.worked[batch].times, due.tick);
        (self.output.turn, self.output.ended) = (ticks.last.1, ended.number);
        for &program in &own.programs {
            // What ends at once is told of in one order, so that its messages come in the order of their ids.
            let counted = ticks.counted.get(&program).filter(|(due, _)| *due == last);
            let before = counted.map_or(0, |(_, before)| *before);
            let sender = Sender::second_part(core.programs[program].number, program as u32, before);
            self.output.set_sender(sender);
            let in_order = follows && before < MOST_IN_ORDER;
            self.output.made_in = if in_order { Sequence::Lane(self.number) } else { Sequence::None };
            self.tell(round, own, program, &ended);
            ticks.counted.insert(program, (last, before + self.output.used()));
        }
        (self.output.turn, self.output.ended) = (RecordOrigin::ITSELF, 0);
        Ok(())
    }

    /// The watermark before a message. What ended before had passed it at most so far, and what ends by this message ends
    /// behind that; but for a value that was saved when its end had passed already. Where several streams end values, which
    /// messages they end by depends on how the streams are read.
    fn watermark_before(&self, taken: &Taken, times: &[i64], tick: usize) -> i64 {
        let come_to = self.watermarks.get(&(taken.stream, taken.batch.partition)).copied();
        let before = tick.checked_sub(1).and_then(|before| times.get(before)).copied();
        before.max(come_to).unwrap_or(0).max(0)
    }

    /// Runs a flow on a value that has ended.
    fn tell<'r>(&mut self, round: &Round<'_, 'r>, own: &Expiring, program: usize, ended: &EndedValue) {
        let (core, frame) = (round.core, &round.frames[program]);
        let (index, program) = (program, &core.programs[program]);
        let types = || core.types(own);
        for input in program.inputs.iter().filter(|input| input.from == nsf_plan::InputSource::Expired(own.state)) {
            for &(field, place) in &input.fields {
                if let (Some(cell), Some(ty)) = (ended.cells.get(field as usize), types().nth(field as usize)) {
                    frame.set(place, cell.to_value(ty, round.arena));
                }
            }
            if let Some((place, _)) = &input.record {
                let whole = ended.cells.iter().zip(types()).map(|(cell, ty)| cell.to_value(ty, round.arena));
                let whole: Vec<Value<'r>> = whole.collect();
                frame.set(*place, Value::Record(round.arena.alloc_slice_copy(&whole)));
            }
        }
        self.output.pipeline = PipelineId(index as u32);
        self.output.record = ended.id;
        self.scratch.bind_none(program.handles.len());
        frame.begin(ended.record.time);
        core.shared.clock.set(frame, ended.record.time);
        self.output.count().taken += 1;
        if let Some(observer) = &core.shared.observer {
            observer.observe(ended.record.id, Point::Entry(&program.id));
        }
        if let Err(ending) = self.run_steps(round, program, frame, ended.record, 0) {
            let batch = ended.as_batch(core, own);
            let own = Ended { program, stream: &own.stream, batch: &batch, message: 0, record: ended.record };
            self.broken = self.broken.take().or(own.report(core, ending, &mut self.output));
        }
    }
}

/// A value that has ended.
struct EndedValue {
    /// Its keys, then its fields.
    cells: Vec<Cell>,
    record: Record,
    /// For the ids of what it causes.
    id: RecordId,
    number: u64,
}

impl EndedValue {
    /// The value as a message, for those that reject it.
    fn as_batch(&self, core: &Core, own: &Expiring) -> RawBatch {
        let mut batch = RawBatch { partition: self.record.id.partition, ..RawBatch::default() };
        batch.bytes.push(b'{');
        for ((name, ty), cell) in core.names(own).zip(core.types(own)).zip(&self.cells) {
            if batch.bytes.len() > 1 {
                batch.bytes.push(b',');
            }
            json::write_text(name, &mut batch.bytes);
            batch.bytes.push(b':');
            json::write_cell(ty, cell, &mut batch.bytes);
        }
        batch.bytes.push(b'}');
        let (end, offset) = (batch.bytes.len() as u32, self.record.id.offset);
        batch.messages.push(Message { end, offset, timestamp: Some(self.record.time), ..Message::default() });
        batch
    }
}

impl Core {
    /// The types of a state's keys, then of its fields.
    fn types<'c>(&'c self, own: &Expiring) -> impl Iterator<Item = &'c nsf_plan::Type> {
        let shape = &self.shared.states[own.state.index()];
        shape.keys.iter().chain(&shape.fields)
    }

    /// The names of a state's keys, then of its fields.
    fn names<'c>(&'c self, own: &Expiring) -> impl Iterator<Item = &'c String> {
        self.shared.states[own.state.index()].names.iter()
    }

    /// The values of a row's keys, then of its fields.
    fn keys_and_fields(&self, own: &Expiring, key: &[u8], fields: Vec<Cell>) -> ConnectorResult<Vec<Cell>> {
        let shape = &self.shared.states[own.state.index()];
        let mut rest = key;
        let keys = shape.keys.iter().map(|ty| read_part(ty, &mut rest));
        let keys: Result<Vec<Cell>, _> = keys.collect();
        let mut cells = keys.map_err(|_| -> ConnectorError { crate::steps::damaged_row(shape) })?;
        cells.extend(fields);
        Ok(cells)
    }
}
