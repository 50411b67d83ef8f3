//! Drives a run: takes batches, makes rounds of them, commits when it is time.

use std::{
    sync::{Arc, atomic::Ordering, mpsc::RecvTimeoutError},
    time::{Duration, Instant},
};

use bumpalo::Bump;
use nsf_plan::Plan;

use super::{
    begin::{fit, open_outputs, open_sources},
    error::RunError,
    event::{self, Event},
    lane::Lane,
    log::{self, StateLog},
    options::Options,
    output::{WorkOutput, take_in_order},
    pace::Pace,
    pieces::{Core, Exported, Output, Pieces, Reader},
    progress::Progress,
    reader::{News, Readers, Report},
    round::{self, Interleaving},
    stage::{DimensionStage as _, DimensionWrite},
    sweep::Sweep,
    tally::Tally,
    work::{Taken, Worked, Worker},
};
use crate::{
    connector::{ConnectorError, Message, Sink},
    dimension::{Dimensions, Stage},
    rejected::Rejection,
    store::StoreBatch,
    summary::Summary,
};

/// About how many bytes a record takes while it is worked on, beside its own and what is made of it: where it stands in its batch,
/// its values, what its lane notes of it.
const WORKED_ON: usize = size_of::<Message>() + 256;

/// A plan that runs.
pub(crate) struct Run {
    pub plan: Arc<Plan>,
    pub core: Core,
    pub options: Options,
    pub dimensions: Arc<Dimensions>,
    pub stage: Stage,
    pub outputs: Vec<Output>,
    pub exports: Vec<Exported>,
    /// Where rejected records go that their source names no topic for, where that is not the store.
    pub reject_to: Option<Box<dyn Sink>>,
    pub workers: Vec<Worker>,
    pub lanes: Vec<Lane>,
    pub progress: Progress,
    pub tally: Tally,
    pub sweep: Sweep,
    pub log: Vec<StateLog>,
    /// What the next commit holds beside rows of states and dimensions.
    pub batch: StoreBatch,
    /// Rejected since the last commit.
    pub rejected: Vec<Rejection>,
    /// Records and bytes taken since the last commit, and since when.
    pub uncommitted: Uncommitted,
    /// How much a round may take.
    pub pace: Pace,
    /// About how many bytes the round at hand has made so far.
    pub made: usize,
    /// Whether an earlier run was gone on with.
    pub resumed: bool,
    interleaving: Interleaving,
    /// What the user should know of how the program differs from that of earlier runs.
    pub notes: Vec<String>,
    arenas: Vec<Bump>,
    lane_arenas: Vec<Bump>,
    spare: Vec<WorkOutput>,
    started: Instant,
    last_event: (Instant, u64),
    pub lag: Vec<u64>,
    /// Why an input could not be read on.
    failed: Option<RunError>,
}

/// What came of a round.
pub(crate) struct LanedWork {
    /// Whether something was written that the run also reads.
    pub wrote: bool,
    /// The writes of dimensions that were applied. Whoever serves writes them again where another worker was between.
    pub writes: Vec<DimensionWrite>,
    /// Lanes that failed, and why.
    pub failed: Vec<(u16, ConnectorError)>,
}

/// How much a round has taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub records: usize,
    pub bytes: usize,
}

impl Size {
    pub(crate) fn of<'t>(taken: impl IntoIterator<Item = &'t Taken>) -> Self {
        let mut size = Self::default();
        taken.into_iter().for_each(|taken| size.add(taken));
        size
    }

    fn add(&mut self, taken: &Taken) {
        self.records += taken.batch.messages.len();
        self.bytes += taken.batch.bytes.len();
    }
}

/// What a run begins with.
#[derive(Default)]
pub(crate) struct Begun {
    /// What the first commit holds beside all others.
    pub batch: StoreBatch,
    pub notes: Vec<String>,
    pub tally: Tally,
    pub progress: Progress,
    pub resumed: bool,
}

/// What is not yet committed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uncommitted {
    pub records: u64,
    pub bytes: u64,
    /// About how many bytes wait for the commit in memory, beside rows.
    pub kept: usize,
    pub since: Option<Instant>,
}

