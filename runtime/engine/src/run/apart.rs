//! Records that are set apart: what becomes of a record while a table that it needs does not answer, where its source says
//! something else than that its lane waits.
//!
//! All flows of such a source run in the record's lane, one behind the other, and all or none of what they do counts: a
//! record that is set apart has done nothing, and what becomes of it later can be done whole.
//!
//! A record that waits in a retry topic is noted in its lane, in the commit that passes it over; it is done in the commit that
//! takes it from the notes. So what is in the topic more than once is done once, and what was sent there by a worker that died
//! before its commit is not done at all. The notes lie in the lane of the record's key, as all that its flows change.

use nsf_plan::{OnError, Plan, Source, StateId};

use super::{
    lane::{Lane, Round, entries, restore},
    output::Sender,
    retries::Waits,
    returned::{self, At},
    stream::Stream,
    work::{Entry, lane_of},
};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorResult, Message, Placed, Sequence},
    encode::key::write_integer,
    fault::{Fault, FaultCode},
    frame::{Context, NoRows},
    observe::{Point, RecordId},
    state::{Met, Row, RowId},
    steps::{Ending, ForeignRow, Record},
};

/// What becomes of records of a stream that need what does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// They are rejected.
    Reject,
    /// They wait in a topic.
    Wait(Waits),
}

impl Apart {
    /// What a source asks for; none where its lanes wait.
    pub(crate) fn of(plan: &Plan, source: &Source) -> Option<Self> {
        match source.on_error {
            OnError::BlockLane => None,
            OnError::DeadLetter => Some(Self::Reject),
            OnError::ParkKey | OnError::SkipOrder => Waits::of(plan, source).map(Self::Wait),
        }
    }
}

/// A flow's part in a record, with the rows that were found beforehand.
pub(super) type Part<'p> = (&'p Entry, &'p [Option<RowId>]);

/// A record with all its flows.
struct Whole<'p> {
    /// The batch, by its index.
    batch: usize,
    parts: &'p [Part<'p>],
}

/// How a record went.
enum Went {
    /// It was run.
    Through,
    /// A table did not answer, at a point of a flow.
    Away(ConnectorError, u16, u32),
}

