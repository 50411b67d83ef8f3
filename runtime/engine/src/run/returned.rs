//! Records on their way to a retry topic and back: what a message says of where it was at first.

use crate::connector::{Message, Placed, RawBatch};

/// The header that says of a message in a retry topic which message it was at first: `SOURCE/PARTITION/OFFSET/TIMESTAMP`, the
/// first the source's id, the last in milliseconds, or empty where it had none. Key, value and other headers are those of that message.
pub const RETRY_HEADER: &str = "nsf-retry";

/// Headers that are written anew: what they say of the first message is not true of this one.
const OWN: [&str; 3] = [RETRY_HEADER, crate::marks::ID_HEADER, crate::marks::LANE_HEADER];

/// Where a message was at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At<'b> {
    /// The source that read it.
    pub source: &'b str,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The message's own time.
    pub timestamp: Option<i64>,
}

impl<'b> At<'b> {
    /// What a message of a retry topic says; none where it is not as the engine writes it.
    pub(crate) fn of(batch: &'b RawBatch, message: &Message) -> Option<Self> {
        let (_, value) = batch.headers(message).find(|(name, _)| *name == RETRY_HEADER)?;
        let mut parts = std::str::from_utf8(value).ok()?.rsplitn(4, '/');
        let timestamp = parts.next().filter(|text| !text.is_empty()).map(str::parse).transpose().ok()?;
        let offset = parts.next()?.parse().ok()?;
        let partition = parts.next()?.parse().ok()?;
        Some(Self { source: parts.next()?, partition, offset, timestamp })
    }
}

/// What a message of a source takes with it to the retry topic: its partition and its headers.
pub(crate) fn placed(source: &str, batch: &RawBatch, message: &Message) -> Placed {
    let timestamp = message.timestamp.map_or_else(String::new, |time| time.to_string());
    let place = format!("{source}/{}/{}/{timestamp}", batch.partition, message.offset);
    let kept = kept_headers(batch, message).map(|(name, value)| (name.to_owned(), value.to_vec()));
    let headers = kept.chain([(RETRY_HEADER.to_owned(), place.into_bytes())]).collect();
    Placed { message: 0, partition: batch.partition, headers }
}

/// What a message of a retry topic takes with it where it is sent there once more.
pub(crate) fn placed_again(batch: &RawBatch, message: &Message) -> Placed {
    let kept = batch.headers(message).filter(|(name, _)| !OWN.contains(name) || *name == RETRY_HEADER);
    let headers = kept.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    Placed { message: 0, partition: batch.partition, headers }
}

/// The headers of a message that are not the engine's.
pub(crate) fn kept_headers<'b>(batch: &'b RawBatch, message: &Message) -> impl Iterator<Item = (&'b str, &'b [u8])> {
    batch.headers(message).filter(|(name, _)| !OWN.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Header;

    /// A batch of one message with headers.
    fn batch(headers: &[(&str, &[u8])]) -> RawBatch {
        let mut batch = RawBatch { partition: 3, ..RawBatch::default() };
        for (name, value) in headers {
            let mut push = |part: &[u8]| {
                let start = batch.bytes.len() as u32;
                batch.bytes.extend_from_slice(part);
                (start, batch.bytes.len() as u32)
            };
            let (name, value) = (push(name.as_bytes()), push(value));
            batch.headers.push(Header { name, value });
        }
        let headers = (0, headers.len() as u32);
        batch.messages.push(Message { offset: 41, timestamp: Some(1_700), headers, ..Message::default() });
        batch
    }

    #[test]
    fn a_message_says_where_it_was_and_keeps_its_headers() {
        let first = batch(&[("unit", b"m"), ("nsf-id", b"other/1/2/3/4/5"), ("nsf-lane", b"1/2")]);
        let placed = placed("a/source", &first, &first.messages[0]);
        assert_eq!(placed.partition, 3);
        assert_eq!(
            placed.headers,
            [("unit".to_owned(), b"m".to_vec()), ("nsf-retry".to_owned(), b"a/source/3/41/1700".to_vec())]
        );
        let sent: Vec<(&str, &[u8])> =
            placed.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let back = batch(&sent);
        assert_eq!(
            At::of(&back, &back.messages[0]),
            Some(At { source: "a/source", partition: 3, offset: 41, timestamp: Some(1_700) })
        );
        assert_eq!(kept_headers(&back, &back.messages[0]).collect::<Vec<_>>(), [("unit", b"m".as_slice())]);
    }

    #[test]
    fn messages_of_others_say_nothing() {
        for value in ["", "t/3/41", "t/3/x/1", "t/-3/41/1", "t/3/41/x", "3/41/1"] {
            let other = batch(&[("nsf-retry", value.as_bytes())]);
            assert_eq!(At::of(&other, &other.messages[0]), None, "{value}");
        }
        let none = batch(&[("nsf-retry", b"t/3/41/")]);
        assert_eq!(
            At::of(&none, &none.messages[0]),
            Some(At { source: "t", partition: 3, offset: 41, timestamp: None })
        );
        let without = batch(&[]);
        assert_eq!(At::of(&without, &without.messages[0]), None);
    }
}
