//! A lane: the unit of order and state. Runs the steps that need state, record by record in order, over the lane's own
//! working copy of rows.

use bumpalo::Bump;
use hashbrown::HashMap;
use nsf_plan::{PipelineId, StateId};

use super::{
    ended::Ended,
    output::{Place, Sender, Turn, WorkOutput},
    pieces::Core,
    stage::RecordOrigin,
    work::{Entry, Taken, Worked},
};
use crate::{
    connector::{ConnectorError, ConnectorResult, Sequence},
    frame::{Context, Frame, NoRows},
    observe::{Point, RecordId},
    stable,
    state::{Row, RowId, hash_key},
    steps::{Binding, Ending, Execution, LaneStates, Program, Record, Scratch, Target, damaged_row},
    value::Value,
};

/// What a lane keeps between rounds.
pub(crate) struct Lane {
    /// Its number.
    pub number: u16,
    /// Working copies of rows.
    pub states: LaneStates,
    /// Committed rows and buffers.
    pub scratch: Scratch,
    /// What the round gave.
    pub output: WorkOutput,
    /// The run cannot go on.
    pub broken: Option<ConnectorError>,
    /// By stream and partition: the first offset that the rows do not have, where lanes come on by themselves.
    pub applied: HashMap<(usize, u32), u64>,
    /// By stream and partition: the watermark that the lane has come to, where flows are told of what has ended.
    pub watermarks: HashMap<(usize, u32), i64>,
    /// Whether its records are passed over: it waits for its store, and will read them again.
    pub closed: bool,
    /// Rows of records' eager handles, in the order of records.
    found: Vec<Option<RowId>>,
    /// Rows to be read from the store.
    pub(super) missing: Vec<(StateId, RowId)>,
    /// Keys of records' eager handles, one behind the other, and of which state they are.
    keys: Vec<u8>,
    wanted: Vec<Wanted>,
    begun: Vec<u32>,
}

/// The key of a record's eager handle.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    state: StateId,
    hash: u64,
    /// Where the key ends among all keys; [`NO_KEY`] where it could not be written.
    end: usize,
}

const NO_KEY: usize = usize::MAX;

impl Lane {
    pub(crate) fn new(core: &Core, number: u16) -> Self {
        Self {
            number,
            states: LaneStates::new(core.shared.states.len(), core.shared.store.lanes().is_some()),
            scratch: Scratch::default(),
            output: core.output(),
            broken: None,
            applied: HashMap::new(),
            watermarks: HashMap::new(),
            closed: false,
            found: Vec::new(),
            missing: Vec::new(),
            keys: Vec::new(),
            wanted: Vec::new(),
            begun: Vec::new(),
        }
    }

