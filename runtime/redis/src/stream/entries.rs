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
use xxhash_rust::xxh3::xxh3_64;

use super::unfit;
use crate::{
    fault::{Cause, Failure, words},
    lane::{end_window, random},
    wire::{Link, Requests, bytes, text},
};

/// The field of an entry that is the record, and the one that is its key beside it.
const VALUE: &[u8] = b"value";
const KEY: &[u8] = b"key";

/// A stream as a source reads it.
pub(super) struct Which {
    pub(super) name: String,
    pub(super) key: Vec<u8>,
    /// What the name of the source's own group in it begins with: [`mark`].
    own: String,
    /// The same of all sources of this name, its own among them.
    kin: Vec<String>,
}

impl Which {
    /// A stream and a source of it, by what the store calls that; `sources` are all of the group of workers that read it.
    pub(super) fn new(name: &str, key: Vec<u8>, group: &str, source: &str, sources: &[&str]) -> Self {
        let kin = sources.iter().map(|source| mark(group, source)).collect();
        Self { name: name.to_owned(), key, own: mark(group, source), kin }
    }

    /// The name of the source's own group in the stream of an incarnation.
    fn mark(&self, incarnation: &str) -> String {
        format!("{}{incarnation}", self.own)
    }
}

/// What the names of groups begin with that are a source's own. Another program, another group of workers and another source of
/// the same program have another: each notes its own position. What follows tells streams of one name apart.
fn mark(group: &str, source: &str) -> String {
    format!("nsf-{:016x}-", xxh3_64(format!("{group}\0{source}").as_bytes()))
}

/// The incarnation that the name of a group tells, where it begins so.
fn incarnation<'n>(name: &'n str, mark: &str) -> Option<&'n str> {
    let is_hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.strip_prefix(mark).filter(|rest| rest.len() == 16 && rest.bytes().all(is_hexadecimal))
}

/// An entry.
pub(super) struct Entry {
    pub(super) offset: u64,
    /// Names and values.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How a stream stands. Entries are counted from the first that was ever added.
#[derive(Clone)]
pub(super) struct Standing {
    /// Tells the stream from others of its name; none where no group of a source's own does.
    incarnation: Option<String>,
    /// Behind the last entry that was noted as taken, and how many were added up to it; none where there is no such note.
    pub(super) noted: Option<(u64, u64)>,
    /// How many were ever added.
    pub(super) added: u64,
    length: u64,
    /// The first that is there.
    pub(super) first: Option<u64>,
    /// Behind the last that was ever added.
    pub(super) last: u64,
    /// Behind the last of those that were ever deleted alone.
    deleted: u64,
}

impl Standing {
    /// A stream of so many entries, each a millisecond behind the one before it, of which the first are gone.
    #[cfg(test)]
    pub(super) fn of(added: u64, removed: u64, noted: Option<(u64, u64)>) -> Self {
        let place = |number| timed::offset(number, 0).unwrap_or_default();
        let first = (removed < added).then(|| place(removed + 1));
        let (length, last) = (added - removed, place(added) + 1);
        Self { incarnation: None, noted, added, length, first, last, deleted: 0 }
    }

    /// How many are gone. Those are the first ones, unless single entries were deleted.
    pub(super) const fn removed(&self) -> u64 {
        self.added.saturating_sub(self.length)
    }

    /// Whether it is the stream of an incarnation, and the source's own group is in it.
    pub(super) fn is(&self, incarnation: &str) -> bool {
        self.noted.is_some() && self.incarnation.as_deref() == Some(incarnation)
    }

    /// Whether entries may be gone that were not noted as taken.
    fn lacks(&self) -> bool {
        let Some((behind, taken)) = self.noted else { return false };
        match self.removed().saturating_sub(taken) {
            0 => false,
            // One that was deleted alone and not trimmed away: there is one such, and none is left for trimming.
            1 => self.deleted <= behind,
            _ => true,
        }
    }

