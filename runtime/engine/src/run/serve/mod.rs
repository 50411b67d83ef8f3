//! Serving: a plan that runs until it is told to stop, shares the partitions of its streams with other workers, and keeps
//! its state in a store that commits lane by lane.
//!
//! What is to be done when is decided by the state machine of [`crate::protocol`]; this module tells it what happens and
//! carries out what it asks for:
//!
//! | file | holds |
//! |---|---|
//! | `take` | what the source tells: batches, partitions that come and go |
//! | `act` | claims, saves, flushes, waits |
//! | `dimensions` | rows of dimensions, each written only if it is as it was read |
//! | `refused` | what a plan may hold that cannot be served |
//! | `reset` | lets a topic begin anew |
//! | `status` | what is told of it to the outside |
//! | `durations` | how long things take |
//! | `resting` | retry topics while a table does not answer |
//! | `idle` | partitions without records, and what ends where no record comes |

mod act;
mod dimensions;
pub mod durations;
mod foreign;
mod halted;
mod idle;
mod refused;
pub mod reset;
mod resting;
pub mod status;
mod take;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    drive::{Begun, Run},
    error::RunError,
    event::{Event, Note, Trouble},
    layout,
    options::StopHandle,
    pieces::Pieces,
    reader::Readers,
    stage::DimensionWrite,
    tally::Tally,
    work::Taken,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind, PartitionId},
    protocol::{self, Action, First, Machine, Rules, StreamKind},
    steps::Link,
    store::{Held, LaneStore, PartitionName, StoreBatch},
    summary::Summary,
};
use status::Status;

/// How a plan is served.
#[derive(Clone)]
pub struct ServeOptions {
    /// Where a partition begins that was never read.
    pub first: First,
    /// How long a worker that is told to stop may take to commit and leave.
    pub drain: Duration,
    /// Rules of the protocol; all, but in tests that must notice that one is left out.
    pub rules: Rules,
    /// Told what the worker does, for whoever looks at it.
    pub status: Arc<Status>,
    /// Ends the worker as a stop does, so that another goes on in its place.
    pub hand_over: StopHandle,
}

impl Default for ServeOptions {
    fn default() -> Self {
        let drain = Duration::from_secs(10);
        let (status, hand_over) = (Arc::default(), StopHandle::default());
        Self { first: First::default(), drain, rules: Rules::default(), status, hand_over }
    }
}

/// How often a worker without records looks whether its lanes are as it left them.
const LOOK: Duration = Duration::from_secs(1);

/// Something that is wrong, and what shows that it is not so any more.
struct Wrong {
    part: String,
    message: String,
    ended_by: EndedBy,
    /// By partition, how far it was read when something last went wrong: what failed lies before that, and is read again.
    until: BTreeMap<PartitionId, u64>,
}

/// What shows that something works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EndedBy {
    /// Lanes can be claimed.
    Claim,
    /// A commit is whole that holds what failed: a lane can well be claimed, and others' records be committed, while a table, a
    /// topic or a server's disk is still away.
    Commit,
}

/// A plan that is served.
pub(super) struct Serve {
    run: Run,
    machine: Machine,
    readers: Readers,
    /// Of the shared source's streams: the stream of the plan.
    streams: Vec<usize>,
    names: BTreeMap<PartitionId, Arc<PartitionName>>,
    incarnations: BTreeMap<PartitionId, String>,
    /// The start of the plan's hash, which says of saved progress who saved it.
    plan: String,
    /// What is to be done, in order.
    queue: VecDeque<Action>,
    /// Lanes that wait, and until when.
    waits: Vec<(Instant, u16)>,
    /// Batches that are not yet worked on, since no lane works.
    held_back: VecDeque<Taken>,
    /// Writes of dimensions since the last commit.
    writes: Vec<DimensionWrite>,
    /// The counts as of the last commit.
    committed: Tally,
    /// Rows that the commit at hand has written so far.
    rows: u64,
    /// Since when a commit is under way.
    committing: Option<Instant>,
    looked: Instant,
    /// Partitions without records.
    idle: idle::Idle,
    /// Partitions of retry topics that are not read now.
    resting: resting::Resting,
    /// What was last said to be wrong, so that it is said once.
    trouble: Option<Wrong>,
    /// A topic whose records seem not to be placed by its key.
    suspicion: Option<foreign::Suspicion>,
    options: ServeOptions,
}

