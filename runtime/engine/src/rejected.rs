//! Rejected records: what is kept of them, and their form in the store and in outputs.

use nsf_plan::Origin;

use crate::fault::{Fault, FaultCode};

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
