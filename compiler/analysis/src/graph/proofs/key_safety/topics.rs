//! Keys across topics: what is sent to a topic that a flow reads is spread by the key that the reader relies on.

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::{Diagnostic, Location};
use nsf_plan::connector::descriptor;
use nsf_plan::{Expr, ExprKind, InputSource, SourceId, Step, StepKind, TopicExpand, TopicId, Type};

use super::words;
use crate::graph::proofs::replay_safety::is_unstable;
use crate::graph::proofs::{key, list, short};
use crate::graph::{Dag, key_text};

pub(super) fn prove(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let readers = readers(dag);
    for (_, flow) in dag.pipelines() {
        let pipeline = &flow.part.value;
        dag.walk(flow, &mut |_, step: &Step| {
            let StepKind::ExpandTopic(expand) = &step.kind else { return };
            let Some(reader) = readers.get(&expand.topic) else { return };
            let Some(place) = dag.place(&step.id) else { return };
            let written = |value: &Expr| key_text::part(value, &pipeline.slots, &pipeline.handles);
            found.extend(check(dag, expand, reader, place.target, &written));
        });
    }
}

/// A source whose topic flows write, and whether the flows that read it keep state.
struct Reader {
    source: SourceId,
    stateful: bool,
}

/// For each topic that the project both reads by a flow and writes: a source that reads it, one with state first.
fn readers(dag: &Dag) -> HashMap<TopicId, Reader> {
    let mut read: HashMap<SourceId, bool> = HashMap::new();
    for (_, flow) in dag.pipelines() {
        for input in &flow.part.value.inputs {
            if let InputSource::Source(id) = input.from {
                *read.entry(id).or_default() |= flow.part.value.stateful;
            }
        }
    }
    let mut sources: Vec<(SourceId, bool)> = read.into_iter().collect();
    sources.sort_unstable();
    let mut readers: HashMap<TopicId, Reader> = HashMap::new();
    for (id, stateful) in sources {
        let Some(source) = dag.source(id) else { continue };
        let Some(topic) = dag.topic(source.value.from) else { continue };
        let keyed = descriptor(&topic.value.connector.kind).is_some_and(|found| found.keyed);
        if topic.value.internal || !topic.value.written || !keyed {
            continue;
        }
        let known = readers.entry(source.value.from).or_insert(Reader { source: id, stateful });
        if stateful && !known.stateful {
            *known = Reader { source: id, stateful };
        }
    }
    readers
}

fn check(
    dag: &Dag,
    expand: &TopicExpand,
    reader: &Reader,
    at: Location,
    written: &impl Fn(&Expr) -> String,
) -> Option<Diagnostic> {
    let source = dag.source(reader.source)?;
    let topic = &dag.topic(expand.topic)?.value.connector.name;
    let fields = &source.value.encoding.fields;
    let parts: Vec<String> =
        source.value.key.iter().filter_map(|part| Some(fields.get(*part as usize)?.name.clone())).collect();
    let name = short(&source.value.name);
    let Some(given) = &expand.key else {
        let text = format!("messages to `{topic}` are sent without a key, and `{name}` reads them");
        let label = if parts.is_empty() { "read here".to_owned() } else { format!("its key is {}", key(&parts)) };
        let example = parts.first().map_or("…", String::as_str);
        let help = format!("say how they are spread and ordered: `key: {example}`");
        let diagnostic = words::message_key(at, text, source, label).help(help);
        return Some(words::offer_key(
            diagnostic,
            at,
            parts.first().and_then(|part| sent_as(&expand.message, part)).map(written),
        ));
    };
    if !reader.stateful || source.value.key.is_empty() {
        return None;
    }
    // Messages of equal keys must go to one partition: so their key may be made of the parts of the reader's key only.
    let members: HashSet<String> =
        source.value.key.iter().filter_map(|part| fields.get(*part as usize)?.path.first().cloned()).collect();
    // A part that is the message's own key follows it by itself.
    if members.iter().any(|member| member.starts_with('$')) || follows(given, &expand.message, &members) {
        return None;
    }
    let text = format!(
        "messages to `{topic}` are spread by {}, but `{name}` keeps state by {}: two workers could write one key at once",
        list(&[written(given)]),
        list(&parts)
    );
    let label = format!("its key is {}", key(&parts));
    let help = format!("send them with `key: {}`, or change the key of `{name}`", parts.join(", "));
    Some(words::message_key(at, text, source, label).help(help))
}

/// The value that a message sends under a name.
fn sent_as<'message>(message: &'message Expr, name: &str) -> Option<&'message Expr> {
    let (ExprKind::Record(values), Type::Record(types)) = (&message.kind, &message.ty) else { return None };
    types.iter().zip(values).find(|((sent, _), _)| sent == name).map(|(_, value)| value)
}

/// Whether a message's key is a function of the members that are the reader's key.
fn follows(key: &Expr, message: &Expr, members: &HashSet<String>) -> bool {
    let (ExprKind::Record(values), Type::Record(types)) = (&message.kind, &message.ty) else { return true };
    let sent = types.iter().zip(values).filter(|((name, _), _)| members.contains(name));
    let sent: Vec<Expr> = sent.map(|(_, value)| plain(value)).collect();
    let key = plain(key);
    let mut open = vec![&key];
    while let Some(value) = open.pop() {
        if sent.contains(value) {
            continue;
        }
        match &value.kind {
            ExprKind::Slot(_) | ExprKind::Loaded(..) | ExprKind::Exists(_) | ExprKind::Now | ExprKind::Match(..) => {
                return false;
            }
            ExprKind::Call(signature, _) if is_unstable(signature) => return false,
            _ => open.extend(value.children()),
        }
    }
    true
}

/// An expression without places and without widening, so that equal values are equal.
fn plain(value: &Expr) -> Expr {
    value.clone().map(&mut |part| {
        part.origin = None;
        while let ExprKind::Widen(inner) | ExprKind::NonNull(inner) = &mut part.kind {
            *part = std::mem::replace(inner, Expr::bool(false));
        }
    })
}
