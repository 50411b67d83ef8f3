//! A row that records of another partition have changed: what is said of it.

use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    state::{Origin, Origins, Place, StateShape},
    text,
};

/// A row that a record found as one of another partition's records.
#[derive(Clone, Debug)]
pub(crate) struct ForeignRow {
    /// The record's stream, by its index in the plan.
    pub stream: u32,
    /// What is wrong, and what to do, if no partitions were added.
    pub error: ConnectorError,
    /// What is said as long as that is not known.
    pub note: String,
}

impl ForeignRow {
    /// The row of a state under a key was written from `origin`, and a record of `place` touches it.
    pub(crate) fn new(
        shape: &StateShape,
        origins: &Origins,
        key: &[u8],
        origin: &Origin,
        place: Place,
        offset: u64,
    ) -> Self {
        let mut name = Vec::new();
        if text::write_key(&shape.id, shape.keys.iter(), key, &mut name).is_err() {
            name = shape.id.clone().into_bytes();
        }
        let row = String::from_utf8_lossy(&name);
        let own = origins.stream(place.stream);
        let (topic, declared) = own.map_or(("?", "?"), |own| (&*own.topic, own.key.as_str()));
        let Place { stream, partition, partitions, .. } = place;
        let message = format!(
            "the topic `{topic}` is not partitioned by its declared key `{declared}`: the row `{row}` was last written from \
             partition {} of `{}`, and the record at offset {offset} of partition {partition} of `{topic}` is to change it too, \
             though the topic still has {partitions} partitions",
            origin.partition, origin.topic
        );
        let help = format!(
            "records of one key must lie in one partition, or two workers would change one row. Let the producer give each \
             message `{declared}` as its key and place it by that; or put `repartition by {declared}` before the flow's first \
             `load` or `save`. The record was not counted, and nothing wrong was stored"
        );
        let note = format!(
            "the row `{row}` was last written from partition {} of `{}` and now has a record of partition {partition} of \
             `{topic}`: it is looked whether partitions were added",
            origin.partition, origin.topic
        );
        Self { stream, note, error: ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help) }
    }
}
