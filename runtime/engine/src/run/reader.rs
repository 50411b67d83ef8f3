//! Readers: one thread a source, which reads ahead a bounded number of blocks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use super::{options::StopHandle, pieces::Reader};
use crate::connector::{ConnectorError, Polled, RawBatch};

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
    /// It cannot be read.
    Failed(ConnectorError),
}

/// The epoch of a run that is over: a reader that finds nothing to read would otherwise wait for ever.
const OVER: u64 = u64::MAX;

/// The readers of a run, running.
pub(crate) struct Readers {
    /// What they tell.
    pub reports: Receiver<Report>,
    free: Vec<Sender<RawBatch>>,
    threads: Vec<JoinHandle<()>>,
    /// Counts rounds that wrote what the run also reads.
    pub epoch: Arc<AtomicU64>,
}

impl Readers {
    /// Starts the readers; their sources are open. Each reads ahead at most `blocks` blocks of about `block` bytes.
    pub(crate) fn start(readers: Vec<Reader>, block: usize, blocks: usize, stop: &StopHandle) -> Self {
        let (sender, reports) = channel();
        let epoch = Arc::new(AtomicU64::new(0));
        let (mut free, mut threads) = (Vec::new(), Vec::new());
        for (index, reader) in readers.into_iter().enumerate() {
            let (give_back, spare) = channel();
            for _ in 0..blocks.max(2) {
                // The receiver lives in the thread that is started below.
                let _ = give_back.send(RawBatch::default());
            }
            free.push(give_back);
            let (sender, epoch, stop) = (sender.clone(), Arc::clone(&epoch), stop.clone());
            let read = move || read(index, reader, block, &sender, &spare, &epoch, &stop);
            threads.push(thread::spawn(read));
        }
        Self { reports, free, threads, epoch }
    }

    /// Gives a reader a batch back, to be filled again.
    pub(crate) fn give_back(&self, reader: usize, mut batch: RawBatch) {
        batch.clear();
        if let Some(free) = self.free.get(reader) {
            // A reader that has ended takes none.
            let _ = free.send(batch);
        }
    }

    /// Lets the readers end, and waits for those that do not hang in a read of a terminal or pipe.
    pub(crate) fn end(self) {
        self.epoch.store(OVER, Ordering::Release);
        drop((self.free, self.reports));
        for thread in self.threads {
            if thread.is_finished() {
                // A reader that panicked has been missed already: the run ended without its end.
                let _ = thread.join();
            }
        }
    }
}

fn read(
    index: usize,
    mut reader: Reader,
    block: usize,
    reports: &Sender<Report>,
    spare: &Receiver<RawBatch>,
    epoch: &AtomicU64,
    stop: &StopHandle,
) {
    let tell = |news: News| reports.send(Report { reader: index, news }).is_ok();
    let mut header: Option<Arc<[u8]>> = None;
    let (mut told, mut gave) = (None, false);
    let mut batch = None;
    loop {
        let Some(mut filled) = batch.take().or_else(|| spare.recv().ok()) else { return };
        if stop.is_stopping() {
            return;
        }
        let now = epoch.load(Ordering::Acquire);
        if now == OVER {
            return;
        }
        let goes_on = match reader.source.poll(&mut filled, block) {
            Err(error) => {
                tell(News::Failed(error));
                false
            }
            Ok(Polled::Batch) => {
                if header.is_none() {
                    header = header_of(&reader);
                }
                told = None;
                gave |= !filled.messages.is_empty();
                tell(News::Batch(filled, header.clone(), reader.source.waiting().unwrap_or(0)))
            }
            Ok(Polled::Idle) => {
                batch = Some(filled);
                let news = reader.written && told != Some(now);
                told = Some(now);
                !news || tell(News::Idle(now))
            }
            Ok(Polled::End) => {
                tell(News::End(if gave { None } else { header_of(&reader) }));
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// The header of a CSV, where there is one by now.
fn header_of(reader: &Reader) -> Option<Arc<[u8]>> {
    reader.source.header().filter(|header| !header.is_empty()).map(Into::into)
}
