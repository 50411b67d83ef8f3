//! Carries out what the state machine asks for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::{
    super::{
        drive::Uncommitted,
        due::MOST_ENDS,
        error::RunError,
        event::{Committed, Event, RolledBack},
        lane::Lane,
        stage::DimensionStage as _,
    },
    EndedBy, Serve,
    take::READER,
};
use crate::{
    connector::{Command, ConnectorError, ConnectorErrorKind, PartitionId},
    protocol::{self, Action, Ready, Step},
    state::StateShape,
    store::{Changes, End, Held, LaneProgress, PartitionName, Saved, Store},
};

/// A save that is to be made.
struct Job<'l> {
    number: u16,
    held: Vec<Held>,
    progress: Vec<LaneProgress>,
    /// The lane whose changed rows are saved; none where only progress is.
    lane: Option<&'l mut Lane>,
}

impl Serve {
    /// Carries out actions until none is left. Claims and saves of several lanes are made side by side.
    pub(super) fn act(&mut self) -> Result<(), RunError> {
        while let Some(action) = self.queue.pop_front() {
            match action {
                Action::Claim { lane, partitions } => self.claim_lanes(lane, partitions)?,
                Action::Save { lane, progress } => self.save_lanes(lane, progress, true)?,
                Action::Begin { lane, progress } => self.save_lanes(lane, progress, false)?,
                other => self.act_alone(other)?,
            }
        }
        Ok(())
    }

    fn act_alone(&mut self, action: Action) -> Result<(), RunError> {
        match action {
            Action::Start(ready) => {
                self.start(ready);
                self.run.stop_at("after-start")?;
            }
            Action::Forget { lane } => {
                self.run.lanes[usize::from(lane)].forget(&self.run.core);
                self.forget_outputs();
            }
            Action::ForgetShared => self.forget_shared(),
            Action::Wait { lane, time } => self.waits.push((Instant::now() + time, lane)),
            Action::Flush => self.flush()?,
            Action::SaveDimensions => self.save_dimensions()?,
            Action::TellPositions(positions) => {
                self.run.stop_at("before-positions")?;
                self.readers.command(READER, Command::Commit(positions));
                self.run.stop_at("after-positions")?;
            }
            Action::Release(partition) => {
                self.run.stop_at("before-release")?;
                self.moved(partition, "released");
                self.names.remove(&partition);
                self.readers.command(READER, Command::Release(partition));
                self.run.stop_at("after-release")?;
            }
            Action::Committed => self.committed()?,
            Action::RolledBack { partition, messages } => self.rolled_back(partition, messages),
            Action::Halt(partition, why) => return Err(self.halted(partition, &why)),
            Action::Claim { .. } | Action::Save { .. } | Action::Begin { .. } => {}
        }
        Ok(())
    }

    fn start(&mut self, ready: Ready) {
        let Ready { partition, next, generation, watermark, marks } = ready;
        let stream = self.stream(partition);
        let progress = self.run.progress.partition(stream, partition.partition);
        progress.position.next = next;
        (progress.watermark, progress.marks) = (watermark, marks);
        self.idle.started(partition);
        self.moved(partition, "started");
        self.readers.command(READER, Command::Start { partition, next, generation });
    }

    /// Claims what is asked for in this lane, and all further claims that are waiting.
    fn claim_lanes(&mut self, lane: u16, partitions: Vec<PartitionId>) -> Result<(), RunError> {
        let mut wanted = BTreeMap::from([(lane, partitions)]);
        self.queue.retain(|action| match action {
            Action::Claim { lane, partitions } => {
                wanted.entry(*lane).or_default().extend(partitions);
                false
            }
            _ => true,
        });
        let jobs = wanted.into_iter().map(|(lane, mut partitions)| {
            partitions.sort_unstable();
            partitions.dedup();
            // One that is gone meanwhile has no name.
            partitions.retain(|partition| self.names.contains_key(partition));
            let names: Vec<Arc<PartitionName>> = partitions.iter().map(|id| Arc::clone(&self.names[id])).collect();
            (lane, partitions, names)
        });
        let jobs: Vec<_> = jobs.collect();
        self.run.stop_at("before-claim")?;
        let store = Arc::clone(&self.run.core.shared.store);
        let done = side_by_side(jobs, |(lane, partitions, names)| {
            let claimed = lanes_of(&*store).and_then(|lanes| lanes.claim(lane, &names));
            (lane, partitions, claimed)
        });
        self.run.stop_at("after-claim")?;
        for (lane, partitions, claimed) in done {
            match claimed {
                Ok(claimed) => {
                    for (id, (_, progress)) in partitions.iter().zip(&claimed) {
                        self.run.core.shared.origins.found(self.stream(*id), progress.counted, now());
                    }
                    let found =
                        partitions.into_iter().zip(claimed).map(|(id, (epoch, progress))| (id, epoch, progress));
                    self.event(protocol::Event::Claimed { lane, found: found.collect() });
                    self.went_well(EndedBy::Claim);
                    self.idle.claimed();
                }
                Err(error) if error.kind.may_heal() => {
                    self.trouble("store", &error, EndedBy::Claim);
                    self.event(protocol::Event::ClaimFailed { lane });
                }
                Err(error) => return Err(RunError::connector("store", error)),
            }
        }
        Ok(())
    }