impl Pieces {
    /// Runs the plan until its inputs end or the run is told to stop. What was taken is committed at the end.
    ///
    /// # Errors
    /// Why it ended early; everything up to the last commit stands then.
    pub fn run(self) -> Result<Summary, RunError> {
        let signals = self
            .options
            .signals
            .then(|| super::signals::listen(self.options.stop.clone(), self.options.events.clone()));
        let result = Run::prepare(self).and_then(|(run, readers)| run.drive(readers));
        drop(signals);
        result
    }
}

impl Run {
    /// Goes to where the last run stopped: opens sources and outputs there.
    fn prepare(pieces: Pieces) -> Result<(Self, Vec<Reader>), RunError> {
        let mut pieces = pieces;
        let mut batch = StoreBatch::default();
        let core = &mut pieces.core;
        log::recover(&*core.shared.store)?;
        let notes = fit(core, &pieces.plan, &pieces.options, &mut batch)?;
        let mut tally = Tally::new(core, &pieces.plan);
        let mut progress = Progress::default();
        let resumed = open_sources(core, &mut pieces.readers, &mut progress, &mut tally)?;
        open_outputs(core, &mut pieces.outputs)?;
        let (mut run, readers) = Self::assemble(pieces, Begun { batch, notes, tally, progress, resumed });
        run.find_ends()?;
        Ok((run, readers))
    }

    /// Puts the pieces of a run together.
    pub(crate) fn assemble(pieces: Pieces, begun: Begun) -> (Self, Vec<Reader>) {
        let Pieces { plan, core, dimensions, stage, readers, outputs, exports, rejected, options } = pieces;
        let Begun { batch, notes, tally, progress, resumed } = begun;
        let workers = (0..options.workers.max(1)).map(|_| Worker::new(&core)).collect();
        let lanes = (0..core.lanes).map(|number| Lane::new(&core, number)).collect();
        let interleaving = Interleaving::new(options.interleaving);
        let now = Instant::now();
        let lag = vec![0; readers.len()];
        let (sweep, log) = (Sweep::new(&plan), StateLog::new(&plan, &core.programs, core.lanes));
        let run = Self {
            plan,
            pace: Pace::new(options.round_bytes),
            made: 0,
            options,
            dimensions,
            stage,
            outputs,
            exports,
            reject_to: rejected,
            workers,
            lanes,
            progress,
            tally,
            sweep,
            log,
            batch,
            rejected: Vec::new(),
            uncommitted: Uncommitted::default(),
            resumed,
            interleaving,
            notes,
            arenas: Vec::new(),
            lane_arenas: (0..core.lanes).map(|_| Bump::new()).collect(),
            spare: Vec::new(),
            started: now,
            last_event: (now, 0),
            lag,
            failed: None,
            core,
        };
        (run, readers)
    }

    fn drive(mut self, readers: Vec<Reader>) -> Result<Summary, RunError> {
        let written: Vec<bool> = readers.iter().map(|reader| reader.written).collect();
        let streams: Vec<usize> = readers.iter().map(Reader::stream).collect();
        let not_resumable: Vec<usize> =
            readers.iter().filter(|reader| !reader.source.resumable()).map(Reader::stream).collect();
        let blocks = (self.options.blocks * 2).div_ceil(readers.len().max(1)).max(2);
        let readers = Readers::start(readers, self.options.block, blocks, &self.options.stop);
        let mut open = Open { written, ended: vec![false; streams.len()], idle: vec![None; streams.len()], streams };
        let result = self.rounds(&readers, &mut open);
        readers.end();
        let stopped = result?;
        self.commit_if_any(stopped)?;
        self.write_exports()?;
        Ok(self.summary(stopped, &not_resumable))
    }

    /// Makes rounds until all inputs have ended (false) or the run is to stop (true).
    fn rounds(&mut self, readers: &Readers, open: &mut Open) -> Result<bool, RunError> {
        loop {
            if self.options.stop.is_aborting() {
                return Err(RunError::Aborted);
            }
            if self.options.stop.is_stopping() {
                self.tell(|| Event::Stopping);
                return Ok(true);
            }
            let taken = self.take(readers, open)?;
            if taken.is_empty() {
                if self.failed.is_none() && open.finished(readers.epoch.load(Ordering::Acquire)) {
                    return Ok(self.options.stop.is_stopping());
                }
            } else {
                let wrote = self.round(readers, taken)?;
                if wrote {
                    readers.epoch.fetch_add(1, Ordering::AcqRel);
                }
            }
            if let Some(error) = self.failed.take() {
                // What came before stays taken: the input may not be there again.
                self.commit_if_any(false)?;
                return Err(error);
            }
            if self.is_commit_due() {
                self.commit(false)?;
            }
            self.tell_progress();
        }
    }

