//! States whose values flows are told of when they have ended (`from expired`): who saves them, and which flows those are.

use std::collections::BTreeSet;

use nsf_plan::{HandleTarget, InputSource, Pipeline, Plan, SourceId, StateId, StepKind, Type};

use super::{
    drive::Run,
    error::{BuildError, RunError},
    pieces::Core,
    retries::returned_of,
    stream::{Stream, StreamWork},
    work::lane_of,
};
use crate::{
    encode::key::{read_part, write_cell_part},
    stable,
    state::{Row, StateShape},
    steps::{Program, key_positions, uses},
    store::StoreTable,
};

/// A state whose values flows are told of when they have ended.
pub(crate) struct Expiring {
    /// The state.
    pub state: StateId,
    /// The streams whose records save it, be it through values of another state that have ended: all of them must have
    /// passed an end.
    pub streams: Vec<usize>,
    /// The flows, by their indices.
    pub programs: Vec<usize>,
    /// Its ended values as a stream, for those that a flow rejects.
    pub stream: Stream,
    /// Where the partition key of those who save it stands among its keys, and of what type the parts are.
    key: Vec<(usize, Type)>,
    /// How many states whose ends flows are told of stand between it and the streams.
    depth: usize,
}

/// All of them, those first whose ends save others.
#[derive(Default)]
pub(crate) struct AllExpiring {
    /// In an order in which what one's end saves comes behind it.
    pub all: Vec<Expiring>,
    /// By stream: those that its records save.
    pub by_stream: Vec<Vec<usize>>,
}

