//! Workload W3: what its runner and the program by hand share, and the parts of the runner.

pub mod feed;
pub mod latency;
pub mod page;
pub mod records;
pub mod run;
pub mod stage;

/// The topic that is read.
pub const ORDERS: &str = "w3_orders";

/// The topic that is written.
pub const TOTALS: &str = "w3_totals";

/// Partitions of both.
pub const PARTITIONS: u32 = 12;

/// What went wrong, in words.
pub type Done<T> = Result<T, String>;

/// Any error in words.
pub fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
