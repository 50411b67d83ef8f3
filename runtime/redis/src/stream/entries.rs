//! What Redis says of a stream, and its entries as messages.

use nsf_engine::{
    connector::{
        ConnectorError, ConnectorErrorKind as Kind, Header, KEPT_OF_OVERSIZED, LONGEST_MESSAGE, LogState, Message,
        RawBatch,
    },
    marks::{ID_HEADER, LANE_HEADER},
    timed,
};
use redis::Value;

use super::unfit;
use crate::{
    fault::{Cause, Failure, words},
    lane::{end_window, random},
    wire::{Link, Requests, bytes, text},
};

/// The field of an entry that is the record, and the one that is its key beside it.
const VALUE: &[u8] = b"value";
const KEY: &[u8] = b"key";

/// What the names of groups begin with that tell streams of one name apart.
const MARK: &str = "nsf-";

/// How many entries are asked for at once.
const ENTRIES: usize = 256;

/// An entry.
pub(super) struct Entry {
    offset: u64,
    /// Names and values.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How a stream stands. Entries are counted from the first that was ever added.
pub(super) struct Standing {
    /// Tells the stream from others of its name.
    pub(super) mark: String,
    /// Behind the last entry that was noted as taken, and how many were added up to it.
    noted: (u64, u64),
    /// How many were ever added.
    pub(super) added: u64,
    length: u64,
    /// The first that is there.
    first: Option<u64>,
    /// Behind the last that was ever added.
    last: u64,
}

impl Standing {
    /// How many are gone. Those are the first ones, unless single entries were deleted.
    pub(super) const fn removed(&self) -> u64 {
        self.added.saturating_sub(self.length)
    }

