//! OpenTelemetry: the metrics of `/metrics` and a span a commit, sent by OTLP over HTTP (JSON) to a collector.
//!
//! | file | holds |
//! |---|---|
//! | `document` | metrics and spans in the words of OTLP |
//! | `send` | a request to the collector |
//!
//! It has a thread of its own, and what the worker gives it is bounded: a collector that is slow or away costs the worker
//! nothing. That it is away is said once in the journal, and once that it is there again; metrics that were not sent are
//! in the next ones, as they are sums, and spans are left out.

mod document;
mod send;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use nsf_engine::run::event::Committed;
use nsf_plan::profile::ServerUrl;

use crate::{
    board::Board,
    journal::{Journal, Level},
    metrics,
    problem::Problem,
};
use send::Collector;

/// How often is sent.
const EVERY: Duration = Duration::from_secs(10);

/// Spans that wait at most; further ones are left out.
const MOST_SPANS: usize = 512;

/// How long the end of the worker waits for the last sending.
const LAST: Duration = Duration::from_secs(2);

/// A commit that was made.
pub struct Span {
    end: SystemTime,
    commit: Committed,
}

/// What worker and sender have in common.
#[derive(Default)]
struct Shared {
    spans: Mutex<Vec<Span>>,
    over: Mutex<bool>,
    ends: Condvar,
    is_on: AtomicBool,
}

/// Sends to a collector, where the profile names one.
#[derive(Clone, Default)]
pub struct Telemetry(Arc<Shared>);

/// The sender's thread.
pub struct Sending {
    telemetry: Telemetry,
    thread: Option<JoinHandle<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Telemetry {
    /// Keeps a commit for the next sending.
    pub fn committed(&self, commit: Committed) {
        if !self.0.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut spans = locked(&self.0.spans);
        if spans.len() < MOST_SPANS {
            spans.push(Span { end: SystemTime::now(), commit });
        }
    }

    /// Sends from now on.
    ///
    /// # Errors
    /// Where the address cannot be used at all.
    pub fn start(&self, url: &ServerUrl, board: Arc<Board>, journal: Journal) -> Result<Sending, Problem> {
        self.start_every(url, board, journal, EVERY)
    }

    fn start_every(
        &self,
        url: &ServerUrl,
        board: Arc<Board>,
        journal: Journal,
        every: Duration,
    ) -> Result<Sending, Problem> {
        let collector = Collector::new(url)?;
        let (own, shown) = (Arc::clone(&self.0), url.to_string());
        self.0.is_on.store(true, Ordering::Relaxed);
        let follow = move || Follow { shared: own, collector, board, journal, shown, trouble: false }.run(every);
        let thread = thread::Builder::new().name("telemetry".to_owned()).spawn(follow).ok();
        Ok(Sending { telemetry: self.clone(), thread })
    }
}

impl Drop for Sending {
    /// Sends once more, but does not wait long for it.
    fn drop(&mut self) {
        *locked(&self.telemetry.0.over) = true;
        self.telemetry.0.ends.notify_all();
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + LAST;
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The sender.
struct Follow {
    shared: Arc<Shared>,
    collector: Collector,
    board: Arc<Board>,
    journal: Journal,
    /// The collector as it may be shown.
    shown: String,
    /// Whether it was said that the collector does not take what is sent.
    trouble: bool,
}

impl Follow {
    fn run(mut self, every: Duration) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        loop {
            let over = {
                let over = locked(&self.shared.over);
                *self.shared.ends.wait_timeout(over, every).unwrap_or_else(PoisonError::into_inner).0
            };
            runtime.block_on(self.send());
            if over {
                return;
            }
        }
    }

    async fn send(&mut self) {
        let spans = std::mem::take(&mut *locked(&self.shared.spans));
        let identity = self.board.identity();
        let metrics = document::metrics(&identity, &metrics::page(&self.board));
        let mut sent = self.collector.send("/v1/metrics", metrics).await;
        if sent.is_ok() && !spans.is_empty() {
            sent = self.collector.send("/v1/traces", document::spans(&identity, &spans)).await;
        }
        match sent {
            Ok(()) if self.trouble => {
                self.journal.say(Level::Info, &format!("telemetry is sent to {} again", self.shown));
                self.trouble = false;
            }
            Err(why) if !self.trouble => {
                let words = format!(
                    "telemetry is not sent to {}: {why}; the worker goes on, and it is tried again",
                    self.shown
                );
                self.journal.say(Level::Warn, &words);
                self.trouble = true;
            }
            _ => {}
        }
    }
}
