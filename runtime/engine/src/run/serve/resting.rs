//! Retry topics rest while a table does not answer: what waits there would only be tried in vain, and hold back what comes from
//! elsewhere. They are read on when the table answers again, which is asked for now and then ([`crate::table`]'s patience).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        event::{Event, Note},
        work::Taken,
    },
    Serve,
    take::READER,
};
use crate::{
    connector::{Command, PartitionId},
    table::{TableSource, looked_up::LookedUp},
};

/// What rests, and why.
#[derive(Debug, Default)]
pub(super) struct Resting {
    /// Partitions of retry topics that are not read now, with the generation that they were read in.
    partitions: BTreeMap<PartitionId, u64>,
    /// Tables of which it was said that they do not answer.
    told: BTreeSet<String>,
}

impl Serve {
    /// Whether a batch of a retry topic is to rest: its messages are read again later.
    pub(super) fn rests(&mut self, own: &Taken) -> bool {
        if self.run.core.streams[own.stream].returned.is_none() {
            return false;
        }
        let partition = PartitionId { stream: own.batch.stream, partition: own.batch.partition };
        if !self.resting.partitions.contains_key(&partition) && !self.is_any_away() {
            return false;
        }
        if self.resting.partitions.insert(partition, own.batch.generation) != Some(own.batch.generation) {
            self.readers.command(READER, Command::Pause(partition));
        }
        true
    }

    /// Lets retry topics be read on, if all tables answer.
    pub(super) fn end_rest(&mut self) {
        self.tell_away();
        if self.resting.partitions.is_empty() || !self.all_answer() {
            return;
        }
        for (partition, generation) in std::mem::take(&mut self.resting.partitions) {
            // Another one, since batches behind those that rested may be on their way.
            let Some(generation) = self.machine.read_again(partition, generation) else {
                // It went away meanwhile, or is read anew.
                continue;
            };
            let stream = self.stream(partition);
            let next = self.run.progress.partition(stream, partition.partition).position.next;
            self.readers.command(READER, Command::Start { partition, next, generation });
        }
    }

    /// Says once of each table that it does not answer, and once that all do again.
    fn tell_away(&mut self) {
        let away: BTreeMap<String, String> =
            self.looked_up().filter_map(|table| Some((table.name().to_owned(), table.failure()?))).collect();
        if away.keys().eq(&self.resting.told) {
            return;
        }
        let new = away.iter().filter(|(name, _)| !self.resting.told.contains(*name));
        let mut messages: Vec<String> = new
            .map(|(_, failure)| format!("{failure}; records that need it are set apart, as `on_error` says"))
            .collect();
        if away.is_empty() {
            messages.push("all tables answer again; records that waited for them are taken".to_owned());
        }
        self.resting.told = away.into_keys().collect();
        messages.into_iter().for_each(|message| self.run.tell(|| Event::Note(Note { message })));
    }

    fn looked_up(&self) -> impl Iterator<Item = &LookedUp> {
        self.run.core.shared.tables.iter().filter_map(|table| match table {
            TableSource::LookedUp(own) => Some(&**own),
            TableSource::Whole(_) => None,
        })
    }

    fn is_any_away(&self) -> bool {
        self.looked_up().any(LookedUp::is_away)
    }

    /// Whether all tables answer; those that did not are asked, no more often than their patience allows.
    fn all_answer(&self) -> bool {
        self.looked_up().all(LookedUp::answers)
    }
}