    /// Saves this lane, and all further lanes whose saves of the same kind are waiting.
    fn save_lanes(&mut self, lane: u16, progress: Vec<Step>, with_rows: bool) -> Result<(), RunError> {
        let mut wanted = BTreeMap::from([(lane, progress)]);
        self.queue.retain(|action| match action {
            Action::Save { lane, progress } if with_rows => wanted.insert(*lane, progress.clone()).is_some(),
            Action::Begin { lane, progress } if !with_rows => wanted.insert(*lane, progress.clone()).is_some(),
            _ => true,
        });
        self.run.stop_at(if with_rows { "before-store-commit" } else { "before-begin" })?;
        let mut steps: BTreeMap<u16, (Vec<Held>, Vec<LaneProgress>)> = BTreeMap::new();
        for (lane, progress) in wanted {
            steps.insert(lane, self.steps(&progress));
        }
        let store = Arc::clone(&self.run.core.shared.store);
        let shapes = &self.run.core.shared.states;
        let jobs = self.run.lanes.iter_mut().filter_map(|lane| {
            let number = lane.number;
            let (held, progress) = steps.remove(&number)?;
            Some(Job { number, held, progress, lane: with_rows.then_some(lane) })
        });
        let jobs: Vec<Job<'_>> = jobs.collect();
        let status = Arc::clone(&self.options.status);
        let done = side_by_side(jobs, |job| {
            let begun = Instant::now();
            let done = save(&*store, shapes, job);
            status.saves.add(begun.elapsed());
            done
        });
        for (lane, rows, saved) in done {
            match saved {
                Saved::Applied => {
                    for (state, rows) in rows.into_iter().enumerate() {
                        self.run.tally.states[state] += rows;
                        self.rows += rows;
                    }
                    self.event(if with_rows {
                        protocol::Event::Saved { lane }
                    } else {
                        protocol::Event::Begun { lane }
                    });
                }
                Saved::Lost => {
                    let message = "another worker has taken it over, or its store went back";
                    self.lane_failed(lane, &ConnectorError::new(ConnectorErrorKind::Lost, message), EndedBy::Commit);
                }
                // What became of it is seen when the lane is claimed again, which also ends whatever is on its way.
                Saved::Unknown(error) => {
                    self.options.status.count_in_doubt();
                    self.lane_failed(lane, &error, EndedBy::Commit);
                }
            }
            if with_rows {
                self.run.stop_at("between-lane-saves")?;
            }
        }
        self.run.stop_at(if with_rows { "after-store-commit" } else { "after-begin" })
    }

    fn steps(&self, steps: &[Step]) -> (Vec<Held>, Vec<LaneProgress>) {
        let (mut held, mut progress) = (Vec::new(), Vec::new());
        for step in steps {
            let Some(name) = self.names.get(&step.partition) else { continue };
            held.push(Held { name: Arc::clone(name), epoch: step.epoch, next: step.from });
            progress.push(LaneProgress {
                next: step.next,
                first: step.first,
                watermark: step.watermark,
                incarnation: self.incarnations.get(&step.partition).cloned().unwrap_or_default(),
                plan: self.plan.clone(),
                marks: Arc::clone(&step.marks),
                counted: self.run.core.shared.origins.counted(self.stream(step.partition)),
            });
        }
        (held, progress)
    }