impl Lane {
    /// Runs all flows of a record's source on it: all of what they do counts, or nothing where the record is set apart.
    pub(super) fn record_together(&mut self, round: &Round<'_, '_>, batch: usize, parts: &[Part<'_>]) {
        let whole = Whole { batch, parts };
        let stream = round.core.stream(round.batches[batch].stream);
        let done = match (&stream.returned, stream.apart) {
            (Some(returned), _) => self.take_back(round, &whole, stream, returned.waits),
            (None, Some(Apart::Wait(waits))) => self.run_or_wait(round, &whole, stream, waits),
            (None, _) => {
                if let Went::Away(error, program, point) = self.run_whole(round, &whole) {
                    self.reject_apart(round, &whole, stream, (&error, program, point));
                }
                Ok(())
            }
        };
        if let Err(error) = done {
            self.broken.get_or_insert(error);
        }
    }

    fn run_whole(&mut self, round: &Round<'_, '_>, whole: &Whole<'_>) -> Went {
        let batch = whole.batch;
        let before = self.output.savepoint();
        self.scratch.begin_together();
        let mut ended = Vec::new();
        let mut went = Went::Through;
        for &(entry, rows) in whole.parts {
            let Some(record) = self.begin_record(round, batch, entry, rows) else { continue };
            let at = entry.program as usize;
            let (program, frame) = (&round.core.programs[at], &round.frames[at]);
            match self.run_steps(round, program, frame, record, program.prefix) {
                Ok(()) => {}
                Err(Ending::Away(error, point)) => {
                    went = Went::Away(error, entry.program, point);
                    break;
                }
                Err(Ending::Broken(error)) => {
                    self.broken = Some(error);
                    break;
                }
                // Told when it is known that the record counts.
                Err(ending) => ended.push((entry, rows, ending)),
            }
        }
        let counts = matches!(went, Went::Through);
        self.scratch.end_together(counts, &mut self.states);
        if !counts {
            self.output.go_back_to(before);
            return went;
        }
        for (entry, rows, ending) in ended {
            if let Some(record) = self.begin_record(round, batch, entry, rows) {
                self.broken = self.broken.take().or_else(|| self.report(round, (batch, entry), record, ending));
            }
        }
        went
    }

    /// Rejects a record that needs what does not answer.
    fn reject_apart(
        &mut self,
        round: &Round<'_, '_>,
        whole: &Whole<'_>,
        stream: &Stream,
        (error, program, point): (&ConnectorError, u16, u32),
    ) {
        let (core, taken) = (round.core, &round.batches[whole.batch]);
        let Some((entry, _)) = whole.parts.first() else { return };
        let step = &core.programs[program as usize].points[point as usize];
        let fault = Fault::new(FaultCode::Store, format!("a store did not answer: {}", error.message));
        let message = &taken.batch.messages[entry.message as usize];
        let mut rejection = stream.rejection(&stream.id, &taken.batch, message, &fault);
        rejection.step.clone_from(&step.id);
        rejection.origin.get_or_insert(step.origin);
        if let Some(observer) = &core.shared.observer {
            observer.observe(self.output.record, Point::Rejected(&step.id, fault.code.id()));
        }
        self.output.reject_in_stream(rejection);
    }

    /// Runs a record, or sends it to the retry topic: where a table does not answer, or where it follows one of its key that
    /// waits there.
    fn run_or_wait(
        &mut self,
        round: &Round<'_, '_>,
        whole: &Whole<'_>,
        stream: &Stream,
        waits: Waits,
    ) -> ConnectorResult<()> {
        let Some(record) = self.record_of(round, whole) else { return Ok(()) };
        let parked = match waits.keys.filter(|_| waits.parks) {
            Some(keys) => {
                let mut key = Vec::new();
                write_key(round, whole.parts[0].0, &mut key);
                Some((keys, self.note(round, (keys, &key), record)?, key))
            }
            None => None,
        };
        let follows = parked.as_ref().is_some_and(|(keys, row, _)| self.has_waiting(*keys, *row));
        if !follows && (matches!(self.run_whole(round, whole), Went::Through) || self.broken.is_some()) {
            return Ok(());
        }
        let (taken, message) = (&round.batches[whole.batch], whole.parts[0].0.message as usize);
        let message = &taken.batch.messages[message];
        let spot = Spot { partition: taken.batch.partition, offset: message.offset };
        let fields = match parked {
            Some((keys, row, key)) => {
                let [partition, offset] = self.queue(round, keys, row, spot);
                [partition, offset, Cell::Bytes(key.into())]
            }
            None => [Cell::Null, Cell::Null, Cell::Null],
        };
        let row = self.note(round, (waits.records, &spot.key()), record)?;
        let row = self.changed(waits.records, row);
        (row.exists, row.fields) = (true, fields.into_iter().collect());
        let placed = returned::placed(&stream.id, &taken.batch, message);
        self.send_to_wait(round, (whole.batch, message), (stream, waits, record), placed);
        Ok(())
    }

    /// Sends a message to the retry topic.
    fn send_to_wait(
        &mut self,
        round: &Round<'_, '_>,
        (batch, message): (usize, &Message),
        (stream, waits, record): (&Stream, Waits, Record),
        placed: Placed,
    ) {
        // Not in the order of others: what came before is known by the notes.
        self.output.made_in = Sequence::None;
        self.output.record = record.id;
        self.output.set_sender(Sender::first_part(stream.number, 0));
        let batch = &round.batches[batch].batch;
        let (key, raw) = (batch.key(message).unwrap_or_default(), batch.message(message));
        self.output.send_placed(waits.topic.index(), (key, raw), placed);
    }

    /// Whether records of a key wait.
    fn has_waiting(&self, keys: StateId, row: RowId) -> bool {
        let row = self.states.states[keys.index()].row(row);
        row.exists && row.fields.first().is_some_and(|count| matches!(count, Cell::Integer(count) if *count > 0))
    }

    /// A row that is changed with the next commit.
    fn changed(&mut self, state: StateId, row: RowId) -> &mut Row {
        let rows = &mut self.states.states[state.index()];
        rows.mark(row);
        rows.row_mut(row)
    }

    /// Puts a record behind those of its key that wait; gives where the one before it is.
    fn queue(&mut self, round: &Round<'_, '_>, keys: StateId, row: RowId, spot: Spot) -> [Cell; 2] {
        let shape = &round.core.shared.states[keys.index()];
        let row = self.changed(keys, row);
        if !row.exists {
            (row.exists, row.fields) = (true, shape.defaults.clone());
        }
        let count = if let Cell::Integer(count) = row.fields[0] { count } else { 0 };
        let [partition, offset] = spot.cells();
        let before = [row.fields[1].clone(), row.fields[2].clone()];
        row.fields = [Cell::Integer(count + 1), partition, offset].into_iter().collect();
        before
    }

    /// Runs a record that came from the retry topic, if it waits.
    fn take_back(
        &mut self,
        round: &Round<'_, '_>,
        whole: &Whole<'_>,
        stream: &Stream,
        waits: Waits,
    ) -> ConnectorResult<()> {
        let taken = &round.batches[whole.batch];
        let message = &taken.batch.messages[whole.parts[0].0.message as usize];
        let Some(first) = stream.at_first(&taken.batch, message) else { return Ok(()) };
        let Some(record) = self.record_of(round, whole) else { return Ok(()) };
        let Some(waiting) = self.waiting(round, waits, Spot::of(&first))? else { return Ok(()) };
        if self.waits_still(round, waits, &waiting)? {
            self.send_again(round, (whole.batch, message), (stream, waits, record));
            return Ok(());
        }
        if let Went::Away(error, ..) = self.run_whole(round, whole) {
            return Err(error);
        }
        if self.broken.is_some() {
            return Ok(());
        }
        self.settle(round, waits, &waiting, record)
    }

    /// Sends a record behind all others of the retry topic once more: one of its key is to be done before it, and came to
    /// another partition or behind it. That is so where partitions were added, and where copies were sent by several workers.
    fn send_again(
        &mut self,
        round: &Round<'_, '_>,
        (batch, message): (usize, &Message),
        sender: (&Stream, Waits, Record),
    ) {
        let placed = returned::placed_again(&round.batches[batch].batch, message);
        self.send_to_wait(round, (batch, message), sender, placed);
    }

    /// What is noted of a record that waits; none where it does not, since it was done or is another lane's.
    fn waiting(&mut self, round: &Round<'_, '_>, waits: Waits, spot: Spot) -> ConnectorResult<Option<Waiting>> {
        let row = self.states.load(&round.core.shared, waits.records, &spot.key())?;
        let found = self.states.states[waits.records.index()].row(row);
        let [partition, offset, key] = &*found.fields else { return Ok(None) };
        let waiting = || Waiting {
            spot,
            before: Spot::of_cells(partition, offset),
            key: if let Cell::Bytes(key) = key { Some(key.clone()) } else { None },
        };
        Ok(found.exists.then(waiting))
    }

    /// Whether the record before one still waits.
    fn waits_still(&mut self, round: &Round<'_, '_>, waits: Waits, waiting: &Waiting) -> ConnectorResult<bool> {
        let Some(before) = waiting.before else { return Ok(false) };
        Ok(self.waiting(round, waits, before)?.is_some())
    }

    /// A record waits no longer.
    fn settle(&mut self, round: &Round<'_, '_>, waits: Waits, own: &Waiting, record: Record) -> ConnectorResult<()> {
        let row = self.note(round, (waits.records, &own.spot.key()), record)?;
        self.changed(waits.records, row).exists = false;
        if let (Some(keys), Some(key)) = (waits.keys, &own.key) {
            let row = self.note(round, (keys, key), record)?;
            let row = self.changed(keys, row);
            if let Cell::Integer(count) = &mut row.fields[0] {
                *count -= 1;
                row.exists = *count > 0;
            }
        }
        Ok(())
    }

    /// Rejects records that came from the retry topic and cannot be read any more, those of a batch before a message: where
    /// they wait, which is known in the lane of their key.
    pub(super) fn refuse_until(&mut self, round: &Round<'_, '_>, batch: usize, next: &mut usize, message: u32) {
        let refused = &round.worked[batch].refused;
        while let Some((at, fault)) = refused.get(*next).filter(|(at, _)| *at < message) {
            *next += 1;
            if let Err(error) = self.refuse(round, batch, *at as usize, fault) {
                self.broken.get_or_insert(error);
                return;
            }
        }
    }

    fn refuse(&mut self, round: &Round<'_, '_>, batch: usize, message: usize, fault: &Fault) -> ConnectorResult<()> {
        let (core, taken) = (round.core, &round.batches[batch]);
        let (stream, message) = (core.stream(taken.stream), &taken.batch.messages[message]);
        let Some(returned) = &stream.returned else { return Ok(()) };
        let first = stream.at_first(&taken.batch, message).filter(|_| message.offset >= self.first_of(taken));
        let Some(first) = first else { return Ok(()) };
        let Some(waiting) = self.waiting(round, returned.waits, Spot::of(&first))? else { return Ok(()) };
        if waiting.key.as_ref().is_some_and(|key| lane_of(key, core.lanes) != self.number) {
            return Ok(());
        }
        let partition = taken.batch.partition;
        let id = RecordId { stream: stream.number, partition, offset: message.offset };
        let place = core.shared.origins.place(taken.stream, partition, message.timestamp);
        let record = Record { id, time: i64::MIN, watermark: i64::MIN, late: 0, place };
        if self.waits_still(round, returned.waits, &waiting)? {
            self.send_again(round, (batch, message), (stream, returned.waits, record));
            return Ok(());
        }
        self.settle(round, returned.waits, &waiting, record)?;
        if let Some(observer) = &core.shared.observer {
            observer.observe(id, Point::Rejected("", fault.code.id()));
        }
        self.output.reject_in_stream(stream.rejection(&stream.id, &taken.batch, message, fault));
        Ok(())
    }

    /// Finds the rows of what waits that the round's records look at, so that they are read together with all others.
    pub(super) fn find_waiting(&mut self, round: &Round<'_, '_>) {
        let mut key = Vec::new();
        for (taken, worked) in round.batches.iter().zip(round.worked) {
            let stream = round.core.stream(taken.stream);
            let waits = match (&stream.returned, stream.apart) {
                (Some(returned), _) => returned.waits,
                (None, Some(Apart::Wait(waits))) => waits,
                _ => continue,
            };
            let (first, mut last) = (self.first_of(taken), None);
            for entry in entries(worked, taken, self.number, first) {
                if last.replace(entry.message) == Some(entry.message) {
                    continue;
                }
                if let Some(keys) = waits.keys.filter(|_| waits.parks) {
                    let program = &round.core.programs[entry.program as usize];
                    restore(program, &round.frames[entry.program as usize], &worked.values, entry);
                    key.clear();
                    write_key(round, entry, &mut key);
                    self.want(round, keys, &key);
                }
                if let Some(first) = stream.at_first(&taken.batch, &taken.batch.messages[entry.message as usize]) {
                    self.want(round, waits.records, &Spot::of(&first).key());
                }
            }
        }
    }

    /// A row is to be read with the round's others.
    fn want(&mut self, round: &Round<'_, '_>, state: StateId, key: &[u8]) {
        let rows = &mut self.states.states[state.index()];
        if rows.find(key).is_none() {
            let row = rows.insert(Row::absent(&round.core.shared.states[state.index()], key), 0);
            self.missing.push((state, row));
        }
    }

    /// The record; none where it runs nowhere.
    fn record_of(&mut self, round: &Round<'_, '_>, whole: &Whole<'_>) -> Option<Record> {
        let &(entry, rows) = whole.parts.first()?;
        self.begin_record(round, whole.batch, entry, rows)
    }

    /// A row of what is kept of records that wait, as of a record.
    fn note(
        &mut self,
        round: &Round<'_, '_>,
        (state, key): (StateId, &[u8]),
        record: Record,
    ) -> ConnectorResult<RowId> {
        let shared = &round.core.shared;
        let row = self.states.load(shared, state, key)?;
        let shape = &shared.states[state.index()];
        let (Some(place), Some(origins)) = (record.place, &shape.origins) else { return Ok(row) };
        let rows = &mut self.states.states[state.index()];
        match rows.row_mut(row).meet(place, origins) {
            Met::Own => {}
            Met::Taken => rows.mark(row),
            Met::Foreign(origin) => {
                let foreign = ForeignRow::new(shape, origins, &rows.row(row).key, &origin, place, record.id.offset);
                let error = foreign.error.clone();
                self.scratch.foreign = Some(Box::new(foreign));
                return Err(error);
            }
        }
        rows.row_mut(row).write_from(place, origins);
        Ok(row)
    }
}

/// Writes the key of a record whose values stand in its frame.
fn write_key(round: &Round<'_, '_>, entry: &Entry, bytes: &mut Vec<u8>) {
    let (program, frame) = (&round.core.programs[entry.program as usize], &round.frames[entry.program as usize]);
    if let Some(key) = &program.key {
        // It was written before, to choose the lane.
        let _ = key.write(&Context { frame, arena: round.arena, rows: &NoRows }, bytes);
    }
}

/// What is noted of a record that waits.
struct Waiting {
    spot: Spot,
    /// Where the record of its key is that must be done before it.
    before: Option<Spot>,
    /// Its key, where it is counted under it.
    key: Option<Box<[u8]>>,
}

/// Where a record stands in the topic of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    partition: u32,
    offset: u64,
}

impl Spot {
    const fn of(first: &At<'_>) -> Self {
        Self { partition: first.partition, offset: first.offset }
    }

    fn of_cells(partition: &Cell, offset: &Cell) -> Option<Self> {
        let (Cell::Integer(partition), Cell::Integer(offset)) = (partition, offset) else { return None };
        Some(Self { partition: u32::try_from(*partition).ok()?, offset: offset.cast_unsigned() })
    }

    fn cells(self) -> [Cell; 2] {
        [Cell::Integer(i64::from(self.partition)), Cell::Integer(self.offset.cast_signed())]
    }

    /// The key of what is kept of a record that waits.
    fn key(self) -> Vec<u8> {
        let mut key = Vec::new();
        write_integer(i64::from(self.partition), &mut key);
        write_integer(self.offset.cast_signed(), &mut key);
        key
    }
}

#[cfg(test)]
mod tests;
