//! Counts of a whole run, and the summary made of them.

use std::{collections::BTreeMap, time::Duration};

use nsf_plan::{DimensionId, Plan};

use super::{
    output::{PipelineCounts, WorkOutput},
    pieces::Core,
};
use crate::{
    fault::FaultCode,
    summary::{FlowSummary, RejectedSummary, SourceSummary, StoredSummary, Summary, TableSummary},
};

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// By stream.
    pub streams: Vec<StreamTally>,
    /// By pipeline.
    pub flows: Vec<PipelineCounts>,
    /// Rows written, by dimension.
    pub dimensions: Vec<u64>,
    /// Rows written, by state.
    pub states: Vec<u64>,
    /// Messages, by topic.
    pub topics: Vec<u64>,
    /// Records rejected.
    pub rejected: u64,
    /// Records taken.
    pub records: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Commits.
    pub commits: u64,
}

/// Counts of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamTally {
    /// Taken, late, rejected.
    pub counts: PipelineCounts,
    /// Came again.
    pub repeated: u64,
    /// Offset behind which the run began.
    pub resumed_from: Option<u64>,
    /// Conversions by field.
    pub coerced: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn new(core: &Core, plan: &Plan) -> Self {
        Self {
            streams: core.streams.iter().map(|_| StreamTally::default()).collect(),
            flows: vec![PipelineCounts::default(); plan.pipelines.len()],
            dimensions: vec![0; plan.dimensions.len()],
            states: vec![0; plan.states.len()],
            topics: vec![0; plan.topics.len()],
            ..Self::default()
        }
    }

    /// Adds what a worker or lane counted.
    pub(crate) fn add(&mut self, stream: Option<usize>, output: &mut WorkOutput) {
        self.rejected += output.rejected.len() as u64;
        if let Some(stream) = stream.and_then(|stream| self.streams.get_mut(stream)) {
            stream.counts.add(&mut output.stream);
        }
        output.stream = PipelineCounts::default();
        for (own, other) in self.flows.iter_mut().zip(&mut output.counts) {
            own.add(other);
        }
        for (own, batch) in self.topics.iter_mut().zip(&output.topics) {
            *own += batch.ends.len() as u64;
        }
    }

    /// Adds rows that the dimension stage wrote.
    pub(crate) fn stored(&mut self, stored: &[(DimensionId, u64)]) {
        for (dimension, rows) in stored {
            if let Some(own) = self.dimensions.get_mut(dimension.index()) {
                *own += rows;
            }
        }
    }

    /// The summary, but for what only the run knows.
    pub(crate) fn summary(&self, core: &Core, plan: &Plan, elapsed: Duration) -> Summary {
        let seconds = elapsed.as_secs_f64();
        let streams = core.streams.iter().zip(&self.streams);
        let stored = |names: Vec<&String>, rows: &[u64]| {
            let stored = names.into_iter().zip(rows).filter(|(_, rows)| **rows > 0);
            stored.map(|(name, rows)| StoredSummary { name: name.clone(), rows: *rows }).collect()
        };
        let states = plan.states.iter().zip(&self.states).filter(|(state, _)| !state.marks);
        let states: (Vec<&String>, Vec<u64>) = states.map(|(state, rows)| (&state.name, *rows)).unzip();
        Summary {
            sources: streams.map(|(stream, tally)| source(&stream.name, tally)).collect(),
            flows: core.programs.iter().zip(&self.flows).map(|(program, counts)| flow(program, counts)).collect(),
            dimensions: stored(plan.dimensions.iter().map(|dimension| &dimension.name).collect(), &self.dimensions),
            states: stored(states.0, &states.1),
            tables: plan
                .tables
                .iter()
                .zip(&core.shared.tables)
                .map(|(table, source)| {
                    let (rows, replaced) = source.counts();
                    TableSummary { name: table.name.clone(), rows, replaced }
                })
                .collect(),
            records: self.records,
            bytes: self.bytes,
            rejected: self.rejected,
            commits: self.commits,
            seconds,
            rate: if seconds > 0.0 { self.records as f64 / seconds } else { 0.0 },
            ..Summary::default()
        }
    }
}

fn source(name: &str, tally: &StreamTally) -> SourceSummary {
    SourceSummary {
        name: name.to_owned(),
        records: tally.counts.taken,
        repeated: tally.repeated,
        late: tally.counts.dropped.first().copied().unwrap_or(0),
        rejected: rejected(&tally.counts.rejected),
        resumed_from: tally.resumed_from,
        coerced: tally.coerced.clone(),
    }
}

fn flow(program: &crate::steps::Program, counts: &PipelineCounts) -> FlowSummary {
    let dropped = program.reasons.iter().zip(&counts.dropped).filter(|(_, count)| **count > 0);
    FlowSummary {
        name: program.name.clone(),
        records: counts.taken,
        dropped: dropped.map(|(reason, count)| (reason.clone(), *count)).collect(),
        rejected: rejected(&counts.rejected),
    }
}

fn rejected(counts: &BTreeMap<(FaultCode, String), u64>) -> Vec<RejectedSummary> {
    let summary = |((code, reason), count): (&(FaultCode, String), &u64)| RejectedSummary {
        code: code.id().to_owned(),
        reason: reason.clone(),
        count: *count,
    };
    counts.iter().map(summary).collect()
}