    fn log(self) -> LogState {
        // What was noted as taken may go. Beyond that it is looked at whether what was taken is there still.
        let low = if self.removed() > self.noted.1 { self.first.unwrap_or(self.last) } else { 0 };
        LogState { low, high: self.last, incarnation: self.mark, partitions: 1, timed: true, ..LogState::default() }
    }
}

/// What a look at a stream found.
pub(super) struct Look {
    /// None where there is no stream, or one that was made anew.
    pub(super) standing: Option<Standing>,
    pub(super) entries: Vec<Entry>,
    /// Whether no entries are behind these.
    pub(super) whole: bool,
}

/// What is to be known of a stream before it is read. A stream that is not there is made, without entries.
pub(super) fn state(link: &mut Link, key: &[u8], name: &str) -> Result<LogState, Failure> {
    loop {
        let mut requests = Requests::default();
        end_window(&mut requests);
        requests.command("WATCH", &[key]).command("XINFO", &[b"GROUPS", key]).command("XINFO", &[b"STREAM", key]);
        let mut replies = link.ask(&requests)?;
        let (stream, groups) = (replies.pop().unwrap_or(Value::Nil), replies.pop().unwrap_or(Value::Nil));
        replies.iter().try_for_each(|reply| link.accepted(reply))?;
        let mut removed = 0;
        if !is_absent(&groups) {
            link.accepted(&groups)?;
            link.accepted(&stream)?;
            if let Some(standing) = standing(link, &groups, &stream, name)? {
                return Ok(standing.log());
            }
            removed =
                number(link, &stream, "entries-added", name)?.saturating_sub(number(link, &stream, "length", name)?);
        }
        let (mark, removed) = (format!("{MARK}{:016x}", random()), removed.to_string());
        let mut requests = Requests::default();
        requests.command("MULTI", &[]);
        let words: [&[u8]; 7] =
            [b"CREATE", key, mark.as_bytes(), b"0", b"MKSTREAM", b"ENTRIESREAD", removed.as_bytes()];
        requests.command("XGROUP", &words);
        requests.command("EXEC", &[]);
        // Where another was quicker it is that one's; an entry that came meanwhile lets it be tried again.
        let replies = link.ask(&requests)?;
        link.is_done(replies)?;
    }
}

/// How many entries were added before an offset.
pub(super) fn ordinal(link: &mut Link, key: &[u8], name: &str, next: u64) -> Result<Option<u64>, Failure> {
    let Some(before) = read(link, key, name, next)?.standing else { return Ok(None) };
    let (from, mut count) = match before.noted {
        (noted, count) if noted <= next && before.removed() <= count => (noted, count),
        _ => (0, before.removed()),
    };
    let mut from = from;
    while from < next {
        let look = read(link, key, name, from)?;
        if look.standing.is_none_or(|now| now.removed() != before.removed()) {
            // Entries went away meanwhile: it is counted anew.
            return Ok(None);
        }
        let before = look.entries.iter().filter(|entry| entry.offset < next);
        count += before.count() as u64;
        from = match look.entries.last() {
            Some(last) if !look.whole => last.offset + 1,
            _ => next,
        };
    }
    Ok(Some(count))
}

/// Notes how far entries were taken, for people and for who trims; and so many were added up to there.
pub(super) fn note(link: &mut Link, key: &[u8], mark: &str, taken: u64, ordinal: u64) -> Result<(), Failure> {
    let entry = taken.checked_sub(1).map_or_else(|| "0-0".to_owned(), timed::name);
    let ordinal = ordinal.to_string();
    let mut requests = Requests::default();
    let words: [&[u8]; 6] = [b"SETID", key, mark.as_bytes(), entry.as_bytes(), b"ENTRIESREAD", ordinal.as_bytes()];
    requests.command("XGROUP", &words);
    // A stream that was deleted has no such group; that is seen when it is read.
    link.ask(&requests).map(drop)
}

/// How many entries there are; none where there is no stream.
pub(super) fn length(link: &mut Link, key: &[u8], name: &str) -> Result<Option<u64>, Failure> {
    let mut requests = Requests::default();
    requests.command("XINFO", &[b"STREAM", key]);
    let stream = link.ask(&requests)?.pop().unwrap_or(Value::Nil);
    if is_absent(&stream) {
        return Ok(None);
    }
    link.accepted(&stream)?;
    number(link, &stream, "entries-added", name)?;
    number(link, &stream, "length", name).map(Some)
}

/// Reads entries from an offset on; what is gone is looked at in the same moment.
pub(super) fn read(link: &mut Link, key: &[u8], name: &str, next: u64) -> Result<Look, Failure> {
    let mut requests = Requests::default();
    end_window(&mut requests);
    requests.command("MULTI", &[]).command("XINFO", &[b"GROUPS", key]).command("XINFO", &[b"STREAM", key]);
    let count = ENTRIES.to_string();
    requests.command("XRANGE", &[key, timed::name(next).as_bytes(), b"+", b"COUNT", count.as_bytes()]);
    requests.command("EXEC", &[]);
    let mut replies = link.ask(&requests)?;
    let end = replies.pop().unwrap_or(Value::Nil);
    replies.iter().try_for_each(|reply| link.accepted(reply))?;
    link.accepted(&end)?;
    let mut items = link.items(end, 3)?.into_iter();
    let mut item = || items.next().unwrap_or(Value::Nil);
    let (groups, stream, range) = (item(), item(), item());
    if is_absent(&groups) {
        return Ok(Look { standing: None, entries: Vec::new(), whole: true });
    }
    [&groups, &stream, &range].into_iter().try_for_each(|reply| link.accepted(reply))?;
    let standing = standing(link, &groups, &stream, name)?;
    let Value::Array(range) = range else { return Err(link.odd("entries are no list")) };
    let whole = range.len() < ENTRIES;
    let entries = range.into_iter().map(|reply| entry(link, reply, name)).collect::<Result<Vec<Entry>, Failure>>()?;
    Ok(Look { standing, entries, whole })
}

/// Whether an answer says that there is no such key.
fn is_absent(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if words(error).1.contains("no such key"))
}

/// How a stream stands; none where it has no group that tells it from others.
fn standing(link: &Link, groups: &Value, stream: &Value, name: &str) -> Result<Option<Standing>, Failure> {
    let Value::Array(groups) = groups else { return Err(link.odd("groups are no list")) };
    let own = |group: &&Value| field(group, "name").and_then(text).filter(|name| name.starts_with(MARK));
    // Of several, which only a person can have made, the first.
    let Some(group) = groups.iter().filter(|group| own(group).is_some()).min_by_key(own) else { return Ok(None) };
    let id = |of: &Value, what: &str| match field(of, what).and_then(text) {
        Some(id) if id != "0-0" => offset(&id, name).map(|offset| offset + 1),
        _ => Ok(0),
    };
    let first = match field(stream, "first-entry") {
        Some(Value::Array(entry)) => entry.first().and_then(text).map(|id| offset(&id, name)).transpose()?,
        _ => None,
    };
    let read = match field(group, "entries-read") {
        Some(Value::Int(read)) => u64::try_from(*read).unwrap_or(0),
        _ => 0,
    };
    Ok(Some(Standing {
        mark: own(&group).unwrap_or_default(),
        noted: (id(group, "last-delivered-id")?, read),
        added: number(link, stream, "entries-added", name)?,
        length: number(link, stream, "length", name)?,
        first,
        last: id(stream, "last-generated-id")?,
    }))
}

