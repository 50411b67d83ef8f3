//! Takes the typed program apart into nodes, and joins them.

use nsf_plan as plan;
use nsf_plan::{Guarantee, Late, PipelineId, TopicId, Type};
use petgraph::graph::NodeIndex;

use super::record::RecordAt;
use super::{Dag, DimensionNode, Edge, EdgeKind, Node, flow, key_text, number};
use crate::model::{Placed, Program};

/// The graph of a program. An incomplete program gives the graph of what was understood.
#[must_use]
pub fn build(program: Program) -> Dag {
    let mut dag = Dag {
        project: program.project,
        files: program.files,
        flows: program.flows,
        places: program.steps,
        definitions: program.definitions,
        kept_forever: program.kept_forever,
        loops_allowed: program.loops_allowed,
        unclear_keys: program.unclear_keys,
        tests: program.tests,
        complete: program.complete,
        ..Dag::default()
    };
    dag.index.tenants = nodes(&mut dag, program.tenants, Node::Tenant);
    dag.index.mappings = nodes(&mut dag, program.mappings, |part| Node::Mapping(Box::new(part)));
    dag.index.topics = nodes(&mut dag, program.topics, Node::Topic);
    dag.index.sources = nodes(&mut dag, program.sources, |part| Node::Source(Box::new(part)));
    dag.index.ingests = nodes(&mut dag, program.ingests, |part| Node::Ingest(Box::new(part)));
    dag.index.tables = nodes(&mut dag, program.tables, |part| Node::Table(Box::new(part)));
    dag.index.states = nodes(&mut dag, program.states, |part| Node::State(Box::new(part)));
    dag.index.spaces = nodes(&mut dag, program.spaces, Node::Space);
    dag.index.primaries = nodes(&mut dag, program.primaries, Node::Primary);
    let mut places = program.dimension_fields.into_iter();
    dag.index.dimensions = nodes(&mut dag, program.dimensions, |part| {
        Node::Dimension(Box::new(DimensionNode { part, fields: places.next().unwrap_or_default() }))
    });
    dag.index.subscriptions = nodes(&mut dag, program.subscriptions, |part| Node::Subscription(Box::new(part)));
    dag.index.monitors = nodes(&mut dag, program.monitors, Node::Monitor);
    join_streams(&mut dag);
    join_ingests(&mut dag);
    join_dimensions(&mut dag);
    join_subscriptions(&mut dag);
    number::assign(&mut dag, None);
    for (index, pipeline) in program.pipelines.into_iter().enumerate() {
        flow::add(&mut dag, PipelineId(index as u32), pipeline);
    }
    dag
}

fn nodes<T>(dag: &mut Dag, parts: Vec<T>, mut node: impl FnMut(T) -> Node) -> Vec<NodeIndex> {
    parts.into_iter().map(|part| dag.graph.add_node(node(part))).collect()
}

impl Dag {
    /// Joins two nodes by an edge without a guarantee.
    pub(super) fn join(&mut self, from: NodeIndex, to: NodeIndex, kind: EdgeKind, record: RecordAt, key: Vec<String>) {
        self.graph.add_edge(from, to, Edge { kind, record, key, guarantee: None });
    }

    /// The shape of a stream's or table's record.
    pub(super) fn encoded(&mut self, encoding: &plan::Encoding) -> RecordAt {
        self.records.of(encoding.fields.iter().map(|field| (field.name.as_str(), &field.ty)))
    }

    fn join_sink(&mut self, from: NodeIndex, topic: Option<TopicId>, kind: EdgeKind, record: RecordAt) {
        if let Some(to) = topic.and_then(|topic| self.index.topics.get(topic.index()).copied()) {
            self.join(from, to, kind, record, Vec::new());
        }
    }

    fn join_read(&mut self, topic: TopicId, to: NodeIndex, record: RecordAt, key: Vec<String>) {
        if let Some(from) = self.index.topics.get(topic.index()).copied() {
            self.join(from, to, EdgeKind::Read, record, key);
        }
    }
}

/// The names of fields by index.
pub(super) fn field_names(encoding: &plan::Encoding, key: &[u32]) -> Vec<String> {
    key.iter().filter_map(|index| encoding.fields.get(*index as usize)).map(|field| field.name.clone()).collect()
}

fn join_streams(dag: &mut Dag) {
    for node in dag.index.sources.clone() {
        let Some(Node::Source(source)) = dag.graph.node_weight(node) else { continue };
        let source = source.value.clone();
        let record = dag.encoded(&source.encoding);
        let key = field_names(&source.encoding, &source.key);
        dag.join_read(source.from, node, record, key);
        let late = if let Late::Topic(topic) = source.late_else { Some(topic) } else { None };
        dag.join_sink(node, late, EdgeKind::Late, record);
        dag.join_sink(node, source.retry, EdgeKind::Retry, record);
        dag.join_sink(node, source.reject, EdgeKind::Reject, RecordAt::default());
    }
    for node in dag.index.tables.clone() {
        let Some(Node::Table(table)) = dag.graph.node_weight(node) else { continue };
        let (from, encoding, key) = (table.value.from, table.value.encoding.clone(), table.value.key.clone());
        let record = dag.encoded(&encoding);
        let key = field_names(&encoding, &key);
        dag.join_read(from, node, record, key);
    }
}