impl Pieces {
    /// Serves the plan until it is told to stop. What was taken is committed at the end.
    ///
    /// # Errors
    /// Why it cannot go on; everything up to the last commit stands then. A store or log that does not answer is no reason:
    /// it is waited for.
    pub fn serve(self, options: ServeOptions) -> Result<Summary, RunError> {
        let signals = self
            .options
            .signals
            .then(|| super::signals::listen(self.options.stop.clone(), self.options.events.clone()));
        let result = self.prepare(options).and_then(Worker::run);
        drop(signals);
        result
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &nsf_plan::Plan {
        &self.plan
    }

    /// The first half of [`Pieces::serve`]: compares the store with the plan, opens outputs and joins those who share the
    /// streams. Signals are not listened to.
    ///
    /// # Errors
    /// Why it cannot begin; nothing was read.
    pub fn prepare(self, options: ServeOptions) -> Result<Worker, RunError> {
        Serve::prepare(self, options).map(|serve| Worker(Box::new(serve)))
    }

    /// Whether the plan could go on from what the store holds, and write to its outputs, while another may still serve: gives
    /// what there is to say of it.
    ///
    /// # Errors
    /// The first reason why it could not.
    pub fn try_out(&mut self) -> Result<Vec<String>, RunError> {
        if let Some(first) = self.refused().first() {
            return Err(RunError::Refused(first.clone()));
        }
        let fitted = layout::check(&mut self.core, &self.plan, &mut StoreBatch::default())?;
        for output in &mut self.outputs {
            output.sink.open(None).map_err(|error| RunError::connector(&output.name, error))?;
        }
        if let Some(rejected) = &mut self.rejected {
            rejected.open(None).map_err(|error| RunError::connector("rejected", error))?;
        }
        let migrations = fitted.migrations.iter().map(super::migrate::Migration::note);
        Ok(fitted.notes.into_iter().chain(migrations).collect())
    }

    /// What the plan holds that cannot be served; empty where it can.
    #[must_use]
    pub fn refused(&self) -> Vec<super::error::BuildError> {
        refused::refused(&self.plan, &self.core)
    }
}

/// A worker that has joined those who share the streams, and reads nothing yet.
pub struct Worker(Box<Serve>);

impl Worker {
    /// The second half of [`Pieces::serve`].
    ///
    /// # Errors
    /// As there.
    pub fn run(self) -> Result<Summary, RunError> {
        self.0.run()
    }
}

impl Serve {
    fn prepare(mut pieces: Pieces, options: ServeOptions) -> Result<Self, RunError> {
        if let Some(first) = pieces.refused().first() {
            return Err(RunError::Refused(first.clone()));
        }
        options.status.begin();
        let notes = fit(&mut pieces)?;
        for reader in &mut pieces.readers {
            reader.source.open(&[]).map_err(|error| RunError::connector("source", error))?;
        }
        for output in &mut pieces.outputs {
            output.sink.open(None).map_err(|error| RunError::connector(&output.name, error))?;
        }
        if let Some(rejected) = &mut pieces.rejected {
            rejected.open(None).map_err(|error| RunError::connector("rejected", error))?;
        }
        let tally = Tally::new(&pieces.core, &pieces.plan);
        let committed = tally.clone();
        let (run, readers) = Run::assemble(pieces, Begun { notes, tally, ..Begun::default() });
        let notes = super::not_run::without_effect(&run.plan, true).into_iter().chain(run.notes.iter().cloned());
        notes.for_each(|message| run.tell(|| Event::Note(Note { message })));
        let streams = readers.first().map(|reader| reader.streams.clone()).unwrap_or_default();
        let groups = readers.first().map(|reader| reader.groups.clone()).unwrap_or_default();
        let kind = |(stream, group): (&usize, u32)| StreamKind { laned: run.core.is_laned(*stream), group };
        let kinds = streams.iter().zip(groups).map(kind).collect();
        let blocks = (run.options.blocks * 2).max(2);
        let readers = Readers::start(readers, run.options.block, blocks, &run.options.stop);
        Ok(Self {
            machine: Machine::new(run.core.lanes, kinds, options.first, options.rules),
            readers,
            streams,
            names: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            plan: nsf_plan::document::hash(&run.plan).chars().take(12).collect(),
            queue: VecDeque::new(),
            waits: Vec::new(),
            held_back: VecDeque::new(),
            writes: Vec::new(),
            committed,
            rows: 0,
            committing: None,
            looked: Instant::now(),
            idle: idle::Idle::default(),
            resting: resting::Resting::default(),
            trouble: None,
            suspicion: None,
            options,
            run,
        })
    }

