//! What a run did, for people and machines. Printing is the caller's.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::fault::FaultCode;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Sources, then ingests.
    pub sources: Vec<SourceSummary>,
    /// Flows.
    pub flows: Vec<FlowSummary>,
    /// Dimensions that were written.
    pub dimensions: Vec<StoredSummary>,
    /// States that were written: rows changed, summed over commits.
    pub states: Vec<StoredSummary>,
    /// Topics and other outputs that were written.
    pub outputs: Vec<OutputSummary>,
    /// Tables that were read.
    pub tables: Vec<TableSummary>,
    /// Records taken, over all sources.
    pub records: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Records rejected, by whomever.
    pub rejected: u64,
    /// Commits.
    pub commits: u64,
    /// Whether an earlier run was gone on with.
    pub resumed: bool,
    /// Whether there was nothing new and nothing was changed.
    pub unchanged: bool,
    /// Whether the run was told to stop before its inputs ended.
    pub stopped: bool,
    /// How long it took.
    pub seconds: f64,
    /// Records a second.
    pub rate: f64,
    /// What the user should know about guarantees: outputs that a killed run may repeat, inputs that cannot be resumed.
    pub notes: Vec<String>,
}

impl Summary {
    /// Adds the counts of another run of the same program: by name, reason by reason. What is no count stays as it is.
    pub fn add(&mut self, other: &Self) {
        for source in &other.sources {
            let own = named(&mut self.sources, source, |source| &source.name);
            own.records += source.records;
            own.repeated += source.repeated;
            own.late += source.late;
            add_rejected(&mut own.rejected, &source.rejected);
            source.coerced.iter().for_each(|(field, count)| *own.coerced.entry(field.clone()).or_default() += count);
        }
        for flow in &other.flows {
            let own = named(&mut self.flows, flow, |flow| &flow.name);
            own.records += flow.records;
            flow.dropped.iter().for_each(|(reason, count)| *own.dropped.entry(reason.clone()).or_default() += count);
            add_rejected(&mut own.rejected, &flow.rejected);
        }
        for (own, others) in [(&mut self.dimensions, &other.dimensions), (&mut self.states, &other.states)] {
            others.iter().for_each(|stored| named(own, stored, |stored| &stored.name).rows += stored.rows);
        }
        for output in &other.outputs {
            let own = named(&mut self.outputs, output, |output| &output.name);
            own.messages += output.messages;
            own.may_repeat |= output.may_repeat;
        }
        self.records += other.records;
        self.bytes += other.bytes;
        self.rejected += other.rejected;
        self.commits += other.commits;
    }
}

/// The one of a list that has another's name; made with the name alone where there is none.
fn named<'l, T: Named>(list: &'l mut Vec<T>, other: &T, name: impl Fn(&T) -> &String) -> &'l mut T {
    let found = list.iter().position(|own| name(own) == name(other));
    let at = found.unwrap_or_else(|| {
        list.push(T::named(name(other).clone()));
        list.len() - 1
    });
    &mut list[at]
}

fn add_rejected(own: &mut Vec<RejectedSummary>, others: &[RejectedSummary]) {
    for other in others {
        match own.iter_mut().find(|own| own.code == other.code && own.reason == other.reason) {
            Some(own) => own.count += other.count,
            None => own.push(other.clone()),
        }
    }
}

/// What can be counted anew under a name.
trait Named {
    fn named(name: String) -> Self;
}

macro_rules! named {
    ($($summary:ident),*) => {
        $(impl Named for $summary {
            fn named(name: String) -> Self {
                Self { name, ..Self::default() }
            }
        })*
    };
}

named!(SourceSummary, FlowSummary, StoredSummary, OutputSummary);

/// What came from a source or ingest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceSummary {
    /// Its name.
    pub name: String,
    /// Records taken.
    pub records: u64,
    /// Records that had been taken by an earlier run and came again.
    pub repeated: u64,
    /// Dropped as late.
    pub late: u64,
    /// Rejected by the source itself: not readable, too late, too far ahead; by an ingest also by its protocol.
    pub rejected: Vec<RejectedSummary>,
    /// The offset behind which the run began, where an earlier run was gone on with.
    pub resumed_from: Option<u64>,
    /// Conversions that `coerce: lenient` made, by field.
    pub coerced: BTreeMap<String, u64>,
}

/// What a flow did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FlowSummary {
    /// Its name.
    pub name: String,
    /// Records that came to it.
    pub records: u64,
    /// Dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Rejected.
    pub rejected: Vec<RejectedSummary>,
}

/// Rejected records of one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RejectedSummary {
    /// The code.
    pub code: String,
    /// The reason.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// What was stored in a dimension or state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoredSummary {
    /// Its name.
    pub name: String,
    /// Rows written, summed over commits: a row that two commits changed counts twice.
    pub rows: u64,
}

/// What was sent to an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutputSummary {
    /// The topic or file.
    pub name: String,
    /// Messages.
    pub messages: u64,
    /// Whether a killed run may leave messages that the next run repeats.
    pub may_repeat: bool,
}

/// What was read of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// Its name.
    pub name: String,
    /// Keys.
    pub rows: u64,
    /// Rows replaced by a later one with the same key.
    pub replaced: u64,
}

/// The words under which rejected records of a code are summed up: for written rules their reason.
pub(crate) fn reason_words(code: FaultCode, reason: &str) -> String {
    let words = match code {
        FaultCode::Rule | FaultCode::Missing => return reason.to_owned(),
        FaultCode::Malformed => "not readable in the source's format",
        FaultCode::Field => "a field is missing or of another type",
        FaultCode::Conversion => "a value cannot be converted",
        FaultCode::DivisionByZero => "division by zero",
        FaultCode::Overflow => "a result is outside its type",
        FaultCode::Index => "an index is outside its list",
        FaultCode::Argument => "a function does not take the value",
        FaultCode::Key => "a key is null",
        FaultCode::Future => "the time is too far ahead",
        FaultCode::Late => "too late",
        FaultCode::Unauthorised => "the tenant's secret does not match",
        FaultCode::Protocol => "the ingest protocol is not kept",
        FaultCode::Receiver => "refused by a receiver",
        FaultCode::Store => "a store did not answer",
        FaultCode::Limit => "over a limit of the engine",
    };
    words.to_owned()
}
