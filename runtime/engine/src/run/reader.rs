//! Readers: one thread a source, which reads ahead a bounded number of blocks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{options::StopHandle, pieces::Reader};
use crate::connector::{Change, Command, ConnectorError, ConnectorResult, Polled, RawBatch};

/// What a reader tells the run.
pub(crate) struct Report {
    /// The reader, by its index.
    pub reader: usize,
    /// What.
    pub news: News,
}

/// What there is of a source.
pub(crate) enum News {
    /// Messages, the header of a CSV, and how many bytes are known to wait behind them.
    Batch(RawBatch, Option<Arc<[u8]>>, u64),
    /// Nothing was there after everything that was written in this epoch or before.
    Idle(u64),
    /// It ended; the header of a CSV that gave no message, in which it would be looked at.
    End(Option<Arc<[u8]>>),
    /// Partitions came or are to go.
    Changed(Vec<Change>),
    /// It cannot be read.
    Failed(ConnectorError),
}

/// What a reader is given.
enum Given {
    /// A batch to fill.
    Batch(RawBatch),
    /// Something to do.
    Command(Command),
    /// To leave in good order, for no longer than this.
    Close(Duration),
}

/// How long a reader without a free batch waits before its source is asked to rest.
const REST: Duration = Duration::from_millis(200);

/// How many times the memory of a block a batch may keep.
const MOST_KEPT: usize = 4;

/// The epoch of a run that is over: a reader that finds nothing to read would otherwise wait for ever.
const OVER: u64 = u64::MAX;

/// The readers of a run, running.
pub(crate) struct Readers {
    /// What they tell.
    pub reports: Receiver<Report>,
    given: Vec<Sender<Given>>,
    threads: Vec<JoinHandle<()>>,
    /// About how many bytes a batch has.
    block: usize,
    /// Counts rounds that wrote what the run also reads.
    pub epoch: Arc<AtomicU64>,
}

impl Readers {
    /// Starts the readers; their sources are open. Each reads ahead at most `blocks` blocks of about `block` bytes.
    pub(crate) fn start(readers: Vec<Reader>, block: usize, blocks: usize, stop: &StopHandle) -> Self {
        let (sender, reports) = channel();
        let epoch = Arc::new(AtomicU64::new(0));
        let (mut given, mut threads) = (Vec::new(), Vec::new());
        for (index, reader) in readers.into_iter().enumerate() {
            let (give, take) = channel();
            for _ in 0..blocks.max(2) {
                // The receiver lives in the thread that is started below.
                let _ = give.send(Given::Batch(RawBatch::default()));
            }
            given.push(give);
            let reading = Reading {
                index,
                reader,
                block,
                reports: sender.clone(),
                given: take,
                free: Vec::new(),
                epoch: Arc::clone(&epoch),
                stop: stop.clone(),
                header: None,
                told: None,
                gave: false,
            };
            threads.push(thread::spawn(move || reading.run()));
        }
        Self { reports, given, threads, block, epoch }
    }

    /// Gives a reader a batch back, to be filled again. Memory that a very long message took is not kept.
    pub(crate) fn give_back(&self, reader: usize, mut batch: RawBatch) {
        batch.clear();
        if batch.bytes.capacity() > self.block * MOST_KEPT {
            batch = RawBatch::default();
        }
        self.give(reader, Given::Batch(batch));
    }

    /// Tells a reader what its source is to do.
    pub(crate) fn command(&self, reader: usize, command: Command) {
        self.give(reader, Given::Command(command));
    }

    fn give(&self, reader: usize, given: Given) {
        if let Some(give) = self.given.get(reader) {
            // A reader that has ended takes none.
            let _ = give.send(given);
        }
    }

    /// Lets the sources leave in good order and waits for it, but not longer than `deadline`.
    pub(crate) fn close(self, deadline: Duration) {
        for give in &self.given {
            let _ = give.send(Given::Close(deadline));
        }
        let until = Instant::now() + deadline + Duration::from_millis(500);
        while Instant::now() < until && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(5));
        }
        self.end();
    }

    /// Lets the readers end, and waits for those that do not hang in a read of a terminal or pipe.
    pub(crate) fn end(self) {
        self.epoch.store(OVER, Ordering::Release);
        drop((self.given, self.reports));
        for thread in self.threads {
            if thread.is_finished() {
                // A reader that panicked has been missed already: the run ended without its end.
                let _ = thread.join();
            }
        }
    }
}

