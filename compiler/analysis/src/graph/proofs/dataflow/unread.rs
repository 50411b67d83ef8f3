//! What is looked up or sent, and nobody reads: rows that a step loads, and members of messages to streams of the project.

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::{Diagnostic, codes};
use nsf_plan::{Expr, ExprKind, Format, HandleId, Missing, SourceId, StepKind, TopicId, Type};

use crate::graph::{Dag, FlowNode};

pub(super) fn prove(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let read = members(dag);
    for (_, flow) in dag.pipelines() {
        loads(dag, flow, found);
        messages(dag, flow, &read, found);
    }
}

/// Loads whose row no expression reads. One with `else` ends a record where there is no row, and so has an effect.
fn loads(dag: &Dag, flow: &FlowNode, found: &mut Vec<Diagnostic>) {
    let mut read: HashSet<HandleId> = HashSet::new();
    let mut note = |expression: &Expr| {
        expression.walk(&mut |part| {
            if let ExprKind::Loaded(handle, _) | ExprKind::Exists(handle) = &part.kind {
                read.insert(*handle);
            }
        });
    };
    dag.walk(flow, &mut |_, step| step.kind.expressions().into_iter().for_each(&mut note));
    flow.part.value.handles.iter().flat_map(|handle| &handle.keys).for_each(&mut note);
    dag.walk(flow, &mut |_, step| {
        let StepKind::Load { handle, missing: Missing::Null } = &step.kind else { return };
        let (Some(place), false) = (dag.place(&step.id), read.contains(handle)) else { return };
        let Some(row) = flow.part.value.handles.get(handle.index()) else { return };
        let text = format!("`{}` is loaded, but nothing reads it", row.name);
        let help = "read its fields, or take the step out: each record pays for it with a look-up";
        found.push(Diagnostic::new(&codes::W0411, place.target, text).help(help));
    });
}

/// Of each topic that only sources with records of their own read, the members that they name.
fn members(dag: &Dag) -> HashMap<TopicId, HashSet<&str>> {
    let mut read: HashMap<TopicId, HashSet<&str>> = HashMap::new();
    let mut others: HashSet<TopicId> = HashSet::new();
    for index in 0..dag.index.sources.len() as u32 {
        let Some(source) = dag.source(SourceId(index)) else { continue };
        let encoding = &source.value.encoding;
        if encoding.format != Format::Json {
            others.insert(source.value.from);
        }
        let names = encoding.fields.iter().filter_map(|field| field.path.first()).map(String::as_str);
        read.entry(source.value.from).or_default().extend(names);
    }
    for index in 0..dag.index.ingests.len() as u32 {
        others.extend(dag.ingest(nsf_plan::IngestId(index)).map(|ingest| ingest.value.from));
    }
    read.retain(|topic, _| !others.contains(topic) && dag.topic(*topic).is_some_and(|own| !own.value.internal));
    read
}

/// Members of messages that no stream of the project reads, where one reads the topic.
fn messages(dag: &Dag, flow: &FlowNode, read: &HashMap<TopicId, HashSet<&str>>, found: &mut Vec<Diagnostic>) {
    dag.walk(flow, &mut |_, step| {
        let StepKind::ExpandTopic(expand) = &step.kind else { return };
        let (Some(names), Type::Record(members)) = (read.get(&expand.topic), &expand.message.ty) else { return };
        let Some(place) = dag.place(&step.id) else { return };
        let unread = members.iter().enumerate().filter(|(_, (name, _))| !names.contains(name.as_str()));
        let unread: Vec<(usize, &str)> = unread.map(|(index, (name, _))| (index, name.as_str())).collect();
        for (index, name) in unread {
            let part = place.parts.get(index).filter(|_| place.parts.len() == members.len());
            let topic = dag.topic(expand.topic).map_or("", |topic| topic.value.connector.name.as_str());
            let text = format!("`{name}` is sent to `{topic}`, and no stream of the project that reads it takes it");
            let help = "take it out, or add it to the `record` of the source that reads the topic";
            let at = part.copied().unwrap_or(place.target);
            found.push(Diagnostic::new(&codes::W0408, at, text).help(help));
        }
    });
}
