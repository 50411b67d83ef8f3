//! What a further place of a dimension lacks: found by going through both, and brought there.

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    dimension::Dimensions,
};

use super::CombinedStore;
use crate::spaces::{Kept, Place, Server, Spaces};

/// How many rows are compared at once.
const PAGE: usize = 512;

/// How a further place differs from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// How many rows the first place has, but for those whose time in the further one is over.
    pub rows: u64,
    /// How many of them are not in the further place.
    pub missing: u64,
    /// How many are there as another version.
    pub other: u64,
    /// How many rows are in the further place alone.
    pub alone: u64,
}

impl Difference {
    /// Whether all rows of the first place are in the further one.
    pub const fn is_none(&self) -> bool {
        self.missing == 0 && self.other == 0
    }
}

impl CombinedStore {
    /// Where the dimensions are kept.
    pub const fn spaces(&self) -> &Spaces {
        &self.spaces
    }

    /// Compares a further place of a dimension with its first at a time (milliseconds), and brings there what is missing or
    /// another where that is asked for. Workers may write meanwhile; rows that are on their way then count as different.
    ///
    /// # Errors
    /// Where a server does not answer, or a row cannot be read.
    pub fn compare(&self, kept: &Kept, place: &Place, now: i64, heals: bool) -> ConnectorResult<Difference> {
        let mut difference = Difference::default();
        let from = kept.first.server;
        self.pages(from, &kept.prefix, &mut |keys| {
            let there = self.read(place.server, keys)?;
            let here = self.read(from, keys)?;
            let mut open = Vec::new();
            for ((key, here), there) in keys.iter().zip(&here).zip(&there) {
                let Some(row) = here else { continue };
                if there.is_none() && is_over(&self.spaces.dimensions, kept, (key, row), place.keep, now)? {
                    continue;
                }
                difference.rows += 1;
                difference.missing += u64::from(there.is_none());
                difference.other += u64::from(there.as_ref().is_some_and(|there| there != row));
                if there.as_ref() != Some(row) {
                    open.push(*key);
                }
            }
            if heals && !open.is_empty() { self.bring(from, place, &open) } else { Ok(()) }
        })?;
        self.pages(place.server, &kept.prefix, &mut |keys| {
            difference.alone += self.read(from, keys)?.iter().filter(|row| row.is_none()).count() as u64;
            Ok(())
        })?;
        Ok(difference)
    }

    /// Calls `page` with the keys of all rows of a dimension in a place, some at a time.
    fn pages(
        &self,
        server: Server,
        prefix: &[u8],
        page: &mut dyn FnMut(&[&[u8]]) -> ConnectorResult<()>,
    ) -> ConnectorResult<()> {
        let (mut keys, mut failed): (Vec<Vec<u8>>, _) = (Vec::new(), Ok(()));
        let mut hand_over = |keys: &mut Vec<Vec<u8>>| {
            let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let done = if asked.is_empty() { Ok(()) } else { page(&asked) };
            keys.clear();
            done
        };
        self.scan_place(server, prefix, prefix, &mut |key, _| {
            keys.push(key.to_vec());
            if keys.len() == PAGE {
                failed = hand_over(&mut keys);
            }
            failed.is_ok()
        })?;
        failed?;
        hand_over(&mut keys)
    }
}

/// Whether a row's time in a place is over, by the time of its last write.
fn is_over(
    dimensions: &Dimensions,
    kept: &Kept,
    (key, row): (&[u8], &[u8]),
    keep: u64,
    now: i64,
) -> ConnectorResult<bool> {
    if keep == 0 {
        return Ok(false);
    }
    let row = dimensions.read_row(kept.id, row).map_err(|error| dimensions.unreadable(kept.id, key, error))?;
    let keep = i64::try_from(keep).map_err(|_| {
        ConnectorError::new(
            ConnectorErrorKind::Other,
            "the plan is damaged: a space keeps rows for longer than time has",
        )
    })?;
    Ok(row.updated.saturating_add(keep) < now)
}
