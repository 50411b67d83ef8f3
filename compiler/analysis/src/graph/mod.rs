//! The graph of a whole program: the one place where flows, subscriptions, ingests and topics meet.
//!
//! Its nodes own the parts of the plan: [`build()`] takes the typed program apart, [`proofs`] look at the graph and
//! note guarantees in it, [`mod@print`] shows it, and `lower` puts the plan together from its nodes and from nothing else.

mod build;
mod effects;
mod flow;
pub mod key_text;
pub mod layout;
pub mod number;
pub mod print;
pub mod proofs;
mod record;

use std::collections::{HashMap, HashSet};

use nsf_plan as plan;
use nsf_plan::{
    DimensionId, Guarantee, IngestId, MappingId, PipelineId, SourceId, SpaceId, StateId, Step, SubscriptionId, TableId,
    TenantId, TopicId,
};
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};

pub use build::build;
pub use proofs::{Proofs, prove};
pub use record::{RecordAt, Records};

use crate::model::{Definition, FieldPlace, FlowInfo, ModuleFile, Placed, StepPlace};

/// A part of the program.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Node {
    Tenant(Placed<plan::Tenant>),
    Mapping(Box<Placed<plan::Mapping>>),
    Topic(Placed<plan::Topic>),
    Source(Box<Placed<plan::Source>>),
    Ingest(Box<Placed<plan::Ingest>>),
    Table(Box<Placed<plan::Table>>),
    State(Box<Placed<plan::State>>),
    Space(Placed<plan::Space>),
    Primary(Placed<plan::Primary>),
    Dimension(Box<DimensionNode>),
    Subscription(Box<Placed<plan::Subscription>>),
    Monitor(Placed<plan::MonitorPlan>),
    /// A pipeline: a flow that reads streams, or the part behind a `repartition`.
    Flow(Box<FlowNode>),
    /// An outermost step of a flow, with what is nested in it.
    Step(Box<StepNode>),
}

/// A dimension and the places of its fields.
#[derive(Debug)]
pub struct DimensionNode {
    /// The dimension.
    pub part: Placed<plan::Dimension>,
    /// For each field its place and the number written.
    pub fields: Vec<FieldPlace>,
}

/// A pipeline; its steps are nodes of their own.
#[derive(Debug)]
pub struct FlowNode {
    /// The pipeline with an empty body.
    pub part: Placed<plan::Pipeline>,
    /// Its outermost steps.
    pub steps: Vec<NodeIndex>,
}

/// An outermost step of a flow.
#[derive(Debug)]
pub struct StepNode {
    /// The pipeline it runs in.
    pub pipeline: PipelineId,
    /// The flow whose step it is: the pipeline's own, or one that reads it.
    pub flow: String,
    /// The step; the body of a nested flow is empty, its steps are nodes.
    pub step: Step,
    /// The outermost steps of the nested flow that this is.
    pub steps: Vec<NodeIndex>,
    /// The edges of its expands, those of nested blocks included, in the order of [`plan::Block::walk`].
    pub expands: Vec<EdgeIndex>,
}

/// What goes from one part to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Messages of a topic to a source, ingest or table.
    Read,
    /// Records of a stream to a flow.
    Feed,
    /// A record to the next step.
    Next,
    /// A record over a jump.
    Jump,
    /// Rows to a step that loads them.
    Load,
    /// Changes to a state.
    Save,
    /// Marks of a `unique`.
    Mark,
    /// Fields to a dimension.
    Write,
    /// Messages to a topic.
    Publish,
    /// Changes of a dimension to a subscription.
    Notify,
    /// Ended values of a state to a flow.
    Expire,
    /// Rows of a dimension to a space.
    Store,
    /// Late records to a topic.
    Late,
    /// Records to be tried again to a topic.
    Retry,
    /// Rejected records to a topic.
    Reject,
    /// A tenant's stream.
    Own,
    /// A primary to a dimension that it identifies.
    Identify,
}

/// An edge: what goes along it, by which key, and what holds for it when a run is killed and replayed.
#[derive(Clone, Debug)]
pub struct Edge {
    /// What goes along it.
    pub kind: EdgeKind,
    /// The shape of the record or row.
    pub record: RecordAt,
    /// The key, as text: the names of its parts.
    pub key: Vec<String>,
    /// What holds for an effect.
    pub guarantee: Option<Guarantee>,
}

