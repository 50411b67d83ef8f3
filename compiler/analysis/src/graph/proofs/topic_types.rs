//! Types across topics: what one flow sends to a topic and another stream of the project reads must agree.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{
    Coerce, Expr, Format, IngestId, RecordField, Source, SourceId, StepKind, Subscription, SubscriptionId, TopicExpand,
    TopicId, Type,
};

use super::short;
use crate::graph::Dag;
use crate::model::Placed;
use crate::types::relation;

/// What reads a topic.
#[derive(Clone, Copy)]
enum Reader {
    Source(SourceId),
    Ingest(IngestId),
}

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    let mut readers: HashMap<TopicId, Vec<Reader>> = HashMap::new();
    for index in 0..dag.index.sources.len() as u32 {
        let Some(source) = dag.source(SourceId(index)) else { continue };
        let internal = dag.topic(source.value.from).is_none_or(|topic| topic.value.internal);
        if !internal && source.value.encoding.format == Format::Json {
            readers.entry(source.value.from).or_default().push(Reader::Source(SourceId(index)));
        }
    }
    for index in 0..dag.index.ingests.len() as u32 {
        let Some(ingest) = dag.ingest(IngestId(index)) else { continue };
        readers.entry(ingest.value.from).or_default().push(Reader::Ingest(IngestId(index)));
    }
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            let StepKind::ExpandTopic(expand) = &step.kind else { return };
            let Some(place) = dag.place(&step.id) else { return };
            for reader in readers.get(&expand.topic).into_iter().flatten() {
                found.extend(disagreement(dag, expand, *reader, place.target));
            }
        });
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let Some(subscription) = dag.subscription(SubscriptionId(index)) else { continue };
        let Some(topic) = subscription.value.to else { continue };
        for reader in readers.get(&topic).into_iter().flatten() {
            found.extend(told(dag, subscription, topic, *reader));
        }
    }
}

/// Members of a subscription's message.
const TOLD: [&str; 10] =
    ["version", "nsf_id", "topic", "app_id", "dim", "arris_id", "action", "time", "fields", "extra_args"];

/// A source that reads the messages of a subscription as if they were plain records.
fn told(dag: &Dag, subscription: &Placed<Subscription>, topic: TopicId, reader: Reader) -> Option<Diagnostic> {
    let Reader::Source(id) = reader else { return None };
    let source = dag.source(id)?;
    let topic = &dag.topic(topic)?.value.connector.name;
    let missing = source.value.encoding.fields.iter().find(|field| {
        let optional = field.ty.is_nullable() || field.default.is_some();
        let first = field.path.first().map_or("", String::as_str);
        !optional && !first.starts_with('$') && !TOLD.contains(&first)
    })?;
    let (member, name) = (missing.path.join("."), short(&source.value.name));
    let subscriber = short(&subscription.value.name);
    let text = format!("messages of `{subscriber}` to `{topic}` have no member `{member}`, but `{name}` reads it");
    Some(
        Diagnostic::new(&codes::E0401, subscription.name, text)
            .secondary(source.name, format!("`{name}` needs `{member}: {}`", missing.ty))
            .note("they follow the subscription protocol: what is published stands in `fields`")
            .help(format!("read the subscription itself: `flow … from {subscriber}`")),
    )
}

fn disagreement(dag: &Dag, expand: &TopicExpand, reader: Reader, at: Location) -> Option<Diagnostic> {
    let Type::Record(sent) = &expand.message.ty else { return None };
    let topic = &dag.topic(expand.topic)?.value.connector.name;
    match reader {
        Reader::Source(id) => {
            let source = dag.source(id)?;
            let differences: Vec<Difference> = source
                .value
                .encoding
                .fields
                .iter()
                .filter_map(|field| difference(field, sent, expand.key.as_ref(), &source.value))
                .collect();
            words(at, topic, source, &differences)
        }
        Reader::Ingest(id) => {
            let ingest = dag.ingest(id)?;
            let missing = envelope(sent)?;
            let name = short(&ingest.value.name);
            let text = format!(
                "messages to `{topic}` have no `{missing}`, but ingest `{name}` reads them by the ingest protocol"
            );
            Some(
                Diagnostic::new(&codes::E0401, at, text)
                    .secondary(ingest.name, "read here")
                    .help("send the whole envelope: `version`, `arris_id` and `arris_message { time, cmd, fields }`")
                    .help("or write the dimension at once: `expand DIMENSION { … }`"),
            )
        }
    }
}

/// The first member of the ingest protocol's envelope that a message has not.
fn envelope(sent: &[(String, Type)]) -> Option<&'static str> {
    let member = |name: &str| sent.iter().find(|(sent, _)| sent == name).map(|(_, ty)| ty.non_null());
    if let Some(missing) = ["version", "arris_id"].into_iter().find(|name| member(name).is_none()) {
        return Some(missing);
    }
    match member("arris_message") {
        Some(Type::Record(inner)) => {
            let has = |name: &str| inner.iter().any(|(member, _)| member == name);
            ["cmd", "fields"].into_iter().find(|name| !has(name))
        }
        Some(Type::Json) => None,
        _ => Some("arris_message"),
    }
}