fn join_ingests(dag: &mut Dag) {
    for node in dag.index.ingests.clone() {
        let Some(Node::Ingest(ingest)) = dag.graph.node_weight(node) else { continue };
        let ingest = ingest.value.clone();
        let members = ingest.members.iter().map(|member| (member.name.as_str(), &member.ty));
        let record = dag.records.of(members);
        dag.join_read(ingest.from, node, record, Vec::new());
        dag.join_sink(node, ingest.retry, EdgeKind::Retry, record);
        dag.join_sink(node, ingest.reject, EdgeKind::Reject, RecordAt::default());
        if let Some(tenant) = dag.index.tenants.get(ingest.tenant.index()).copied() {
            dag.join(tenant, node, EdgeKind::Own, RecordAt::default(), Vec::new());
        }
        for dimension in &ingest.accept {
            let Some(to) = dag.index.dimensions.get(dimension.index()).copied() else { continue };
            let Some(target) = dag.dimension(*dimension) else { continue };
            let target = &target.part.value;
            let written = ingest.assignments.iter().filter(|assignment| assignment.dimension == *dimension);
            let fields = written.filter_map(|assignment| target.fields.get(assignment.field as usize));
            let fields: Vec<(String, Type)> = fields.map(|field| (field.name.clone(), field.ty.clone())).collect();
            let slots = ingest.all_slots();
            let values = target.keys.iter().filter_map(|(name, _)| ingest.keys.iter().find(|(key, _)| key == name));
            let values: Vec<plan::Expr> = values.map(|(_, value)| value.clone()).collect();
            let key = key_text::parts(&target.keys, &values, &slots, &[]);
            let record = dag.records.of(fields.iter().map(|(name, ty)| (name.as_str(), ty)));
            let guarantee = Some(Guarantee::EffectivelyOnce);
            dag.graph.add_edge(node, to, Edge { kind: EdgeKind::Write, record, key, guarantee });
        }
    }
}

fn join_dimensions(dag: &mut Dag) {
    let by_name: std::collections::HashMap<String, NodeIndex> = dag
        .index
        .primaries
        .iter()
        .filter_map(|node| match dag.graph.node_weight(*node) {
            Some(Node::Primary(primary)) => Some((primary.value.name.clone(), *node)),
            _ => None,
        })
        .collect();
    for node in dag.index.dimensions.clone() {
        let Some(Node::Dimension(dimension)) = dag.graph.node_weight(node) else { continue };
        let dimension = dimension.part.value.clone();
        for (name, ty) in &dimension.keys {
            if let Some(primary) = by_name.get(name) {
                let record = dag.records.of([(name.as_str(), ty)]);
                dag.join(*primary, node, EdgeKind::Identify, record, Vec::new());
            }
        }
        let record = dag.records.of(dimension.fields.iter().map(|field| (field.name.as_str(), &field.ty)));
        let key: Vec<String> = dimension.keys.iter().map(|(name, _)| name.clone()).collect();
        for space in &dimension.spaces {
            if let Some(space) = dag.index.spaces.get(space.index()).copied() {
                dag.join(node, space, EdgeKind::Store, record, key.clone());
            }
        }
    }
}

fn join_subscriptions(dag: &mut Dag) {
    for node in dag.index.subscriptions.clone() {
        let Some(Node::Subscription(subscription)) = dag.graph.node_weight(node) else { continue };
        let subscription: &Placed<plan::Subscription> = subscription;
        let subscription = subscription.value.clone();
        if let Some(tenant) = dag.index.tenants.get(subscription.tenant.index()).copied() {
            dag.join(tenant, node, EdgeKind::Own, RecordAt::default(), Vec::new());
        }
        let Some(dimension) = dag.dimension(subscription.dimension) else { continue };
        let key: Vec<String> = dimension.part.value.keys.iter().map(|(name, _)| name.clone()).collect();
        let listened = subscription.listen.iter().filter_map(|(_, field)| {
            let field = dimension.part.value.fields.get(*field as usize)?;
            Some((field.name.clone(), field.ty.clone()))
        });
        let listened: Vec<(String, Type)> = listened.collect();
        let record = dag.records.of(listened.iter().map(|(name, ty)| (name.as_str(), ty)));
        if let Some(from) = dag.index.dimensions.get(subscription.dimension.index()).copied() {
            dag.join(from, node, EdgeKind::Notify, record, key.clone());
        }
        let record = dag.records.of(published(&subscription));
        if let Some(to) = subscription.to.and_then(|topic| dag.index.topics.get(topic.index()).copied()) {
            let guarantee = Some(subscription.guarantee);
            dag.graph.add_edge(node, to, Edge { kind: EdgeKind::Publish, record, key, guarantee });
        }
    }
}

/// Names and types that a subscription publishes.
pub(super) fn published(subscription: &plan::Subscription) -> impl Iterator<Item = (&str, &Type)> {
    subscription.publish.iter().filter_map(|(name, slot)| {
        let slot = subscription.slots.get(slot.index())?;
        Some((name.as_str(), &slot.ty))
    })
}
