//! What a test feeds, and the ways in which laws feed it again.

use std::collections::HashMap;

use nsf_plan::{Plan, Source, TestCase, TestFeedTarget};
use serde_json::Value as Json;

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
    message: Fed,
}

/// A message as it would arrive: what `given` writes for `$key`, `$key.id` and `$timestamp` stands around the message,
/// and headers under `$header`, where a test's sources read them.
fn message(text: &str) -> Fed {
    let mut fed = Fed { order: 0, offset: 0, bytes: text.as_bytes().to_vec(), key: Vec::new(), timestamp: None };
    let Ok(Json::Object(mut members)) = serde_json::from_str(text) else { return fed };
    if !members.keys().any(|name| name.starts_with('$')) {
        return fed;
    }
    let around: Vec<String> = members.keys().filter(|name| name.starts_with('$')).cloned().collect();
    let (mut key, mut headers) = (serde_json::Map::new(), serde_json::Map::new());
    for name in around {
        let Some(value) = members.remove(&name) else { continue };
        if name == "$key" {
            fed.key = value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes();
        } else if let Some(path) = name.strip_prefix("$key.") {
            put(&mut key, path, value);
        } else if let Some(header) = name.strip_prefix("$header.") {
            headers.insert(header.to_owned(), value);
        } else if name == "$timestamp" {
            fed.timestamp = value.as_str().and_then(crate::instant::parse_timestamp);
        }
    }
    if !key.is_empty() {
        fed.key = Json::Object(key).to_string().into_bytes();
    }
    if !headers.is_empty() {
        members.insert(HEADERS.to_owned(), Json::Object(headers));
    }
    fed.bytes = Json::Object(members).to_string().into_bytes();
    fed
}

/// The member under which a test's message carries its headers.
const HEADERS: &str = "$header";

fn put(object: &mut serde_json::Map<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => drop(object.insert(path.to_owned(), value)),
        Some((name, rest)) => {
            let inner = object.entry(name).or_insert_with(|| Json::Object(serde_json::Map::new()));
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Lets a test's source read a header where [`message`] puts it.
pub(super) fn header_member(path: &mut Vec<String>) {
    if let [part] = path.as_slice()
        && let Some(header) = part.strip_prefix("$header.")
    {
        *path = vec![HEADERS.to_owned(), header.to_owned()];
    }
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
        let given = |text: &String| Given { stream: stream.clone(), source, message: message(text) };
        all.extend(feed.messages.iter().map(given));
    }
    all
}

fn numbered(all: Vec<Given>) -> Feed {
    let mut feed = Feed::default();
    for (order, given) in all.into_iter().enumerate() {
        let stream = feed.streams.entry(given.stream).or_default();
        let offset = stream.len() as u64 + 1;
        stream.push(Fed { order, offset, ..given.message });
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
            let repeat = |fed: &Fed| Fed { order: last + fed.order, offset: offset(fed, length), ..fed.clone() };
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
    let mut marks: Vec<Mark> = all.iter().map(|given| mark(plan, given)).collect();
    pin_late(&mut marks);
    (1..=ORDERS).map(|seed| numbered(order(&all, &marks, seed))).collect()
}

/// What decides how a record may move.
struct Mark {
    /// Stream and key; records of one partition key keep their order unless `late` lets them move.
    key: String,
    time: Option<i64>,
    late: i64,
    /// It is late in the order of the test, so it stays behind what made it so.
    pinned: bool,
}

/// Finds the records that come later than `late` allows already.
fn pin_late(marks: &mut [Mark]) {
    let mut latest: HashMap<String, i64> = HashMap::new();
    for mark in marks.iter_mut().filter(|mark| mark.late > 0) {
        let Some(time) = mark.time else { continue };
        let latest = latest.entry(stream_of(mark).to_owned()).or_insert(i64::MIN);
        mark.pinned = time < latest.saturating_sub(mark.late);
        *latest = (*latest).max(time);
    }
}

fn mark(plan: &Plan, given: &Given) -> Mark {
    let record: Json = serde_json::from_slice(&given.message.bytes).unwrap_or_default();
    let Some(source) = given.source.and_then(|source| plan.sources.get(source)) else {
        // An ingest's fields are ordered by their time, so its messages may come in any order.
        return Mark { key: format!("{}\u{0}{record}", given.stream), time: None, late: 0, pinned: false };
    };
    let at = |index: u32| member(source, index, &record);
    let key: Vec<String> = source.key.iter().map(|index| at(*index).to_string()).collect();
    let time = source.time.and_then(|index| at(index).as_str().and_then(crate::instant::parse_timestamp));
    let key = if source.key.is_empty() { String::new() } else { key.join("\u{0}") };
    let around = String::from_utf8_lossy(&given.message.key);
    let key = format!("{}\u{0}{key}\u{0}{around}", given.stream);
    Mark { key, time, late: source.late.unwrap_or(0), pinned: false }
}

fn member(source: &Source, index: u32, record: &Json) -> Json {
    let Some(field) = source.encoding.fields.get(index as usize) else { return Json::Null };
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
    if own.pinned {
        return before.iter().all(|other| stream_of(&marks[*other]) != stream_of(own));
    }
    let movable = own.late > 0 && own.time.is_some();
    if !movable {
        let same = before.iter().any(|other| marks[*other].key == own.key);
        let late = own.late > 0;
        return !same && !late || before.is_empty();
    }
    let reached = latest.get(stream_of(own)).copied().unwrap_or(i64::MIN).max(own.time.unwrap_or(i64::MIN));
    // Whoever comes later must not be behind by more than `late`, unless it was so in the order of the test.
    left.iter()
        .filter(|other| {
            let mark = &marks[**other];
            **other != record && !mark.pinned && stream_of(mark) == stream_of(own)
        })
        .all(|other| marks[*other].time.is_none_or(|time| reached.saturating_sub(time) <= own.late))
}
