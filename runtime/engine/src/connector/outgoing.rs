//! Messages on their way to a sink, and what tells them apart.

/// Messages on their way out. Each message is followed by one LF in `bytes` that is not part of it, so that a sink of
/// lines can write the bytes as they are.
#[derive(Clone, Debug, Default)]
pub struct OutputBatch {
    /// Messages, each followed by an LF.
    pub bytes: Vec<u8>,
    /// Keys, one behind the other.
    pub keys: Vec<u8>,
    /// Where each message ends in `bytes` (behind its LF) and its key in `keys`.
    pub ends: Vec<(u32, u32)>,
    /// By message: what tells it from every other, so that a repetition is known as one. Empty where the sink does not
    /// ask for it by [`super::Sink::wants_ids`].
    pub ids: Vec<MessageId>,
    /// Messages that go to a partition of their own choice or have headers, in order.
    pub placed: Vec<Placed>,
}

/// What a message has beside key and bytes, where it is one that waits in a retry topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Which message of the batch, by its index.
    pub message: u32,
    /// The partition that it must go to.
    pub partition: u32,
    /// Names and values of its headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// What tells a message from every other of its topic: the record that caused it, who sent it because of the record, and
/// which of its messages it is. A message that is sent again after a fault has the same, also where another version of the
/// program sends it: nothing in it counts places in the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The number of the record's stream, [`crate::stable::number`] of its id.
    pub stream: u32,
    /// The record's partition.
    pub partition: u32,
    /// The record's offset.
    pub offset: u64,
    /// The number of the flow, subscription or whoever rejected; of one that was told by a subscription it holds why.
    pub by: u32,
    /// Counts what it sent to the topic because of the record.
    pub ordinal: u32,
    /// Which messages it comes in order with.
    pub sequence: Sequence,
    /// For what a value caused that has ended: tells it from all other values of states, and from what stood under its key
    /// before and after it; the offset is then when it ended. 0 for what a record caused.
    pub ended: u64,
    /// Tells the record's topic from others that had its name before and will after: a hash of [`super::LogState::incarnation`].
    pub incarnation: u32,
}

/// Which messages come in the order of their causes, also where some are sent again after a fault: [`crate::marks`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sequence {
    /// None are known to.
    #[default]
    None,
    /// Those that a flow made of the record's partition outside lanes.
    Partition,
    /// Those that a flow made of the record's partition in this lane.
    Lane(u16),
}

/// A message that a sink's receiver will never take as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedMessage {
    /// What tells it from others.
    pub id: MessageId,
    /// Its key.
    pub key: Vec<u8>,
    /// The message.
    pub message: Vec<u8>,
    /// Why, as one sentence.
    pub reason: String,
}

impl OutputBatch {
    /// About how many bytes it takes, without what is placed.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + self.keys.len() + size_of_val(self.ends.as_slice()) + size_of_val(self.ids.as_slice())
    }

    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.keys.clear();
        self.ends.clear();
        self.ids.clear();
        self.placed.clear();
    }

    /// Ends a message whose bytes and key were pushed onto `bytes` and `keys`.
    pub fn end_message(&mut self) {
        self.bytes.push(b'\n');
        self.ends.push((self.bytes.len() as u32, self.keys.len() as u32));
    }

    /// Adds a whole message.
    pub fn push(&mut self, key: &[u8], message: &[u8]) {
        self.keys.extend_from_slice(key);
        self.bytes.extend_from_slice(message);
        self.end_message();
    }

    /// Keys and messages in order.
    pub fn messages(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut from = (0_usize, 0_usize);
        self.ends.iter().map(move |&(end, key_end)| {
            let key = self.keys.get(from.1..key_end as usize).unwrap_or_default();
            let message = self.bytes.get(from.0..(end as usize).saturating_sub(1)).unwrap_or_default();
            from = (end as usize, key_end as usize);
            (key, message)
        })
    }
}