impl AllExpiring {
    /// Finds them, and says to the states how late their records may be; `late` says it of a stream.
    pub(crate) fn new(
        plan: &Plan,
        programs: &[Program],
        states: &mut [StateShape],
        streams: usize,
        late: &dyn Fn(usize) -> i64,
    ) -> Self {
        let mut all: Vec<Expiring> = Vec::new();
        for (index, state) in plan.states.iter().enumerate() {
            let id = StateId(index as u32);
            let from = InputSource::Expired(id);
            let told = (0..programs.len()).filter(|at| programs[*at].input(from).is_some());
            let told: Vec<usize> = told.collect();
            let (Some(savers), Some(shape)) = (savers(plan, id), states.get_mut(index)) else { continue };
            if told.is_empty() {
                continue;
            }
            shape.told = true;
            shape.late = savers.streams.iter().map(|stream| late(*stream)).max().unwrap_or(0);
            all.push(Expiring {
                state: id,
                streams: savers.streams.into_iter().collect(),
                programs: told,
                stream: Stream {
                    id: state.id.clone(),
                    number: stable::number(&state.id),
                    name: state.name.clone(),
                    topic: String::new(),
                    reject: None,
                    apart: None,
                    returned: None,
                    work: StreamWork::Ended,
                },
                key: savers.key.unwrap_or_default(),
                depth: savers.depth,
            });
        }
        all.sort_by_key(|own| own.depth);
        let of = |stream: usize| (0..all.len()).filter(|at| all[*at].streams.contains(&stream)).collect();
        Self { by_stream: (0..streams).map(of).collect(), all }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that a stream's records save; none of what is no stream of messages.
    pub(crate) fn of(&self, stream: usize) -> &[usize] {
        self.by_stream.get(stream).map_or(&[], Vec::as_slice)
    }
}

/// Who saves a state.
#[derive(Debug, Default)]
struct Savers {
    streams: BTreeSet<usize>,
    /// None where it is not among the state's keys as it is.
    key: Option<Vec<(usize, Type)>>,
    depth: usize,
}

/// The streams whose records save a state, be it through values of others that have ended; none where records of a
/// subscription do, which have no partition of their own.
fn savers(plan: &Plan, state: StateId) -> Option<Savers> {
    let mut found = Savers::default();
    let (mut open, mut seen) = (vec![(state, 0)], BTreeSet::new());
    while let Some((own, depth)) = open.pop() {
        if !seen.insert(own) {
            continue;
        }
        found.depth = found.depth.max(depth);
        for pipeline in plan.pipelines.iter().filter(|pipeline| saves(pipeline, own)) {
            if own == state {
                found.key = found.key.or_else(|| key_in(pipeline, own));
            }
            for input in &pipeline.inputs {
                match input.from {
                    // What comes back from a retry topic is as old as it is: how far its source is says the source's topic.
                    InputSource::Source(source) if returns(plan, source) => {}
                    InputSource::Source(source) => drop(found.streams.insert(source.index())),
                    InputSource::Expired(other) => open.push((other, depth + 1)),
                    InputSource::Subscription(_) => return None,
                }
            }
        }
    }
    Some(found)
}

/// Whether a source reads a retry topic.
fn returns(plan: &Plan, source: SourceId) -> bool {
    plan.sources.get(source.index()).is_some_and(|source| returned_of(plan, source).is_some())
}

/// The streams whose records save a state; empty where it cannot be said which time their partitions have reached.
pub(super) fn saving_streams(plan: &Plan, state: StateId) -> Vec<usize> {
    savers(plan, state).map(|savers| savers.streams.into_iter().collect()).unwrap_or_default()
}

fn saves(pipeline: &Pipeline, state: StateId) -> bool {
    let mut saves = false;
    uses::each_step(&pipeline.body.steps, &mut |step| {
        saves |= match &step.kind {
            StepKind::Unique { marks, .. } => *marks == state,
            StepKind::Save { handle, .. } => {
                let handle = pipeline.handles.get(handle.index());
                handle.is_some_and(|handle| handle.target == HandleTarget::State(state))
            }
            _ => false,
        };
    });
    saves
}

/// Where a pipeline's partition key stands among the keys of a state that it saves, and the types of its parts.
fn key_in(pipeline: &Pipeline, state: StateId) -> Option<Vec<(usize, Type)>> {
    let mut handles = pipeline.handles.iter().filter(|handle| handle.target == HandleTarget::State(state));
    let positions = handles.find_map(|handle| key_positions(pipeline, handle))?;
    let ty = |slot: &nsf_plan::SlotId| pipeline.slots.get(slot.index()).map(|slot| slot.ty.clone());
    positions.into_iter().zip(&pipeline.key).map(|(at, slot)| Some((at, ty(slot)?))).collect()
}

/// What keeps a plan from being run: values whose end nobody could tell the time of.
pub(super) fn refused(plan: &Plan) -> Vec<BuildError> {
    let mut errors = Vec::new();
    for pipeline in &plan.pipelines {
        let what = pipeline.inputs.iter().find_map(|input| {
            let InputSource::Expired(state) = input.from else { return None };
            match savers(plan, state) {
                None => Some("a flow `from expired` a state that is saved by what a subscription tells"),
                Some(savers) if savers.key.is_none() && !savers.streams.is_empty() => {
                    Some("a flow `from expired` a state whose keys hold its source's key only by way of another field")
                }
                Some(_) => None,
            }
        });
        errors.extend(what.map(|what| BuildError::not_run(plan, &pipeline.name, pipeline.origin, what)));
    }
    errors
}

impl Expiring {
    /// The lane of a row by its key.
    fn lane(&self, shape: &StateShape, key: &[u8], lanes: u16) -> u16 {
        let (mut rest, mut parts) = (key, Vec::new());
        for ty in &shape.keys {
            // A key that was read from the store is whole.
            parts.extend(read_part(ty, &mut rest));
        }
        let mut bytes = Vec::new();
        for (at, ty) in &self.key {
            if let Some(part) = parts.get(*at) {
                write_cell_part(ty, part, &mut bytes);
            }
        }
        if self.key.is_empty() { 0 } else { lane_of(&bytes, lanes) }
    }
}

impl Run {
    /// Says to the lanes how far partitions were before a round, where the run is not shared.
    pub(super) fn tell_watermarks(&mut self) {
        if self.core.expiring.is_empty() || self.core.shared.store.lanes().is_some() {
            return;
        }
        let reached = self.progress.partitions.iter().map(|(partition, progress)| (*partition, progress.watermark));
        let reached: hashbrown::HashMap<(usize, u32), i64> = reached.collect();
        self.lanes.iter_mut().for_each(|lane| lane.watermarks.clone_from(&reached));
    }

    /// Finds when the stored values end, where the store keeps no ends: reads all rows of the states that it is told of.
    pub(super) fn find_ends(&mut self) -> Result<(), RunError> {
        let Core { expiring, shared, lanes: count, .. } = &self.core;
        for own in &expiring.all {
            let shape = &shared.states[own.state.index()];
            let (prefix, lanes) = (shape.number.to_be_bytes(), &mut self.lanes);
            let read = shared.store.scan(StoreTable::State, &prefix, &mut |key, value| {
                let key = &key[prefix.len()..];
                // A damaged row is told of by whoever uses it.
                let Ok(row) = Row::decode(shape, key, value) else { return true };
                let lane = own.lane(shape, key, *count);
                if let Some(lane) = lanes.get_mut(usize::from(lane)) {
                    // Where a run is not shared, one partition's rows are all rows.
                    lane.states.ends.note(own.state, 0, key, row.end(shape).0);
                }
                true
            });
            read.map_err(|error| RunError::connector("store", error))?;
        }
        Ok(())
    }
}
