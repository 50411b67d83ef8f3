//! Key safety: no two workers ever update one key of a state, or one row's derived fields, at once.
//!
//! Records of one partition key go to one worker. So each part of that key must reach the keys of everything that a
//! flow saves, unchanged: by origin and not by name, since a field that got another value only looks like the key
//! ([`provenance`]). And a state is saved by flows of one source, since two sources are spread over workers each in
//! its own way.

mod provenance;
mod told;
mod topics;
mod words;

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap};
use nsf_plan::{Expr, HandleTarget, InputSource, Pipeline, SourceId, StateId, Step, StepKind};

use super::short;
use crate::graph::{Dag, FlowNode, StepNode, key_text};
use provenance::Origins;
pub use told::states_of_tellings;

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    for (_, flow) in dag.pipelines().filter(|(_, flow)| !has_unclear_key(dag, flow)) {
        Flow { dag, flow, keyless: false, first_touch: first_touches(dag, flow), found }.prove();
    }
    one_source(dag, found);
    topics::prove(dag, found);
}

/// Whether the key of what a pipeline reads could not be understood, which was reported.
fn has_unclear_key(dag: &Dag, flow: &FlowNode) -> bool {
    // A `repartition` that could not be understood may give it any key.
    dag.unclear_keys.contains(&flow.part.value.name)
        || flow.part.value.inputs.iter().any(|input| match input.from {
            InputSource::Source(id) => dag.source(id).is_some_and(|source| dag.unclear_keys.contains(&source.value.id)),
            _ => false,
        })
}

/// What a save or expand writes under a key.
struct Write<'dag> {
    /// `state` or `dimension`.
    what: &'static str,
    name: &'dag str,
    declared: Location,
    names: Vec<String>,
    values: &'dag [Expr],
    /// The state, where a `repartition` before the step could mend it.
    state: Option<StateId>,
}

/// The proof of one pipeline.
struct Flow<'dag, 'found> {
    dag: &'dag Dag,
    flow: &'dag FlowNode,
    /// Whether a missing key was reported.
    keyless: bool,
    first_touch: HashMap<StateId, Location>,
    found: &'found mut Vec<Diagnostic>,
}

impl<'dag> Flow<'dag, '_> {
    fn prove(mut self) {
        let (dag, flow) = (self.dag, self.flow);
        provenance::follow(dag, flow, &mut |outer, step, origins| self.step(outer, step, origins));
    }

    fn pipeline(&self) -> &'dag Pipeline {
        &self.flow.part.value
    }

    fn step(&mut self, outer: &'dag StepNode, step: &'dag Step, origins: &Origins) {
        let Some(place) = self.dag.place(&step.id) else { return };
        let Some(write) = self.write(step) else {
            if matches!(step.kind, StepKind::Unique { .. }) && self.pipeline().key.is_empty() {
                self.no_key(place.location, "`unique` keeps marks", None);
            }
            return;
        };
        if self.pipeline().key.is_empty() {
            let what = match write.state {
                Some(_) => format!("`{}` keeps state", short(write.name)),
                None => format!("`{}` has derived fields", short(write.name)),
            };
            return self.no_key(place.target, &what, Some(&write));
        }
        let parts: Vec<usize> = (0..self.pipeline().key.len()).collect();
        let lost: Vec<usize> = parts
            .into_iter()
            .filter(|part| !write.values.iter().any(|value| origins.part_of(value) == Some(*part)))
            .collect();
        if !lost.is_empty() {
            let diagnostic = words::not_in_key(self.dag, self.flow, &write, &lost, origins, place.target);
            let before = write.state.and_then(|state| self.first_touch.get(&state).copied());
            self.found.push(words::offer_repartition(diagnostic, &write, self.pipeline(), outer, step, before));
        }
    }

    /// The state or derived fields that a step writes.
    fn write(&self, step: &'dag Step) -> Option<Write<'dag>> {
        match &step.kind {
            StepKind::Save { handle, .. } => {
                let handle = self.pipeline().handles.get(handle.index())?;
                let HandleTarget::State(id) = handle.target else { return None };
                let state = self.dag.state(id)?;
                Some(Write {
                    what: "state",
                    name: &state.value.name,
                    declared: state.name,
                    names: state.value.keys.iter().map(|(name, _)| name.clone()).collect(),
                    values: &handle.keys,
                    state: Some(id),
                })
            }
            StepKind::ExpandDimension(expand) => {
                let dimension = self.dag.dimension(expand.dimension)?;
                let fields = &dimension.part.value.fields;
                let derived = |(field, _): &(u32, Expr)| fields.get(*field as usize).is_some_and(|field| field.derived);
                expand.fields.iter().any(derived).then(|| Write {
                    what: "dimension",
                    name: &dimension.part.value.name,
                    declared: dimension.part.name,
                    names: dimension.part.value.keys.iter().map(|(name, _)| name.clone()).collect(),
                    values: &expand.keys,
                    state: None,
                })
            }
            _ => None,
        }
    }

    /// A pipeline that keeps state and whose stream has no key; reported once.
    fn no_key(&mut self, location: Location, what: &str, write: Option<&Write<'_>>) {
        if std::mem::replace(&mut self.keyless, true) {
            return;
        }
        for input in &self.pipeline().inputs {
            let InputSource::Source(id) = input.from else { continue };
            let Some(source) = self.dag.source(id) else { continue };
            self.found.push(words::no_key(location, what, source, write));
            return;
        }
    }
}

