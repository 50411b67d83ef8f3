//! The names of all metrics: this list, the page `METRICS.md` and what `/metrics` gives are the same.

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never goes down while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by fixed bounds, with sum and count.
    Histogram,
}

impl Kind {
    /// Its word in the text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric with all of its labels' values.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub help: &'static str,
}

macro_rules! families {
    ($($name:ident: $kind:ident $text:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $name: Family =
                Family { name: $text, kind: Kind::$kind, labels: &[$($label),*], help: $help };
        )*

        /// Every family, in the order in which they are written.
        #[cfg(test)]
        pub const ALL: &[&Family] = &[$(&$name),*];
    };
}

families! {
    BUILD: Gauge "nsflow_build_info" ["version", "plan", "hash", "profile"]
        "Always 1: what runs.";
    READY: Gauge "nsflow_ready" []
        "Whether the worker does what it is there for: 1 or 0, as `/health/ready` says.";
    LIVE: Gauge "nsflow_live" []
        "Whether the worker's loop shows life: 1 or 0, as `/health/live` says.";
    RELOADS: Counter "nsflow_reloads_total" ["result"]
        "Requests to take another plan or profile: `taken`, or `refused`, which leaves the one that runs.";
    RECORDS: Counter "nsflow_records_total" ["source"]
        "Records taken from a source or ingest and committed.";
    BYTES: Counter "nsflow_input_bytes_total" []
        "Bytes of input taken and committed, over all sources.";
    REPEATED: Counter "nsflow_repeated_records_total" ["source"]
        "Messages that came again and were left out.";
    LATE: Counter "nsflow_late_records_total" ["source"]
        "Records later than their source allows that were not rejected for it.";
    FLOW_RECORDS: Counter "nsflow_flow_records_total" ["flow"]
        "Records that came to a flow.";
    DROPPED: Counter "nsflow_dropped_records_total" ["flow", "reason"]
        "Records that a flow dropped, by the program's reason.";
    REJECTED: Counter "nsflow_rejected_records_total" ["by", "code", "reason"]
        "Records rejected, by the flow, source or ingest that did, the code and the reason.";
    MESSAGES: Counter "nsflow_messages_total" ["topic"]
        "Messages of committed records to a topic. What a fault makes the worker send again is counted once.";
    STATE_ROWS: Counter "nsflow_state_rows_total" ["state"]
        "Rows of a state written, summed over commits.";
    DIMENSION_ROWS: Counter "nsflow_dimension_rows_total" ["dimension"]
        "Rows of a dimension written, summed over commits.";
    POSITION: Gauge "nsflow_position" ["source", "topic", "partition"]
        "The next offset that is taken of a partition of this worker.";
    LAG: Gauge "nsflow_lag_messages" ["source", "topic", "partition"]
        "Messages of a partition behind what was taken, as of its last fetch. Missing until something was fetched.";
    READING: Gauge "nsflow_partition_reading" ["source", "topic", "partition"]
        "Whether a partition of this worker is read (1) or waits for its lanes (0).";
    LANES: Gauge "nsflow_lanes" []
        "Lanes of the program.";
    LANES_OPEN: Gauge "nsflow_lanes_open" []
        "Lanes that work; the others wait for their store or are being taken over.";
    LANES_LOST: Counter "nsflow_lanes_lost_total" []
        "Lanes found to be another worker's, or not as they were left.";
    IN_DOUBT: Counter "nsflow_saves_in_doubt_total" []
        "Saves whose answer did not come; each is settled before the lane goes on.";
    CONFLICTS: Counter "nsflow_row_conflicts_total" []
        "Rows of dimensions that another worker changed meanwhile, so that they were made anew.";
    ROLLBACKS: Counter "nsflow_rollbacks_total" []
        "Partitions found behind what had been saved: the store lost what it had acknowledged.";
    ROLLED_BACK: Counter "nsflow_rolled_back_messages_total" []
        "Messages read again for a rollback.";
    COMMITS: Counter "nsflow_commits_total" []
        "Commits.";
    COMMIT_AGE: Counter "nsflow_commit_age_seconds_total" []
        "Time from the first record of a commit until it was durable, summed over commits.";
    ROUND_SECONDS: Histogram "nsflow_round_seconds" []
        "How long it takes to work on the batches of a round.";
    FLUSH_SECONDS: Histogram "nsflow_flush_seconds" []
        "How long it takes until Kafka has confirmed what was sent.";
    SAVE_SECONDS: Histogram "nsflow_save_seconds" []
        "How long it takes to save one lane in the store.";
    COMMIT_SECONDS: Histogram "nsflow_commit_seconds" []
        "How long a commit takes, from its begin until all of it is durable.";
    START: Gauge "process_start_time_seconds" []
        "When the process began, in seconds since 1970.";
    RESIDENT: Gauge "process_resident_memory_bytes" []
        "Memory of the process that is in RAM. Linux alone.";
    FILES: Gauge "process_open_fds" []
        "Files and connections that the process has open. Linux alone.";
}
