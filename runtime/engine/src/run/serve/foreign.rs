//! Rows that records of another partition have changed: whether partitions were added meanwhile, or the topic's producer does
//! not place records by the declared key.

use std::time::{Duration, Instant};

use super::{Serve, take::READER};
use crate::{
    connector::Command,
    protocol,
    run::{
        error::RunError,
        event::{Event, LaneFailed},
    },
    steps::ForeignRow,
};

/// How long a row may look foreign before the worker ends: brokers learn one after the other of partitions that were added.
const PATIENCE: Duration = Duration::from_secs(2);

/// After how long without such a row the next one is the first.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// A topic whose records seem not to be placed by its key.
#[derive(Debug)]
pub(super) struct Suspicion {
    found: ForeignRow,
    since: Instant,
    last: Instant,
    /// Whether the topic's partitions are being counted, and whether that decides.
    counting: bool,
    decides: bool,
}

impl Serve {
    /// A lane met a row that another partition's records changed: what it did since its last save is void. It meets the row
    /// again when it has been claimed again; meanwhile the topic's partitions are counted.
    pub(super) fn met_foreign(&mut self, lane: u16, found: ForeignRow) {
        let message = found.note.clone();
        self.run.tell(|| Event::LaneFailed(LaneFailed { lane, lost: false, message }));
        self.event(protocol::Event::LaneFailed { lane, lost: false });
        let now = Instant::now();
        let known = self.suspicion.take_if(|own| own.found.stream != found.stream || own.last.elapsed() > FORGOTTEN);
        drop(known);
        let own =
            self.suspicion.get_or_insert(Suspicion { found, since: now, last: now, counting: false, decides: false });
        own.last = now;
        if own.counting {
            return;
        }
        own.counting = true;
        own.decides = own.since.elapsed() >= PATIENCE;
        let stream = own.found.stream as usize;
        if let Some(number) = self.streams.iter().position(|own| *own == stream) {
            self.readers.command(READER, Command::Count(number as u32));
        }
    }

    /// It is known how many partitions a topic has. Of the source's streams, `stream` is one.
    pub(super) fn counted(&mut self, stream: u32, partitions: u32) -> Result<(), RunError> {
        let stream = self.streams.get(stream as usize).copied().unwrap_or_default();
        let added = self.run.core.shared.origins.count(stream, partitions, super::act::now());
        let Some(own) = self.suspicion.as_mut().filter(|own| own.found.stream as usize == stream) else {
            return Ok(());
        };
        own.counting = false;
        if added {
            self.suspicion = None;
        } else if own.decides {
            return Err(RunError::connector("source", own.found.error.clone()));
        }
        Ok(())
    }
}
