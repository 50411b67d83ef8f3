//! What ends a record by a fault.

use nsf_plan::Origin;

/// Why a record cannot go on. Small, because every fallible operation may return it; the words are made when it is
/// reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub code: FaultCode,
    /// What is to be said of this case, in the user's words: "`abc` is not an int32".
    pub message: Box<str>,
    /// Where the failing operation was written, if it is known.
    pub origin: Option<Origin>,
}

/// Stable codes of record faults, as they stand in rejected records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultCode {
    /// `R0101`: the bytes are not the source's format.
    Malformed,
    /// `R0102`: a member is missing, null where none may be, or of another type.
    Field,
    /// `R0201`: a text is not what it is converted to.
    Conversion,
    /// `R0202`: division by zero.
    DivisionByZero,
    /// `R0203`: a result outside its type.
    Overflow,
    /// `R0204`: an index outside its list.
    Index,
    /// `R0205`: a value outside what a function takes.
    Argument,
    /// `R0301`: rejected by a written rule.
    Rule,
    /// `R0302`: a row that must be there is missing.
    Missing,
    /// `R0303`: a key is null.
    Key,
    /// `R0401`: the record's time is too far ahead.
    Future,
    /// `R0402`: the record is too late.
    Late,
    /// `R0501`: the tenant's secret does not match.
    Unauthorised,
    /// `R0502`: the ingest protocol is not kept.
    Protocol,
    /// `R0601`: a message that the receiver of an output refuses.
    Receiver,
    /// `R0602`: a store that the record needs did not answer, and its source says `on_error: dead_letter`.
    Store,
    /// `R0901`: a limit of the engine.
    Limit,
}

impl FaultCode {
    /// The code as text.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Malformed => "R0101",
            Self::Field => "R0102",
            Self::Conversion => "R0201",
            Self::DivisionByZero => "R0202",
            Self::Overflow => "R0203",
            Self::Index => "R0204",
            Self::Argument => "R0205",
            Self::Rule => "R0301",
            Self::Missing => "R0302",
            Self::Key => "R0303",
            Self::Future => "R0401",
            Self::Late => "R0402",
            Self::Unauthorised => "R0501",
            Self::Protocol => "R0502",
            Self::Receiver => "R0601",
            Self::Store => "R0602",
            Self::Limit => "R0901",
        }
    }
}

impl Fault {
    /// A fault with its words; boxed, so that results stay small.
    #[must_use]
    pub fn new(code: FaultCode, message: impl Into<Box<str>>) -> Box<Self> {
        Box::new(Self { code, message: message.into(), origin: None })
    }
}

/// The result of a fallible operation on a record.
pub type Fallible<T> = Result<T, Box<Fault>>;
