//! Topics as one source whose partitions several workers share.

mod asking;
mod assigned;
mod followers;
mod incarnation;
mod membership;
mod ownership;
mod rebalance;
mod seen;
mod unowned;

use std::{sync::Arc, thread, time::Duration};

use nsf_engine::connector::{
    Change, Command, ConnectorError, ConnectorErrorKind, ConnectorResult, Polled, Position, RawBatch, Source,
};

use crate::{settings::KafkaSettings, transactions::KafkaTransactions, trouble::Trouble};
pub(crate) use asking::{Asked, states};
use membership::Membership;
pub(crate) use ownership::Ownership;
pub use seen::PartitionEnd;
use seen::Seen;

/// How long a source that was not closed tries to leave its group.
const LEAVING: Duration = Duration::from_secs(10);

/// Topics that are read together by one member of a group.
///
/// The member is made by [`Source::open`]. Everything else happens on the thread that polls; only the status may be asked
/// for from elsewhere.
pub struct KafkaSource {
    settings: Arc<KafkaSettings>,
    /// The topic of each stream.
    streams: Vec<String>,
    /// By stream: the number of its group; streams of one group have the same partitions at the same worker.
    groups: Vec<u32>,
    trouble: Arc<Trouble>,
    seen: Arc<Seen>,
    ownership: Ownership,
    membership: Option<Membership>,
}

/// A view of a source that is kept while the engine has the source.
#[derive(Clone)]
pub struct KafkaStatus {
    settings: Arc<KafkaSettings>,
    trouble: Arc<Trouble>,
    seen: Arc<Seen>,
}

impl KafkaStatus {
    /// What is wrong just now though the run goes on; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let told = self.trouble.error(&self.settings, "the topics are not read meanwhile");
        let told = told.map(|error| error.to_string());
        told.or_else(|| self.seen.note())
    }

    /// Whether the group let this worker in, be it without partitions: it may have more workers than partitions.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.seen.is_joined()
    }

    /// The ends of the partitions that are this worker's, as the last fetch of each told it, not older than about a second.
    /// One of which nothing was fetched yet is not among them.
    #[must_use]
    pub fn ends(&self) -> Vec<PartitionEnd> {
        self.seen.ends()
    }
}

impl KafkaSource {
    /// A source whose streams are these topics, by their order; the same topic may come twice. Nothing is connected to
    /// yet.
    #[must_use]
    pub fn new(settings: impl Into<Arc<KafkaSettings>>, streams: Vec<String>) -> Self {
        let groups = (0..).take(streams.len()).collect();
        let settings = settings.into();
        let (trouble, seen, ownership) = Default::default();
        Self { settings, streams, groups, trouble, seen, ownership, membership: None }
    }

    /// The same with streams that belong together: those with one number come with the same partitions to the same worker.
    /// The group of workers shares out the partitions of the first topic of them alone; the others follow it.
    #[must_use]
    pub fn with_groups(mut self, groups: Vec<u32>) -> Self {
        self.groups = groups;
        self
    }

    /// The same, where positions are committed in transactions.
    #[must_use]
    pub fn in_transactions(mut self, transactions: &KafkaTransactions) -> Self {
        self.ownership = transactions.ownership();
        self
    }

    /// What is wrong just now though the run goes on; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.status().trouble()
    }

    /// The same for someone who does not have the source.
    #[must_use]
    pub fn status(&self) -> KafkaStatus {
        KafkaStatus {
            settings: Arc::clone(&self.settings),
            trouble: Arc::clone(&self.trouble),
            seen: Arc::clone(&self.seen),
        }
    }

    fn open_membership(&mut self) -> ConnectorResult<&mut Membership> {
        self.membership.as_mut().ok_or_else(|| {
            ConnectorError::new(ConnectorErrorKind::Other, "a source of Kafka was asked before it was opened")
        })
    }
}

impl Source for KafkaSource {
    /// Connects, looks for the topics and joins the group. Positions are given by [`Command::Start`], never here.
    fn open(&mut self, _positions: &[(u32, Position)]) -> ConnectorResult<()> {
        let membership = Membership::join(
            &self.settings,
            &self.trouble,
            Arc::clone(&self.seen),
            self.streams.clone(),
            &self.groups,
            self.ownership.clone(),
        )?;
        self.membership = Some(membership);
        Ok(())
    }

    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        self.open_membership()?.poll(batch, bytes, true)
    }

    fn look(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        self.open_membership()?.poll(batch, bytes, false)
    }

    /// An estimate: how many messages are behind what was handed out, times how long they were so far.
    fn waiting(&self) -> Option<u64> {
        self.membership.as_ref().map(Membership::waiting)
    }

    fn changes(&mut self) -> Vec<Change> {
        self.membership.as_mut().map(Membership::changes).unwrap_or_default()
    }

    fn command(&mut self, command: Command) -> ConnectorResult<()> {
        self.open_membership()?.command(command);
        Ok(())
    }

    fn rest(&mut self) -> ConnectorResult<Polled> {
        self.open_membership()?.rest()
    }

    fn close(&mut self, deadline: Duration) {
        if let Some(mut membership) = self.membership.take() {
            membership.leave(deadline);
            self.seen.set_joined(false);
            thread::spawn(move || drop(membership));
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.take() {
            let_go(membership);
        }
    }
}

/// The client's drop waits for its threads and can hang (rust-rdkafka#509, #453): nobody waits for it. A process that ends
/// meanwhile ends it. It leaves the group first, where it has not: its threads would keep its partitions from all others.
fn let_go(mut membership: Membership) {
    thread::spawn(move || {
        membership.leave(LEAVING);
        drop(membership);
    });
}