    /// Runs this lane's records of all batches, in order.
    pub(crate) fn run<'r>(&mut self, core: &Core, batches: &'r [Taken], worked: &'r [Worked<'r>], arena: &'r Bump) {
        let frames: Vec<Frame<'r>> = core.programs.iter().map(|program| Frame::new(&program.layout)).collect();
        let round = Round { core, batches, worked, arena, frames };
        if let Err(error) = self.find_rows(&round) {
            self.broken = Some(error);
            return;
        }
        let mut found = std::mem::take(&mut self.found);
        let (mut next, number) = (0, self.number);
        for (at, worked) in worked.iter().enumerate() {
            let first = self.first_of(&round.batches[at]);
            let mut ticks = self.begin_ticks(&round.batches[at]);
            let stream = core.stream(round.batches[at].stream);
            let (sets_apart, mut refused) = (stream.sets_apart(), 0);
            let mut entries = entries(worked, &round.batches[at], number, first).peekable();
            while let Some(entry) = entries.next() {
                if !core.expiring.is_empty() {
                    self.end_until(&round, at, &mut ticks, entry.message as usize);
                }
                let mut rows = |entry: &Entry| {
                    let eager = core.programs[entry.program as usize].eager.len();
                    next += eager;
                    &found[next - eager..next]
                };
                if sets_apart {
                    self.refuse_until(&round, at, &mut refused, entry.message);
                    let mut parts = vec![(entry, rows(entry))];
                    while let Some(further) = entries.next_if(|further| further.message == entry.message) {
                        parts.push((further, rows(further)));
                    }
                    if self.broken.is_none() {
                        self.record_together(&round, at, &parts);
                    }
                } else {
                    let rows = rows(entry);
                    if self.broken.is_none() {
                        self.record(&round, at, entry, rows);
                    }
                }
                if self.broken.is_some() {
                    return;
                }
            }
            self.refuse_until(&round, at, &mut refused, u32::MAX);
            self.end_batch(&round, at, ticks);
            if self.broken.is_some() {
                return;
            }
        }
        found.clear();
        self.found = found;
    }

    /// The first offset of a batch's partition that the rows do not have.
    pub(super) fn first_of(&self, taken: &Taken) -> u64 {
        if self.applied.is_empty() {
            return 0;
        }
        self.applied.get(&(taken.stream, taken.batch.partition)).copied().unwrap_or(0)
    }

    /// Forgets all rows, and what they gave since the last save.
    pub(crate) fn forget(&mut self, core: &Core) {
        let states = LaneStates::new(core.shared.states.len(), core.shared.store.lanes().is_some());
        self.states = LaneStates { link: self.states.link.take(), ..states };
        self.scratch.committed.clear();
        self.output = core.output();
        self.broken = None;
        self.found.clear();
    }

    /// Finds the rows whose keys are known beforehand; those without a working copy are read from the store together,
    /// in the order of their keys.
    fn find_rows(&mut self, round: &Round<'_, '_>) -> ConnectorResult<()> {
        self.found.clear();
        self.missing.clear();
        let apart = |taken: &Taken| round.core.stream(taken.stream).sets_apart();
        self.scratch.committed.begin_round(round.batches.iter().any(apart));
        self.write_keys(round);
        for state in 0..self.states.states.len() {
            let wanted = self.wanted.iter().filter(|wanted| wanted.state.index() == state);
            self.states.states[state].begin(wanted.map(|wanted| wanted.hash), &mut self.begun);
        }
        let mut start = 0;
        for wanted in &self.wanted {
            if wanted.end == NO_KEY {
                self.found.push(None);
                continue;
            }
            let key = &self.keys[start..wanted.end];
            start = wanted.end;
            let rows = &mut self.states.states[wanted.state.index()];
            let row = rows.find_hashed(wanted.hash, key).unwrap_or_else(|| {
                let row = rows.insert(Row::absent(&round.core.shared.states[wanted.state.index()], key), 0);
                self.missing.push((wanted.state, row));
                row
            });
            self.found.push(Some(row));
        }
        self.find_due(round)?;
        self.find_waiting(round);
        self.read_missing(round.core)?;
        self.scratch.look_up(&round.core.shared)
    }

    /// Writes the keys of all records' eager handles, and of the rows of tables that they load.
    fn write_keys(&mut self, round: &Round<'_, '_>) {
        self.keys.clear();
        self.wanted.clear();
        let number = self.number;
        for (taken, worked) in round.batches.iter().zip(round.worked) {
            let first = self.first_of(taken);
            for entry in entries(worked, taken, number, first) {
                let program = &round.core.programs[entry.program as usize];
                if program.eager.is_empty() && program.tables.is_empty() {
                    continue;
                }
                let frame = &round.frames[entry.program as usize];
                restore(program, frame, &worked.values, entry);
                for &handle in &program.eager {
                    let wanted = self.write_key(round, program, handle, frame);
                    self.wanted.push(wanted);
                }
                self.scratch.wanted.add(&round.core.shared, program, frame, round.arena);
            }
        }
    }

    fn write_key<'r>(&mut self, round: &Round<'_, 'r>, program: &Program, handle: usize, frame: &Frame<'r>) -> Wanted {
        let start = self.keys.len();
        let context = Context { frame, arena: round.arena, rows: &NoRows };
        let written = program.handles[handle].key.write(&context, &mut self.keys);
        match (program.handles[handle].target, written) {
            (Target::Own(state), Ok(())) => Wanted { state, hash: hash_key(&self.keys[start..]), end: self.keys.len() },
            // A fault is met again, and told, by the step that uses the row.
            _ => {
                self.keys.truncate(start);
                Wanted { state: StateId::default(), hash: 0, end: NO_KEY }
            }
        }
    }

    fn read_missing(&mut self, core: &Core) -> ConnectorResult<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let states = &self.states.states;
        self.missing.sort_unstable_by(|a, b| {
            let key = |(state, row): &(StateId, RowId)| {
                (core.shared.states[state.index()].number, &*states[state.index()].row(*row).key)
            };
            key(a).cmp(&key(b))
        });
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(self.missing.len());
        for (state, row) in &self.missing {
            core.shared.states[state.index()].write_stored_key(&states[state.index()].row(*row).key, &mut bytes);
            ends.push(bytes.len());
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let keys: Vec<&[u8]> = starts.zip(&ends).map(|(start, &end)| &bytes[start..end]).collect();
        let (missing, mut damaged, mut found) = (&self.missing, None, Vec::new());
        self.states.read(&core.shared, &keys, &mut |at, stored| {
            let (state, id) = missing[at];
            let shape = &core.shared.states[state.index()];
            match Row::decode(shape, &self.states.states[state.index()].row(id).key, stored) {
                Ok(row) => found.push((state, id, row)),
                Err(_) => damaged = Some(damaged_row(shape)),
            }
        })?;
        for (state, id, row) in found {
            *self.states.states[state.index()].row_mut(id) = row;
        }
        damaged.map_or(Ok(()), Err)
    }

    fn record<'r>(&mut self, round: &Round<'_, 'r>, batch: usize, entry: &Entry, rows: &[Option<RowId>]) {
        let Some(record) = self.begin_record(round, batch, entry, rows) else { return };
        let program = &round.core.programs[entry.program as usize];
        let frame = &round.frames[entry.program as usize];
        if let Err(ending) = self.run_steps(round, program, frame, record, program.prefix) {
            self.broken = self.report(round, (batch, entry), record, ending);
        }
    }

    /// Counts and reports how a record ended in a flow; gives what keeps the lane from going on.
    pub(super) fn report(
        &mut self,
        round: &Round<'_, '_>,
        (batch, entry): (usize, &Entry),
        record: Record,
        ending: Ending,
    ) -> Option<ConnectorError> {
        let (core, taken) = (round.core, &round.batches[batch]);
        let program = &core.programs[entry.program as usize];
        let stream = core.stream(taken.stream);
        let ended = Ended { program, stream, batch: &taken.batch, message: entry.message as usize, record };
        ended.report(core, ending, &mut self.output)
    }

    /// Makes all ready for a flow to run on a record; none where the record is late and runs nowhere.
    pub(super) fn begin_record<'r>(
        &mut self,
        round: &Round<'_, 'r>,
        batch: usize,
        entry: &Entry,
        rows: &[Option<RowId>],
    ) -> Option<Record> {
        let core = round.core;
        let (taken, worked) = (&round.batches[batch], &round.worked[batch]);
        let at = entry.message as usize;
        if worked.late.get(at).copied().unwrap_or(false) {
            return None;
        }
        let program = &core.programs[entry.program as usize];
        let frame = &round.frames[entry.program as usize];
        restore(program, frame, &worked.values, entry);
        frame.begin(entry.time);
        core.shared.clock.set(frame, entry.time);
        let message = &taken.batch.messages[at];
        let caused = worked.caused.get(at);
        let own = RecordId {
            stream: core.stream(taken.stream).number,
            partition: taken.batch.partition,
            offset: message.offset,
        };
        let record = Record {
            id: caused.map_or(own, |caused| caused.id),
            time: entry.time,
            watermark: self.reached(core, taken, worked.times.get(at).copied().unwrap_or(entry.time)),
            late: core.late_of(taken.stream),
            place: if caused.is_some() {
                None
            } else {
                core.shared.origins.place(taken.stream, own.partition, message.timestamp)
            },
        };
        self.output.pipeline = PipelineId(u32::from(entry.program));
        self.output.record = record.id;
        // What others caused is not caused in their order here.
        self.output.made_in = if caused.is_some() { Sequence::None } else { Sequence::Lane(self.number) };
        self.output.place = Place { record: ((batch as u64) << 32) | u64::from(entry.message), turn: Turn::Itself };
        (self.output.turn, self.output.ended) =
            caused.map_or((RecordOrigin::ITSELF, 0), |caused| (caused.turn, caused.ended));
        let mut sender = Sender::second_part(program.number, u32::from(entry.program), 0);
        if let Some(caused) = caused {
            sender.by = stable::mixed(&[sender.by, caused.write]);
            sender.ordinal = sender.ordinal.max(caused.ordinal);
        }
        self.output.set_sender(sender);
        self.scratch.bind_none(program.handles.len());
        for (&handle, row) in program.eager.iter().zip(rows) {
            if let (Some(row), Target::Own(state)) = (*row, program.handles[handle].target) {
                self.scratch.bindings[handle] = Binding::Known { state, row };
            }
        }
        Some(record)
    }

    /// The watermark of a record: never before what the lane has come to, where values ended by that. What comes back from a
    /// retry topic finds values as they are for the records of its source.
    fn reached(&self, core: &Core, taken: &Taken, watermark: i64) -> i64 {
        let stream = match &core.stream(taken.stream).returned {
            Some(returned) => returned.stream,
            None if core.expiring.of(taken.stream).is_empty() => return watermark,
            None => taken.stream,
        };
        let own = self.watermarks.get(&(stream, taken.batch.partition)).copied();
        own.map_or(watermark, |own| own.max(watermark))
    }

    /// Runs a program's steps from one on.
    pub(super) fn run_steps<'r>(
        &mut self,
        round: &Round<'_, 'r>,
        program: &Program,
        frame: &Frame<'r>,
        record: Record,
        from: usize,
    ) -> Result<(), Ending> {
        let shared = &round.core.shared;
        let mut execution = Execution {
            shared,
            program,
            frame,
            arena: round.arena,
            lane: &mut self.states,
            scratch: &mut self.scratch,
            output: &mut self.output,
            record,
        };
        execution.run(from, program.steps.len())?;
        if let Some(observer) = &shared.observer {
            observer.observe(record.id, Point::Done(&program.id));
        }
        Ok(())
    }
}

/// What stays the same over a round.
pub(super) struct Round<'w, 'r> {
    pub core: &'w Core,
    pub batches: &'r [Taken],
    pub worked: &'r [Worked<'r>],
    pub arena: &'r Bump,
    /// By pipeline.
    pub frames: Vec<Frame<'r>>,
}

/// The records of a batch that a lane is to run: those from an offset on.
pub(super) fn entries<'w>(
    worked: &'w Worked<'_>,
    taken: &'w Taken,
    lane: u16,
    first: u64,
) -> impl Iterator<Item = &'w Entry> {
    let is_new = move |entry: &&Entry| {
        entry.lane == lane && (first == 0 || taken.batch.messages[entry.message as usize].offset >= first)
    };
    worked.entries.iter().filter(is_new)
}

/// Puts what was kept of a record into the pipeline's slots.
#[inline]
pub(super) fn restore<'r>(program: &Program, frame: &Frame<'r>, values: &[Value<'r>], entry: &Entry) {
    let from = entry.values as usize;
    for (place, value) in program.carry.iter().zip(&values[from..from + program.carry.len()]) {
        frame.set(*place, *value);
    }
}
