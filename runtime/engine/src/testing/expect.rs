//! Expectations: compared with what the runs left behind, and told as differences.

use std::collections::BTreeMap;

use bumpalo::Bump;
use nsf_plan::{Origin, Pipeline, Plan, StepKind, TestCase, TestExpectation, TestExpression, TestFeedTarget, TopicId};
use serde_json::Value as Json;

use super::{Failure, Outcome, rows::StoredRows};
use crate::{
    encode::json,
    expression::Scope,
    fault::FaultCode,
    frame::{Context, Frame, Layout},
    stable,
    store::{Store, StoreTable},
};

/// What did not hold.
pub(super) fn failures(plan: &Plan, case: &TestCase, outcome: &Outcome, under: Option<&str>) -> Vec<Failure> {
    let rejected = Rejected::read(outcome);
    let failure = |message: String, origin: Origin| Failure {
        under: under.map(str::to_owned),
        message,
        origin,
        rejected: rejected.lines(),
    };
    if let Some(error) = &outcome.error {
        return vec![failure(format!("the run ended early: {error}"), case.origin)];
    }
    let mut found = Vec::new();
    for expectation in &case.expect {
        let (message, origin) = match expectation {
            TestExpectation::Condition { condition, text, sides, origin } => {
                (condition_failure(plan, outcome, condition, text, sides.as_ref()), *origin)
            }
            TestExpectation::Count { rejected: rejects, source, count, reason, origin } => {
                let (what, compared, found) = if *rejects {
                    ("rejected", outcome.counts.rejected, rejected.by_reason(plan, *source))
                } else {
                    ("dropped", outcome.counts.dropped, dropped_by_reason(plan, outcome, *source))
                };
                let failure = compared.then(|| count_failure(what, &found, *count, reason.as_deref())).flatten();
                (failure, *origin)
            }
            TestExpectation::Published { topic, messages, origin } => {
                (published_failure(plan, outcome, *topic, messages), *origin)
            }
        };
        found.extend(message.map(|message| failure(message, origin)));
    }
    found
}

fn condition_failure(
    plan: &Plan,
    outcome: &Outcome,
    condition: &TestExpression,
    text: &str,
    sides: Option<&(TestExpression, TestExpression)>,
) -> Option<String> {
    match value(plan, outcome, condition) {
        Ok(value) if value == "true" => None,
        Err(why) => Some(format!("`{text}` could not be computed: {why}")),
        Ok(_) => {
            let shown = sides
                .and_then(|(left, right)| Some((value(plan, outcome, left).ok()?, value(plan, outcome, right).ok()?)));
            Some(match shown {
                Some((left, right)) => format!("`{text}` does not hold\n  found    {left}\n  expected {right}"),
                None => format!("`{text}` does not hold"),
            })
        }
    }
}

