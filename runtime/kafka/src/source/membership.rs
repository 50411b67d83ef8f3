//! A member of the group: what it is told by the group and by the engine, and what it reads.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use nsf_engine::connector::{
    Change, Command, ConnectorError, ConnectorErrorKind, ConnectorResult, LogState, PartitionId, Polled, RawBatch,
};
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    asking::{Answer, Asked, Asker, BY_WORKER, OutOfRange},
    assigned::{AllAssigned, Assigned, Phase},
    followers::Followers,
    incarnation::Incarnations,
    ownership::Ownership,
    rebalance::Leaving,
    seen::{PartitionEnd, Seen},
    unowned::Watch,
};
use crate::{
    configuration,
    context::{Calls, GroupCalls, Rebalance},
    fault, native,
    settings::{KafkaSettings, StartAt},
    topics::Asking,
    trouble::Trouble,
};

/// How long a poll waits for a first message.
const WAIT: Duration = Duration::from_millis(50);

/// After how many messages it is looked how late it is.
const CLOCK_EVERY: u32 = 64;

/// How often it is looked whether a cluster that was in trouble answers again.
const PROBE: Duration = Duration::from_secs(3);

/// How often the ends of the partitions are shown to those outside.
const LOOK: Duration = Duration::from_secs(1);

/// How long what is known to wait stays true.
const WAITING: Duration = Duration::from_millis(250);

/// A member of the group.
pub(crate) struct Membership {
    pub(super) settings: Arc<KafkaSettings>,
    pub(super) trouble: Arc<Trouble>,
    pub(super) seen: Arc<Seen>,
    pub(super) consumer: Arc<BaseConsumer<GroupCalls>>,
    /// The topics of the streams, by stream.
    pub(super) streams: Vec<String>,
    /// The topics that the group shares out.
    pub(super) leads: Vec<String>,
    /// Which partitions are this worker's, for who commits elsewhere.
    pub(super) ownership: Ownership,
    /// Topics whose partitions follow those of another.
    pub(super) followers: Followers,
    pub(super) assigned: AllAssigned,
    pub(super) leaving: Vec<Leaving>,
    pub(super) changes: Vec<Change>,
    /// Whether every partition is somebody's.
    pub(super) watch: Watch,
    /// Whether topics are still those that they were.
    pub(super) incarnations: Incarnations,
    pub(super) asker: Asker,
    /// Counts assignments.
    pub(super) tokens: u64,
    /// Whether everything is paused since there is no room.
    pub(super) held: bool,
    /// When the cluster was asked last whether it is there again; none while it is asked.
    pub(super) probed: Option<Instant>,
    /// What is known to wait, and since when.
    pub(super) waiting: Cell<Option<(Instant, u64)>>,
    /// When the ends of the partitions were last shown.
    pub(super) looked: Option<Instant>,
}

