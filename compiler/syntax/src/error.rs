//! What can be wrong with a text, as facts, and the words for each.

use nsf_diagnostics::{Diagnostic, IntoDiagnostic, Location, SourceMap, codes};

/// A mistake of syntax with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The first wrong token.
    pub location: Location,
    /// The facts.
    pub kind: SyntaxErrorKind,
}

/// The facts of a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// A word or sign stands where others are expected.
    UnexpectedToken {
        /// What may stand there, in the user's words; at most five.
        expected: Vec<&'static str>,
    },
    /// An interpolation in a text that must be constant.
    InterpolationInConstantText,
    /// `\u{…}` of a number that is no character.
    NoSuchCharacter,
    /// A duration beyond 64 bits of milliseconds.
    DurationTooLong,
    /// A timestamp without `Z` or an offset.
    TimestampWithoutZone,
    /// A date that the calendar does not have.
    NoSuchDate,
    /// A time or zone that no clock shows.
    NoSuchTime,
    /// `#n` beyond 32 bits.
    NumberTooLarge,
    /// `= value` at a parameter outside the standard library.
    DefaultOfParameter,
    /// `reject "why"` that is not the end of a right side.
    MisplacedReject,
    /// `a < b < c`, or `a..b..c`.
    ChainedComparison {
        /// Whether of ranges.
        range: bool,
    },
    /// An expression or type nested deeper than later passes can follow.
    TooDeepTree,
}

impl IntoDiagnostic for SyntaxError {
    fn into_diagnostic(self, _sources: &SourceMap) -> Diagnostic {
        Diagnostic::new(&codes::E0101, self.location, "this cannot be read")
    }
}
