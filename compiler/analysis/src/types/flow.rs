//! Flows: what they read, and flows that read flows.

use std::collections::HashMap;

use nsf_diagnostics::Location;
use nsf_plan as plan;
use nsf_plan::{Expr, ExprKind, HandleTarget, Input, InputSource, SlotId, StateId, Step, StepKind, Type};
use nsf_syntax::ast::{self, Flow, Item, ItemKind, Name};
use smol_str::SmolStr;

use super::expression::{STACK_LEFT, STACK_MORE};
use super::pipeline::{Builder, patch_nested};
use super::subscription::is_stream;
use super::unit::Scope;
use super::{Checker, Global, message as words, relation, step_message as message};
use crate::model::{FlowInfo, StepPlace};
use crate::names::{ItemRef, Resolution, item_name};

/// A flow with its index and the flows that read it.
struct Node<'a> {
    item: ItemRef,
    flow: &'a Flow,
    children: Vec<usize>,
}

/// The fields of a stream: names, types and where they are declared.
pub(super) struct Stream {
    pub(super) from: InputSource,
    name: String,
    pub(super) fields: Vec<(String, Type)>,
    key: Vec<String>,
    /// Names of fields that could not be understood.
    broken: Vec<SmolStr>,
}

/// The slot that an expression gives unchanged.
fn slot_of(expression: &Expr) -> Option<SlotId> {
    match &expression.kind {
        ExprKind::Slot(slot) => Some(*slot),
        ExprKind::Widen(inner) | ExprKind::NonNull(inner) => slot_of(inner),
        _ => None,
    }
}

impl<'a> Checker<'a> {
    pub(super) fn flows(&mut self) {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let mut by_item: HashMap<ItemRef, usize> = HashMap::new();
        for item in self.items(|kind| matches!(kind, ItemKind::Flow(_))) {
            let ItemKind::Flow(flow) = &self.names.item(item).kind else { continue };
            let index = nodes.len();
            by_item.insert(item, index);
            self.globals.insert(item, Global::Flow(index as u32));
            self.program.flows.push(FlowInfo {
                name: self.names.full_name(item),
                location: self.at(item.module, flow.name.span),
                item: self.at(item.module, self.names.item(item).span),
                pipeline: None,
                steps: Vec::new(),
            });
            nodes.push(Node { item, flow, children: Vec::new() });
        }
        let roots = self.link(&mut nodes, &by_item);
        let mut seen = vec![false; nodes.len()];
        for (root, streams) in roots {
            if !self.goes_on() {
                return;
            }
            self.root(&nodes, root, streams, &mut seen);
        }
        self.expired_flows(&nodes, &mut seen);
        self.cycles(&nodes, &seen, &by_item);
    }

