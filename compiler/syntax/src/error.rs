//! What can be wrong with a text, as facts, and the words for each.

use nsf_diagnostics::{Code, Diagnostic, IntoDiagnostic, Location, SourceMap, Span, Suggestion, codes};

mod form;
mod message;

pub use form::Form;

/// A mistake of syntax with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The first wrong token.
    pub location: Location,
    /// The facts.
    pub kind: SyntaxErrorKind,
}

/// What people write who come from other languages or are in a hurry, of which is known what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habit {
    /// The code.
    pub code: &'static Code,
    /// What is wrong, in words.
    pub said: String,
    /// What stands at its place.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// What the edits do.
    pub fix: String,
    /// What makes it right; nothing where that is not known.
    pub edits: Vec<(Span, String)>,
    /// Whether nothing else can be meant.
    pub sure: bool,
}

/// The facts of a mistake. Spans lie in the file of the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// A word or sign stands where others are expected.
    UnexpectedToken {
        /// What may stand there, in the user's words; at most five.
        expected: Vec<&'static str>,
        /// The expected word that was probably meant, and whether nothing else can be.
        near: Option<(&'static str, bool)>,
        /// The sign that was surely meant.
        fix: Option<&'static str>,
    },
    /// Something of which is known what it means.
    Habit(Box<Habit>),
    /// A check (`reject`, `require`, …) that stands where steps do.
    CheckAsStep {
        /// All of it, where it is a whole check.
        whole: Option<Span>,
    },
    /// A step that stands where a function's or step's own statements do.
    StepInBody {
        /// What stands there: "a check".
        expected: &'static str,
    },
    /// Something must follow the token, and does not.
    Incomplete {
        /// What may follow.
        expected: Vec<&'static str>,
    },
    /// A bracket that is never closed.
    UnclosedBracket {
        /// How many brackets inside it are not closed either.
        more: u32,
        /// The token that cannot stand inside it.
        shown_by: Option<Span>,
    },
    /// A bracket that is closed by one of another kind.
    OtherBracket {
        /// The closing one.
        closed_by: Span,
        /// What it should be.
        meant: &'static str,
    },
    /// A closing bracket that nothing opened.
    StrayBracket,
    /// The last token of a line that lacks the opening brace of its block.
    UnopenedBlock {
        /// The closing brace of the block.
        closed_by: Span,
    },
    /// A text without its closing quote.
    UnclosedText {
        /// Whether a raw one.
        raw: bool,
        /// How many bytes at its end close what was opened before it, blanks before them counted.
        closers: u32,
    },
    /// A `{` in a text without its `}`.
    UnclosedInterpolation {
        /// The text.
        text: Span,
    },
    /// A word in column 0 that starts no item.
    UnknownItem {
        /// The keyword that was probably meant.
        near: Option<&'static str>,
        /// Whether it is a misspelling, not a word of another language.
        sure: bool,
    },
    /// A word that starts no step, check or clause, though one nearly so does.
    UnknownWord {
        /// What should start: "a step".
        what: &'static str,
        /// The keyword that was probably meant.
        near: Option<&'static str>,
        /// Whether the keyword can replace it as it is.
        sure: bool,
    },
    /// A type between a field and its value.
    TypedAssignment,
    /// A field that gets a value where a step is due.
    AssignmentAsStep {
        /// The assignment, if it is one as it stands.
        whole: Option<Span>,
    },
    /// A sign of another writing system.
    FullWidthSign {
        /// The sign that is meant.
        meant: &'static str,
    },
    /// `;`
    Semicolon,
    /// `'text'`, `“text”`.
    ForeignQuote {
        /// The text in double quotes, if its end was found.
        meant: Option<String>,
    },
    /// `/* … */`
    BlockComment,
    /// `# …`
    HashComment,
    /// `&&`, `||`, `!`, `<>`.
    ForeignOperator {
        /// The operator that is meant.
        meant: &'static str,
    },
    /// What other languages, keyboards or word processors write otherwise.
    OtherForm {
        /// Which.
        form: Form,
        /// What to write instead, each at its place.
        edits: Vec<(Span, String)>,
        /// Whether nothing else can be meant.
        sure: bool,
    },
    /// A character that the language does not use.
    ForeignCharacter,
    /// A character that cannot be seen: NUL, a blank of another kind, one that turns the direction of the text.
    InvisibleCharacter {
        /// Which.
        character: char,
    },
    /// A number or duration that is not well formed.
    MalformedNumber {
        /// What was probably meant.
        meant: Option<String>,
        /// Whether nothing else can be.
        sure: bool,
    },
    /// Something else than digits behind `#`.
    MalformedFieldNumber,
    /// A duration beyond 64 bits of milliseconds.
    DurationTooLong,
    /// `#n` beyond 32 bits.
    NumberTooLarge,
    /// A date or timestamp that is not well formed.
    MalformedMoment,
    /// A timestamp without `Z` or an offset.
    TimestampWithoutZone,
    /// A date that the calendar does not have.
    NoSuchDate,
    /// A time or zone that no clock shows.
    NoSuchTime,
    /// A backslash before a character that is no escape.
    UnknownEscape,
    /// `}` in a text without a backslash.
    LoneBrace,
    /// `\u{…}` of a number that is no character.
    NoSuchCharacter,
    /// An interpolation in a text that must be constant.
    InterpolationInConstantText,
    /// Tokens in column 0 inside braces, the first of which is the place.
    NotIndented {
        /// Where each of them starts.
        lines: Vec<u32>,
    },
    /// An item that does not start in column 0.
    IndentedItem,
    /// Brackets or interpolations nested too deep.
    TooDeep,
    /// An expression or type nested deeper than later passes can follow.
    TooDeepTree,
    /// `reject "why"` that is not the end of a right side.
    MisplacedReject,
    /// `a < b < c`, or `a..b..c`.
    ChainedComparison {
        /// Whether of ranges.
        range: bool,
    },
    /// `= value` at a parameter outside the standard library.
    DefaultOfParameter,
    /// A word of the language where a name is due.
    ReservedWord,
    /// `=` where two values are compared.
    EqualsInCondition {
        /// Whether nothing else can be meant.
        sure: bool,
    },
    /// A comma between settings, fields or statements.
    StrayComma,
    /// The file has more bytes than [`crate::MAX_FILE_BYTES`].
    FileTooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// The file is not UTF-8; the place is the first byte that is not.
    NotUtf8 {
        /// The encoding it seems to have.
        guess: Option<&'static str>,
    },
}