    pub(super) fn log(&self) -> LogState {
        // What was noted as taken may go. Beyond that it is looked at whether what was taken is there still.
        let low = if self.lacks() { self.first.unwrap_or(self.last) } else { 0 };
        let incarnation = self.incarnation.clone().unwrap_or_default();
        LogState { low, high: self.last, incarnation, partitions: 1, timed: true, ..LogState::default() }
    }
}

/// What a look at a stream found.
pub(super) struct Look {
    /// None where there is no stream.
    pub(super) standing: Option<Standing>,
    pub(super) entries: Vec<Entry>,
    /// Whether no entries are behind these.
    pub(super) whole: bool,
}

/// How a stream stands before it is read, and which incarnation it is. A stream that is not there is made, without entries, and
/// so is the source's own group in it.
pub(super) fn state(link: &mut Link, which: &Which) -> Result<(String, Standing), Failure> {
    loop {
        let found = watched(link, which)?;
        let known = found.as_ref().and_then(|standing| standing.incarnation.clone());
        if let (Some(incarnation), Some(standing)) = (&known, &found)
            && standing.noted.is_some()
        {
            return Ok((incarnation.clone(), standing.clone()));
        }
        // Sources of one name see one stream: the second says of it what the first did.
        let mark = which.mark(&known.unwrap_or_else(|| format!("{:016x}", random())));
        let removed = found.map_or(0, |standing| standing.removed()).to_string();
        let mut requests = Requests::default();
        requests.command("MULTI", &[]);
        let words: [&[u8]; 7] =
            [b"CREATE", &which.key, mark.as_bytes(), b"0", b"MKSTREAM", b"ENTRIESREAD", removed.as_bytes()];
        requests.command("XGROUP", &words);
        requests.command("EXEC", &[]);
        // Where another was quicker it is that one's; an entry that came meanwhile lets it be tried again.
        let replies = link.ask(&requests)?;
        if let Some(Value::Array(done)) = replies.last() {
            done.iter().filter(|reply| is_unknown(reply)).try_for_each(|_| Err(too_old(link)))?;
        }
        link.is_done(replies)?;
    }
}

/// How a stream stands, for who only looks; none where there is none.
pub(super) fn look(link: &mut Link, which: &Which) -> Result<Option<Standing>, Failure> {
    let standing = watched(link, which)?;
    let mut requests = Requests::default();
    end_window(&mut requests);
    link.ask_all(&requests)?;
    Ok(standing)
}

/// How a stream stands, which is watched from then on; none where there is none.
fn watched(link: &mut Link, which: &Which) -> Result<Option<Standing>, Failure> {
    let key = which.key.as_slice();
    let mut requests = Requests::default();
    end_window(&mut requests);
    requests.command("WATCH", &[key]).command("XINFO", &[b"GROUPS", key]).command("XINFO", &[b"STREAM", key]);
    let mut replies = link.ask(&requests)?;
    let (stream, groups) = (replies.pop().unwrap_or(Value::Nil), replies.pop().unwrap_or(Value::Nil));
    replies.iter().try_for_each(|reply| link.accepted(reply))?;
    if is_absent(&groups) {
        return Ok(None);
    }
    link.accepted(&groups)?;
    link.accepted(&stream)?;
    standing(link, &groups, &stream, which).map(Some)
}

/// Notes how far entries were taken, for people and for who trims; and so many were added up to there.
pub(super) fn note(link: &mut Link, which: &Which, incarnation: &str, taken: u64, ordinal: u64) -> Result<(), Failure> {
    let entry = taken.checked_sub(1).map_or_else(|| "0-0".to_owned(), timed::name);
    let (mark, ordinal) = (which.mark(incarnation), ordinal.to_string());
    let mut requests = Requests::default();
    let words: [&[u8]; 6] =
        [b"SETID", &which.key, mark.as_bytes(), entry.as_bytes(), b"ENTRIESREAD", ordinal.as_bytes()];
    requests.command("XGROUP", &words);
    // A stream that was deleted has no such group; that is seen when it is read.
    link.ask(&requests).map(drop)
}

/// How many entries there are; none where there is no stream.
pub(super) fn length(link: &mut Link, key: &[u8]) -> Result<Option<u64>, Failure> {
    let mut requests = Requests::default();
    requests.command("XINFO", &[b"STREAM", key]);
    let stream = link.ask(&requests)?.pop().unwrap_or(Value::Nil);
    if is_absent(&stream) {
        return Ok(None);
    }
    link.accepted(&stream)?;
    number(link, &stream, "entries-added")?;
    number(link, &stream, "length").map(Some)
}

/// Reads so many entries from an offset on; what is gone is looked at in the same moment.
pub(super) fn read(link: &mut Link, which: &Which, next: u64, count: usize) -> Result<Look, Failure> {
    let key = which.key.as_slice();
    let mut requests = Requests::default();
    end_window(&mut requests);
    requests.command("MULTI", &[]).command("XINFO", &[b"GROUPS", key]).command("XINFO", &[b"STREAM", key]);
    let asked = count.to_string();
    requests.command("XRANGE", &[key, timed::name(next).as_bytes(), b"+", b"COUNT", asked.as_bytes()]);
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
    let standing = standing(link, &groups, &stream, which)?;
    let Value::Array(range) = range else { return Err(link.odd("entries are no list")) };
    let whole = range.len() < count;
    let entries =
        range.into_iter().map(|reply| entry(link, reply, &which.name)).collect::<Result<Vec<Entry>, Failure>>()?;
    Ok(Look { standing: Some(standing), entries, whole })
}

/// Whether an answer says that there is no such key.
fn is_absent(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if words(error).1.contains("no such key"))
}

