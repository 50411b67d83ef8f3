//! Partitions that the group gave to nobody.
//!
//! A member with an instance name that comes back gets what the group wrote down for it last, without anything being shared
//! out anew. Where it went away while partitions were on their way from it to another, they are written down for nobody, and
//! until something else makes the group share out anew nobody reads them: static membership (KIP-345) and moving partitions
//! in two steps (KIP-429) leave that hole between them. So such a member looks, once it is in, whether every partition is
//! somebody's, and where that stays otherwise it gives back what it has and joins anew.

use std::time::{Duration, Instant};

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{asking::PATIENCE, membership::Membership};
use crate::context::GroupCalls;

/// How long after a look the next one is.
const AGAIN: Duration = Duration::from_secs(1);

/// What a member that gives back partitions takes to join anew, beyond the time that it has to give them back.
const TO_JOIN: Duration = Duration::from_secs(2);

/// How the group has shared out the topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Division {
    /// Whether it is not being shared out anew just now.
    settled: bool,
    /// By member: what it was given, as the group wrote it down.
    members: Vec<(String, Vec<u8>)>,
    /// Partitions that no member was given.
    unowned: Vec<(String, i32)>,
}

/// What a member does to see that every partition is somebody's.
#[derive(Debug)]
pub(super) struct Watch {
    next: Next,
    /// How long what is nobody's may be on its way to somebody.
    patience: Duration,
    /// What was seen last that has partitions of nobody, and since when it has been so.
    seen: Option<(Instant, Division)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Begins once the group has let this member in.
    Joined,
    Look(Instant),
    Answer,
    /// Joins anew as soon as nothing is this member's any more.
    Rejoin,
    /// Every partition is somebody's; from here on this member takes part whenever the group shares out.
    Nothing,
}

impl Watch {
    /// A watch over partitions that a member gives back within `drain`; none where the member has no instance name.
    pub(super) const fn new(has_instance: bool, drain: Duration) -> Self {
        let next = if has_instance { Next::Joined } else { Next::Nothing };
        Self { next, patience: drain.saturating_add(TO_JOIN), seen: None }
    }

    /// The group has let this member in.
    pub(super) fn joined(&mut self, now: Instant) {
        if self.next == Next::Joined {
            self.next = Next::Look(now);
        }
    }

    /// Whether the group is to be asked now.
    fn asks(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.next, Next::Look(at) if at <= now);
        if is_due {
            self.next = Next::Answer;
        }
        is_due
    }

    /// What the group answered; none where it did not. The partitions that have been nobody's for too long.
    fn saw(&mut self, division: Option<Division>, now: Instant) -> Vec<(String, i32)> {
        self.next = Next::Look(now + AGAIN);
        let Some(division) = division.filter(|division| division.settled) else {
            self.seen = None;
            return Vec::new();
        };
        if division.unowned.is_empty() {
            (self.next, self.seen) = (Next::Nothing, None);
            return Vec::new();
        }
        match &self.seen {
            Some((since, seen)) if *seen == division => {
                if now.saturating_duration_since(*since) < self.patience {
                    return Vec::new();
                }
                (self.next, self.seen) = (Next::Rejoin, None);
                division.unowned
            }
            _ => {
                self.seen = Some((now, division));
                Vec::new()
            }
        }
    }
}

impl Membership {
    /// Asks the group where it is time to, and joins anew once everything was given back.
    pub(super) fn serve_watch(&mut self) {
        if self.watch.asks(Instant::now()) {
            self.asker.division(self.settings.group.clone(), self.leads.clone());
        }
        if self.watch.next == Next::Rejoin && self.assigned.list.is_empty() && self.leaving.is_empty() {
            let leads: Vec<&str> = self.leads.iter().map(String::as_str).collect();
            match self.consumer.subscribe(&leads) {
                Ok(()) => self.watch.next = Next::Joined,
                Err(error) => self.note(&error, "the group could not be joined anew"),
            }
        }
    }

    pub(super) fn divided(&mut self, division: Option<Division>) {
        let unowned = self.watch.saw(division, Instant::now());
        let Some((topic, partition)) = unowned.first() else { return };
        let words = format!(
            "partition {partition} of topic `{topic}` and {} more were nobody's in group `{}`: this worker gives back what it has \
             and joins anew, so that all are shared out",
            unowned.len() - 1,
            self.settings.group
        );
        self.seen.set_note(Some(words));
        // What this member has is asked back by this, and is given back as ever.
        self.consumer.unsubscribe();
    }
}

