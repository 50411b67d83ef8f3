//! Rejected records: what is kept of them, and their form in the store and in outputs.

use bumpalo::Bump;
use nsf_plan::{Origin, Plan, connector::Connector};
use serde::Deserialize;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::{
    connector::{MessageId, RefusedMessage},
    encode::{base64, json},
    fault::{Fault, FaultCode},
    run::pieces::Core,
    stable,
};

/// A record that was rejected, by a pipeline or an ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The pipeline or ingest that rejected it, by its id.
    pub by: String,
    /// The source or ingest it came from, by its name.
    pub source: String,
    /// The topic or file it came from.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// The step that rejected it; empty where it could not be read.
    pub step: String,
    /// Where the step or expression is written, if known.
    pub origin: Option<Origin>,
    /// The code.
    pub code: FaultCode,
    /// The reason: the rule's text, or what failed.
    pub reason: Box<str>,
    /// The message's key, where it has one.
    pub key: Option<Box<[u8]>>,
    /// The message's bytes, at most [`crate::connector::KEPT_OF_OVERSIZED`] of an oversized one.
    pub raw: Box<[u8]>,
    /// The whole length of an oversized message.
    pub oversized: Option<u64>,
    /// Where not the record was rejected but a message that it caused, by whoever receives it: which of its messages.
    pub message: Option<u32>,
}

impl Rejection {
    /// About how many bytes it takes.
    pub(crate) fn memory(&self) -> usize {
        let texts = self.by.len() + self.source.len() + self.topic.len() + self.step.len() + self.reason.len();
        size_of::<Self>() + texts + self.key.as_ref().map_or(0, |key| key.len()) + self.raw.len()
    }

    /// A message that the receiver of an output will never take. Source and place are those of the record that caused it; it
    /// comes from no topic, since it is none of its messages.
    pub(crate) fn of_refused(core: &Core, connector: &Connector, refused: RefusedMessage) -> Self {
        let MessageId { stream, partition, offset, ordinal, .. } = refused.id;
        let source =
            core.streams.iter().find(|own| own.number == stream).map_or_else(String::new, |stream| stream.name.clone());
        Self {
            by: format!("{}/{}", connector.kind, connector.name),
            source,
            topic: String::new(),
            partition,
            offset,
            step: String::new(),
            origin: None,
            code: FaultCode::Receiver,
            reason: refused.reason.into(),
            key: (!refused.key.is_empty()).then(|| refused.key.into()),
            raw: refused.message.into(),
            oversized: None,
            message: Some(ordinal),
        }
    }

    /// Takes code, words and place from a fault.
    pub fn set_fault(&mut self, fault: &Fault) {
        self.code = fault.code;
        self.reason.clone_from(&fault.message);
        if fault.origin.is_some() {
            self.origin = fault.origin;
        }
    }
}

/// A rejected record's stored form: one JSON object, as it also stands in outputs.
impl Rejection {
    /// Its own key in the store: what was rejected, where and by whom. The same record rejected again has the same key.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = self.source.as_bytes().to_vec();
        key.push(0);
        key.extend_from_slice(&self.partition.to_be_bytes());
        key.extend_from_slice(&self.offset.to_be_bytes());
        key.extend_from_slice(self.by.as_bytes());
        key.push(0);
        key.extend_from_slice(&xxh3_64(&self.raw).to_be_bytes());
        key
    }

    /// What tells its message from others: the record, and who rejected it.
    pub(crate) fn id(&self, core: &Core) -> MessageId {
        let own = core.streams.iter().find(|stream| stream.name == self.source);
        // Records that no message was read for, and messages that were refused: one message may have caused several.
        let ended = if own.is_none() || self.message.is_some() { xxh3_64(&self.raw).max(1) } else { 0 };
        let stream = own.map_or(0, |stream| stream.number);
        // Counted apart from what is sent to the same topic otherwise, and by what was rejected: a flow may reject several
        // records that one caused.
        #[allow(clippy::cast_possible_truncation)]
        let ordinal = xxh3_64_with_seed(&self.raw, self.message.map_or(0, |own| u64::from(own) + 1)) as u32 | 1 << 31;
        let (by, partition, offset) = (stable::number(&self.by), self.partition, self.offset);
        MessageId { stream, partition, offset, by, ordinal, ended, ..MessageId::default() }
    }

    /// Appends the JSON object: `source`, `topic`, `partition`, `offset`, `by`, `step`, `place`, `code`, `reason`,
    /// `length` of one that was cut, `key` where the message has one, and `raw` (`key_base64`, `raw_base64` where they are not
    /// UTF-8).
    pub(crate) fn write_json(&self, plan: &Plan, out: &mut Vec<u8>) {
        let text = |name: &str, value: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(if out.last() == Some(&b'{') { b"\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            json::write_text(value, out);
        };
        // Memory that grows is copied, and the message may be very long.
        out.reserve(self.raw.len() + self.raw.len() / 8);
        out.push(b'{');
        text("source", &self.source, out);
        text("topic", &self.topic, out);
        out.extend_from_slice(format!(",\"partition\":{},\"offset\":{}", self.partition, self.offset).as_bytes());
        text("by", &self.by, out);
        if !self.step.is_empty() {
            text("step", &self.step, out);
        }
        if let Some(origin) = self.origin {
            text("place", &plan.place(origin), out);
        }
        text("code", self.code.id(), out);
        text("reason", &self.reason, out);
        if let Some(length) = self.oversized {
            out.extend_from_slice(format!(",\"length\":{length}").as_bytes());
        }
        let mut bytes = |name: &str, coded: &str, bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(bytes) => text(name, bytes, out),
            Err(_) => text(coded, &base64::text(bytes), out),
        };
        if let Some(key) = &self.key {
            bytes("key", "key_base64", key);
        }
        bytes("raw", "raw_base64", &self.raw);
        out.push(b'}');
    }
}