/// Nodes by the plan's ids.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Index {
    pub tenants: Vec<NodeIndex>,
    pub mappings: Vec<NodeIndex>,
    pub topics: Vec<NodeIndex>,
    pub sources: Vec<NodeIndex>,
    pub ingests: Vec<NodeIndex>,
    pub tables: Vec<NodeIndex>,
    pub states: Vec<NodeIndex>,
    pub spaces: Vec<NodeIndex>,
    pub primaries: Vec<NodeIndex>,
    pub dimensions: Vec<NodeIndex>,
    pub subscriptions: Vec<NodeIndex>,
    pub flows: Vec<NodeIndex>,
    pub monitors: Vec<NodeIndex>,
}

/// The graph.
#[derive(Debug, Default)]
pub struct Dag {
    /// Parts and what goes between them.
    pub graph: DiGraph<Node, Edge>,
    /// Nodes by the plan's ids.
    pub index: Index,
    /// The shapes of records on edges.
    pub records: Records,
    /// The project's name.
    pub project: String,
    /// The files; `plan::Origin::file` points here.
    pub files: Vec<ModuleFile>,
    /// Every `flow` item.
    pub flows: Vec<FlowInfo>,
    /// Place of each step by its id.
    pub places: HashMap<String, StepPlace>,
    /// Named things and whether they are used.
    pub definitions: Vec<Definition>,
    /// Names of states that say `keep: forever`.
    pub kept_forever: HashSet<String>,
    /// Ids of streams that say `loop: allowed`.
    pub loops_allowed: HashSet<String>,
    /// Ids of sources whose keys could not be understood: nothing can be proved of them.
    pub unclear_keys: HashSet<String>,
    /// `test` items; they stand beside the plan.
    pub tests: Vec<Placed<plan::TestCase>>,
    /// Whether every item was understood. Proofs of absence ("nothing reads this") wait until it is.
    pub complete: bool,
}

/// Accessors by the plan's ids; none where a program is not complete.
macro_rules! parts {
    ($($name:ident $list:ident $id:ty, $variant:ident => $part:ty;)*) => {
        impl Dag {
            $(
                #[doc = concat!("The ", stringify!($name), " of an id.")]
                #[must_use]
                pub fn $name(&self, id: $id) -> Option<&$part> {
                    match self.graph.node_weight(*self.index.$list.get(id.index())?)? {
                        Node::$variant(part) => Some(part),
                        _ => None,
                    }
                }
            )*
        }
    };
}

parts! {
    tenant tenants TenantId, Tenant => Placed<plan::Tenant>;
    mapping mappings MappingId, Mapping => Placed<plan::Mapping>;
    topic topics TopicId, Topic => Placed<plan::Topic>;
    source sources SourceId, Source => Placed<plan::Source>;
    ingest ingests IngestId, Ingest => Placed<plan::Ingest>;
    table tables TableId, Table => Placed<plan::Table>;
    state states StateId, State => Placed<plan::State>;
    space spaces SpaceId, Space => Placed<plan::Space>;
    dimension dimensions DimensionId, Dimension => DimensionNode;
    subscription subscriptions SubscriptionId, Subscription => Placed<plan::Subscription>;
    flow flows PipelineId, Flow => FlowNode;
}

impl Dag {
    /// The step of a node.
    #[must_use]
    pub fn step(&self, node: NodeIndex) -> Option<&StepNode> {
        match self.graph.node_weight(node)? {
            Node::Step(step) => Some(step),
            _ => None,
        }
    }

    /// Every pipeline with its id.
    pub fn pipelines(&self) -> impl Iterator<Item = (PipelineId, &FlowNode)> {
        (0..self.index.flows.len() as u32).filter_map(|index| {
            let id = PipelineId(index);
            Some((id, self.flow(id)?))
        })
    }

    /// Shows every step of a pipeline, outer ones before those in their blocks, in the order written.
    pub fn walk<'dag>(&'dag self, flow: &'dag FlowNode, visit: &mut impl FnMut(&'dag StepNode, &'dag Step)) {
        let mut open: Vec<NodeIndex> = flow.steps.iter().rev().copied().collect();
        while let Some(node) = open.pop() {
            let Some(outer) = self.step(node) else { continue };
            let mut steps = vec![&outer.step];
            while let Some(step) = steps.pop() {
                visit(outer, step);
                for block in step.kind.blocks().into_iter().rev() {
                    steps.extend(block.steps.iter().rev());
                }
            }
            open.extend(outer.steps.iter().rev());
        }
    }

    /// The place of a step.
    #[must_use]
    pub fn place(&self, step: &str) -> Option<&StepPlace> {
        self.places.get(step)
    }
}
