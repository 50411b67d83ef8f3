//! Why a partition is not read on, in the words of who must look.

use super::{super::error::RunError, Serve};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind, PartitionId},
    protocol::Halt,
    timed,
};

fn error(message: String, help: &str) -> RunError {
    RunError::connector("source", ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help))
}

/// The entry before an offset.
fn before(offset: u64) -> String {
    offset.checked_sub(1).map_or_else(|| "the beginning".to_owned(), |entry| format!("`{}`", timed::name(entry)))
}

/// The same for a stream of entries, which have names in place of offsets; none where it never comes to that.
fn halted_stream(name: &str, why: &Halt) -> Option<RunError> {
    let reset = format!("`nsflow reset --topic {name}`");
    Some(match why {
        Halt::Gap { next, low } => error(
            format!(
                "the stream `{name}`: entries are gone that were not yet counted: the next is behind {}, and entries up to {} \
                 were trimmed away or deleted",
                before(*next),
                before(*low)
            ),
            &format!(
                "let whoever trims the stream keep more of it, and delete single entries (`XDEL`) only after they were \
                 counted; to go on without them, run {reset}"
            ),
        ),
        Halt::Truncated { next, high } => error(
            format!(
                "the stream `{name}` ends at {}, but {} was taken of it: it was made anew, or its server lost its end",
                before(*high),
                before(*next)
            ),
            &format!("if that was meant, run {reset}; its states then begin anew or are kept, as you choose"),
        ),
        Halt::Recreated => error(
            format!(
                "the stream `{name}` is another one than the one that was read before: it was deleted and made anew"
            ),
            &format!("if that was meant, run {reset}"),
        ),
        // Only what workers' own commits in the log tell, which a stream of entries does not keep.
        Halt::Emptied { .. } => return None,
    })
}

impl Serve {
    pub(super) fn halted(&self, partition: PartitionId, why: &Halt) -> RunError {
        let topic = self.names.get(&partition).map_or("?", |name| name.topic.as_str());
        let timed = self.machine.is_timed(partition);
        if let Some(error) = timed.then(|| halted_stream(topic, why)).flatten() {
            return error;
        }
        let place = format!("partition {} of the topic `{topic}`", partition.partition);
        match why {
            Halt::Gap { next, low } => error(
                format!(
                    "{place}: {} messages are gone that were not yet counted: the next is offset {next}, and the first \
                         that the topic still has is {low}",
                    low - next
                ),
                "lengthen the topic's retention; to go on without them, run `nsflow reset --to earliest` for this topic",
            ),
            Halt::Truncated { next, high } => error(
                format!(
                    "{place} ends at offset {high}, but offset {next} is to be read next: the topic was made anew or cut \
                         off"
                ),
                "if that was meant, run `nsflow reset` for this topic; its states then begin anew or are kept, as you choose",
            ),
            Halt::Recreated => error(
                format!(
                    "{place}: the topic is another one than the one that was read before; its offsets mean other records"
                ),
                "if it was made anew on purpose, run `nsflow reset` for this topic",
            ),
            Halt::Emptied { committed } => error(
                format!(
                    "{place} was read up to offset {committed}, but the store has nothing of it: it was emptied, or is \
                         another store"
                ),
                "connect the store that the states are in; to begin anew, run `nsflow reset` for this topic",
            ),
        }
    }
}