/// A field of an answer that is a list of names and values.
fn field<'r>(reply: &'r Value, name: &str) -> Option<&'r Value> {
    let Value::Array(items) = reply else { return None };
    items.chunks_exact(2).find(|pair| bytes(&pair[0]) == Some(name.as_bytes())).map(|pair| &pair[1])
}

/// A number of what Redis says of a stream.
fn number(link: &Link, stream: &Value, what: &str, name: &str) -> Result<u64, Failure> {
    if let Some(Value::Int(number)) = field(stream, what) {
        return Ok(u64::try_from(*number).unwrap_or(0));
    }
    let message = format!("Redis at `{}` does not say how many entries of the stream `{name}` are gone", link.node());
    let error = ConnectorError::new(Kind::Changed, message);
    Err(Failure::new(Cause::Refused, error.with_help("use Redis 7.0 or later to read streams")))
}

fn offset(id: &str, stream: &str) -> Result<u64, Failure> {
    let parts = id.split_once('-').and_then(|(time, number)| Some((time.parse().ok()?, number.parse().ok()?)));
    let offset = parts.and_then(|(time, number)| timed::offset(time, number));
    offset.ok_or_else(|| Failure::new(Cause::Refused, unfit(stream, id)))
}

fn entry(link: &Link, reply: Value, stream: &str) -> Result<Entry, Failure> {
    let odd = || link.odd("an entry is none");
    let Value::Array(parts) = reply else { return Err(odd()) };
    let (Some(id), Some(Value::Array(fields))) = (parts.first().and_then(text), parts.get(1)) else {
        return Err(odd());
    };
    let own = |value: &Value| bytes(value).map(<[u8]>::to_vec).unwrap_or_default();
    let fields = fields.chunks_exact(2).map(|pair| (own(&pair[0]), own(&pair[1]))).collect();
    Ok(Entry { offset: offset(&id, stream)?, fields })
}

impl Entry {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Appends it as a message.
    pub(super) fn push(&self, batch: &mut RawBatch) {
        let find = |wanted: &[u8]| self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let value = find(VALUE);
        let is_header = |name: &[u8]| {
            let own = name == ID_HEADER.as_bytes() || name == LANE_HEADER.as_bytes();
            own || (value.is_some() && name != VALUE && name != KEY)
        };
        let first = batch.headers.len() as u32;
        for (name, value) in self.fields.iter().filter(|(name, _)| is_header(name) && std::str::from_utf8(name).is_ok())
        {
            let (name, value) = (append(batch, name), append(batch, value));
            batch.headers.push(Header { name, value });
        }
        let key = if value.is_some() { find(KEY).map(|key| append(batch, key)) } else { None };
        let start = batch.bytes.len() as u32;
        match value {
            Some(value) => batch.bytes.extend_from_slice(value),
            None => object(self.fields.iter().filter(|(name, _)| !is_header(name)), &mut batch.bytes),
        }
        let length = batch.bytes.len() - start as usize;
        let oversized = (length > LONGEST_MESSAGE).then_some(length as u64);
        if oversized.is_some() {
            batch.bytes.truncate(start as usize + KEPT_OF_OVERSIZED);
        }
        batch.messages.push(Message {
            start,
            end: batch.bytes.len() as u32,
            offset: self.offset,
            timestamp: i64::try_from(timed::parts(self.offset).0).ok(),
            key,
            oversized,
            headers: (first, batch.headers.len() as u32),
            tombstone: false,
        });
    }
}

fn append(batch: &mut RawBatch, bytes: &[u8]) -> (u32, u32) {
    let start = batch.bytes.len() as u32;
    batch.bytes.extend_from_slice(bytes);
    (start, batch.bytes.len() as u32)
}

/// Appends fields as a JSON object of texts. Bytes that are no text stay as they are: the record is then refused with them.
fn object<'f>(fields: impl Iterator<Item = &'f (Vec<u8>, Vec<u8>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in fields.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        quoted(name, out);
        out.push(b':');
        quoted(value, out);
    }
    out.push(b'}');
}

fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}
