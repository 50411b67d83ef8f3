//! How a file is known again: by the hash of its first 4 KiB and its length.

use std::{fs::File, io, os::unix::fs::FileExt};

use nsf_engine::connector::Position;
use xxhash_rust::xxh3::xxh3_128;

/// How much of a file's beginning is hashed, in bytes.
const HASHED: u64 = 4096;

/// What a position of a file holds beside the next line's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FilePosition {
    /// Bytes taken from the file's beginning.
    pub bytes: u64,
    /// How many bytes of the beginning are hashed: 4 KiB, or fewer of a shorter file.
    pub hashed: u64,
    /// Their hash.
    pub hash: u128,
    /// Whether the last record taken ended at the file's end without a line end.
    pub unterminated: bool,
}

impl FilePosition {
    /// Writes it into a position.
    pub(super) fn store(&self, next: u64, position: &mut Position) {
        position.next = next;
        position.detail.clear();
        position.detail.extend_from_slice(&self.bytes.to_le_bytes());
        position.detail.extend_from_slice(&self.hashed.to_le_bytes());
        position.detail.extend_from_slice(&self.hash.to_le_bytes());
        position.detail.push(u8::from(self.unterminated));
    }

    /// Reads it from a position; none where the position is not one of a file.
    pub(super) fn load(position: &Position) -> Option<Self> {
        let (bytes, rest) = position.detail.split_first_chunk::<8>()?;
        let (hashed, rest) = rest.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<16>()?;
        let [unterminated] = rest else { return None };
        Some(Self {
            bytes: u64::from_le_bytes(*bytes),
            hashed: u64::from_le_bytes(*hashed),
            hash: u128::from_le_bytes(*hash),
            unterminated: *unterminated == 1,
        })
    }
}

/// Length and hash of a file's beginning: of at most `limit` bytes and never more than 4 KiB.
pub(super) fn beginning(file: &File, limit: u64) -> io::Result<(u64, u128)> {
    let mut bytes = [0_u8; HASHED as usize];
    let wanted = usize::try_from(limit.min(HASHED)).unwrap_or(bytes.len());
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut bytes[filled..wanted], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((filled as u64, xxh3_128(&bytes[..filled])))
}
