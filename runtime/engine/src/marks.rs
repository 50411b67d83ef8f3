//! Messages that were sent again after a fault, and how they are known.
//!
//! What the engine sends to a topic it sends again after a fault: a message has its id once more, and with it all that its
//! origin made behind it. An origin is what makes messages in the order of their causes: one lane, or the work on one
//! partition outside lanes, of one part of a flow, over one partition of one topic. A sink lets nothing of an origin arrive before
//! what was made before it, so whoever reads the topic has of each origin all up to some message and knows by that one mark
//! what is a repetition. The marks of a partition are part of its progress: they are stored with the position that they
//! belong to, and a partition that is read again from there decides the same again.
//!
//! A topic that was made anew begins with offset 0 again; so the incarnation of the topic is part of an origin.

use std::{collections::BTreeMap, fmt, str::FromStr};

use xxhash_rust::xxh3::Xxh3;

use crate::{
    connector::{Message, MessageId, RawBatch, Sequence},
    encode::json::write_unsigned,
};

/// The header that tells a message from every other of its topic: `GROUP/STREAM/PARTITION/OFFSET/BY/ORDINAL`. GROUP is that of the
/// workers, which no other program has, STREAM, PARTITION and OFFSET name the record that caused it, BY who sent it because of
/// the record (a flow, a subscription, who rejected it), ORDINAL which of its messages it is. STREAM and BY are numbers of names
/// ([`crate::stable`]), eight hexadecimal digits, so that they stay when a program gains streams and flows. What a value caused
/// that has ended has when that was (in milliseconds) as OFFSET, and behind ORDINAL a further part, 16 hexadecimal digits, that
/// tells the value from others. A message that is sent again has the same, and the same bytes.
pub const ID_HEADER: &str = "nsf-id";

/// The header that says which messages come in the order of their ids: `LANE/INCARNATION`, with `-` for what was made
/// outside lanes. It is there where that is so.
pub const LANE_HEADER: &str = "nsf-lane";

/// How many bits of an ordinal count what one part of a flow made: the steps before its first look at rows and tables, or
/// those from there on. The bits above are the part's.
const PART_BITS: u32 = 12;

/// How far the messages of each origin were taken from a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// By the hash of the origin: offset of the cause and ordinal of the last message taken.
    by_origin: BTreeMap<u64, (u64, u32)>,
}

impl Marks {
    /// Whether nothing was taken that can be sent again.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// What a message of a batch is known by, if its headers say it: its origin, and its place in it.
    #[must_use]
    pub fn of(batch: &RawBatch, message: &Message) -> Option<(u64, (u64, u32))> {
        let (mut id, mut lane) = (None, None);
        for (name, value) in batch.headers(message) {
            match name {
                ID_HEADER => id = Some(value),
                LANE_HEADER => lane = Some(value),
                _ => {}
            }
        }
        known(id?, lane?)
    }

    /// Whether a message was not taken before.
    #[must_use]
    pub fn is_new(&self, origin: u64, place: (u64, u32)) -> bool {
        self.by_origin.get(&origin).is_none_or(|taken| *taken < place)
    }

    /// Notes that a message is taken.
    pub fn take(&mut self, origin: u64, place: (u64, u32)) {
        self.by_origin.insert(origin, place);
    }
}

impl MessageId {
    /// Appends it as [`ID_HEADER`] has it; `group` is that of the workers.
    pub fn write(&self, group: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(group.as_bytes());
        out.push(b'/');
        write_hexadecimal(self.stream.into(), 8, out);
        out.push(b'/');
        write_unsigned(self.partition.into(), out);
        out.push(b'/');
        write_unsigned(self.offset, out);
        out.push(b'/');
        write_hexadecimal(self.by.into(), 8, out);
        out.push(b'/');
        write_unsigned(self.ordinal.into(), out);
        if self.ended != 0 {
            out.push(b'/');
            write_hexadecimal(self.ended, 16, out);
        }
    }

    /// Appends what [`LANE_HEADER`] has, if it comes in order with others.
    pub fn write_lane(&self, out: &mut Vec<u8>) {
        match self.sequence {
            Sequence::None => return,
            Sequence::Partition => out.push(b'-'),
            Sequence::Lane(lane) => write_unsigned(lane.into(), out),
        }
        out.push(b'/');
        write_hexadecimal(self.incarnation.into(), 1, out);
    }
}