/// A rejected record as it was read back: what is needed to look at it and to send it again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct RejectedRecord {
    /// The source or ingest it came from.
    pub source: String,
    /// The topic it came from; empty where a subscription could not tell of a row.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Who rejected it, by its id.
    pub by: String,
    /// The step.
    #[serde(default)]
    pub step: String,
    /// Where the step is written.
    #[serde(default)]
    pub place: Option<String>,
    /// The code.
    pub code: String,
    /// The reason.
    pub reason: String,
    /// The whole length of a message that was cut.
    #[serde(default)]
    pub length: Option<u64>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    key_base64: Option<String>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default)]
    raw_base64: Option<String>,
}

impl RejectedRecord {
    /// Reads what a rejected record was written as, by this version or an earlier one; none where it is no rejected record.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(json).ok()?;
        record.raw()?;
        Some(record)
    }

    /// The message's key; none where it had none, or where an earlier version wrote the record and did not keep it.
    #[must_use]
    pub fn key(&self) -> Option<Vec<u8>> {
        bytes(self.key.as_deref(), self.key_base64.as_deref())
    }

    /// The message's bytes.
    #[must_use]
    pub fn raw(&self) -> Option<Vec<u8>> {
        bytes(self.raw.as_deref(), self.raw_base64.as_deref())
    }
}

fn bytes(text: Option<&str>, coded: Option<&str>) -> Option<Vec<u8>> {
    match (text, coded) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(digits)) => from_base64(digits),
        (None, None) => None,
    }
}

/// Reads base64 with padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    base64::decode(text, &Bump::new()).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_it_was_written() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(89).wrapping_add(200)).collect();
            assert_eq!(from_base64(&base64::text(&bytes)), Some(bytes));
        }
        for wrong in ["A", "A===", "AB=A", "AB", "A*==", "====", "AAAAA"] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn records_of_earlier_versions_are_read() {
        let old =
            br#"{"source":"s","topic":"t","partition":1,"offset":7,"by":"f","code":"R0001","reason":"r","raw":"x"}"#;
        let record = RejectedRecord::read(old).unwrap();
        assert_eq!((record.offset, record.key(), record.raw()), (7, None, Some(b"x".to_vec())));
        assert_eq!(RejectedRecord::read(br#"{"source":"s"}"#), None);
        assert_eq!(RejectedRecord::read(b"no JSON"), None);
    }

    #[test]
    fn a_record_that_was_written_is_read_with_its_key() {
        let rejection = Rejection {
            by: "flow/f".to_owned(),
            source: "s".to_owned(),
            topic: "t".to_owned(),
            partition: 3,
            offset: 9,
            step: "verify".to_owned(),
            origin: None,
            code: FaultCode::Rule,
            reason: "no amount".into(),
            key: Some([0xFF, 0].into()),
            raw: (*b"{}").into(),
            oversized: Some(20),
            message: None,
        };
        let mut json = Vec::new();
        rejection.write_json(&Plan::new("p"), &mut json);
        let record = RejectedRecord::read(&json).unwrap();
        assert_eq!((record.key(), record.raw()), (Some(vec![0xFF, 0]), Some(b"{}".to_vec())));
        assert_eq!((record.partition, record.offset, record.length), (3, 9, Some(20)));
    }
}
