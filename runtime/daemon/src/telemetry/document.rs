//! Metrics and spans in the words of OTLP, as JSON: `opentelemetry-proto`, `ExportMetricsServiceRequest` and
//! `ExportTraceServiceRequest`. Whole numbers of 64 bits are texts there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nsf_engine::{run::serve::durations::BOUNDS, stable};
use serde_json::{Value, json};

use super::Span;
use crate::{
    board::Identity,
    metrics::{
        families::{Family, Kind},
        page::{Entry, Page, Points},
    },
};

/// Sums go on from one sending to the next, since the process began.
const CUMULATIVE: u8 = 2;

/// What works for nobody who asked.
const INTERNAL: u8 = 1;

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

/// Who sends.
fn resource(identity: &Identity) -> Value {
    let instance = format!("{}-{}-{}", host(), std::process::id(), identity.started);
    json!({"attributes": [
        attribute("service.name", &identity.plan),
        attribute("service.namespace", "nsflow"),
        attribute("service.version", identity.version),
        attribute("service.instance.id", &instance),
        attribute("nsflow.plan.hash", &identity.hash),
        attribute("nsflow.profile", &identity.profile),
    ]})
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    named.map_or_else(|| "host".to_owned(), |name| name.trim().to_owned())
}

fn scope(identity: &Identity) -> Value {
    json!({"name": "nsflow", "version": identity.version})
}

/// The metrics of a page.
pub fn metrics(identity: &Identity, page: &Page) -> Vec<u8> {
    let times = Times { now: nanoseconds(SystemTime::now()), started: format!("{}000000000", identity.started) };
    let metrics: Vec<Value> = page.entries().iter().filter_map(|entry| metric(entry, &times)).collect();
    let scoped = json!({"scope": scope(identity), "metrics": metrics});
    let whole = json!({"resourceMetrics": [{"resource": resource(identity), "scopeMetrics": [scoped]}]});
    whole.to_string().into_bytes()
}

struct Times {
    now: String,
    started: String,
}

/// A metric; none of which there is nothing.
fn metric(entry: &Entry, times: &Times) -> Option<Value> {
    let Family { name, kind, help, labels } = entry.family;
    let (data, shape) = match &entry.points {
        Points::Numbers(numbers) if numbers.is_empty() => return None,
        Points::Numbers(numbers) => {
            let points: Vec<Value> =
                numbers.iter().map(|(values, value)| number(labels, values, value, times)).collect();
            match kind {
                Kind::Counter => {
                    let sum = json!({"aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points});
                    ("sum", sum)
                }
                Kind::Gauge | Kind::Histogram => ("gauge", json!({"dataPoints": points})),
            }
        }
        Points::Histogram(counted) => {
            let counts: Vec<String> = counted.counts.iter().map(u64::to_string).collect();
            let point = json!({
                "startTimeUnixNano": times.started, "timeUnixNano": times.now, "count": counted.total().to_string(),
                "sum": counted.seconds, "bucketCounts": counts, "explicitBounds": BOUNDS,
            });
            ("histogram", json!({"aggregationTemporality": CUMULATIVE, "dataPoints": [point]}))
        }
    };
    Some(json!({"name": name, "description": help, data: shape}))
}

fn number(labels: &[&str], values: &[String], value: &str, times: &Times) -> Value {
    let attributes: Vec<Value> = labels.iter().zip(values).map(|(name, value)| attribute(name, value)).collect();
    let (form, number) = match value.parse::<u64>() {
        Ok(whole) => ("asInt", Value::from(whole.to_string())),
        Err(_) => ("asDouble", Value::from(value.parse::<f64>().unwrap_or_default())),
    };
    json!({"attributes": attributes, "startTimeUnixNano": times.started, "timeUnixNano": times.now, form: number})
}

/// Commits as spans: each a trace of its own.
pub fn spans(identity: &Identity, spans: &[Span]) -> Vec<u8> {
    let spans: Vec<Value> = spans.iter().map(|span| commit(identity, span)).collect();
    let scoped = json!({"scope": scope(identity), "spans": spans});
    let whole = json!({"resourceSpans": [{"resource": resource(identity), "scopeSpans": [scoped]}]});
    whole.to_string().into_bytes()
}

fn commit(identity: &Identity, Span { end, commit }: &Span) -> Value {
    let took = Duration::try_from_secs_f64(commit.milliseconds / 1000.0).unwrap_or_default();
    let begun = end.checked_sub(took).unwrap_or(*end);
    let ended = nanoseconds(*end);
    // What tells a span from all others: the process, and when and which commit it was.
    let own = format!("{} {} {} {ended} {}", host(), std::process::id(), identity.started, commit.number);
    let part = |salt: &str| format!("{:08x}", stable::number(&format!("{salt}{own}")));
    let count = |name: &str, value: u64| json!({"key": name, "value": {"intValue": value.to_string()}});
    let (trace, span) = (["a", "b", "c", "d"].map(part).concat(), ["e", "f"].map(part).concat());
    json!({
        "traceId": trace, "spanId": span,
        "name": "commit", "kind": INTERNAL, "startTimeUnixNano": nanoseconds(begun), "endTimeUnixNano": ended,
        "attributes": [
            count("nsflow.commit", commit.number), count("nsflow.records", commit.records), count("nsflow.rows", commit.rows),
        ],
    })
}