/// Appends a number in hexadecimal digits, at least so many. By hand, because every message has some and `write!` showed in
/// profiles.
fn write_hexadecimal(value: u64, least: u32, out: &mut Vec<u8>) {
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(least);
    out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[(value >> (4 * digit) & 15) as usize]));
}

/// Origin and place by the two headers; none where they are not as the engine writes them.
fn known(id: &[u8], lane: &[u8]) -> Option<(u64, (u64, u32))> {
    let id = std::str::from_utf8(id).ok()?;
    let is_value = |part: &str| part.len() == 16 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = id.rsplit_once('/').filter(|(_, last)| is_value(last)).map_or(id, |(id, _)| id);
    let mut parts = id.rsplitn(4, '/');
    let ordinal: u32 = parts.next()?.parse().ok()?;
    let by = parts.next()?;
    let offset: u64 = parts.next()?.parse().ok()?;
    let mut origin = Xxh3::new();
    // Neither part holds a zero byte as the engine writes it; with one it is only another origin.
    origin.update(parts.next()?.as_bytes());
    origin.update(b"\0");
    origin.update(lane);
    origin.update(b"\0");
    origin.update(by.as_bytes());
    origin.update(&(ordinal >> PART_BITS).to_be_bytes());
    Some((origin.digest(), (offset, ordinal)))
}

/// As stored: `ORIGIN:OFFSET/ORDINAL`, with blanks between, the origin in hexadecimal.
impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (origin, (offset, ordinal))) in self.by_origin.iter().enumerate() {
            let blank = if at == 0 { "" } else { " " };
            write!(f, "{blank}{origin:x}:{offset}/{ordinal}")?;
        }
        Ok(())
    }
}

