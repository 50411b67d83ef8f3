//! Lowering: the plan is put together from the graph's nodes and from nothing else, in the order of its lists.

use std::fmt::Write;

use nsf_diagnostics::{Diagnostic, SourceMap, Span, codes};
use nsf_plan as plan;
use nsf_plan::{Plan, SourceText, Step, StepKind};
use petgraph::graph::NodeIndex;
use sha2::{Digest, Sha256};

use crate::check::STACK;
use crate::graph::{Dag, Node};

/// The plan of a graph. The same program gives the same plan on every machine.
#[must_use]
pub fn lower(dag: &Dag, sources: &SourceMap) -> Plan {
    stacker::maybe_grow(STACK, STACK, || lower_here(dag, sources))
}

fn lower_here(dag: &Dag, sources: &SourceMap) -> Plan {
    let mut plan = Plan::new(dag.project.as_str());
    plan.files = dag
        .files
        .iter()
        .map(|file| SourceText {
            path: file.path.clone(),
            sha256: sources.get(file.file).map_or_else(String::new, |text| sha256(&text.text)),
        })
        .collect();
    let index = &dag.index;
    let lists = [
        &index.tenants,
        &index.mappings,
        &index.topics,
        &index.sources,
        &index.ingests,
        &index.tables,
        &index.states,
        &index.spaces,
        &index.primaries,
        &index.dimensions,
        &index.subscriptions,
        &index.flows,
        &index.monitors,
    ];
    for node in lists.into_iter().flatten() {
        add(&mut plan, dag, *node);
    }
    plan
}

fn add(plan: &mut Plan, dag: &Dag, node: NodeIndex) {
    match dag.graph.node_weight(node) {
        Some(Node::Tenant(part)) => plan.tenants.push(part.value.clone()),
        Some(Node::Mapping(part)) => plan.mappings.push(part.value.clone()),
        Some(Node::Topic(part)) => {
            let mut topic = part.value.clone();
            if topic.internal {
                // Projects share clusters, and may have flows of the same name.
                topic.connector.name = format!("{}.{}", dag.project, topic.connector.name);
            }
            plan.topics.push(topic);
        }
        Some(Node::Source(part)) => plan.sources.push(part.value.clone()),
        Some(Node::Ingest(part)) => plan.ingests.push(part.value.clone()),
        Some(Node::Table(part)) => plan.tables.push(part.value.clone()),
        Some(Node::State(part)) => plan.states.push(part.value.clone()),
        Some(Node::Space(part)) => plan.spaces.push(part.value.clone()),
        Some(Node::Primary(part)) => plan.primaries.push(part.value.clone()),
        Some(Node::Dimension(part)) => plan.dimensions.push(part.part.value.clone()),
        Some(Node::Subscription(part)) => plan.subscriptions.push(part.value.clone()),
        Some(Node::Monitor(part)) => plan.monitors.push(part.value.clone()),
        Some(Node::Flow(flow)) => {
            let mut pipeline = flow.part.value.clone();
            pipeline.body = plan::Block { steps: steps(dag, &flow.steps) };
            plan.pipelines.push(pipeline);
        }
        // Steps are taken in by their flows.
        Some(Node::Step(_)) | None => {}
    }
}

/// Steps with the steps of nested flows put back.
fn steps(dag: &Dag, nodes: &[NodeIndex]) -> Vec<Step> {
    let whole = |node: &NodeIndex| {
        let node = dag.step(*node)?;
        let mut step = node.step.clone();
        if let StepKind::Flow { body, .. } = &mut step.kind {
            body.steps = steps(dag, &node.steps);
        }
        Some(step)
    };
    nodes.iter().filter_map(whole).collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The plan's own contradictions as diagnostics. There are none unless a pass is wrong, and then the program is not
/// run: the message says where it was found and asks for a report.
#[must_use]
pub fn contradictions(plan: &Plan, dag: &Dag, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for problem in plan.problems() {
        let origin = problem.origin.unwrap_or_default();
        let file = dag.files.get(origin.file as usize).map(|file| file.file).unwrap_or_default();
        let line =
            sources.get(file).map_or_else(Span::default, |text| text.line_span((origin.line as usize).max(1) - 1));
        let text = format!("the compiler made a plan that contradicts itself: {problem}");
        found.push(
            Diagnostic::new(&codes::E0416, line.in_file(file), text)
                .note("this is a mistake of the compiler and not of the program")
                .help("report it with the lines around this place; writing them another way may help meanwhile"),
        );
    }
    found
}