impl SyntaxErrorKind {
    /// The code of this kind of mistake.
    #[must_use]
    pub const fn code(&self) -> &'static Code {
        match self {
            Self::Habit(habit) => habit.code,
            Self::UnexpectedToken { .. }
            | Self::TypedAssignment
            | Self::CheckAsStep { .. }
            | Self::StepInBody { .. } => &codes::E0101,
            Self::Incomplete { .. } => &codes::E0102,
            Self::UnclosedBracket { .. } | Self::OtherBracket { .. } => &codes::E0103,
            Self::StrayBracket | Self::UnopenedBlock { .. } => &codes::E0104,
            Self::UnclosedText { .. } | Self::UnclosedInterpolation { .. } => &codes::E0105,
            Self::UnknownItem { .. } => &codes::E0106,
            Self::UnknownWord { .. } | Self::AssignmentAsStep { .. } => &codes::E0107,
            Self::FullWidthSign { .. }
            | Self::Semicolon
            | Self::ForeignQuote { .. }
            | Self::BlockComment
            | Self::HashComment
            | Self::ForeignOperator { .. }
            | Self::ForeignCharacter => &codes::E0108,
            Self::OtherForm { form, .. } => form.code(),
            Self::InvisibleCharacter { .. } => &codes::E0109,
            Self::MalformedNumber { .. }
            | Self::MalformedFieldNumber
            | Self::DurationTooLong
            | Self::NumberTooLarge => &codes::E0110,
            Self::MalformedMoment | Self::TimestampWithoutZone | Self::NoSuchDate | Self::NoSuchTime => &codes::E0111,
            Self::UnknownEscape | Self::LoneBrace | Self::NoSuchCharacter => &codes::E0112,
            Self::InterpolationInConstantText => &codes::E0113,
            Self::NotIndented { .. } => &codes::E0114,
            Self::IndentedItem => &codes::E0115,
            Self::TooDeep | Self::TooDeepTree => &codes::E0116,
            Self::MisplacedReject => &codes::E0117,
            Self::ChainedComparison { .. } => &codes::E0118,
            Self::DefaultOfParameter => &codes::E0119,
            Self::ReservedWord => &codes::E0120,
            Self::EqualsInCondition { .. } => &codes::E0121,
            Self::StrayComma => &codes::E0122,
            Self::FileTooLarge { .. } => &codes::E0123,
            Self::NotUtf8 { .. } => &codes::E0124,
        }
    }
}

impl IntoDiagnostic for SyntaxError {
    fn into_diagnostic(self, sources: &SourceMap) -> Diagnostic {
        let diagnostic = Diagnostic::new(self.kind.code(), self.location, "");
        let words = message::Words { location: self.location, found: message::quoted(sources, self.location) };
        words.complete(self.kind, sources, diagnostic)
    }
}

/// A fix that can be applied without being looked at, or one that is only offered.
fn suggestion(sure: bool, message: String, location: Location, replacement: impl Into<String>) -> Suggestion {
    if sure {
        Suggestion::certain(message, location, replacement)
    } else {
        Suggestion::likely(message, location, replacement)
    }
}