/// A field of the reader that a message does not fit.
struct Difference {
    /// The member's name.
    member: String,
    /// As it is read.
    read: Type,
    /// As it is sent; none where it is not.
    sent: Option<Type>,
}

fn difference(field: &RecordField, sent: &[(String, Type)], key: Option<&Expr>, source: &Source) -> Option<Difference> {
    let optional = field.ty.is_nullable() || field.default.is_some();
    let lenient = source.encoding.coerce == Coerce::Lenient;
    let member = field.path.join(".");
    if let [only] = field.path.as_slice()
        && only.starts_with('$')
    {
        // Headers and places are given by the channel; of the key, its type is known.
        return match (only.as_str(), key) {
            ("$key", Some(key)) if !agrees(&key.ty, &field.ty, lenient) => {
                Some(Difference { member: "$key".to_owned(), read: field.ty.clone(), sent: Some(key.ty.clone()) })
            }
            _ => None,
        };
    }
    let mut at: Option<&Type> = None;
    let mut members = sent;
    for name in &field.path {
        at = members.iter().find(|(member, _)| member == name).map(|(_, ty)| ty);
        members = match at.map(Type::non_null) {
            Some(Type::Record(inner)) => inner,
            // What is in a JSON value is known only when it is there.
            Some(Type::Json) => return None,
            _ => &[],
        };
    }
    match at {
        None if optional => None,
        Some(ty)
            if agrees(ty, &field.ty, lenient)
                || (field.default.is_some() && agrees(ty.non_null(), &field.ty, lenient)) =>
        {
            None
        }
        sent => Some(Difference { member, read: field.ty.clone(), sent: sent.cloned() }),
    }
}

/// Whether a value that is sent as one type can always be read as another.
fn agrees(sent: &Type, read: &Type, lenient: bool) -> bool {
    if sent.is_nullable() && !read.is_nullable() && *read != Type::Json {
        return false;
    }
    match (sent.non_null(), read.non_null()) {
        // Any value is JSON, and what JSON holds is known only at run time.
        (_, Type::Json) | (Type::Json, _) => true,
        (Type::Select(sent), read) => agrees(sent, read, lenient),
        (sent, Type::Select(read)) => agrees(sent, read, lenient),
        (
            Type::List(sent) | Type::Set(sent) | Type::Multi(sent),
            Type::List(read) | Type::Set(read) | Type::Multi(read),
        ) => agrees(sent, read, lenient),
        (Type::Map(_, sent), Type::Map(_, read)) => agrees(sent, read, lenient),
        (Type::Record(sent), Type::Record(read)) => {
            read.iter().all(|(name, read)| match sent.iter().find(|(member, _)| member == name) {
                Some((_, sent)) => agrees(sent, read, lenient),
                None => read.is_nullable(),
            })
        }
        (sent, Type::List(read)) if lenient => agrees(sent, read, lenient),
        (sent, read) => relation::widens(sent, read) || (lenient && (is_scalar(sent) && is_scalar(read))),
    }
}

/// Whether a lenient stream converts it.
const fn is_scalar(ty: &Type) -> bool {
    matches!(ty, Type::Integer(_) | Type::Float32 | Type::Float64 | Type::Decimal | Type::Text | Type::Bool)
}

fn words(at: Location, topic: &str, source: &Placed<Source>, differences: &[Difference]) -> Option<Diagnostic> {
    let name = short(&source.value.name);
    let first = differences.first()?;
    let text = match &first.sent {
        Some(sent) => {
            format!("`{}` is sent to `{topic}` as {sent}, but `{name}` reads it as {}", first.member, first.read)
        }
        None => format!("messages to `{topic}` have no `{}`, but `{name}` reads it", first.member),
    };
    let label = match &first.sent {
        Some(_) => format!("`{name}` reads `{}: {}`", first.member, first.read),
        None => format!("`{name}` needs `{}: {}`", first.member, first.read),
    };
    let mut diagnostic = Diagnostic::new(&codes::E0401, at, text).secondary(source.name, label);
    for other in differences.iter().skip(1) {
        diagnostic = diagnostic.note(match &other.sent {
            Some(sent) => format!("`{}` too is sent as {sent} and read as {}", other.member, other.read),
            None => format!("there is no `{}` either, read as {}", other.member, other.read),
        });
    }
    Some(match &first.sent {
        Some(sent)
            if sent.is_nullable() && !first.read.is_nullable() && relation::widens(sent.non_null(), &first.read) =>
        {
            diagnostic.help(format!("read it as `{}?`, or send a value that is never null", first.read))
        }
        Some(sent) => diagnostic.help(format!("read it as `{sent}`, or convert it where it is sent")),
        None => diagnostic.help(format!("send it, or read it as `{}?`", first.read)),
    })
}