    /// Takes what the readers have, without waiting longer than until a commit is due.
    fn take(&mut self, readers: &Readers, open: &mut Open) -> Result<Vec<(usize, Taken)>, RunError> {
        let most = if self.options.one_by_one { 1 } else { self.options.blocks.max(1) };
        let mut taken = Vec::new();
        let mut size = Size::default();
        let wait = self.until_commit().min(Duration::from_millis(100));
        let mut report = match readers.reports.recv_timeout(wait) {
            Ok(report) => Some(report),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                if !open.ended.iter().all(|ended| *ended) && !self.options.stop.is_stopping() {
                    return Err(RunError::Internal("a reader of an input broke off".to_owned()));
                }
                open.disconnected();
                None
            }
        };
        while let Some(Report { reader, news }) = report.take() {
            match news {
                News::End(header) => {
                    open.ended[reader] = true;
                    self.notes.extend(self.core.unread_header(open.streams[reader], header.as_deref()));
                }
                News::Idle(epoch) => open.idle[reader] = Some(epoch),
                // Only shared sources tell of it, and those are not read here.
                News::Changed(_) => {}
                News::Failed(error) => {
                    let name = &self.core.streams[open.streams[reader]].name;
                    self.failed = Some(RunError::connector(name, error));
                    break;
                }
                News::Batch(batch, header, waiting) => {
                    open.idle[reader] = None;
                    self.lag[reader] = waiting;
                    let mut taken_one = Taken { stream: open.streams[reader], batch, header };
                    self.skip_repeated(&mut taken_one);
                    size.add(&taken_one);
                    taken.push((reader, taken_one));
                }
            }
            if taken.len() < most && self.pace.has_room(size.records, size.bytes) {
                report = readers.reports.try_recv().ok();
            }
        }
        Ok(taken)
    }

    /// Leaves out messages that were taken before: a source may deliver again what it delivered.
    fn skip_repeated(&mut self, taken: &mut Taken) {
        let progress = self.progress.partition(taken.stream, taken.batch.partition);
        let mut next = progress.position.next;
        let before = taken.batch.messages.len();
        taken.batch.messages.retain(|message| {
            let new = message.offset >= next;
            next = next.max(message.offset + 1);
            new
        });
        self.tally.streams[taken.stream].repeated += (before - taken.batch.messages.len()) as u64;
        if taken.batch.end.next >= progress.position.next {
            progress.position.clone_from(&taken.batch.end);
            progress.changed = true;
        }
    }

    /// Works on what was taken; gives whether something was written that the run also reads.
    fn round(&mut self, readers: &Readers, taken: Vec<(usize, Taken)>) -> Result<bool, RunError> {
        self.stop_at("after-read")?;
        let (owners, batches): (Vec<usize>, Vec<Taken>) = taken.into_iter().unzip();
        self.count_taken(&batches);
        let wrote = self.work(&batches)?;
        for (reader, taken) in owners.into_iter().zip(batches) {
            readers.give_back(reader, taken.batch);
        }
        Ok(wrote)
    }

    /// Counts what was taken for the next commit.
    pub(crate) fn count_taken(&mut self, batches: &[Taken]) {
        let size = Size::of(batches);
        let (records, bytes) = (size.records as u64, size.bytes as u64);
        self.uncommitted.since.get_or_insert_with(Instant::now);
        self.uncommitted.records += records;
        self.uncommitted.bytes += bytes;
        self.tally.records += records;
        self.tally.bytes += bytes;
    }

    fn work(&mut self, batches: &[Taken]) -> Result<bool, RunError> {
        let LanedWork { wrote, failed, .. } = self.work_laned(batches)?;
        match failed.into_iter().next() {
            Some((_, error)) => Err(RunError::connector("store", error)),
            None => Ok(wrote),
        }
    }

    /// Works on batches. A lane that fails gives nothing; the others go on.
    pub(crate) fn work_laned(&mut self, batches: &[Taken]) -> Result<LanedWork, RunError> {
        self.tell_watermarks();
        let size = Size::of(batches);
        self.made = size.records * WORKED_ON;
        let mut arenas = std::mem::take(&mut self.arenas);
        while arenas.len() < batches.len() {
            arenas.push(Bump::new());
        }
        let Self { core, workers, spare, interleaving, .. } = self;
        let mut worked = round::work_all(core, interleaving, workers, batches, &mut arenas, spare)?;
        round::watermarks(core, &mut self.progress, batches, &mut worked);
        let done = self.run_worked(batches, worked);
        arenas.iter_mut().for_each(Bump::reset);
        self.arenas = arenas;
        let whole = done.as_ref().is_ok_and(|done| done.failed.is_empty());
        self.pace.learn(size.records, self.made, whole);
        done
    }

    /// Lets lanes go on with what workers made of batches, and writes what comes of it.
    pub(super) fn run_worked(&mut self, batches: &[Taken], worked: Vec<Worked<'_>>) -> Result<LanedWork, RunError> {
        let core = &self.core;
        let mut writes = Vec::new();
        // A record may end values in lanes that it does not come to.
        let ends = batches.iter().any(|taken| !core.expiring.of(taken.stream).is_empty());
        let has_entries = ends || worked.iter().any(|worked| !worked.entries.is_empty() || !worked.refused.is_empty());
        if has_entries {
            self.run_lanes(batches, &worked)?;
        }
        self.stop_at("before-outputs")?;
        let mut wrote = false;
        let failed = self.take_failed();
        for (taken, mut worked) in batches.iter().zip(worked) {
            wrote |= self.emit(Some(taken.stream), worked.output, &mut writes, worked.broken.take())?;
            let tally = &mut self.tally.streams[taken.stream];
            tally.counts.taken += worked.ingest.accepted;
            for (field, count) in worked.ingest.coerced {
                *tally.coerced.entry(field).or_default() += count;
            }
        }
        if has_entries {
            wrote |= self.emit_lanes(&mut writes)?;
        }
        super::writes::order_as_taken(&mut writes, self.core.firsts(batches));
        wrote |= self.store_dimensions(&writes)?;
        self.stop_at("after-outputs")?;
        Ok(LanedWork { wrote, writes, failed })
    }

    /// Lanes that failed, and why. What they gave is void.
    fn take_failed(&mut self) -> Vec<(u16, ConnectorError)> {
        let mut failed = Vec::new();
        for lane in &mut self.lanes {
            if let Some(error) = lane.broken.take() {
                lane.output = self.core.output();
                failed.push((lane.number, error));
            }
        }
        failed
    }

    pub(crate) fn run_lanes(&mut self, batches: &[Taken], worked: &[Worked<'_>]) -> Result<(), RunError> {
        let threads = self.workers.len();
        let Self { core, interleaving, lanes, lane_arenas, .. } = self;
        let done = round::run_lanes(core, interleaving, lanes, threads, batches, worked, lane_arenas);
        self.lane_arenas.iter_mut().for_each(Bump::reset);
        done
    }

    pub(crate) fn emit_lanes(&mut self, writes: &mut Vec<DimensionWrite>) -> Result<bool, RunError> {
        let mut wrote = self.emit_to_read_topics()?;
        for at in 0..self.lanes.len() {
            let output = std::mem::take(&mut self.lanes[at].output);
            let broken = self.lanes[at].broken.take();
            wrote |= self.emit(None, output, writes, broken)?;
            self.lanes[at].output = self.spare.pop().unwrap_or_else(|| self.core.output());
        }
        Ok(wrote)
    }

    /// Writes what the lanes gave for topics that the run reads; gives whether there was anything.
    fn emit_to_read_topics(&mut self) -> Result<bool, RunError> {
        let mut wrote = false;
        for own in self.outputs.iter_mut().filter(|own| own.read) {
            let lanes = self.lanes.iter_mut().map(|lane| &mut lane.output);
            let batch = take_in_order(own.topic, lanes);
            if !batch.ends.is_empty() {
                self.tally.topics[own.topic] += batch.ends.len() as u64;
                self.made += batch.memory();
                own.sink.append(&batch).map_err(|error| RunError::connector(&own.name, error))?;
                wrote = true;
            }
        }
        Ok(wrote)
    }

    /// Writes what a worker or lane gave, and keeps its memory.
    pub(crate) fn emit(
        &mut self,
        stream: Option<usize>,
        mut output: WorkOutput,
        writes: &mut Vec<DimensionWrite>,
        broken: Option<crate::connector::ConnectorError>,
    ) -> Result<bool, RunError> {
        if let Some(error) = broken {
            return Err(RunError::connector("store", error));
        }
        self.tally.add(stream, &mut output);
        self.made += output.memory();
        let mut wrote = false;
        for own in &mut self.outputs {
            let batch = &output.topics[own.topic];
            if !batch.ends.is_empty() {
                own.sink.append(batch).map_err(|error| RunError::connector(&own.name, error))?;
                wrote |= own.read;
            }
        }
        self.uncommitted.kept += output.rejected.iter().map(Rejection::memory).sum::<usize>();
        writes.append(&mut output.writes);
        self.rejected.append(&mut output.rejected);
        output.clear();
        self.spare.push(output);
        Ok(wrote)
    }

    pub(crate) fn stop_at(&self, failpoint: &'static str) -> Result<(), RunError> {
        if self.options.failpoints.hit(failpoint) { Err(RunError::Failpoint(failpoint)) } else { Ok(()) }
    }

    pub(crate) fn until_commit(&self) -> Duration {
        self.uncommitted
            .since
            .map_or(Duration::from_millis(100), |since| self.options.commit_every.saturating_sub(since.elapsed()))
    }

    pub(crate) fn is_commit_due(&self) -> bool {
        let Some(since) = self.uncommitted.since else { return false };
        self.options.one_by_one
            || since.elapsed() >= self.options.commit_every
            || self.uncommitted.bytes >= self.options.commit_bytes
            || self.uncommitted.records >= self.options.commit_records
            || self.state_bytes() > self.options.state_bytes
            || self.changed_rows() > self.options.changed_rows
            || self.uncommitted.kept + self.stage.changed_bytes() > self.options.kept_bytes
    }

    /// How many rows of states the next commit holds.
    pub(crate) fn changed_rows(&self) -> u64 {
        self.lanes.iter().flat_map(|lane| &lane.states.states).map(crate::state::LaneRows::changed).sum()
    }

    /// About how many bytes of memory the lanes' rows take.
    pub(crate) fn state_bytes(&self) -> usize {
        self.lanes.iter().flat_map(|lane| &lane.states.states).map(crate::state::LaneRows::bytes).sum()
    }

    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(events) = &self.options.events {
            events(&event());
        }
    }

    pub(crate) fn tell_progress(&mut self) {
        let (last, records) = self.last_event;
        let elapsed = last.elapsed();
        if elapsed < Duration::from_secs(1) {
            return;
        }
        let progress = event::Progress {
            records: self.tally.records,
            // What a fault made void is no longer counted.
            rate: self.tally.records.saturating_sub(records) as f64 / elapsed.as_secs_f64(),
            rejected: self.tally.rejected,
            lag: self.lag.iter().sum(),
            seconds: self.started.elapsed().as_secs_f64(),
        };
        self.last_event = (Instant::now(), self.tally.records);
        self.tell(|| Event::Progress(progress));
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Which inputs may still give something.
struct Open {
    streams: Vec<usize>,
    written: Vec<bool>,
    ended: Vec<bool>,
    /// The epoch after which nothing was there.
    idle: Vec<Option<u64>>,
}

impl Open {
    /// Whether nothing more can come: inputs have ended, and what the run writes and reads itself is read.
    fn finished(&self, epoch: u64) -> bool {
        (0..self.streams.len()).all(|at| self.ended[at] || (self.written[at] && self.idle[at] == Some(epoch)))
    }

    /// All readers are gone.
    fn disconnected(&mut self) {
        self.ended.iter_mut().for_each(|ended| *ended = true);
    }
}