/// That stored marks cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl FromStr for Marks {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mark = |text: &str| {
            let (origin, place) = text.split_once(':')?;
            let (offset, ordinal) = place.split_once('/')?;
            Some((u64::from_str_radix(origin, 16).ok()?, (offset.parse().ok()?, ordinal.parse().ok()?)))
        };
        let marks: Option<BTreeMap<_, _>> = text.split_ascii_whitespace().map(mark).collect();
        marks.map(|by_origin| Self { by_origin }).ok_or(Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(lane: u8, offset: u64, ordinal: u32) -> (u64, (u64, u32)) {
        let id = format!("bank/0/3/{offset}/7a/{ordinal}");
        known(id.as_bytes(), format!("{lane}/77").as_bytes()).unwrap()
    }

    #[test]
    fn origins_are_told_apart_by_all_that_orders_them() {
        let origin = |id: &str, lane: &str| known(id.as_bytes(), lane.as_bytes()).map(|(origin, _)| origin);
        let own = origin("bank/0/3/9/7a/1", "5/77");
        assert_eq!(own, origin("bank/0/3/1800000000000/7a/2/0123456789abcdef", "5/77"), "a value that has ended");
        assert_eq!(own, origin("bank/0/3/1000/7a/4", "5/77"), "the same lane, later");
        for (id, lane) in [
            ("other/0/3/9/7a/1", "5/77"),
            ("bank/1/3/9/7a/1", "5/77"),
            ("bank/0/4/9/7a/1", "5/77"),
            ("bank/0/3/9/7b/1", "5/77"),
            ("bank/0/3/9/7a/4097", "5/77"),
            ("bank/0/3/9/7a/1", "6/77"),
            ("bank/0/3/9/7a/1", "-/77"),
            ("bank/0/3/9/7a/1", "5/78"),
        ] {
            assert_ne!(own, origin(id, lane), "{id} {lane}");
        }
    }

    #[test]
    fn what_is_written_is_known_again() {
        let origin =
            MessageId { stream: 7, partition: 3, offset: 900, by: 0xAB, ordinal: 4_098, ..MessageId::default() };
        for (sequence, ended, lane) in
            [(Sequence::Lane(5), 0, "5/1f"), (Sequence::Partition, 0x77, "-/1f"), (Sequence::None, 0, "")]
        {
            let id = MessageId { sequence, ended, incarnation: 0x1F, ..origin };
            let (mut header, mut written) = (Vec::new(), Vec::new());
            id.write("a/group", &mut header);
            id.write_lane(&mut written);
            assert_eq!(written, lane.as_bytes());
            assert_eq!(known(&header, &written).map(|(_, place)| place), Some((900, 4_098)), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_written_as_documented(
            numbers: (u32, u32, u64, u32, u32), lane: Option<u16>, ended: u64, shift in 0_u32..64, incarnation: u32
        ) {
            let (stream, partition, offset, by, ordinal) = numbers;
            let sequence = lane.map_or(Sequence::Partition, Sequence::Lane);
            let (ended, incarnation) = (ended >> shift, incarnation >> (shift / 2));
            let id = MessageId { stream, partition, offset, by, ordinal, sequence, ended, incarnation };
            let (mut header, mut written) = (Vec::new(), Vec::new());
            id.write("bank", &mut header);
            id.write_lane(&mut written);
            let own = format!("bank/{stream:08x}/{partition}/{offset}/{by:08x}/{ordinal}");
            let last = if ended == 0 { String::new() } else { format!("/{ended:016x}") };
            prop_assert_eq!(String::from_utf8(header).unwrap(), own + &last);
            let lane = lane.map_or("-".to_owned(), |lane| lane.to_string());
            prop_assert_eq!(String::from_utf8(written).unwrap(), format!("{lane}/{incarnation:x}"));
        }
    }

    #[test]
    fn headers_of_others_say_nothing() {
        for id in [
            "",
            "9",
            "9/9",
            "9/7a/9",
            "bank/0/3/9/7a/x",
            "bank/0/3//7a/1",
            "bank/0/3/-1/7a/1",
            "bank/0/3/9/7a/99999999999",
        ] {
            assert_eq!(known(id.as_bytes(), b"5/77"), None, "{id}");
        }
        assert_eq!(known(b"\xff/0/3/9/7a/1", b"5/77"), None);
    }

    #[test]
    fn damaged_marks_are_not_read_as_others() {
        assert_eq!("".parse(), Ok(Marks::default()));
        for text in ["x", "1f", "1f:", "1f:3", "1f:3/", "1f:3/x", "g:3/4", "1f:3/4,", "1f:-3/4"] {
            assert_eq!(text.parse::<Marks>(), Err(Unreadable), "{text}");
        }
    }

    /// Sends what each lane made, any part of it again and again, always in order: (lane, from, to) are sent one after the
    /// other, and never from behind what came so far.
    fn log_of(attempts: &[(u8, u16, u16)]) -> Vec<(u8, u64)> {
        let mut ends = BTreeMap::<u8, u64>::new();
        let mut log = Vec::new();
        for &(lane, from, length) in attempts {
            let end = ends.entry(lane).or_default();
            let from = u64::from(from) % (*end + 1);
            let to = from + u64::from(length);
            log.extend((from..to).map(|offset| (lane, offset)));
            *end = to.max(*end);
        }
        log
    }

    proptest! {
        /// Whatever is sent again, and wherever the reader is stopped and goes on from what it stored: each message is taken
        /// once, in the order of its lane.
        #[test]
        fn each_message_is_taken_once(
            attempts in prop::collection::vec((0_u8..3, any::<u16>(), 0_u16..9), 0..12),
            stops in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let log = log_of(&attempts);
            let mut stops: Vec<usize> = stops.iter().filter(|_| !log.is_empty()).map(|at| at.index(log.len())).collect();
            stops.sort_unstable();
            let (mut stored, mut marks) = ((0, String::new()), Marks::default());
            let mut taken = BTreeMap::<usize, (u8, u64)>::new();
            let mut at = 0;
            while at < log.len() {
                if stops.first() == Some(&at) {
                    stops.remove(0);
                    // Killed: it goes on from what it stored last, and what it had taken since is void.
                    at = stored.0;
                    marks = stored.1.parse().unwrap();
                    taken.retain(|place, _| *place < at);
                    continue;
                }
                let (lane, offset) = log[at];
                let (origin, place) = sent(lane, offset, 0);
                if marks.is_new(origin, place) {
                    marks.take(origin, place);
                    taken.insert(at, (lane, offset));
                }
                at += 1;
                if at % 5 == 0 {
                    stored = (at, marks.to_string());
                }
            }
            let mut ends = BTreeMap::<u8, u64>::new();
            for (lane, offset) in taken.into_values() {
                let next = ends.entry(lane).or_default();
                prop_assert_eq!(offset, *next);
                *next += 1;
            }
            let mut wanted = BTreeMap::<u8, u64>::new();
            for (lane, offset) in log {
                let end = wanted.entry(lane).or_default();
                *end = (*end).max(offset + 1);
            }
            prop_assert_eq!(ends, wanted);
        }
    }
}
