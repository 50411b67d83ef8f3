//! Rejected records: what is kept of them, and their form in the store and in outputs.

use nsf_plan::{Origin, Plan};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    encode::json,
    fault::{Fault, FaultCode},
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
    /// The message's bytes, at most [`crate::connector::KEPT_OF_OVERSIZED`] of an oversized one.
    pub raw: Box<[u8]>,
    /// The whole length of an oversized message.
    pub oversized: Option<u64>,
}

impl Rejection {
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
    /// Its key in the store: what was rejected, where and by whom. The same record rejected again has the same key.
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
    pub(crate) fn id(&self, core: &crate::run::pieces::Core) -> crate::connector::MessageId {
        let stream = core.streams.iter().position(|stream| stream.name == self.source).unwrap_or_default() as u32;
        // Counted apart from the record's own messages.
        #[allow(clippy::cast_possible_truncation)]
        let ordinal = xxh3_64(self.by.as_bytes()) as u32 | 1 << 31;
        crate::connector::MessageId { stream, partition: self.partition, offset: self.offset, ordinal }
    }

    /// Appends the JSON object: `source`, `topic`, `partition`, `offset`, `by`, `step`, `place`, `code`, `reason`, and
    /// `raw` (or `raw_base64` where it is not UTF-8).
    pub(crate) fn write_json(&self, plan: &Plan, out: &mut Vec<u8>) {
        let text = |name: &str, value: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(if out.last() == Some(&b'{') { b"\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            json::write_text(value, out);
        };
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
        match std::str::from_utf8(&self.raw) {
            Ok(raw) => text("raw", raw, out),
            Err(_) => text("raw_base64", &base64(&self.raw), out),
        }
        out.push(b'}');
    }
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let used = digit <= chunk.len();
            let value = (group >> (18 - 6 * digit)) & 63;
            text.push(if used { DIGITS[value as usize] as char } else { '=' });
        }
    }
    text
}