    fn run(mut self) -> Result<Summary, RunError> {
        let result = self.rounds();
        let Self { run, readers, options, .. } = self;
        options.status.end();
        readers.close(if result.is_ok() { options.drain } else { Duration::from_secs(1) });
        result?;
        Ok(run.summary(true, &[]))
    }

    fn rounds(&mut self) -> Result<(), RunError> {
        let mut stopping = None;
        loop {
            let stop = &self.run.options.stop;
            if stop.is_aborting() {
                return Err(RunError::Aborted);
            }
            if (stop.is_stopping() || self.options.hand_over.is_stopping()) && stopping.is_none() {
                if stop.is_stopping() {
                    self.run.tell(|| Event::Stopping);
                }
                stopping = Some(Instant::now());
                self.run.stop_at("before-drain")?;
                self.event(protocol::Event::Due);
            }
            self.act()?;
            self.wake();
            self.end_rest();
            if stopping.is_none() {
                self.end_without_records()?;
            }
            if let Some(since) = stopping {
                // A lane that waits for its store is read on from by whoever comes next.
                if !self.machine.is_committing() || since.elapsed() > self.options.drain {
                    return self.run.stop_at("after-drain");
                }
                continue;
            }
            let batches = self.take()?;
            if batches.is_empty() {
                self.look();
            } else {
                self.round(batches)?;
            }
            if self.run.is_commit_due() && !self.machine.is_committing() {
                self.raise_idle();
                self.event(protocol::Event::Due);
            }
            self.tell_status();
        }
    }

    fn event(&mut self, event: protocol::Event) {
        let actions = self.machine.step(event);
        self.queue.extend(actions);
        if self.machine.is_committing() {
            self.committing.get_or_insert_with(Instant::now);
        } else if !self.queue.iter().any(|action| matches!(action, Action::Committed)) {
            self.committing = None;
        }
    }

    /// Lets lanes go on whose time of waiting is over.
    fn wake(&mut self) {
        let now = Instant::now();
        let over: Vec<u16> = self.waits.iter().filter(|(until, _)| *until <= now).map(|(_, lane)| *lane).collect();
        self.waits.retain(|(until, _)| *until > now);
        over.into_iter().for_each(|lane| self.event(protocol::Event::Waited { lane }));
    }