/// The first step of the flow's outermost block that touches each state: before it a `repartition` can be put.
fn first_touches(dag: &Dag, flow: &FlowNode) -> HashMap<StateId, Location> {
    let mut touches = HashMap::new();
    let own = &flow.part.value.name;
    for outer in flow.steps.iter().filter_map(|node| dag.step(*node)) {
        // A named function's steps have the place of the call, so this is where a step of the block stands.
        let Some(place) = dag.place(&outer.step.id) else { continue };
        let mut open = vec![&outer.step];
        while let Some(step) = open.pop() {
            if let StepKind::Load { handle, .. } | StepKind::Save { handle, .. } = &step.kind
                && let Some(HandleTarget::State(id)) =
                    flow.part.value.handles.get(handle.index()).map(|handle| handle.target)
                && outer.flow == *own
            {
                touches.entry(id).or_insert(place.location);
            }
            open.extend(step.kind.blocks().into_iter().flat_map(|block| &block.steps));
        }
    }
    touches
}

/// A state is saved by flows of one source, or of the same merged sources.
fn one_source(dag: &Dag, found: &mut Vec<Diagnostic>) {
    struct Saver {
        sources: Vec<(u8, u32)>,
        names: Vec<String>,
        internal: bool,
        location: Location,
    }
    let mut savers: HashMap<StateId, Vec<Saver>> = HashMap::new();
    for (_, flow) in dag.pipelines() {
        let mut sources: Vec<(u8, u32)> = flow.part.value.inputs.iter().map(|input| identity(input.from)).collect();
        sources.sort_unstable();
        let names: Vec<String> = flow.part.value.inputs.iter().map(|input| stream_name(dag, input.from)).collect();
        let from = |input: &nsf_plan::Input| dag.source(input.from.source()?).map(|source| source.value.from);
        let internal = flow.part.value.inputs.iter().filter_map(from).any(|topic| is_internal(dag, topic));
        dag.walk(flow, &mut |_, step| {
            let StepKind::Save { handle, .. } = &step.kind else { return };
            let target = flow.part.value.handles.get(handle.index()).map(|handle| handle.target);
            let Some(HandleTarget::State(id)) = target else { return };
            let Some(place) = dag.place(&step.id) else { return };
            let known = savers.entry(id).or_default();
            // Of the saves of one set of sources the first is enough.
            match known.iter_mut().find(|saver| saver.sources == sources) {
                Some(saver) => saver.location = saver.location.min(place.target),
                None => known.push(Saver {
                    sources: sources.clone(),
                    names: names.clone(),
                    internal,
                    location: place.target,
                }),
            }
        });
    }
    let mut states: Vec<(StateId, Vec<Saver>)> = savers.into_iter().filter(|(_, savers)| savers.len() > 1).collect();
    states.sort_by_key(|(id, _)| *id);
    for (id, mut savers) in states {
        let Some(state) = dag.state(id) else { continue };
        savers.sort_by_key(|saver| saver.location);
        if let [first, others @ ..] = savers.as_slice() {
            for other in others {
                let place = (other.location, first.location);
                let cut = [first, other].iter().any(|saver| saver.internal);
                // A flow from the values of a state that have ended saves that state.
                let ended = [first, other].iter().any(|saver| saver.sources.contains(&(2, id.0)));
                let name = short(&state.value.name);
                found.push(words::two_sources(name, place, &other.names, &first.names, cut, ended));
            }
        }
    }
}

const fn identity(from: InputSource) -> (u8, u32) {
    match from {
        InputSource::Source(SourceId(id)) => (0, id),
        InputSource::Subscription(id) => (1, id.0),
        InputSource::Expired(id) => (2, id.0),
    }
}

/// A stream's name as programs write it.
fn stream_name(dag: &Dag, from: InputSource) -> String {
    let name = match from {
        InputSource::Source(id) => {
            let source = dag.source(id);
            // The compiler's own source behind a `repartition` is named after its flow.
            if let Some(source) = source.filter(|source| is_internal(dag, source.value.from)) {
                let name = source.value.name.as_str();
                let flow = name.rsplit_once(".repartitioned").map_or(name, |(flow, _)| flow);
                return format!("{} repartitioned", short(flow));
            }
            source.map(|source| source.value.name.as_str())
        }
        InputSource::Subscription(id) => dag.subscription(id).map(|subscription| subscription.value.name.as_str()),
        InputSource::Expired(id) => dag.state(id).map(|state| state.value.name.as_str()),
    };
    name.map(short).unwrap_or_default().to_owned()
}

/// Whether the compiler made a topic, for `repartition by`.
fn is_internal(dag: &Dag, topic: nsf_plan::TopicId) -> bool {
    dag.topic(topic).is_some_and(|topic| topic.value.internal)
}

/// The parts of a pipeline's partition key as text.
fn partition_key(pipeline: &Pipeline) -> Vec<String> {
    let slot = |slot: &nsf_plan::SlotId| pipeline.slots.get(slot.index()).map(|slot| slot.name.clone());
    pipeline.key.iter().filter_map(slot).collect()
}

/// The parts of a written key as text.
fn written_key(pipeline: &Pipeline, write: &Write<'_>) -> Vec<String> {
    let text = |(index, value): (usize, &Expr)| {
        let written = key_text::part(value, &pipeline.slots, &pipeline.handles);
        match write.names.get(index) {
            Some(name) if *name != written => format!("{name}: {written}"),
            _ => written,
        }
    };
    write.values.iter().enumerate().map(text).collect()
}
