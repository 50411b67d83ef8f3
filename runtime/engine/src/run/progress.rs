//! How far a run is: positions and watermarks of partitions, and their form in the store.

use std::{collections::BTreeMap, sync::Arc};

use crate::{connector::Position, marks::Marks, store::Changes};

/// How far a partition of a stream is.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionProgress {
    /// Everything before was taken.
    pub position: Position,
    /// The greatest record time taken, in milliseconds.
    pub watermark: i64,
    /// What was taken of messages that may be sent again, where lanes are served.
    pub marks: Arc<Marks>,
    /// Whether it changed since the last commit.
    pub changed: bool,
}

/// How far all partitions are, by stream and partition.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// By the stream's index and the partition.
    pub partitions: BTreeMap<(usize, u32), PartitionProgress>,
}

/// Start of the keys of a stream's partitions.
pub(crate) fn prefix(id: &str) -> Vec<u8> {
    let mut key = b"source/".to_vec();
    key.extend_from_slice(id.as_bytes());
    key.push(0);
    key
}

impl PartitionProgress {
    /// Reads its stored form.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (next, rest) = bytes.split_first_chunk::<8>()?;
        let (watermark, detail) = rest.split_first_chunk::<8>()?;
        let position = Position { next: u64::from_le_bytes(*next), detail: detail.to_vec() };
        Some(Self { position, watermark: i64::from_le_bytes(*watermark), ..Self::default() })
    }
}

impl Progress {
    /// The progress of a partition.
    pub(crate) fn partition(&mut self, stream: usize, partition: u32) -> &mut PartitionProgress {
        let new = || PartitionProgress { watermark: i64::MIN, ..PartitionProgress::default() };
        self.partitions.entry((stream, partition)).or_insert_with(new)
    }

    /// Adds what changed to a commit.
    pub(crate) fn collect(&mut self, ids: &[&str], changes: &mut Changes) {
        for ((stream, partition), progress) in &mut self.partitions {
            if !std::mem::take(&mut progress.changed) {
                continue;
            }
            let mut key = prefix(ids[*stream]);
            key.extend_from_slice(&partition.to_be_bytes());
            changes.put_with(&key, |out| {
                out.extend_from_slice(&progress.position.next.to_le_bytes());
                out.extend_from_slice(&progress.watermark.to_le_bytes());
                out.extend_from_slice(&progress.position.detail);
            });
        }
    }
}
