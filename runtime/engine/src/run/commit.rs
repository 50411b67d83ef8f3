//! Commits: outputs are made durable, then rows of states and dimensions, rejected records and progress in one
//! transaction; and what is written when a run ends.

use std::time::Instant;

use nsf_plan::Plan;

use super::{
    drive::{Run, Uncommitted},
    error::RunError,
    event::{Committed, Event},
    pieces::{Core, ExportOf, Exported},
    stage::DimensionStage,
};
use crate::{
    connector::{ConnectorResult, OutputBatch, Sink},
    encode::{json, key::read_part},
    fault::FaultCode,
    rejected::Rejection,
    state::Row,
    store::StoreTable,
    summary::{OutputSummary, Summary, reason_words},
};

/// Rows in logs that the last commit folds by itself.
const FEW: u64 = 50_000;

/// Which lanes' logs are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    None,
    One(usize),
    All,
}

impl Fold {
    fn takes(self, lane: usize) -> bool {
        self == Self::All || self == Self::One(lane)
    }
}

/// Rejected records on their way to a sink, some at a time: a message may be very long.
struct Sending<'r> {
    core: &'r Core,
    plan: &'r Plan,
    /// The sink's name.
    to: &'r str,
    batch: OutputBatch,
}

/// About how many bytes of rejected records are given to a sink at once.
const REJECTED_AT_ONCE: usize = 1 << 20;

impl<'r> Sending<'r> {
    fn new(core: &'r Core, plan: &'r Plan, to: &'r str) -> Self {
        Self { core, plan, to, batch: OutputBatch::default() }
    }

    /// Sends rejected records; gives how many there were.
    fn send<'s>(
        &mut self,
        rejections: impl Iterator<Item = &'s Rejection>,
        sink: &mut dyn Sink,
        with_ids: bool,
    ) -> Result<u64, RunError> {
        let mut sent = 0;
        for rejection in rejections {
            rejection.write_json(self.plan, &mut self.batch.bytes);
            if with_ids {
                self.batch.ids.push(rejection.id(self.core));
            }
            self.batch.end_message();
            sent += 1;
            if self.batch.bytes.len() >= REJECTED_AT_ONCE {
                self.give(sink)?;
            }
        }
        self.give(sink)?;
        Ok(sent)
    }

    fn give(&mut self, sink: &mut dyn Sink) -> Result<(), RunError> {
        if !self.batch.ends.is_empty() {
            sink.append(&self.batch).map_err(|error| RunError::connector(self.to, error))?;
            self.batch.clear();
        }
        Ok(())
    }
}

impl Run {
    /// The last commit: if there is anything that is not committed, or not in its place. A run that was `stopped` leaves
    /// its logs to the next one, for many rows take longer than its user waits, unless it writes states out.
    pub(crate) fn commit_if_any(&mut self, stopped: bool) -> Result<(), RunError> {
        if self.uncommitted.since.is_some() || !self.batch.is_empty() {
            self.commit(!stopped)?;
        }
        let writes_states = self.exports.iter().any(|export| matches!(export.what, ExportOf::State(_)));
        if stopped && !writes_states { Ok(()) } else { self.fold_all() }
    }

