//! Expectations: compared with what the runs left behind, and told as differences.

use std::collections::BTreeMap;

use bumpalo::Bump;
use nsf_plan::{Origin, Plan, TestCase, TestExpectation, TestExpression, TestFeedTarget, TopicId};
use serde_json::Value as Json;

use super::{Failure, Outcome, rows::StoredRows};
use crate::{
    encode::json,
    expression::Scope,
    fault::FaultCode,
    frame::{Context, Frame, Layout},
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
            TestExpectation::Count { rejected: true, source, count, reason, origin } => {
                let actual = rejected.count(plan, *source, reason.as_deref());
                (
                    outcome.counts.then(|| count_failure("rejected", actual, *count, reason.as_deref())).flatten(),
                    *origin,
                )
            }
            TestExpectation::Count { source, count, reason, origin, .. } => {
                let actual = dropped_count(plan, outcome, *source, reason.as_deref());
                (outcome.counts.then(|| count_failure("dropped", actual, *count, reason.as_deref())).flatten(), *origin)
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

fn count_failure(what: &str, actual: u64, expected: Option<u64>, reason: Option<&str>) -> Option<String> {
    let holds = expected.map_or(actual > 0, |expected| actual == expected);
    let reason = reason.map(|reason| format!(" \"{reason}\"")).unwrap_or_default();
    let expected = expected.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
    (!holds).then(|| format!("records {what}{reason}\n  found    {actual}\n  expected {expected}"))
}

fn dropped_count(plan: &Plan, outcome: &Outcome, source: Option<TestFeedTarget>, reason: Option<&str>) -> u64 {
    let wanted = source.map(|source| match source {
        TestFeedTarget::Source(id) => flows_of(plan, id),
        TestFeedTarget::Ingest(_) => Vec::new(),
    });
    let of_source = |flow: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(flow));
    let late: u64 = match (source, reason) {
        (_, Some(reason)) if reason != "late" => 0,
        _ => outcome.summary.sources.iter().map(|source| source.late).sum(),
    };
    let dropped =
        outcome.dropped.iter().filter(|((flow, why), _)| of_source(flow) && reason.is_none_or(|reason| reason == why));
    dropped.map(|(_, count)| *count).sum::<u64>() + late
}

fn flows_of(plan: &Plan, source: nsf_plan::SourceId) -> Vec<String> {
    let reads =
        |pipeline: &&nsf_plan::Pipeline| pipeline.inputs.iter().any(|input| input.from.source() == Some(source));
    plan.pipelines.iter().filter(reads).map(|pipeline| pipeline.name.clone()).collect()
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

    fn count(&self, plan: &Plan, source: Option<TestFeedTarget>, reason: Option<&str>) -> u64 {
        let name = source.and_then(|source| match source {
            TestFeedTarget::Source(id) => plan.sources.get(id.index()).map(|source| source.name.as_str()),
            TestFeedTarget::Ingest(id) => plan.ingests.get(id.index()).map(|ingest| ingest.name.as_str()),
        });
        let matches = |record: &&Json| {
            name.is_none_or(|name| record["source"] == name) && reason.is_none_or(|reason| record["reason"] == reason)
        };
        self.records.iter().filter(matches).count() as u64
    }

    /// What went wrong with records, for the reader of a failure; written rules reject on purpose and are left out.
    fn lines(&self) -> Vec<String> {
        let by_fault = |record: &&Json| record["code"] != FaultCode::Rule.id();
        let text = |record: &Json, name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let line =
            |record: &Json| format!("{}: {} {}", text(record, "place"), text(record, "code"), text(record, "reason"));
        self.records.iter().filter(by_fault).map(line).collect()
    }
}

fn published_failure(plan: &Plan, outcome: &Outcome, topic: TopicId, expected: &[String]) -> Option<String> {
    let name = plan.topics.get(topic.index()).map_or("", |topic| topic.connector.name.as_str());
    let found = outcome.memory.published(name);
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