    /// Works on batches, then tells the machine how far its partitions are.
    fn round(&mut self, batches: Vec<(usize, Taken)>) -> Result<(), RunError> {
        self.run.stop_at("after-read")?;
        self.open_lanes();
        let (owners, batches): (Vec<usize>, Vec<Taken>) = batches.into_iter().unzip();
        self.run.count_taken(&batches);
        // Outputs may have no room until the log answers.
        self.options.status.show_patient_life();
        let begun = Instant::now();
        let worked = self.run.work_laned(&batches);
        self.options.status.rounds.add(begun.elapsed());
        self.options.status.show_life();
        match worked {
            Ok(worked) => {
                self.keep_writes(worked.writes);
                let lost = !worked.failed.is_empty();
                for (lane, error) in worked.failed {
                    match self.run.lanes[usize::from(lane)].scratch.foreign.take() {
                        Some(foreign) => self.met_foreign(lane, *foreign),
                        None => self.lane_failed(lane, &error, EndedBy::Commit),
                    }
                }
                self.applied(&batches);
                self.note_positions(lost);
            }
            Err(error) => self.failed(error)?,
        }
        for (reader, taken) in owners.into_iter().zip(batches) {
            self.readers.give_back(reader, taken.batch);
        }
        Ok(())
    }

    /// Keeps writes of dimensions until their rows are in the store.
    fn keep_writes(&mut self, writes: Vec<DimensionWrite>) {
        self.run.uncommitted.kept += writes.iter().map(DimensionWrite::memory).sum::<usize>();
        self.writes.extend(writes);
    }

    fn applied(&mut self, batches: &[Taken]) {
        let mut ends: BTreeMap<PartitionId, u64> = BTreeMap::new();
        for taken in batches {
            let partition = PartitionId { stream: taken.batch.stream, partition: taken.batch.partition };
            let end = ends.entry(partition).or_default();
            *end = taken.batch.end.next.max(*end);
        }
        for (partition, next) in ends {
            let stream = self.stream(partition);
            let progress = self.run.progress.partition(stream, partition.partition);
            let (watermark, marks) = (progress.watermark, Arc::clone(&progress.marks));
            self.event(protocol::Event::Applied { partition, next, watermark, marks });
        }
    }

    /// Something that all lanes stand on failed: what can heal is waited for.
    fn failed(&mut self, error: RunError) -> Result<(), RunError> {
        let RunError::Connector { part, error } = error else { return Err(error) };
        if !error.kind.may_heal() {
            return Err(RunError::Connector { part, error });
        }
        self.trouble(&part, &error, EndedBy::Commit);
        self.event(protocol::Event::Failed);
        Ok(())
    }

    fn lane_failed(&mut self, lane: u16, error: &ConnectorError, ended_by: EndedBy) {
        let lost = error.kind == ConnectorErrorKind::Lost;
        if lost {
            self.options.status.count_lost();
        } else {
            self.trouble("store", error, ended_by);
        }
        self.run.tell(|| Event::LaneFailed(super::event::LaneFailed { lane, lost, message: error.message.clone() }));
        self.event(protocol::Event::LaneFailed { lane, lost });
    }

    /// Says once what is wrong.
    fn trouble(&mut self, part: &str, error: &ConnectorError, ended_by: EndedBy) {
        // What was said before may be wrong still.
        let ended_by = self.trouble.as_ref().map_or(ended_by, |own| own.ended_by.max(ended_by));
        if let Some(own) = &mut self.trouble
            && (own.part.as_str(), &own.message) == (part, &error.message)
        {
            own.ended_by = ended_by;
            return self.note_positions(true);
        }
        let until = self.trouble.take().map(|own| own.until).unwrap_or_default();
        let (part, message) = (part.to_owned(), error.message.clone());
        let trouble = Trouble { part: part.clone(), message: message.clone(), help: error.help.clone() };
        self.options.status.set_trouble(Some(trouble.clone()));
        self.run.tell(|| Event::Trouble(trouble));
        self.trouble = Some(Wrong { part, message, ended_by, until });
        self.note_positions(true);
    }

    /// Notes how far partitions are read where something went wrong.
    fn note_positions(&mut self, wrong: bool) {
        let Some(own) = self.trouble.as_mut().filter(|_| wrong) else { return };
        for (partition, position, _) in self.machine.partitions() {
            let until = own.until.entry(partition).or_default();
            *until = position.max(*until);
        }
    }

