//! What a test feeds, and the ways in which laws feed it again.

use std::collections::HashMap;

use nsf_plan::{Plan, Source, TestCase, TestFeedTarget};

use super::memory::Fed;

/// Messages by the name of their stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    pub streams: HashMap<String, Vec<Fed>>,
}

/// One message of `given` with its stream.
#[derive(Clone)]
struct Given {
    stream: String,
    source: Option<usize>,
    bytes: Vec<u8>,
}

fn given(plan: &Plan, case: &TestCase) -> Vec<Given> {
    let mut all = Vec::new();
    for feed in &case.given {
        let (stream, source) = match feed.to {
            TestFeedTarget::Source(id) => {
                (plan.sources.get(id.index()).map(|source| source.name.clone()), Some(id.index()))
            }
            TestFeedTarget::Ingest(id) => (plan.ingests.get(id.index()).map(|ingest| ingest.name.clone()), None),
        };
        let Some(stream) = stream else { continue };
        let message = |text: &String| Given { stream: stream.clone(), source, bytes: text.clone().into_bytes() };
        all.extend(feed.messages.iter().map(message));
    }
    all
}

fn numbered(all: Vec<Given>) -> Feed {
    let mut feed = Feed::default();
    for (order, given) in all.into_iter().enumerate() {
        let stream = feed.streams.entry(given.stream).or_default();
        let offset = stream.len() as u64 + 1;
        stream.push(Fed { order, offset, bytes: given.bytes });
    }
    feed
}

/// The messages in the order of the test.
pub(super) fn plain(plan: &Plan, case: &TestCase) -> Feed {
    numbered(given(plan, case))
}

impl Feed {
    /// Every message delivered again at its own offset, after all of its stream.
    pub(super) fn duplicated(&self) -> Self {
        self.again(|fed, _| fed.offset)
    }

    /// Every message sent again, at a new offset.
    pub(super) fn resent(&self) -> Self {
        self.again(|fed, length| fed.offset + length)
    }

    fn again(&self, offset: impl Fn(&Fed, u64) -> u64) -> Self {
        let last = self.streams.values().flatten().map(|fed| fed.order + 1).max().unwrap_or(0);
        let mut again = self.clone();
        for stream in again.streams.values_mut() {
            let length = stream.len() as u64;
            let repeat =
                |fed: &Fed| Fed { order: last + fed.order, offset: offset(fed, length), bytes: fed.bytes.clone() };
            let repeats: Vec<Fed> = stream.iter().map(repeat).collect();
            stream.extend(repeats);
        }
        again
    }
}

/// How many other orders `shuffle` tries.
const ORDERS: u64 = 12;

/// Other orders in which the records might have come: those of different keys in any order, those of one key only as
/// far as their source's `late` allows.
pub(super) fn shuffled(plan: &Plan, case: &TestCase, _: &Feed) -> Vec<Feed> {
    let all = given(plan, case);
    let marks: Vec<Mark> = all.iter().map(|given| mark(plan, given)).collect();
    (1..=ORDERS).map(|seed| numbered(order(&all, &marks, seed))).collect()
}

/// What decides how a record may move.
struct Mark {
    /// Stream and key; records of one partition key keep their order unless `late` lets them move.
    key: String,
    time: Option<i64>,
    late: i64,
}

fn mark(plan: &Plan, given: &Given) -> Mark {
    let record: serde_json::Value = serde_json::from_slice(&given.bytes).unwrap_or_default();
    let Some(source) = given.source.and_then(|source| plan.sources.get(source)) else {
        // An ingest's fields are ordered by their time, so its messages may come in any order.
        return Mark { key: format!("{}{}", given.stream, record), time: None, late: 0 };
    };
    let at = |index: u32| member(source, index, &record);
    let key: Vec<String> = source.key.iter().map(|index| at(*index).to_string()).collect();
    let time = source.time.and_then(|index| at(index).as_str().and_then(crate::instant::parse_timestamp));
    let key = if source.key.is_empty() { String::new() } else { key.join("\u{0}") };
    Mark { key: format!("{}\u{0}{key}", given.stream), time, late: source.late.unwrap_or(0) }
}

fn member(source: &Source, index: u32, record: &serde_json::Value) -> serde_json::Value {
    let Some(field) = source.encoding.fields.get(index as usize) else { return serde_json::Value::Null };
    field.path.iter().try_fold(record, |value, name| value.get(name)).cloned().unwrap_or_default()
}

/// A random order that keeps the marks' rules: takes again and again one of the records that may come next.
fn order(all: &[Given], marks: &[Mark], seed: u64) -> Vec<Given> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut left: Vec<usize> = (0..all.len()).collect();
    let mut taken = Vec::with_capacity(all.len());
    let mut latest: HashMap<&str, i64> = HashMap::new();
    while !left.is_empty() {
        let free: Vec<usize> =
            (0..left.len()).filter(|at| may_come(left[*at], &left[..*at], marks, &latest, &left)).collect();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let pick = free.get((state % free.len().max(1) as u64) as usize).copied().unwrap_or(0);
        let chosen = left.remove(pick);
        if let Some(time) = marks[chosen].time {
            let latest = latest.entry(stream_of(&marks[chosen])).or_insert(i64::MIN);
            *latest = (*latest).max(time);
        }
        taken.push(all[chosen].clone());
    }
    taken
}

fn stream_of(mark: &Mark) -> &str {
    mark.key.split('\u{0}').next().unwrap_or("")
}

/// Whether a record may come before those that stand before it: not past one of its own key, unless both stay within
/// `late`; and never so that one left behind would be late.
fn may_come(record: usize, before: &[usize], marks: &[Mark], latest: &HashMap<&str, i64>, left: &[usize]) -> bool {
    let own = &marks[record];
    let movable = own.late > 0 && own.time.is_some();
    if !movable {
        let same = before.iter().any(|other| marks[*other].key == own.key);
        let late = own.late > 0;
        return !same && !late || before.is_empty();
    }
    let reached = latest.get(stream_of(own)).copied().unwrap_or(i64::MIN).max(own.time.unwrap_or(i64::MIN));
    // Whoever comes later must not be behind by more than `late`, if it was not so in the order of the test.
    left.iter()
        .filter(|other| **other != record && stream_of(&marks[**other]) == stream_of(own))
        .all(|other| marks[*other].time.is_none_or(|time| reached.saturating_sub(time) <= own.late))
}