/// Whether an answer says that a request is not understood: older servers know nothing of what is asked for here.
pub(crate) fn is_unknown(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if words(error).0 == "ERR")
}

/// How a stream stands.
fn standing(link: &Link, groups: &Value, stream: &Value, which: &Which) -> Result<Standing, Failure> {
    let Value::Array(groups) = groups else { return Err(link.odd("groups are no list")) };
    let name = |group: &Value| field(group, "name").and_then(text).unwrap_or_default();
    let of = |mark: &String| {
        // Of several, which only a person can have made, the first.
        let own = groups.iter().filter(|group| incarnation(&name(group), mark).is_some());
        own.min_by_key(|group| name(group))
    };
    let own = of(&which.own);
    let told = own.map(|group| (group, &which.own));
    let told = told.or_else(|| which.kin.iter().find_map(|mark| of(mark).map(|group| (group, mark))));
    let told = told.and_then(|(group, mark)| incarnation(&name(group), mark).map(str::to_owned));
    let id = |of: &Value, what: &str| match field(of, what).and_then(text) {
        Some(id) if id != "0-0" => offset(&id, &which.name).map(|offset| offset + 1),
        _ => Ok(0),
    };
    let first = match field(stream, "first-entry") {
        Some(Value::Array(entry)) => entry.first().and_then(text).map(|id| offset(&id, &which.name)).transpose()?,
        _ => None,
    };
    let noted = own.map(|group| {
        let read = match field(group, "entries-read") {
            Some(Value::Int(read)) => u64::try_from(*read).unwrap_or(0),
            _ => 0,
        };
        id(group, "last-delivered-id").map(|behind| (behind, read))
    });
    Ok(Standing {
        incarnation: told,
        noted: noted.transpose()?,
        added: number(link, stream, "entries-added")?,
        length: number(link, stream, "length")?,
        first,
        last: id(stream, "last-generated-id")?,
        // One whose name is no offset was deleted because of that.
        deleted: id(stream, "max-deleted-entry-id").unwrap_or(0),
    })
}

/// A field of an answer that is a list of names and values.
fn field<'r>(reply: &'r Value, name: &str) -> Option<&'r Value> {
    let Value::Array(items) = reply else { return None };
    items.chunks_exact(2).find(|pair| bytes(&pair[0]) == Some(name.as_bytes())).map(|pair| &pair[1])
}

/// A number of what Redis says of a stream.
fn number(link: &Link, stream: &Value, what: &str) -> Result<u64, Failure> {
    if let Some(Value::Int(number)) = field(stream, what) {
        return Ok(u64::try_from(*number).unwrap_or(0));
    }
    Err(too_old(link))
}

/// The failure of a server that does not count what was added to a stream.
pub(crate) fn too_old(link: &Link) -> Failure {
    let version = &link.greeting().version;
    let message = format!(
        "Redis at `{}` (version {version}) does not say how many entries of a stream are gone, so it cannot be a source",
        link.node()
    );
    let error = ConnectorError::new(Kind::Changed, message);
    Failure::new(Cause::Refused, error.with_help("use Redis 7.0 or later to read streams"))
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
    /// One without fields.
    #[cfg(test)]
    pub(super) const fn at(offset: u64) -> Self {
        Self { offset, fields: Vec::new() }
    }

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
