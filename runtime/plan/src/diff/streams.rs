//! Streams and the flows that read them: how far they were read, and what would be read anew or never.

use super::{Both, Change, Found, PartKind, topic_words};
use crate::{Pipeline, Plan, Source, TopicId};

impl Found<'_> {
    pub(super) fn sources(&mut self) {
        let (old, new) = (self.old, self.new);
        for (index, source) in new.sources.iter().enumerate() {
            let Some((before, was)) = old.sources.iter().enumerate().find(|(_, own)| own.id == source.id) else {
                self.new_part(PartKind::Source, &source.name, Some(source.origin));
                continue;
            };
            let mut changes = other_topic(topic(old, was.from), topic(new, source.from));
            let is_stateful = saves(old, before) && saves(new, index);
            changes.extend(other_key(was, source).filter(|_| is_stateful));
            changes.extend(other_time(was, source));
            if was.retry.is_some() && was.on_error.waits() && !(source.retry.is_some() && source.on_error.waits()) {
                changes.push(Change::loss(
                    "`retry` is gone",
                    "records that wait in its retry topic would not be taken back; a worker does not start while any waits",
                    "put `retry` and `on_error` back until none waits (`nsflow state scan` shows them)",
                ));
            }
            let place = Some(source.origin);
            self.both(Both { kind: PartKind::Source, name: &source.name, was: &was.name, place }, changes);
        }
        for was in old.sources.iter().filter(|was| new.sources.iter().all(|own| own.id != was.id)) {
            let own_topic = topic(old, was.from);
            let is_heir =
                |own: &&Source| topic(new, own.from) == own_topic && old.sources.iter().all(|was| was.id != own.id);
            let (means, help) = match new.sources.iter().find(is_heir) {
                Some(heir) => (
                    format!(
                        "`{}` reads {own_topic} from its beginning: what was taken would be counted again",
                        heir.name
                    ),
                    format!("call it `{}` again: how far a stream was read is known by its name", was.name),
                ),
                None => (
                    format!(
                        "records of {own_topic} that are not read yet never are; how far it was read stays in the store"
                    ),
                    "bring it back, or take it out when all of its records are read".to_owned(),
                ),
            };
            self.gone(PartKind::Source, &was.name, Some(was.origin), &means, &help);
        }
    }

    pub(super) fn ingests(&mut self) {
        let (old, new) = (self.old, self.new);
        for ingest in &new.ingests {
            let Some(was) = old.ingests.iter().find(|own| own.id == ingest.id) else {
                self.new_part(PartKind::Ingest, &ingest.name, Some(ingest.origin));
                continue;
            };
            let changes = other_topic(topic(old, was.from), topic(new, ingest.from));
            let place = Some(ingest.origin);
            self.both(Both { kind: PartKind::Ingest, name: &ingest.name, was: &was.name, place }, changes);
        }
        for was in old.ingests.iter().filter(|was| new.ingests.iter().all(|own| own.id != was.id)) {
            let means = format!("messages of {} that are not read yet never are", topic(old, was.from));
            let help = "bring it back, or take it out when all of its messages are read";
            self.gone(PartKind::Ingest, &was.name, Some(was.origin), &means, help);
        }
    }

    pub(super) fn flows(&mut self) {
        let (old, new) = (self.old, self.new);
        for flow in &new.pipelines {
            let Some(was) = old.pipelines.iter().find(|own| own.id == flow.id) else {
                self.new_part(PartKind::Flow, &flow.name, Some(flow.origin));
                continue;
            };
            let place = Some(flow.origin);
            self.both(Both { kind: PartKind::Flow, name: &flow.name, was: &was.name, place }, Vec::new());
        }
        for was in old.pipelines.iter().filter(|was| new.pipelines.iter().all(|own| own.id != was.id)) {
            let means = "what it made of its records is made no more; under another name it is a new flow, which does not see \
                         what was taken before";
            self.gone(PartKind::Flow, &was.name, Some(was.origin), means, "bring it back, under its name");
        }
    }
}

/// A topic in words; a plan that names one which is not there has been refused before.
pub(super) fn topic(plan: &Plan, id: TopicId) -> String {
    plan.topics.get(id.index()).map(topic_words).unwrap_or_default()
}

fn other_topic(was: String, now: String) -> Vec<Change> {
    if was == now {
        return Vec::new();
    }
    let means = format!("records of {was} that are not read yet never are, and {now} is read from its beginning");
    let help = format!("read {now} as a source of its own, and keep this one until all of its records are read");
    vec![Change::loss(format!("{was} → {now}"), means, help)]
}

/// Whether a flow that reads a source keeps state.
fn saves(plan: &Plan, source: usize) -> bool {
    let reads =
        |flow: &&Pipeline| flow.inputs.iter().filter_map(|input| input.from.source()).any(|own| own.index() == source);
    plan.pipelines.iter().filter(reads).any(|flow| flow.stateful)
}

fn other_key(was: &Source, now: &Source) -> Option<Change> {
    let words = |source: &Source| {
        // A field may be called otherwise and be the same member.
        let name = |field: &u32| source.encoding.fields.get(*field as usize).map(|field| field.path.join("."));
        format!("({})", source.key.iter().filter_map(name).collect::<Vec<_>>().join(", "))
    };
    let (before, after) = (words(was), words(now));
    (before != after).then(|| {
        Change::loss(
            format!("key {before} → {after}"),
            "what its flows have saved lies on servers where the old key puts it: the new program is refused there",
            format!("keep the key, and let the flow `repartition by {}`", after.trim_matches(['(', ')'])),
        )
    })
}

fn other_time(was: &Source, now: &Source) -> Option<Change> {
    let words = |source: &Source| {
        let field = source.time.and_then(|field| source.encoding.fields.get(field as usize));
        field.map_or("the message's".to_owned(), |field| format!("`{}`", field.name))
    };
    let (before, after) = (words(was), words(now));
    (before != after).then(|| {
        let means = "what is late, and when values end, follows the new time; the watermark goes on from where it is";
        Change::migrated(format!("time {before} → {after}"), means)
    })
}