/// A reader's thread.
struct Reading {
    index: usize,
    reader: Reader,
    block: usize,
    reports: Sender<Report>,
    given: Receiver<Given>,
    /// Batches to fill.
    free: Vec<RawBatch>,
    epoch: Arc<AtomicU64>,
    stop: StopHandle,
    header: Option<Arc<[u8]>>,
    /// The epoch in which it told that nothing is there.
    told: Option<u64>,
    /// Whether it gave any message.
    gave: bool,
}

/// Whether a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    On,
    Ends,
}

impl Reading {
    fn run(mut self) {
        while self.take_given() == Goes::On {
            let now = self.epoch.load(Ordering::Acquire);
            if now == OVER || (self.stop.is_stopping() && !self.reader.is_shared()) {
                return;
            }
            let Some(mut batch) = self.free.pop() else { continue };
            let polled = self.reader.source.poll(&mut batch, self.block);
            if self.tell_polled(polled, batch, now) == Goes::Ends {
                return;
            }
        }
    }

    /// Takes what it is given; without a free batch it waits for one.
    fn take_given(&mut self) -> Goes {
        loop {
            let given = if self.free.is_empty() && !self.reader.is_shared() {
                self.given.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else if self.free.is_empty() {
                self.given.recv_timeout(REST)
            } else {
                match self.given.try_recv() {
                    Err(TryRecvError::Empty) => return Goes::On,
                    given => given.map_err(|_| RecvTimeoutError::Disconnected),
                }
            };
            let goes = match given {
                Err(RecvTimeoutError::Disconnected) => Goes::Ends,
                Err(RecvTimeoutError::Timeout) => self.rest(),
                Ok(Given::Batch(batch)) => {
                    self.free.push(batch);
                    Goes::On
                }
                Ok(Given::Command(command)) => match self.reader.source.command(command) {
                    Ok(()) => Goes::On,
                    Err(error) => self.tell(News::Failed(error)),
                },
                Ok(Given::Close(deadline)) => {
                    self.reader.source.close(deadline);
                    Goes::Ends
                }
            };
            if goes == Goes::Ends {
                return Goes::Ends;
            }
        }
    }

    fn tell(&self, news: News) -> Goes {
        if self.reports.send(Report { reader: self.index, news }).is_ok() { Goes::On } else { Goes::Ends }
    }

    fn tell_polled(&mut self, polled: ConnectorResult<Polled>, batch: RawBatch, now: u64) -> Goes {
        match polled {
            Err(error) => {
                self.tell(News::Failed(error));
                Goes::Ends
            }
            Ok(Polled::Batch) => {
                if self.header.is_none() {
                    self.header = header_of(&self.reader);
                }
                self.told = None;
                self.gave |= !batch.messages.is_empty();
                let waiting = self.reader.source.waiting().unwrap_or(0);
                self.tell(News::Batch(batch, self.header.clone(), waiting))
            }
            Ok(Polled::Idle) => {
                self.free.push(batch);
                let news = self.reader.written && self.told != Some(now);
                self.told = Some(now);
                if news { self.tell(News::Idle(now)) } else { Goes::On }
            }
            Ok(Polled::Changed) => {
                self.free.push(batch);
                let changes = self.reader.source.changes();
                self.tell(News::Changed(changes))
            }
            Ok(Polled::End) => {
                self.tell(News::End(if self.gave { None } else { header_of(&self.reader) }));
                Goes::Ends
            }
        }
    }

    /// There is no room: the source keeps itself alive.
    fn rest(&mut self) -> Goes {
        match self.reader.source.rest() {
            Err(error) => {
                self.tell(News::Failed(error));
                Goes::Ends
            }
            Ok(Polled::Changed) => {
                let changes = self.reader.source.changes();
                self.tell(News::Changed(changes))
            }
            Ok(_) => Goes::On,
        }
    }
}

/// The header of a CSV, where there is one by now.
fn header_of(reader: &Reader) -> Option<Arc<[u8]>> {
    reader.source.header().filter(|header| !header.is_empty()).map(Into::into)
}