    /// Makes everything up to here durable.
    ///
    /// With `last` a short log of states is folded; otherwise a long one. When rows take too much memory, all are after it.
    pub(crate) fn commit(&mut self, last: bool) -> Result<(), RunError> {
        let began = Instant::now();
        self.reject_to_topics()?;
        for output in &mut self.outputs {
            let position = output.sink.flush().map_err(|error| RunError::connector(&output.name, error))?;
            if output.sink.belongs_to_commit() {
                self.batch.table(StoreTable::Progress).put(&output.key, &position);
            }
        }
        for rejection in self.take_refused() {
            self.rejected.push(rejection);
        }
        self.stop_at("after-sink-flush")?;
        self.sweep()?;
        let fold = self.folded(last);
        self.collect(fold);
        self.batch.sort();
        self.stop_at("before-store-commit")?;
        let rows = self.batch.len() as u64;
        self.core.shared.store.commit(&self.batch).map_err(|error| RunError::connector("store", error))?;
        self.stop_at("after-store-commit")?;
        self.batch.clear();
        self.rejected.clear();
        self.stage.committed();
        if self.state_bytes() > self.options.state_bytes {
            self.fold_all()?;
        }
        let each = self.options.state_bytes / self.lanes.len().max(1);
        for lane in &mut self.lanes {
            lane.scratch.committed.clear();
            let states = lane.states.states.len().max(1);
            lane.states.states.iter_mut().for_each(|rows| rows.shrink(each / states));
        }
        self.workers.iter_mut().for_each(|worker| worker.scratch.committed.clear());
        let Uncommitted { records, .. } = std::mem::take(&mut self.uncommitted);
        self.tally.commits += 1;
        let number = self.tally.commits;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        self.tell(|| Event::Committed(Committed { number, records, rows, milliseconds }));
        self.stop_at("after-commit")
    }

