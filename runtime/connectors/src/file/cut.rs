//! Cuts a stream of bytes into messages: lines, or CSV records whose quoted cells may hold line ends.

use std::ops::ControlFlow;

use memchr::{memchr, memchr_iter, memchr2};
use nsf_engine::connector::{Framing, KEPT_OF_OVERSIZED, LONGEST_MESSAGE, Message, RawBatch};

/// Longest CSV record with a line end in quotes, in bytes: a quote that is not closed by then never was meant to be.
const LONGEST_QUOTED: usize = 1024 * 1024;

/// Cuts messages off the front of what was read, and keeps the beginning of the next one.
#[derive(Debug)]
pub(crate) struct Cutter {
    framing: Framing,
    /// Bytes behind the last message that was cut.
    rest: Vec<u8>,
    /// Number of the line that comes next, from 1.
    line: u64,
    /// Bytes of a message that was too long and is being skipped; its length so far.
    skipping: Option<u64>,
}

impl Cutter {
    /// A cutter whose next line has this number.
    pub(crate) const fn new(framing: Framing, line: u64) -> Self {
        Self { framing, rest: Vec::new(), line, skipping: None }
    }

    /// Number of the next line.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// Bytes that were read and not yet given as messages.
    pub(crate) fn held(&self) -> u64 {
        self.skipping.unwrap_or(self.rest.len() as u64)
    }

    /// Puts what was kept at the front of an empty batch, for more to be read behind it.
    pub(crate) fn begin(&mut self, batch: &mut RawBatch) {
        batch.bytes.append(&mut self.rest);
    }

    /// Cuts the batch's bytes into messages; `end` says that no byte comes behind them. Keeps the rest.
    pub(crate) fn cut(&mut self, batch: &mut RawBatch, end: bool) {
        let mut from = 0;
        if let Some(length) = self.skipping {
            match self.skip(batch, length, end) {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(next) => from = next,
            }
        }
        let taken = match self.framing {
            Framing::Csv if memchr(b'"', &batch.bytes).is_some() => self.records(batch, from, end),
            _ => self.lines(batch, from),
        };
        self.tail(batch, taken, end);
    }

    /// Goes on with a message that was too long: gives it when its end is found.
    fn skip(&mut self, batch: &mut RawBatch, length: u64, end: bool) -> ControlFlow<(), usize> {
        let kept = length.min(KEPT_OF_OVERSIZED as u64) as usize;
        let found = memchr(b'\n', &batch.bytes[kept..]).map(|at| kept + at);
        let whole = length + (found.unwrap_or(batch.bytes.len()) - kept) as u64;
        if found.is_none() && !end {
            batch.bytes.truncate(kept);
            self.rest.append(&mut batch.bytes);
            self.skipping = Some(whole);
            return ControlFlow::Break(());
        }
        self.skipping = None;
        self.push(batch, 0, kept, Some(whole));
        self.line += 1;
        ControlFlow::Continue(found.map_or(batch.bytes.len(), |at| at + 1))
    }

    /// Every line up to the last line end; gives where the rest begins.
    fn lines(&mut self, batch: &mut RawBatch, from: usize) -> usize {
        let bytes = std::mem::take(&mut batch.bytes);
        let mut start = from;
        for at in memchr_iter(b'\n', &bytes[from..]) {
            let end = from + at;
            self.push_line(batch, &bytes, start, end);
            self.line += 1;
            start = end + 1;
        }
        batch.bytes = bytes;
        start
    }

    /// Every CSV record up to the last complete one; gives where the rest begins.
    fn records(&mut self, batch: &mut RawBatch, from: usize, end: bool) -> usize {
        let bytes = std::mem::take(&mut batch.bytes);
        let mut start = from;
        loop {
            match record_end(&bytes, start) {
                RecordEnd::At { end, lines } => {
                    self.push_line(batch, &bytes, start, end);
                    self.line += lines;
                    start = end + 1;
                }
                RecordEnd::Unclosed { first_line_end } if end || bytes.len() - start > LONGEST_QUOTED => {
                    // Only the line that opens the quote is wrong; the next line begins a record again.
                    self.push_line(batch, &bytes, start, first_line_end);
                    self.line += 1;
                    start = first_line_end + 1;
                }
                RecordEnd::Unclosed { .. } | RecordEnd::None => break,
            }
        }
        batch.bytes = bytes;
        start.min(batch.bytes.len())
    }

    /// What stands behind the last message: a last line without a line end, the beginning of a too long one, or the
    /// beginning of the next.
    fn tail(&mut self, batch: &mut RawBatch, from: usize, end: bool) {
        let length = batch.bytes.len() - from;
        if end {
            if length > 0 {
                let bytes = std::mem::take(&mut batch.bytes);
                self.push_line(batch, &bytes, from, bytes.len());
                batch.bytes = bytes;
                self.line += 1;
            }
        } else if length > LONGEST_MESSAGE {
            self.rest.extend_from_slice(&batch.bytes[from..from + KEPT_OF_OVERSIZED]);
            self.skipping = Some(length as u64);
            batch.bytes.truncate(from);
        } else {
            self.rest.extend_from_slice(&batch.bytes[from..]);
            batch.bytes.truncate(from);
        }
    }

    #[inline]
    fn push_line(&self, batch: &mut RawBatch, bytes: &[u8], start: usize, end: usize) {
        let line = &bytes[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && self.framing != Framing::Lines {
            return;
        }
        let oversized = (line.len() > LONGEST_MESSAGE).then_some(line.len() as u64);
        let kept = if oversized.is_some() { KEPT_OF_OVERSIZED } else { line.len() };
        self.push(batch, start, start + kept, oversized);
    }

    #[inline]
    fn push(&self, batch: &mut RawBatch, start: usize, end: usize, oversized: Option<u64>) {
        let (start, end) = (start as u32, end as u32);
        batch.messages.push(Message {
            start,
            end,
            offset: self.line,
            timestamp: None,
            key: None,
            oversized,
            ..Message::default()
        });
    }
}

enum RecordEnd {
    /// At a line end outside quotes; the record has this many lines.
    At { end: usize, lines: u64 },
    /// Inside a quote.
    Unclosed { first_line_end: usize },
    /// Outside quotes, without a line end.
    None,
}

/// Where the CSV record that begins at `start` ends. A quote opens a cell only at its beginning.
fn record_end(bytes: &[u8], start: usize) -> RecordEnd {
    let mut at = start;
    let mut lines = 1;
    let mut first_line_end = None;
    loop {
        let Some(found) = memchr2(b'"', b'\n', &bytes[at..]) else { return RecordEnd::None };
        let place = at + found;
        if bytes[place] == b'\n' {
            return RecordEnd::At { end: place, lines };
        }
        at = place + 1;
        if place != start && bytes[place - 1] != b',' {
            continue;
        }
        loop {
            let Some(found) = memchr2(b'"', b'\n', &bytes[at..]) else {
                let first_line_end = first_line_end.unwrap_or(bytes.len());
                return RecordEnd::Unclosed { first_line_end };
            };
            let place = at + found;
            at = place + 1;
            if bytes[place] == b'\n' {
                lines += 1;
                first_line_end.get_or_insert(place);
            } else if bytes.get(at) == Some(&b'"') {
                at += 1;
            } else {
                break;
            }
        }
    }
}
