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
    lane::{Lane, Round},
    output::Sender,
    retries::Waits,
    returned::{self, At},
    stream::Stream,
    work::Entry,
};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorResult, Sequence},
    encode::key::write_integer,
    fault::{Fault, FaultCode},
    frame::{Context, NoRows},
    observe::Point,
    state::{Met, RowId},
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
        let Some((record, key)) = self.key_of(round, whole) else { return Ok(()) };
        let parked = waits.keys.map(|keys| self.note(round, (keys, &key), record)).transpose()?;
        let follows = parked.is_some_and(|row| {
            let row = self.states.states[waits.keys.unwrap_or_default().index()].row(row);
            row.exists && row.fields.first().is_some_and(|count| matches!(count, Cell::Integer(count) if *count > 0))
        });
        if !follows && (matches!(self.run_whole(round, whole), Went::Through) || self.broken.is_some()) {
            return Ok(());
        }
        let (taken, message) = (&round.batches[whole.batch], whole.parts[0].0.message as usize);
        let message = &taken.batch.messages[message];
        let before = match (waits.keys, parked) {
            (Some(keys), Some(row)) => self.queue(round, keys, row, message.offset),
            _ => Cell::Null,
        };
        let place = place_key(taken.batch.partition, message.offset);
        let row = self.note(round, (waits.records, &place), record)?;
        let rows = &mut self.states.states[waits.records.index()];
        rows.mark(row);
        let row = rows.row_mut(row);
        row.exists = true;
        if let Some(field) = row.fields.first_mut() {
            *field = before;
        }
        // Not in the order of others: what came before is known by the notes.
        self.output.made_in = Sequence::None;
        self.output.record = record.id;
        self.output.set_sender(Sender::first_part(stream.number, 0));
        let placed = returned::placed(&stream.id, &taken.batch, message);
        let (key, raw) = (taken.batch.key(message).unwrap_or_default(), taken.batch.message(message));
        self.output.send_placed(waits.topic.index(), (key, raw), placed);
        Ok(())
    }

    /// Puts a record behind those of its key that wait; gives the one before it.
    fn queue(&mut self, round: &Round<'_, '_>, keys: StateId, row: RowId, offset: u64) -> Cell {
        let shape = &round.core.shared.states[keys.index()];
        let rows = &mut self.states.states[keys.index()];
        rows.mark(row);
        let row = rows.row_mut(row);
        if !row.exists {
            (row.exists, row.fields) = (true, shape.defaults.clone());
        }
        let before = std::mem::replace(&mut row.fields[1], Cell::Integer(offset.cast_signed()));
        if let Cell::Integer(count) = &mut row.fields[0] {
            *count += 1;
        }
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
        let Some(At { partition, offset, .. }) = stream.at_first(&taken.batch, message) else { return Ok(()) };
        let Some((record, key)) = self.key_of(round, whole) else { return Ok(()) };
        let note = self.note(round, (waits.records, &place_key(partition, offset)), record)?;
        let row = self.states.states[waits.records.index()].row(note);
        let before = row.fields.first().cloned().unwrap_or(Cell::Null);
        if !row.exists || self.waits_still(round, waits, partition, &before, record)? {
            // It was done, or was sent again later, behind the one before it.
            return Ok(());
        }
        if let Went::Away(error, ..) = self.run_whole(round, whole) {
            return Err(error);
        }
        if self.broken.is_some() {
            return Ok(());
        }
        let rows = &mut self.states.states[waits.records.index()];
        rows.mark(note);
        rows.row_mut(note).exists = false;
        if let Some(keys) = waits.keys {
            let row = self.note(round, (keys, &key), record)?;
            let rows = &mut self.states.states[keys.index()];
            rows.mark(row);
            let row = rows.row_mut(row);
            if let Cell::Integer(count) = &mut row.fields[0] {
                *count -= 1;
                row.exists = *count > 0;
            }
        }
        Ok(())
    }

    /// Whether the record before one still waits.
    fn waits_still(
        &mut self,
        round: &Round<'_, '_>,
        waits: Waits,
        partition: u32,
        before: &Cell,
        record: Record,
    ) -> ConnectorResult<bool> {
        let Cell::Integer(offset) = before else { return Ok(false) };
        let row = self.note(round, (waits.records, &place_key(partition, offset.cast_unsigned())), record)?;
        Ok(self.states.states[waits.records.index()].row(row).exists)
    }

    /// The record, and the bytes of its key; none where it runs nowhere.
    fn key_of(&mut self, round: &Round<'_, '_>, whole: &Whole<'_>) -> Option<(Record, Vec<u8>)> {
        let &(entry, rows) = whole.parts.first()?;
        let record = self.begin_record(round, whole.batch, entry, rows)?;
        let (program, frame) = (&round.core.programs[entry.program as usize], &round.frames[entry.program as usize]);
        let mut bytes = Vec::new();
        if let Some(key) = &program.key {
            // It was written before, to choose the lane.
            let _ = key.write(&Context { frame, arena: round.arena, rows: &NoRows }, &mut bytes);
        }
        Some((record, bytes))
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

/// The key of what is kept of a record that waits.
fn place_key(partition: u32, offset: u64) -> Vec<u8> {
    let mut key = Vec::new();
    write_integer(i64::from(partition), &mut key);
    write_integer(offset.cast_signed(), &mut key);
    key
}