/// The JSON form of an expression over stored rows.
fn value(plan: &Plan, outcome: &Outcome, expression: &TestExpression) -> Result<String, String> {
    let layout = Layout::new(&expression.slots);
    let scope = Scope { plan, slots: &expression.slots, layout: &layout, handles: &expression.handles };
    let code = scope.any_value(&expression.value).map_err(|error| error.message)?;
    let rows = StoredRows::read(plan, &expression.handles, outcome.memory.store());
    let (arena, frame) = (Bump::new(), Frame::new(&layout));
    let value = code.value(&Context { frame: &frame, arena: &arena, rows: &rows });
    let value = value.map_err(|fault| fault.message.into_string())?;
    let mut text = Vec::new();
    json::write_value(&expression.value.ty, value, &mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// How many records ended for each reason.
type ByReason = BTreeMap<String, u64>;

fn count_failure(what: &str, found: &ByReason, expected: Option<u64>, reason: Option<&str>) -> Option<String> {
    let counted = found.iter().filter(|(why, _)| reason.is_none_or(|reason| reason == *why));
    let actual: u64 = counted.map(|(_, count)| count).sum();
    if expected.map_or(actual > 0, |expected| actual == expected) {
        return None;
    }
    let wanted = reason.map(|reason| format!(" \"{reason}\"")).unwrap_or_default();
    let expected = expected.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
    let mut text = format!("records {what}{wanted}\n  found    {actual}\n  expected {expected}");
    if !found.is_empty() {
        text.push_str(&format!("\n  {what} were"));
        text.extend(found.iter().map(|(why, count)| format!("\n    {count} \"{why}\"")));
    }
    Some(text)
}

fn dropped_by_reason(plan: &Plan, outcome: &Outcome, of: Option<TestFeedTarget>) -> ByReason {
    let streams = streams(plan, of);
    let sources = plan.sources.iter().map(|source| (source.id.as_str(), source.name.as_str()));
    let ingests = plan.ingests.iter().map(|ingest| (ingest.id.as_str(), ingest.name.as_str()));
    let names: BTreeMap<u32, &str> = sources.chain(ingests).map(|(id, name)| (stable::number(id), name)).collect();
    let mut found = ByReason::new();
    for ((stream, reason), count) in &outcome.dropped {
        let name = names.get(stream).copied().unwrap_or_default();
        if of.is_none() || streams.iter().any(|stream| stream == name) {
            *found.entry(reason.clone()).or_default() += count;
        }
    }
    found
}

/// The names of a stream and of those that the compiler made where its records go on behind a `repartition by`.
fn streams(plan: &Plan, of: Option<TestFeedTarget>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    match of {
        Some(TestFeedTarget::Source(id)) => names.extend(plan.sources.get(id.index()).map(|own| own.name.clone())),
        Some(TestFeedTarget::Ingest(id)) => names.extend(plan.ingests.get(id.index()).map(|own| own.name.clone())),
        None => {}
    }
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let mut sent = Vec::new();
        for pipeline in plan.pipelines.iter().filter(|pipeline| reads(plan, pipeline, &name)) {
            pipeline.body.walk(&mut |step| {
                if let StepKind::ExpandTopic(expand) = &step.kind {
                    sent.push(expand.topic);
                }
            });
        }
        let goes_on = |source: &&nsf_plan::Source| {
            sent.contains(&source.from) && plan.topics.get(source.from.index()).is_some_and(|topic| topic.internal)
        };
        for source in plan.sources.iter().filter(goes_on) {
            if !names.contains(&source.name) {
                names.push(source.name.clone());
            }
        }
    }
    names
}

fn reads(plan: &Plan, pipeline: &Pipeline, stream: &str) -> bool {
    let sources = pipeline.inputs.iter().filter_map(|input| input.from.source());
    sources.filter_map(|id| plan.sources.get(id.index())).any(|source| source.name == stream)
}

/// Rejected records as they are stored.
struct Rejected {
    records: Vec<Json>,
}

impl Rejected {
    fn read(outcome: &Outcome) -> Self {
        let mut records = Vec::new();
        // A store in memory can always be read.
        let _ = outcome.memory.store().scan(StoreTable::Rejected, &[], &mut |_, value| {
            records.extend(serde_json::from_slice::<Json>(value).ok());
            true
        });
        Self { records }
    }

    fn by_reason(&self, plan: &Plan, of: Option<TestFeedTarget>) -> ByReason {
        let streams = streams(plan, of);
        let mut found = ByReason::new();
        for record in &self.records {
            let source = record["source"].as_str().unwrap_or_default();
            if of.is_none() || streams.iter().any(|stream| stream == source) {
                *found.entry(record["reason"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
        found
    }

    /// What went wrong with records, for the reader of a failure; written rules reject on purpose and are left out.
    fn lines(&self) -> Vec<String> {
        let by_fault = |record: &&Json| record["code"] != FaultCode::Rule.id();
        let text = |record: &Json, name: &str| record[name].as_str().unwrap_or_default().to_owned();
        // What a source itself rejects has no step, and so no line.
        let place = |record: &Json| match text(record, "place") {
            place if place.is_empty() => text(record, "source"),
            place => place,
        };
        let line = |record: &Json| format!("{}: {} {}", place(record), text(record, "code"), text(record, "reason"));
        self.records.iter().filter(by_fault).map(line).collect()
    }
}

fn published_failure(plan: &Plan, outcome: &Outcome, topic: TopicId, expected: &[String]) -> Option<String> {
    let connector = &plan.topics.get(topic.index())?.connector;
    let name = if connector.name.is_empty() { &connector.kind } else { &connector.name };
    let found = outcome.memory.published(connector);
    let expected: Vec<Json> = expected.iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
    let parsed: Vec<(Vec<u8>, Json)> =
        found.into_iter().map(|(key, message)| (key, published(plan, topic, &message))).collect();
    if same_per_key(&parsed, &expected) {
        return None;
    }
    let lines = |messages: &mut dyn Iterator<Item = String>| {
        let text: Vec<String> = messages.map(|message| format!("    {message}")).collect();
        if text.is_empty() { "    nothing".to_owned() } else { text.join("\n") }
    };
    let found = lines(&mut parsed.iter().map(|(_, message)| message.to_string()));
    let expected = lines(&mut expected.iter().map(Json::to_string));
    Some(format!("published to `{name}`\n  found\n{found}\n  expected\n{expected}"))
}

/// A message as the test writes it: of a subscription what it publishes, else as it is.
fn published(plan: &Plan, topic: TopicId, message: &[u8]) -> Json {
    let message = serde_json::from_slice(message).unwrap_or_default();
    crate::subscription::plain(plan, topic, &message).unwrap_or(message)
}

/// Whether exactly the expected messages were published, those of one key in their order.
fn same_per_key(found: &[(Vec<u8>, Json)], expected: &[Json]) -> bool {
    if found.len() != expected.len() {
        return false;
    }
    // Each found message takes the first expected one that it is and that no other took; of one key these must rise.
    let mut taken = vec![false; expected.len()];
    let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (key, message) in found {
        let from = if key.is_empty() { 0 } else { last.get(key.as_slice()).map_or(0, |at| at + 1) };
        let at = (from..expected.len()).find(|at| !taken[*at] && agrees(message, &expected[*at]));
        let Some(at) = at else { return false };
        taken[at] = true;
        last.insert(key, at);
    }
    true
}

/// Whether a message has the expected members; others are not looked at. A number written otherwise is the same.
fn agrees(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| agrees(found, value)))
        }
        (Json::Array(found), Json::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| agrees(found, expected))
        }
        (Json::Number(found), Json::Number(expected)) => {
            found == expected || (found.as_f64().is_some() && found.as_f64() == expected.as_f64())
        }
        _ => found == expected,
    }
}
