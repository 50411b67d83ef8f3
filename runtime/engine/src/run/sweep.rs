//! Deletes rows of states that have ended, a part at each commit, so that stored state stays bounded. No record can see
//! such a row any more, so when it goes makes no difference.

use nsf_plan::{InputSource, Plan, StateId};

use super::{drive::Run, error::RunError, expiring::saving_streams, progress::Progress};
use crate::{
    state::{FieldVersion, Row},
    store::StoreTable,
};

/// Rows of a state looked at in one commit, at least.
const LEAST: u64 = 2_000;

/// Where the sweep of each state stands.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// States whose values end, with the streams that save them.
    states: Vec<(StateId, Vec<usize>)>,
    /// By those: the key to go on from.
    next: Vec<Vec<u8>>,
    /// By those: rows written before the last commit.
    written: Vec<u64>,
}

impl Sweep {
    pub(crate) fn new(plan: &Plan) -> Self {
        // What flows are told of goes when they are told.
        let told = |state: usize| {
            let from = InputSource::Expired(StateId(state as u32));
            plan.pipelines.iter().any(|pipeline| pipeline.inputs.iter().any(|input| input.from == from))
        };
        let ends =
            |state: &&(usize, &nsf_plan::State)| (state.1.keep.is_some() || state.1.closes.is_some()) && !told(state.0);
        let states: Vec<(usize, &nsf_plan::State)> = plan.states.iter().enumerate().collect();
        let states: Vec<(StateId, Vec<usize>)> = states
            .iter()
            .filter(ends)
            .map(|(index, _)| (StateId(*index as u32), saving_streams(plan, StateId(*index as u32))))
            .collect();
        Self { next: vec![Vec::new(); states.len()], written: vec![0; states.len()], states }
    }
}

/// The time that every partition of the streams has reached; none where one of them has not begun.
fn reached(progress: &Progress, streams: &[usize]) -> Option<i64> {
    let watermark = |stream: &usize| {
        let partitions = progress.partitions.range((*stream, 0)..=(*stream, u32::MAX));
        partitions.map(|(_, partition)| partition.watermark).min().filter(|watermark| *watermark != i64::MIN)
    };
    streams.iter().map(watermark).collect::<Option<Vec<_>>>()?.into_iter().min()
}

impl Run {
    /// Adds deletions of rows that have ended to the commit.
    pub(crate) fn sweep(&mut self) -> Result<(), RunError> {
        for at in 0..self.sweep.states.len() {
            let (state, streams) = &self.sweep.states[at];
            let state = *state;
            let written = self.tally.states.get(state.index()).copied().unwrap_or(0);
            let fresh = written - std::mem::replace(&mut self.sweep.written[at], written);
            let late = streams.iter().map(|stream| self.core.late_of(*stream)).max().unwrap_or(0);
            let Some(watermark) = reached(&self.progress, streams) else { continue };
            let ended = self.ended_rows(at, state, (fresh * 2).max(LEAST), watermark, late)?;
            for key in ended {
                let own = &key[2..];
                let lanes = self.lanes.iter_mut().map(|lane| &mut lane.states.states[state.index()]);
                let mut kept = false;
                for rows in lanes {
                    if let Some(row) = rows.find(own) {
                        // A working copy that was changed is written by this very commit, or was by the last.
                        kept |= !rows.row(row).has_ended(&self.core.shared.states[state.index()], watermark, late);
                        if !kept {
                            // A row that is not there has its defaults.
                            let fields = self.core.shared.states[state.index()].defaults.clone();
                            let row = rows.row_mut(row);
                            (row.exists, row.fields) = (false, fields);
                            row.versions.iter_mut().flatten().for_each(|version| *version = FieldVersion::NEVER);
                        }
                    }
                }
                if !kept {
                    self.batch.table(StoreTable::State).delete(&key);
                }
            }
        }
        Ok(())
    }

    /// Keys of the next rows of a state that have ended, among so many.
    fn ended_rows(
        &mut self,
        at: usize,
        state: StateId,
        count: u64,
        watermark: i64,
        late: i64,
    ) -> Result<Vec<Vec<u8>>, RunError> {
        let shape = &self.core.shared.states[state.index()];
        let prefix = shape.number.to_be_bytes();
        let from = std::mem::take(&mut self.sweep.next[at]);
        let from = if from.is_empty() { prefix.to_vec() } else { from };
        let (mut ended, mut next, mut seen) = (Vec::new(), Vec::new(), 0);
        let read = self.core.shared.store.scan_from(StoreTable::State, &prefix, &from, &mut |key, value| {
            seen += 1;
            if seen > count {
                next.extend_from_slice(key);
                return false;
            }
            let row = Row::decode(shape, &key[prefix.len()..], value);
            if row.is_ok_and(|row| row.has_ended(shape, watermark, late)) {
                ended.push(key.to_vec());
            }
            true
        });
        read.map_err(|error| RunError::connector("store", error))?;
        self.sweep.next[at] = next;
        Ok(ended)
    }
}