    /// Rows of states: into their lane's log, or with what the log holds into their places.
    fn collect_states(&mut self, fold: Fold) {
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            let (log, fold) = (&mut self.log[at], fold.takes(at));
            for (state, rows) in lane.states.states.iter_mut().enumerate() {
                let shape = &self.core.shared.states[state];
                self.tally.states[state] += if log.takes(state) && !fold {
                    rows.log(shape, &mut self.batch, log)
                } else {
                    rows.collect(shape, self.batch.table(StoreTable::State))
                };
            }
            if fold {
                log.delete(&mut self.batch);
            } else {
                log.end_chunk(&mut self.batch);
            }
        }
    }

    /// Which logs a commit folds: all where there is little, else one that is long; none where the user waits.
    fn folded(&self, last: bool) -> Fold {
        let changed = self.changed_rows();
        let entries: u64 = self.log.iter().map(super::log::StateLog::entries).sum();
        if last && entries + changed < FEW {
            return Fold::All;
        }
        if self.options.stop.is_stopping() {
            return Fold::None;
        }
        let longest = self.log.iter().enumerate().max_by_key(|(_, log)| log.entries());
        longest.filter(|(_, log)| log.is_long() && !last).map_or(Fold::None, |(at, _)| Fold::One(at))
    }

    /// Folds what the logs hold, lane by lane, so that no transaction is large and a run that is told to stop need not wait
    /// for all.
    fn fold_all(&mut self) -> Result<(), RunError> {
        let writes_states = self.exports.iter().any(|export| matches!(export.what, ExportOf::State(_)));
        for (lane, log) in self.lanes.iter_mut().zip(&mut self.log).filter(|(_, log)| !log.is_empty()) {
            if self.options.stop.is_stopping() && !writes_states {
                break;
            }
            self.batch.clear();
            for (rows, shape) in lane.states.states.iter_mut().zip(&self.core.shared.states) {
                rows.collect(shape, self.batch.table(StoreTable::State));
            }
            log.delete(&mut self.batch);
            self.batch.sort();
            self.core.shared.store.commit(&self.batch).map_err(|error| RunError::connector("store", error))?;
        }
        self.batch.clear();
        Ok(())
    }

    fn collect(&mut self, fold: Fold) {
        self.collect_states(fold);
        self.stage.collect(&mut self.batch);
        let ids: Vec<&str> = self.core.streams.iter().map(|stream| stream.id.as_str()).collect();
        self.progress.collect(&ids, self.batch.table(StoreTable::Progress));
        for rejection in &self.rejected {
            let table = self.batch.table(StoreTable::Rejected);
            table.put_with(&rejection.key(), |out| rejection.write_json(&self.plan, out));
        }
    }

    /// Waits until the outputs have what they were given. What a receiver refuses goes where rejected records go.
    pub(crate) fn flush_outputs(&mut self) -> Result<(), RunError> {
        for output in &mut self.outputs {
            output.sink.flush().map_err(|error| RunError::connector(&output.name, error))?;
        }
        let refused = self.take_refused();
        if let Some(sink) = &mut self.reject_to {
            let mut sending = Sending::new(&self.core, &self.plan, "rejected");
            sending.send(refused.iter(), &mut **sink, true)?;
        }
        match &mut self.reject_to {
            Some(sink) => sink.flush().map(drop).map_err(|error| RunError::connector("rejected", error)),
            None => Ok(()),
        }
    }

    /// The messages that their receivers refused, as rejected records; counted.
    fn take_refused(&mut self) -> Vec<Rejection> {
        let mut rejections = Vec::new();
        for output in &mut self.outputs {
            let Some(topic) = self.plan.topics.get(output.topic) else { continue };
            for refused in output.sink.refused() {
                let stream = self.tally.streams.get_mut(refused.id.stream as usize);
                let words = reason_words(FaultCode::Receiver, &refused.reason);
                if let Some(stream) = stream {
                    *stream.counts.rejected.entry((FaultCode::Receiver, words)).or_default() += 1;
                }
                self.tally.rejected += 1;
                rejections.push(Rejection::of_refused(&self.core, &topic.connector, refused));
            }
        }
        rejections
    }

    /// Sends rejected records to the topics that their sources name for them, or to that of all others.
    pub(crate) fn reject_to_topics(&mut self) -> Result<(), RunError> {
        if let Some(sink) = &mut self.reject_to {
            let names = |rejection: &Rejection| {
                let own = self.core.streams.iter().find(|stream| stream.name == rejection.source);
                own.is_some_and(|stream| stream.reject.is_some())
            };
            let rejections = self.rejected.iter().filter(|rejection| !names(rejection));
            Sending::new(&self.core, &self.plan, "rejected").send(rejections, &mut **sink, true)?;
        }
        for stream in &self.core.streams {
            let Some(topic) = stream.reject else { continue };
            let Some(output) = self.outputs.iter_mut().find(|output| output.topic == topic.index()) else { continue };
            let wants_ids = self.core.ids.get(topic.index()).copied().unwrap_or(false);
            let rejections = self.rejected.iter().filter(|rejection| rejection.source == stream.name);
            let mut sending = Sending::new(&self.core, &self.plan, &output.name);
            self.tally.topics[topic.index()] += sending.send(rejections, &mut *output.sink, wants_ids)?;
        }
        Ok(())
    }

    /// Writes what the user wants whole: dimensions, states, rejected records.
    pub(crate) fn write_exports(&mut self) -> Result<(), RunError> {
        for mut export in std::mem::take(&mut self.exports) {
            let written = self.write_export(&mut export).and_then(|()| export.export.finish());
            written.map_err(|error| RunError::connector(&export.name, error))?;
        }
        Ok(())
    }

    fn write_export(&self, export: &mut Exported) -> ConnectorResult<()> {
        let store = &self.core.shared.store;
        let (table, prefix) = match export.what {
            ExportOf::Dimension(id) => (
                StoreTable::Dimension,
                super::stage::DimensionRows::prefix(&self.dimensions, nsf_plan::DimensionId(id)),
            ),
            ExportOf::State(id) => {
                (StoreTable::State, self.core.shared.states[id.index()].number.to_be_bytes().to_vec())
            }
            ExportOf::Rejected => (StoreTable::Rejected, Vec::new()),
        };
        let mut line = Vec::new();
        let mut written = Ok(());
        store.scan(table, &prefix, &mut |key, value| {
            line.clear();
            let there = match export.what {
                ExportOf::Rejected => {
                    line.extend_from_slice(value);
                    true
                }
                ExportOf::Dimension(id) => {
                    match self.dimension_line(nsf_plan::DimensionId(id), key, value, &mut line) {
                        Ok(there) => there,
                        Err(error) => {
                            written = Err(error);
                            return false;
                        }
                    }
                }
                ExportOf::State(id) => self.state_line(id, &key[2.min(key.len())..], value, &mut line),
            };
            if there {
                line.push(b'\n');
                written = export.export.write(&line);
            }
            written.is_ok()
        })?;
        written
    }

    /// A dimension's row as a JSON object. None where it is deleted.
    fn dimension_line(
        &self,
        id: nsf_plan::DimensionId,
        key: &[u8],
        value: &[u8],
        line: &mut Vec<u8>,
    ) -> ConnectorResult<bool> {
        use super::stage::DimensionRows;
        let fields = DimensionRows::fields(&self.dimensions, id, key, value)?;
        let (Some(keys), Some(fields)) = (self.dimensions.keys(id, key), fields) else { return Ok(false) };
        self.dimensions.write_json(id, &keys, &fields, line);
        Ok(true)
    }

    /// A state's row as a JSON object: its keys, then its fields. None where it has ended.
    fn state_line(&self, id: nsf_plan::StateId, key: &[u8], value: &[u8], line: &mut Vec<u8>) -> bool {
        let (shape, state) = (&self.core.shared.states[id.index()], &self.plan.states[id.index()]);
        let Ok(row) = Row::decode(shape, key, value) else { return false };
        if !row.is_live(shape, self.lowest_watermark(), 0) {
            return false;
        }
        let mut rest = key;
        line.push(b'{');
        for (name, ty) in &state.keys {
            let Ok(cell) = read_part(ty, &mut rest) else { return false };
            member(name, line);
            json::write_cell(ty, &cell, line);
        }
        for (field, cell) in state.fields.iter().zip(row.fields.iter()) {
            member(&field.name, line);
            json::write_cell(&field.ty, cell, line);
        }
        line.push(b'}');
        true
    }

    /// What every partition has reached.
    fn lowest_watermark(&self) -> i64 {
        let watermarks = self.progress.partitions.values().map(|progress| progress.watermark);
        watermarks.filter(|watermark| *watermark != i64::MIN).min().unwrap_or(i64::MIN)
    }

    pub(crate) fn summary(&self, stopped: bool, not_resumable: &[usize]) -> Summary {
        let mut summary = self.tally.summary(&self.core, &self.plan, self.elapsed());
        summary.resumed = self.resumed;
        summary.notes = super::not_run::without_effect(&self.plan, self.core.shared.store.lanes().is_some());
        summary.notes.extend_from_slice(&self.notes);
        summary.stopped = stopped;
        summary.unchanged = self.resumed && self.tally.records == 0;
        let output = |output: &super::pieces::Output| OutputSummary {
            name: output.name.clone(),
            messages: self.tally.topics.get(output.topic).copied().unwrap_or(0),
            may_repeat: !output.sink.belongs_to_commit(),
        };
        summary.outputs = self.outputs.iter().map(output).collect();
        let stateful = self.plan.pipelines.iter().any(|pipeline| pipeline.stateful) || !self.plan.ingests.is_empty();
        if stateful {
            for stream in not_resumable {
                let name = &self.core.streams[*stream].name;
                summary.notes.push(format!(
                    "`{name}` reads standard input or a pipe, which cannot be read again: a run that is killed loses what \
                     it had taken and not committed"
                ));
            }
            for output in summary.outputs.iter().filter(|output| output.may_repeat) {
                summary.notes.push(format!(
                    "`{}` goes to standard output, a pipe or a device: a run that is killed and continued may write some \
                     messages again",
                    output.name
                ));
            }
        }
        summary
    }
}

fn member(name: &str, line: &mut Vec<u8>) {
    if line.last() != Some(&b'{') {
        line.push(b',');
    }
    json::write_text(name, line);
    line.push(b':');
}