    /// Sends rejected records and waits until the log has all that was sent.
    fn flush(&mut self) -> Result<(), RunError> {
        self.run.stop_at("before-flush")?;
        self.options.status.show_patient_life();
        let begun = Instant::now();
        let sent = self.run.reject_to_topics();
        self.run.stop_at("after-rejected-sent")?;
        let flushed = sent.and_then(|()| self.run.flush_outputs());
        self.options.status.flushes.add(begun.elapsed());
        self.options.status.show_life();
        match flushed {
            Ok(()) => {
                self.run.stop_at("after-sink-flush")?;
                self.event(protocol::Event::Flushed);
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }

    /// What was done since the last commit is void, but for what the outputs have sent.
    fn forget_shared(&mut self) {
        self.forget_outputs();
        self.run.stage.forget();
        self.writes.clear();
        self.idle.forget();
        self.run.rejected.clear();
        self.run.uncommitted = Uncommitted::default();
        self.run.tally = self.committed.clone();
        self.run.workers.iter_mut().for_each(|worker| worker.scratch.committed.clear());
    }

    /// What outputs can take back is taken back. Of several lanes only one may have failed: sinks that take back are used where
    /// there is one alone.
    fn forget_outputs(&mut self) {
        self.run.outputs.iter_mut().for_each(|output| output.sink.forget());
        self.run.reject_to.iter_mut().for_each(|sink| sink.forget());
    }

    fn committed(&mut self) -> Result<(), RunError> {
        self.run.rejected.clear();
        self.writes.clear();
        self.idle_is_stored();
        self.run.stage.committed();
        // Other workers change rows of dimensions too: each window reads them anew.
        self.run.stage.forget();
        let each = self.run.options.state_bytes / self.run.lanes.len().max(1);
        for lane in &mut self.run.lanes {
            lane.scratch.committed.clear();
            let states = lane.states.states.len().max(1);
            lane.states.states.iter_mut().for_each(|rows| rows.shrink(each / states));
            lane.states.ends.shrink(MOST_ENDS);
        }
        self.run.workers.iter_mut().for_each(|worker| worker.scratch.committed.clear());
        let Uncommitted { records, since, .. } = std::mem::take(&mut self.run.uncommitted);
        self.run.tally.commits += 1;
        self.committed.clone_from(&self.run.tally);
        let number = self.run.tally.commits;
        self.went_well(EndedBy::Commit);
        let milliseconds = since.map_or(0.0, |since| since.elapsed().as_secs_f64() * 1000.0);
        let all = self.run.summary(false, &[]);
        self.options.status.count_commit(all, since, self.committing.take());
        let rows = std::mem::take(&mut self.rows);
        self.run.tell(|| Event::Committed(Committed { number, records, rows, milliseconds }));
        self.run.stop_at("after-commit")
    }

    fn rolled_back(&mut self, partition: PartitionId, messages: u64) {
        self.options.status.count_rollback(messages);
        let Some(name) = self.names.get(&partition) else { return };
        let (topic, partition) = (name.topic.clone(), name.partition);
        self.run.tell(|| Event::RolledBack(RolledBack { topic, partition, messages }));
    }
}

/// The time by this machine's clock, in milliseconds.
pub(super) fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// The store as one that commits lane by lane.
fn lanes_of(store: &dyn Store) -> Result<&dyn crate::store::LaneStore, ConnectorError> {
    let message = "the store does not commit lane by lane";
    store.lanes().ok_or_else(|| ConnectorError::new(ConnectorErrorKind::Damaged, message))
}

/// Saves a lane; gives by state how many rows changed.
fn save(store: &dyn Store, shapes: &[StateShape], job: Job<'_>) -> (u16, Vec<u64>, Saved) {
    let Job { number, held, progress, lane } = job;
    let (mut changes, mut rows) = (Changes::default(), Vec::new());
    if let Some(lane) = lane {
        let states = lane.states.states.iter_mut().zip(shapes);
        rows.extend(states.map(|(rows, shape)| rows.collect(shape, &mut changes)));
        for ((state, partition, key), due) in lane.states.ends.take_changed() {
            let shape = &shapes[state.index()];
            let mut stored = Vec::new();
            shape.write_stored_key(&key, &mut stored);
            changes.end(End { state: shape.id.clone(), partition, key: stored, due });
        }
        // Who has a partition itself is not to be kept from its rows.
        changes.retain_fences(|name| !held.iter().any(|held| *held.name == *name));
    }
    let saved = match lanes_of(store) {
        Ok(lanes) => lanes.save(number, &held, &changes, &progress),
        Err(error) => Saved::Unknown(error),
    };
    (number, rows, saved)
}

/// Does jobs on threads of their own, where there are several.
pub(super) fn side_by_side<J: Send, D: Send>(mut jobs: Vec<J>, work: impl Fn(J) -> D + Sync) -> Vec<D> {
    if jobs.len() < 2 {
        return jobs.pop().map(work).into_iter().collect();
    }
    let count = jobs.len();
    let jobs = Mutex::new(jobs.into_iter());
    let done = Mutex::new(Vec::with_capacity(count));
    let run = || {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(job) = job else { return };
            let own = work(job);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(own);
        }
    };
    thread::scope(|scope| {
        for _ in 1..count.min(16) {
            scope.spawn(run);
        }
        run();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
