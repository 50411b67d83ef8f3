//! Compares outputs that are written differently: every row is read, and rows are summed up so that neither their
//! order, nor the order of members, nor the writing of a number counts.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use workload::lines::for_each_line;

/// One row of any peer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    class: i64,
    stu_id: i64,
    plan_id: i64,
    #[serde(borrow)]
    class_name: Cow<'a, str>,
    score: f64,
    status: i64,
    minutes: f64,
    is_finished: bool,
    total: Option<i64>,
}

/// What an output amounts to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Rows that are finished.
    pub finished: u64,
    /// The sum of all scores, in tenths.
    pub score_tenths: i64,
    /// The sum of W2's running totals.
    pub totals: i64,
    /// The sum of the rows' hashes.
    pub hash: u64,
}

/// Reads an output file.
pub fn digest(path: &str) -> io::Result<Digest> {
    let mut sum = Digest::default();
    for_each_line(path, |line| {
        let row: Row = serde_json::from_str(line).map_err(|error| {
            io::Error::other(format!("{path} holds a row that is not one of the job's: {error}: {line}"))
        })?;
        let mut hasher = DefaultHasher::new();
        (row.class, row.stu_id, row.plan_id, &row.class_name, row.score.to_bits(), row.status).hash(&mut hasher);
        (row.minutes.to_bits(), row.is_finished, row.total).hash(&mut hasher);
        sum.rows += 1;
        sum.finished += u64::from(row.is_finished);
        sum.score_tenths += (row.score * 10.0).round() as i64;
        sum.totals += row.total.unwrap_or(0);
        sum.hash = sum.hash.wrapping_add(hasher.finish());
        Ok(())
    })?;
    Ok(sum)
}