/// How a group has shared out topics.
pub(super) fn division(
    consumer: &BaseConsumer<GroupCalls>,
    group: &str,
    topics: &[String],
) -> Result<Division, KafkaError> {
    let mut unowned = Vec::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
        let own = metadata.topics().iter().filter(|own| own.name() == topic);
        unowned.extend(own.flat_map(|own| own.partitions()).map(|partition| (topic.clone(), partition.id())));
    }
    let groups = consumer.client().fetch_group_list(Some(group), PATIENCE)?;
    let Some(group) = groups.groups().iter().find(|own| own.name() == group) else { return Ok(Division::default()) };
    let members = group.members().iter();
    let members: Vec<(String, Vec<u8>)> =
        members.map(|member| (member.id().to_owned(), member.assignment().unwrap_or_default().to_vec())).collect();
    let mut settled = group.state() == "Stable";
    for (_, assignment) in &members {
        match partitions(assignment) {
            Some(owned) => unowned.retain(|partition| !owned.contains(partition)),
            // Whatever it says is somebody's.
            None => settled = false,
        }
    }
    Ok(Division { settled, members, unowned })
}

/// The partitions of an assignment as Kafka's `ConsumerProtocolAssignment` writes it; none where it is not one.
fn partitions(mut assignment: &[u8]) -> Option<Vec<(String, i32)>> {
    // A member that was given nothing may have been written down with nothing at all.
    if assignment.is_empty() {
        return Some(Vec::new());
    }
    let rest = &mut assignment;
    let _version = take(rest, 2)?;
    let mut partitions = Vec::new();
    for _ in 0..number(rest)? {
        let length = u16::from_be_bytes(take(rest, 2)?.try_into().ok()?);
        let topic = str::from_utf8(take(rest, length.into())?).ok()?;
        for _ in 0..number(rest)? {
            partitions.push((topic.to_owned(), number(rest)?));
        }
    }
    Some(partitions)
}

fn number(bytes: &mut &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(take(bytes, 4)?.try_into().ok()?))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    bytes.split_off(..count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(unowned: &[i32]) -> Division {
        let unowned = unowned.iter().map(|partition| ("logins".to_owned(), *partition)).collect();
        Division { settled: true, members: vec![("worker-1".to_owned(), vec![1])], unowned }
    }

    const DRAIN: Duration = Duration::from_secs(3);

    #[test]
    fn what_stays_nobodys_is_told_of_once_it_cannot_be_on_its_way_any_more() {
        let begun = Instant::now();
        let mut watch = Watch::new(true, DRAIN);
        assert!(!watch.asks(begun), "it is not in yet");
        watch.joined(begun);
        assert!(watch.asks(begun) && !watch.asks(begun), "one question at a time");
        assert_eq!(watch.saw(Some(divided(&[1, 4])), begun), []);
        let later = begun + DRAIN;
        assert!(watch.asks(later));
        assert_eq!(watch.saw(Some(divided(&[1, 4])), later), []);
        let late = begun + DRAIN + TO_JOIN;
        assert!(watch.asks(late));
        assert_eq!(watch.saw(Some(divided(&[1, 4])), late), [("logins".to_owned(), 1), ("logins".to_owned(), 4)]);
        assert!(!watch.asks(late + DRAIN), "it joins anew first");
    }

    #[test]
    fn whatever_changes_meanwhile_begins_the_wait_anew() {
        let begun = Instant::now();
        let late = begun + DRAIN + TO_JOIN;
        let between = [
            Some(divided(&[1])),
            Some(Division { settled: false, ..divided(&[1, 4]) }),
            Some(Division { members: Vec::new(), ..divided(&[1, 4]) }),
            None,
        ];
        for between in between {
            let mut watch = Watch::new(true, DRAIN);
            watch.joined(begun);
            watch.saw(Some(divided(&[1, 4])), begun);
            watch.saw(between, begun + DRAIN);
            assert_eq!(watch.saw(Some(divided(&[1, 4])), late), []);
            assert!(watch.asks(late + AGAIN));
        }
    }

    #[test]
    fn nothing_is_asked_once_all_is_somebodys_or_without_an_instance_name() {
        let begun = Instant::now();
        let mut watch = Watch::new(true, DRAIN);
        watch.joined(begun);
        watch.saw(Some(divided(&[])), begun);
        watch.joined(begun);
        assert!(!watch.asks(begun + DRAIN));
        let mut unnamed = Watch::new(false, DRAIN);
        unnamed.joined(begun);
        assert!(!unnamed.asks(begun));
    }

    #[test]
    fn assignments_are_read_as_kafka_writes_them() {
        let bytes = b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\x03\0\0\0\x07\0\x02bc\0\0\0\x01\0\0\0\0\xff\xff\xff\xff";
        let named = [("a", 3), ("a", 7), ("bc", 0)].map(|(topic, partition)| (topic.to_owned(), partition));
        assert_eq!(partitions(bytes), Some(named.to_vec()));
        assert_eq!(partitions(b""), Some(Vec::new()));
        // Up to the user data every byte counts; no cut of it is read as something else.
        for length in 1..bytes.len() - 4 {
            assert_eq!(partitions(&bytes[..length]), None, "{length}");
        }
    }
}