    /// Something went well; says once that it works again, where that shows it and no lane waits any more.
    fn went_well(&mut self, what: EndedBy) {
        let all_open = (0..self.run.core.lanes).all(|lane| self.machine.is_open(lane));
        let Some(own) = self.trouble.as_ref().filter(|own| all_open && own.ended_by <= what) else { return };
        let again = |(id, position, _)| own.until.get(&id).is_none_or(|until| position >= *until);
        if own.ended_by == EndedBy::Commit && !self.machine.partitions().all(again) {
            return;
        }
        self.trouble = None;
        self.options.status.set_trouble(None);
        self.run.tell(|| Event::Healed);
    }

    /// Says to the lanes how they are held, and what they have of each partition.
    fn open_lanes(&mut self) {
        for number in 0..self.run.core.lanes {
            let held = self.held(number);
            let lane = &mut self.run.lanes[usize::from(number)];
            lane.closed = !self.machine.is_open(number);
            lane.applied.clear();
            lane.watermarks.clear();
            for (partition, applied, watermark) in self.machine.applied(number) {
                let stream = self.streams.get(partition.stream as usize).copied().unwrap_or_default();
                lane.applied.insert((stream, partition.partition), applied);
                lane.watermarks.insert((stream, partition.partition), watermark);
            }
            lane.states.link = Some(Link { lane: number, held });
        }
    }

    fn held(&self, lane: u16) -> Vec<Held> {
        let held = self.machine.held(lane);
        let named = held.filter_map(|(id, epoch, next)| Some(Held { name: self.names.get(&id)?.clone(), epoch, next }));
        named.collect()
    }

    fn stream(&self, partition: PartitionId) -> usize {
        self.streams.get(partition.stream as usize).copied().unwrap_or_default()
    }

    /// While there is nothing to do: looks whether the lanes are as they were left. A store that went back while nobody
    /// asked it for anything would else be noticed with the next record only.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK || self.machine.is_committing() {
            return;
        }
        self.looked = Instant::now();
        if self.raise_idle() {
            self.event(protocol::Event::Due);
            return;
        }
        for (lane, error) in self.not_as_held() {
            self.lane_failed(lane, &error, EndedBy::Claim);
        }
        if self.run.uncommitted.since.is_none() {
            // What failed was done by another worker meanwhile.
            self.went_well(EndedBy::Commit);
        }
    }

    /// The open lanes that are not as they are held, or whose store does not answer, and what it says.
    fn not_as_held(&self) -> Vec<(u16, ConnectorError)> {
        let Some(lanes) = self.run.core.shared.store.lanes() else { return Vec::new() };
        let held = (0..self.run.core.lanes).map(|number| (number, self.held(number)));
        let held = held.filter(|(number, held)| !held.is_empty() && self.machine.is_open(*number)).collect();
        let looked = act::side_by_side(held, |(number, held): (u16, Vec<Held>)| {
            LaneStore::load(lanes, number, &held, &[], &mut |_, _| {}).err().map(|error| (number, error))
        });
        looked.into_iter().flatten().collect()
    }

    fn tell_status(&mut self) {
        self.run.tell_progress();
        let status = Arc::clone(&self.options.status);
        status.update(self.run.core.lanes, &self.machine, &self.names);
    }
}

/// Compares the store with the plan, and writes what is new of it.
fn fit(pieces: &mut Pieces) -> Result<Vec<String>, RunError> {
    let mut batch = StoreBatch::default();
    let fitted = layout::check(&mut pieces.core, &pieces.plan, &mut batch)?;
    // Rows are JSON by the names of their fields: a state that gained fields, or wider ones, needs nothing done to them.
    let mut notes = fitted.notes;
    notes.extend(fitted.migrations.iter().map(super::migrate::Migration::note));
    for migration in &fitted.migrations {
        migration.accept(&mut batch);
    }
    if !batch.is_empty() {
        batch.sort();
        pieces.core.shared.store.commit(&batch).map_err(|error| RunError::connector("store", error))?;
    }
    Ok(notes)
}