impl Membership {
    /// Connects, looks for the topics, and joins.
    pub(crate) fn join(
        settings: &Arc<KafkaSettings>,
        trouble: &Arc<Trouble>,
        seen: Arc<Seen>,
        streams: Vec<String>,
        groups: &[u32],
        ownership: Ownership,
    ) -> ConnectorResult<Self> {
        settings.check()?;
        trouble.over();
        let calls = GroupCalls::new(Calls::new(Arc::clone(settings), Arc::clone(trouble)));
        let consumer = BaseConsumer::from_config_and_context(&configuration::consumer(settings), calls)
            .map_err(|error| fault::of(settings, &error, "the group could not be joined"))?;
        let mut topics: Vec<&str> = streams.iter().map(String::as_str).collect();
        topics.sort_unstable();
        topics.dedup();
        let asking = Asking {
            client: consumer.client(),
            settings,
            trouble,
            serve: &|| drop(consumer.poll(Duration::ZERO)),
            brokers: Cell::new(0),
        };
        let followers = Followers::new(&streams, groups);
        let mut partitions = Vec::new();
        // Those that lead first: one that follows and is created gets as many partitions.
        topics.sort_by_key(|topic| followers.follows(topic));
        for topic in &topics {
            let lead = followers.lead_of(topic);
            let wanted = partitions.iter().find(|(own, _)| Some(*own) == lead).map(|(_, count)| *count);
            partitions.push((*topic, asking.topic_of(topic, wanted)?.partitions));
        }
        followers.check(&partitions, settings)?;
        let leads: Vec<&str> = topics.iter().copied().filter(|topic| !followers.follows(topic)).collect();
        consumer
            .subscribe(&leads)
            .map_err(|error| fault::of(settings, &error, "the topics could not be subscribed to"))?;
        let consumer = Arc::new(consumer);
        ownership.join(&consumer);
        Ok(Self {
            watch: Watch::new(settings.instance.is_some(), settings.drain()),
            incarnations: Incarnations::new(settings.metadata_interval),
            settings: Arc::clone(settings),
            trouble: Arc::clone(trouble),
            seen,
            looked: None,
            asker: Asker::new(Arc::clone(&consumer), Arc::clone(trouble)),
            consumer,
            leads: leads.into_iter().map(str::to_owned).collect(),
            streams,
            followers,
            ownership,
            assigned: AllAssigned::default(),
            leaving: Vec::new(),
            changes: Vec::new(),
            tokens: 0,
            held: false,
            probed: Some(Instant::now()),
            waiting: Cell::new(None),
        })
    }

    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes what is there until a batch is full or nothing more is there; `waits` for a first message.
    pub(crate) fn poll(&mut self, batch: &mut RawBatch, bytes: usize, waits: bool) -> ConnectorResult<Polled> {
        self.assigned.fill_batches_to(bytes);
        self.serve()?;
        if self.held && self.assigned.held() * 2 <= self.room() {
            self.release_all();
        }
        let until = Instant::now() + WAIT;
        let mut held = self.assigned.held();
        let mut full = self.assigned.any_full(bytes);
        let mut polls = 0_u32;
        if full {
            self.take_beside(&mut held)?;
        }
        while self.changes.is_empty() && !full {
            // What is there goes out before anything is waited for.
            let wait =
                if held > 0 || !waits { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match self.take(wait)? {
                Some(kept) => {
                    held += kept;
                    polls += 1;
                    // Messages that are thrown away must not keep it either.
                    let is_over = polls.is_multiple_of(CLOCK_EVERY) && Instant::now() >= until;
                    full = self.assigned.last_is_full(bytes) || held >= self.room() || is_over;
                }
                None => {
                    self.serve()?;
                    held = self.assigned.held();
                    if held > 0 || !waits || Instant::now() >= until {
                        break;
                    }
                }
            }
        }
        if !self.changes.is_empty() {
            return Ok(Polled::Changed);
        }
        Ok(if self.assigned.hand_out(batch) { Polled::Batch } else { Polled::Idle })
    }

    /// There is no room for a batch: takes messages only into what room is left here, then pauses. A pause makes the
    /// client forget what it fetched ahead (librdkafka#2703), so that it is not done at every rest, and ends at half.
    pub(crate) fn rest(&mut self) -> ConnectorResult<Polled> {
        self.serve()?;
        let until = Instant::now() + WAIT;
        let mut held = self.assigned.held();
        while self.changes.is_empty() && Instant::now() < until {
            if held >= self.room() && !self.held {
                self.hold_all();
            }
            match self.take(Duration::ZERO)? {
                // A message that comes though everything is paused is kept as well.
                Some(kept) => held += kept,
                None => {
                    self.serve()?;
                    break;
                }
            }
        }
        Ok(if self.changes.is_empty() { Polled::Idle } else { Polled::Changed })
    }

    /// While what is full waits to be handed out: takes a few messages more. The client must be asked all the same, for rebalances
    /// and errors are told that way, and other partitions have messages too.
    fn take_beside(&mut self, held: &mut usize) -> ConnectorResult<()> {
        for _ in 0..CLOCK_EVERY {
            match self.take(Duration::ZERO)? {
                Some(kept) => *held += kept,
                None => break,
            }
            if *held >= self.room() {
                break;
            }
        }
        self.serve()
    }

    /// How many bytes may be held here: the client's own queue has a half, and an eighth is for what was handed out.
    fn room(&self) -> usize {
        self.settings.memory / 8 * 3
    }

    /// Polls the client once; how many bytes were kept of the message that came, if one came.
    fn take(&mut self, wait: Duration) -> ConnectorResult<Option<usize>> {
        let consumer = Arc::clone(&self.consumer);
        match consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(self.assigned.take(&message))),
            Some(Err(error)) => {
                self.told(&error)?;
                Ok(None)
            }
        }
    }

    /// What the client says is wrong: most heals by itself and is told by [`Trouble`].
    fn told(&mut self, error: &KafkaError) -> ConnectorResult<()> {
        match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let positions = self.assigned.list.iter();
                let positions = positions
                    .filter_map(|assigned| Some((assigned.topic.clone(), assigned.partition, assigned.next()?)));
                self.asker.out_of_range(positions.collect());
                Ok(())
            }
            KafkaError::MessageConsumption(RDKafkaErrorCode::LogTruncation) => {
                let message = format!(
                    "the log of a partition in Kafka at `{}` was cut behind what was read of it: a broker without the last \
                     messages has become its leader",
                    self.settings.brokers
                );
                Err(ConnectorError::new(ConnectorErrorKind::Changed, message)
                    .with_help("what was read and is not there any more has been counted: see the brokers' logs"))
            }
            KafkaError::MessageConsumptionFatal(code) => {
                let doing = "the topics cannot be read any more";
                let told = self.trouble.error(&self.settings, doing);
                Err(told.unwrap_or_else(|| fault::of_code(&self.settings, *code, doing, None)))
            }
            _ => Ok(()),
        }
    }

    /// Does everything that waits: the group's changes, answers, starts, partitions that are to go.
    fn serve(&mut self) -> ConnectorResult<()> {
        while let Some(rebalance) = self.consumer.context().next() {
            match rebalance {
                Rebalance::Assign(partitions) => self.assign(&self.followers.with(partitions)),
                Rebalance::Revoke { partitions, lost } => self.revoke(self.followers.with(partitions), lost),
            }
        }
        while let Some(answer) = self.asker.answer() {
            self.answered(answer)?;
        }
        self.serve_leaving();
        self.serve_wanted();
        self.serve_watch();
        if let Some(topics) = self.incarnations.due() {
            self.asker.ids(topics);
        }
        if self.trouble.is_any() && self.probed.is_some_and(|probed| probed.elapsed() >= PROBE) {
            self.probed = None;
            self.asker.alive(self.streams.clone());
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.show_ends();
        }
        Ok(())
    }

    /// Shows where the partitions end, as far as fetches have told it; asks no broker.
    fn show_ends(&mut self) {
        self.looked = Some(Instant::now());
        let known = self.assigned.list.iter().filter_map(|assigned| {
            let end = native::known_end(&self.consumer, &assigned.name, assigned.partition)?;
            let partition = u32::try_from(assigned.partition).ok()?;
            Some(PartitionEnd { topic: assigned.topic.clone(), partition, end })
        });
        self.seen.set_ends(known.collect());
    }

    /// Goes to where partitions are to be read from. A partition that is not active yet is tried again later.
    ///
    /// They are resumed before and not behind: the client's thread of a broker that has nothing to fetch sleeps for up to
    /// a second, and is woken by a seek and not by a resume. What it fetches in between is thrown away.
    fn serve_wanted(&mut self) {
        let mut list = TopicPartitionList::new();
        for assigned in &self.assigned.list {
            if let Some(next) = assigned.wanted {
                let offset = i64::try_from(next).map_or(Offset::End, Offset::Offset);
                // Only offsets that Kafka has not refuse it, and it has none of these.
                let _ = list.add_partition_offset(&assigned.topic, assigned.partition, offset);
            }
        }
        if list.count() == 0 {
            return;
        }
        if !self.held
            && let Err(error) = self.consumer.resume(&list)
        {
            self.note(&error, "partitions could not be resumed");
            return;
        }
        let Ok(sought) = self.consumer.seek_partitions(list, WAIT) else { return };
        for element in sought.elements().iter().filter(|element| element.error().is_ok()) {
            if let Some(assigned) = self.assigned.find(element.topic(), element.partition()) {
                (assigned.wanted, assigned.running) = (None, true);
            }
        }
    }

    /// Lets everything that is read go on from where it is, at once: the client has paused and resumed it.
    ///
    /// While the group waits for an answer the client pauses every partition, those that stay too; so they stand still
    /// until what is to go was released, and would for up to a second more.
    pub(super) fn go_on(&mut self) {
        for assigned in self.assigned.list.iter_mut().filter(|assigned| assigned.running) {
            assigned.wanted = assigned.next();
        }
        self.serve_wanted();
    }

    fn answered(&mut self, answer: Answer) -> ConnectorResult<()> {
        match answer {
            Answer::States(states) => {
                self.trouble.answered();
                for (asked, state) in states {
                    self.stands(&asked, state);
                }
            }
            Answer::Division(division) => self.divided(division),
            Answer::Ids(ids) => self.incarnations.answered(&ids, &self.settings.brokers)?,
            Answer::Count(topic, partitions) => {
                let streams = (0_u32..).zip(&self.streams).filter(|(_, name)| **name == topic);
                self.changes.extend(streams.map(|(stream, _)| Change::Counted { stream, partitions }));
            }
            Answer::OutOfRange(found) => return Err(self.out_of_range(found)),
            Answer::Alive => {
                self.trouble.answered();
                self.probed = Some(Instant::now());
            }
            Answer::Silent => self.probed = Some(Instant::now()),
        }
        Ok(())
    }

    /// It is known where a partition stands that came: the engine is told of it.
    fn stands(&mut self, (topic, partition, token): &Asked, mut state: LogState) {
        let latest = self.settings.start == StartAt::Latest && state.committed.is_none();
        let Some(assigned) = self.assigned.find(topic, *partition) else { return };
        // It may have gone, and come again, meanwhile.
        if assigned.token != *token || assigned.phase != Phase::Asked {
            return;
        }
        assigned.phase = Phase::Told;
        self.incarnations.note(topic, &state.incarnation);
        if latest {
            // Were it not committed, a restart before the first commit would begin later and lose what came between.
            state.committed = Some(state.high);
            for reading in &mut assigned.readings {
                reading.committed = Some(state.high);
            }
        }
        for reading in &assigned.readings {
            self.changes.push(Change::Assigned(assigned.id(reading), state.clone()));
        }
        if latest {
            self.commit(&[(topic.clone(), *partition)], "");
        }
    }

    fn out_of_range(&self, found: Option<OutOfRange>) -> ConnectorError {
        let Some(OutOfRange { topic, partition, next, low, high }) = found else {
            let message = format!(
                "a partition of a topic could not be read at its position in Kafka at `{}`, and can be now",
                self.settings.brokers
            );
            return ConnectorError::new(ConnectorErrorKind::Unavailable, message);
        };
        let what = if next < low {
            format!("the log begins at {low}: what was to be read next is not kept any more")
        } else {
            format!("the log ends at {high}: it was cut, or the topic was made anew")
        };
        let message = format!(
            "partition {partition} of topic `{topic}` in Kafka at `{}` is to be read from offset {next}, and {what}",
            self.settings.brokers
        );
        ConnectorError::new(ConnectorErrorKind::Changed, message)
            .with_help("nothing is skipped silently: decide where to go on, then reset the progress of this partition")
    }

    pub(crate) fn command(&mut self, command: Command) {
        match command {
            Command::Start { partition, next, generation } => {
                if let Some(assigned) = self.told_of(partition) {
                    assigned.start(partition.stream, next, generation);
                    self.serve_wanted();
                }
            }
            Command::Pause(partition) => {
                if let Some(assigned) = self.told_of(partition)
                    && assigned.pause(partition.stream)
                {
                    (assigned.wanted, assigned.running) = (None, false);
                    let list = [(assigned.topic.clone(), assigned.partition)];
                    if let Err(error) = self.consumer.pause(&list_at(&list, Offset::Invalid)) {
                        self.note(&error, "a partition could not be paused");
                    }
                }
            }
            Command::Release(partition) => {
                if let Some(assigned) = self.assigned.find_id(partition) {
                    let readings = assigned.readings.iter_mut();
                    readings.filter(|reading| reading.stream == partition.stream).for_each(|reading| {
                        reading.released = true;
                    });
                }
                self.serve_leaving();
            }
            Command::Count(stream) => {
                if let Some(topic) = self.streams.get(stream as usize) {
                    self.asker.count(topic.clone());
                }
            }
            Command::Commit(positions) => {
                let mut partitions = Vec::new();
                for (id, next) in positions {
                    let Some(assigned) = self.assigned.find_id(id) else { continue };
                    for reading in assigned.readings.iter_mut().filter(|reading| reading.stream == id.stream) {
                        reading.committed = Some(next);
                    }
                    partitions.push((assigned.topic.clone(), assigned.partition));
                }
                partitions.sort_unstable();
                partitions.dedup();
                // Else what is told here, and comes late, could put back what a transaction has committed.
                if self.settings.transactional_id.is_none() {
                    self.commit(&partitions, BY_WORKER);
                }
            }
        }
    }

    /// A partition that is this worker's and is to stay so.
    fn told_of(&mut self, partition: PartitionId) -> Option<&mut Assigned> {
        self.assigned.find_id(partition).filter(|assigned| assigned.phase == Phase::Told)
    }

    /// Commits positions for the group: without waiting and without minding failures (librdkafka#2933). Only of partitions
    /// that are this worker's (redpanda-data/connect#4477).
    fn commit(&mut self, partitions: &[(String, i32)], by: &str) {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            let committable = self.assigned.find(topic, *partition).and_then(|assigned| assigned.committable());
            if let Some(offset) = committable.and_then(|next| i64::try_from(next).ok()) {
                let mut element = list.add_partition(topic, *partition);
                let _ = element.set_offset(Offset::Offset(offset));
                element.set_metadata(by);
            }
        }
        if list.count() > 0 {
            let _ = self.consumer.commit(&list, CommitMode::Async);
        }
    }

    fn running(&self) -> Vec<(String, i32)> {
        let running = self.assigned.list.iter().filter(|assigned| assigned.running);
        running.map(|assigned| (assigned.topic.clone(), assigned.partition)).collect()
    }

    fn hold_all(&mut self) {
        self.held = true;
        let running = self.running();
        if let Err(error) = self.consumer.pause(&list_at(&running, Offset::Invalid)) {
            self.note(&error, "partitions could not be paused");
        }
    }

    fn release_all(&mut self) {
        self.held = false;
        self.go_on();
    }

    /// A call of the client that should not fail did.
    pub(super) fn note(&self, error: &KafkaError, what: &str) {
        let words = fault::of(&self.settings, error, what).to_string();
        self.seen.set_note(Some(words));
    }

    /// About how many bytes wait in the log; asks no broker.
    pub(crate) fn waiting(&self) -> u64 {
        if let Some((since, waiting)) = self.waiting.get()
            && since.elapsed() < WAITING
        {
            return waiting;
        }
        let each = self.assigned.list.iter().map(|assigned| {
            let end = native::known_end(&self.consumer, &assigned.name, assigned.partition);
            end.map_or(0, |end| assigned.waiting(end))
        });
        let waiting = each.sum();
        self.waiting.set(Some((Instant::now(), waiting)));
        waiting
    }
}

/// A list for the client's calls.
pub(super) fn list_at(partitions: &[(String, i32)], offset: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        // Only offsets that Kafka has not refuse it, and these are none of them.
        let _ = list.add_partition_offset(topic, *partition, offset);
    }
    list
}