    /// Builds the flows that read ended values of states. After the others: the steps that save a state may give its keys
    /// their types, and say which of them are the partition key. Such a flow may itself save what another reads.
    fn expired_flows(&mut self, nodes: &[Node<'a>], seen: &mut [bool]) {
        let mut open: Vec<usize> = (0..nodes.len()).filter(|index| nodes[*index].flow.expired.is_some()).collect();
        while !open.is_empty() {
            let saved = open.iter().position(|index| {
                let (module, name) = (nodes[*index].item.module, nodes[*index].flow.from.first());
                name.is_some_and(|name| match self.names.lookup(module, &name.text) {
                    Resolution::Item(item) => matches!(
                        self.globals.get(&item),
                        Some(Global::State(id)) if self.partition_key(*id).is_some()
                    ),
                    _ => false,
                })
            });
            let index = open.remove(saved.unwrap_or(0));
            if let Some(stream) = self.expired_stream(&nodes[index]) {
                self.root(nodes, index, vec![stream], seen);
            }
        }
    }

    /// The keys of a state that are the partition key of a flow that saves it: its values end where they were saved.
    fn partition_key(&self, state: StateId) -> Option<Vec<String>> {
        let keys = &self.program.states[state.index()].value.keys;
        self.program.pipelines.iter().find_map(|pipeline| {
            let pipeline = &pipeline.value;
            let mut saved = None;
            pipeline.body.walk(&mut |step| {
                if let StepKind::Save { handle, .. } = &step.kind
                    && let Some(own) = pipeline.handles.get(handle.index())
                    && own.target == HandleTarget::State(state)
                {
                    saved = saved.or(Some(own));
                }
            });
            let saved = saved?;
            let name = |slot: &SlotId| {
                let at = saved.keys.iter().position(|key| slot_of(key) == Some(*slot))?;
                keys.get(at).map(|(name, _)| name.clone())
            };
            pipeline.key.iter().map(name).collect()
        })
    }

    /// Finds what each flow reads: streams make it a root, a flow makes it a child.
    fn link(&mut self, nodes: &mut [Node<'a>], by_item: &HashMap<ItemRef, usize>) -> Vec<(usize, Vec<Stream>)> {
        let mut roots = Vec::new();
        for index in 0..nodes.len() {
            let (item, flow) = (nodes[index].item, nodes[index].flow);
            if flow.expired.is_some() {
                continue;
            }
            let mut streams = Vec::new();
            let mut parents = Vec::new();
            let mut complete = true;
            for name in &flow.from {
                if name.text == "expired" && matches!(self.names.lookup(item.module, "expired"), Resolution::Unknown) {
                    let location = self.at(item.module, name.span);
                    self.diagnostics.push(words::expired_of_nothing(location));
                    complete = false;
                    continue;
                }
                if self.is_state_as_stream(item.module, name) {
                    complete = false;
                    continue;
                }
                let found = self.named_item(item.module, name, "source, flow or subscription", is_stream);
                match found.map(|found| if found == item { self.namesake(item).unwrap_or(item) } else { found }) {
                    None => complete = false,
                    Some(found) => match by_item.get(&found) {
                        Some(parent) => parents.push(*parent),
                        None => match self.stream(found) {
                            Some(stream) => streams.push(stream),
                            None => complete = false,
                        },
                    },
                }
            }
            match (parents.as_slice(), streams.is_empty()) {
                _ if !complete => {}
                ([parent], true) => nodes[*parent].children.push(index),
                ([], false) => roots.push((index, streams)),
                _ => {
                    let location = self.at(item.module, flow.name.span);
                    let text = "only sources and subscriptions can be merged, not flows".to_owned();
                    let help = "merge the sources, or let both flows send to one topic and read that";
                    self.diagnostics.push(message::merge(location, text).help(help));
                }
            }
        }
        roots
    }

    /// Flows that no root leads to, though all they read was found: they read themselves.
    fn cycles(&mut self, nodes: &[Node<'a>], seen: &[bool], by_item: &HashMap<ItemRef, usize>) {
        for (index, node) in nodes.iter().enumerate() {
            let mut at = index;
            for _ in 0..nodes.len() {
                let [name] = nodes[at].flow.from.as_slice() else { break };
                let crate::names::Resolution::Item(parent) = self.names.lookup(nodes[at].item.module, &name.text)
                else {
                    break;
                };
                let Some(parent) = by_item.get(&parent) else { break };
                at = *parent;
                if at == index && !seen[index] {
                    let location = self.at(node.item.module, node.flow.name.span);
                    self.diagnostics.push(words::recursive(location, "flow", &node.flow.name.text));
                    return;
                }
            }
        }
    }

    /// Another stream that is called like a flow, which was reported: the one that the flow itself means by the name.
    fn namesake(&self, flow: ItemRef) -> Option<ItemRef> {
        let name = item_name(self.names.item(flow))?;
        let items = &self.names.modules.get(flow.module as usize)?.ast.items;
        let is_other = |item: &Item| {
            is_stream(&item.kind) && item_name(item).is_some_and(|own| own.text == name.text && own.span != name.span)
        };
        items.iter().position(is_other).map(|index| ItemRef { item: index as u32, ..flow })
    }

    fn stream(&mut self, item: ItemRef) -> Option<Stream> {
        match *self.globals.get(&item)? {
            Global::Source(id) => {
                let source = &self.program.sources[id.index()].value;
                let fields = &source.encoding.fields;
                Some(Stream {
                    from: InputSource::Source(id),
                    name: self.short_name(item),
                    fields: fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect(),
                    key: source.key.iter().map(|index| fields[*index as usize].name.clone()).collect(),
                    broken: self.broken_fields.get(&Global::Source(id)).cloned().unwrap_or_default(),
                })
            }
            Global::Subscription(id) => {
                let dimension = self.program.subscriptions.get(id.index())?.value.dimension;
                let keys = self.program.dimensions.get(dimension.index())?.value.keys.clone();
                let slots = self.subscription_slots(dimension);
                Some(Stream {
                    from: InputSource::Subscription(id),
                    name: self.short_name(item),
                    fields: slots.into_iter().map(|slot| (slot.name, slot.ty)).collect(),
                    key: keys.into_iter().map(|(name, _)| name).collect(),
                    broken: self.broken_fields.get(&Global::Dimension(dimension)).cloned().unwrap_or_default(),
                })
            }
            _ => None,
        }
    }

    /// What a flow `from expired` a state reads; none for other flows.
    fn expired_stream(&mut self, node: &Node<'a>) -> Option<Stream> {
        node.flow.expired?;
        let (module, name) = (node.item.module, node.flow.from.first()?);
        let Global::State(id) = self.named_settings(module, name, ast::SettingsKeyword::State)? else { return None };
        let state = &self.program.states[id.index()].value;
        let keys = state.keys.clone();
        let fields = state.fields.iter().map(|field| (field.name.clone(), field.ty.clone()));
        Some(Stream {
            from: InputSource::Expired(id),
            name: name.text.to_string(),
            fields: keys.iter().cloned().chain(fields).collect(),
            key: self.partition_key(id).unwrap_or_else(|| keys.into_iter().map(|(name, _)| name).collect()),
            broken: self.broken_fields.get(&Global::State(id)).cloned().unwrap_or_default(),
        })
    }

    fn short_name(&self, item: ItemRef) -> String {
        let name = self.names.full_name(item);
        name.rsplit('.').next().unwrap_or(&name).to_owned()
    }

    /// Builds the pipeline of a flow that reads streams.
    fn root(&mut self, nodes: &[Node<'a>], index: usize, streams: Vec<Stream>, seen: &mut [bool]) {
        let node = &nodes[index];
        let name = self.names.full_name(node.item);
        let mut builder = Builder::new(node.item.module, name, index);
        self.inputs(&mut builder, &streams, node);
        self.program.flows[index].pipeline = Some(self.next_pipeline());
        let (name, item) = (self.program.flows[index].location, self.program.flows[index].item);
        let steps = self.flow_steps(nodes, index, 0, &mut builder, seen);
        self.finish(builder, steps, name, item);
    }

    /// The fields that all streams share, and the key that they agree in.
    fn inputs(&mut self, builder: &mut Builder, streams: &[Stream], node: &Node<'a>) {
        let module = node.item.module;
        let (shared, differing) = self.shared_fields(streams, node);
        differing.iter().for_each(|name| builder.scope.fail(name));
        self.of_one_stream = streams
            .iter()
            .filter(|_| streams.len() > 1)
            .flat_map(|stream| stream.fields.iter().map(|(name, _)| (name.as_str().into(), stream.name.clone())))
            .collect();
        for (name, ty) in &shared {
            let slot = builder.field(name, ty);
            builder.scope.add(name.as_str(), slot, None, false);
            self.check_field_name(module, name, self.at(module, node.flow.name.span));
        }
        for name in streams.iter().flat_map(|stream| &stream.broken) {
            builder.scope.fail(name);
        }
        let merged = streams.len() > 1;
        for stream in streams {
            self.stream_symbols(builder, stream);
            let mut fields = Vec::with_capacity(shared.len());
            for (index, (name, _)) in stream.fields.iter().enumerate() {
                if let Some(variable) = builder.scope.variable(name) {
                    fields.push((index as u32, variable.slot));
                }
            }
            let record = Type::Record(stream.fields.clone());
            let record = if merged { record.nullable() } else { record };
            let slot = builder.unit.slot(&stream.name, record);
            let symbol = self.stream_symbol(stream.from);
            self.is_symbol(&mut builder.unit, slot, symbol);
            if builder.scope.variable(&stream.name).is_none() {
                builder.scope.add(stream.name.as_str(), slot, None, true);
            }
            builder.inputs.push(Input { from: stream.from, fields, record: Some(slot) });
        }
        let first = &streams[0];
        let unclear = streams.iter().any(|stream| self.has_unclear_key(stream.from));
        if let Some(other) = streams.iter().find(|other| other.key != first.key && !unclear) {
            let location = self.at(module, node.flow.name.span);
            let show = |stream: &Stream| match stream.key.as_slice() {
                [] => format!("`{}` has none", stream.name),
                key => format!("`{}` has `{}`", stream.name, key.join(", ")),
            };
            let text = "merged streams must have the same key".to_owned();
            self.diagnostics.push(message::merge(location, text).note(format!("{}, {}", show(first), show(other))));
        }
        builder.key =
            first.key.iter().filter_map(|name| builder.scope.variable(name).map(|variable| variable.slot)).collect();
    }

    /// The fields that all streams share, and those that they have under one name with different types.
    fn shared_fields(&mut self, streams: &[Stream], node: &Node<'a>) -> (Vec<(String, Type)>, Vec<String>) {
        let (mut shared, mut differing) = (Vec::new(), Vec::new());
        for (name, ty) in &streams[0].fields {
            let others = streams[1..].iter().map(|stream| stream.fields.iter().find(|(other, _)| other == name));
            let mut common = Some(ty.clone());
            for (index, other) in others.enumerate() {
                common = match (common, other) {
                    (Some(common), Some((_, other))) if common == *other => Some(common),
                    (Some(common), Some((_, other))) => {
                        let span = node.flow.from.get(index + 1).map_or(node.flow.name.span, |stream| stream.span);
                        let location = self.at(node.item.module, span);
                        let first = &streams[0].name;
                        let text = format!(
                            "field `{name}` is {} in `{first}` and {} in `{}`",
                            relation::show(&common),
                            relation::show(other),
                            streams[index + 1].name
                        );
                        let help = "merged streams share the fields that have one name and one type in all of them";
                        self.diagnostics.push(message::merge(location, text).help(help));
                        differing.push(name.clone());
                        None
                    }
                    _ => None,
                };
            }
            shared.extend(common.map(|ty| (name.clone(), ty)));
        }
        (shared, differing)
    }

    /// The steps of a flow from one on, and of the flows that read it.
    fn flow_steps(
        &mut self,
        nodes: &[Node<'a>],
        index: usize,
        from: usize,
        builder: &mut Builder,
        seen: &mut [bool],
    ) -> Vec<Step> {
        seen[index] = true;
        let node = &nodes[index];
        let mut steps = Vec::new();
        for (at, step) in node.flow.body.steps.iter().enumerate().skip(from) {
            builder.outermost = true;
            if let Some(label) = &step.label {
                self.label(builder, label, steps.len() as u32);
            }
            if let ast::StepKind::Repartition(keys) = &step.kind {
                let Some(mut next) = self.cut(builder, keys, step, &mut steps) else { continue };
                let rest = self.flow_steps(nodes, index, at + 1, &mut next, seen);
                let (name, item) = (self.program.flows[index].location, self.program.flows[index].item);
                self.finish(next, rest, name, item);
                return steps;
            }
            self.flow_step(builder, step, &mut steps);
        }
        self.children(nodes, index, builder, seen, &mut steps);
        steps
    }

    fn children(
        &mut self,
        nodes: &[Node<'a>],
        index: usize,
        builder: &mut Builder,
        seen: &mut [bool],
        steps: &mut Vec<Step>,
    ) {
        for child in &nodes[index].children {
            let node = &nodes[*child];
            let name = self.names.full_name(node.item);
            let scope = builder.scope.clone();
            let outer = (builder.module, builder.flow.clone(), builder.index, std::mem::take(&mut builder.jumps));
            let labels = std::mem::take(&mut builder.labels);
            (builder.module, builder.flow, builder.index) = (node.item.module, name.clone(), *child);
            self.program.flows[*child].pipeline = Some(self.next_pipeline());
            let mut body =
                stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.flow_steps(nodes, *child, 0, builder, seen));
            self.check_labels(builder);
            patch_nested(&mut body, &builder.jumps);
            let origin = self.origin(node.item.module, node.flow.name.span);
            (builder.module, builder.flow, builder.index, builder.jumps) = outer;
            builder.labels = labels;
            builder.scope = scope;
            let kind = StepKind::Flow { name: name.clone(), body: plan::Block { steps: body } };
            let id = format!("{}/flow.{name}", builder.flow);
            let location = self.program.flows[*child].location;
            let place = StepPlace { location, target: location, parts: Vec::new(), keyword: "flow" };
            self.program.steps.insert(id.clone(), place);
            steps.push(Step { id, kind, origin });
        }
    }

    /// A label of the outermost block: jumps before it meet here.
    fn label(&mut self, builder: &mut Builder, label: &Name, target: u32) {
        let location = self.at(builder.module, label.span);
        builder.labels.push((label.text.clone(), location));
        match builder.jumps.iter_mut().find(|jump| jump.label == label.text) {
            Some(jump) if jump.target.is_some() => {
                let first = jump.label_at.unwrap_or(jump.at);
                let text = format!("label `{}` is there twice", label.text);
                self.diagnostics.push(message::label(location, text).secondary(first, "first given here"));
            }
            Some(jump) => {
                jump.target = Some(target);
                jump.label_at = Some(location);
                let scopes = std::mem::take(&mut jump.scopes);
                builder.scope = scopes.into_iter().fold(builder.scope.clone(), |scope, other| meet(&scope, &other));
            }
            None => builder.jumps.push(super::pipeline::Jump {
                label: label.text.clone(),
                at: location,
                scopes: Vec::new(),
                target: Some(target),
                label_at: Some(location),
                named: false,
            }),
        }
    }

    /// A field may not be named like a state, table, dimension or module in use.
    pub(super) fn check_field_name(&mut self, module: u32, name: &str, location: Location) -> bool {
        use crate::names::Resolution;
        match self.names.lookup(module, name) {
            Resolution::Item(item) if self.is_row_item(item) => {
                let what = crate::names::item_word(self.names.item(item));
                let declared = self.names.location(item);
                self.diagnostics.push(message::field_name_taken(location, name, what, declared));
                false
            }
            Resolution::Module(_) => {
                self.diagnostics.push(message::field_name_taken(location, name, "module", location));
                false
            }
            _ => true,
        }
    }
}

/// The record's fields in scope, each once.
pub fn record_fields(scope: &Scope) -> Vec<(String, SlotId)> {
    let mut fields: Vec<(String, SlotId)> = Vec::new();
    for variable in scope.variables.iter().filter(|variable| !variable.local) {
        match fields.iter_mut().find(|(name, _)| *name == variable.name) {
            Some(field) => field.1 = variable.slot,
            None => fields.push((variable.name.to_string(), variable.slot)),
        }
    }
    fields
}

/// What is in scope where two ways meet.
#[must_use]
pub fn meet(left: &Scope, right: &Scope) -> Scope {
    Scope {
        variables: left
            .variables
            .iter()
            .filter(|variable| right.variable(&variable.name).is_some_and(|other| other.slot == variable.slot))
            .cloned()
            .collect(),
        rows: left
            .rows
            .iter()
            .filter(|row| right.rows.iter().any(|other| other.handle == row.handle))
            .cloned()
            .collect(),
        known: left.known.intersection(&right.known).cloned().collect(),
        broken: left.broken.iter().chain(&right.broken).cloned().collect(),
        open: left.open || right.open,
    }
}
