//! What other languages, other keyboards and word processors write otherwise: one row each.

use nsf_diagnostics::{Code, Span, codes};

use super::Habit;

/// A form that the language does not have, and that is understood all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `1,000`
    Thousands,
    /// `.5`
    BareFraction,
    /// `10 %`
    SpacedPercent,
    /// `5 min`, `1h 30min`
    SpacedDuration,
    /// `INTERVAL '5' MINUTE`
    Interval,
    /// `2023-05-20T23:30Z`
    BareMoment,
    /// `@2023-05-20 23:30`
    SpacedMoment,
    /// `１００`, `＝＝`, `（…）`, `≤`: signs of another keyboard or of a word processor.
    Signs,
    /// Digits of another keyboard.
    Digits,
    /// A name in quotes.
    QuotedName,
    /// Characters without width inside a word.
    NoWidth,
    /// `.field`
    LeadingDot,
    /// `f!(x)`
    CallMark,
    /// `x!`, `x!!`
    NotNullMark,
    /// `=<`
    TurnedComparison,
    /// `a || "-" || b`
    TextsJoined,
    /// `count++`
    Increment,
    /// `-- a comment`
    DashComment,
    /// `# 21`
    SpacedNumber,
    /// `c ? a : b`
    Ternary,
    /// `if c { a } else { b }`
    ChoiceInBraces,
    /// `f(x).catch(y)`, `x.or(y)`
    FallbackAsCall,
    /// `amount AS total`
    NameBehind,
    /// `x in (a, b)`
    ListInParentheses,
    /// A member, value or argument without the comma before it.
    MissingComma,
    /// `fn f(…) -> T { return x }`
    BodyInBraces,
    /// `nick?: text`
    OptionalName,
    /// A condition where a pattern stands.
    ConditionAsPattern,
    /// `x LIKE "a%"`
    Like,
    /// `SELECT … FROM …` in place of an item.
    Statement,
    /// `flow f from s:` with indented steps below it.
    BodyByIndentation,
    /// `record:` with indented fields below it.
    BlockByIndentation,
    /// A list of lines that start with `-`.
    DashedList,
}

impl Form {
    /// The code of the diagnostic.
    pub(super) const fn code(self) -> &'static Code {
        match self {
            Self::Thousands | Self::BareFraction | Self::SpacedPercent | Self::SpacedDuration => &codes::E0110,
            Self::OptionalName => &codes::E0316,
            Self::BareMoment | Self::SpacedMoment => &codes::E0111,
            Self::NoWidth => &codes::E0109,
            Self::Statement => &codes::E0106,
            Self::BodyByIndentation | Self::MissingComma | Self::ConditionAsPattern => &codes::E0101,
            Self::BlockByIndentation => &codes::E0102,
            _ => &codes::E0108,
        }
    }

    /// What is said, what stands at the place, and what a fix of several parts is called. `{found}` is what was written.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Thousands => ("thousands are set apart by `_`", "a comma stands between values", ""),
            Self::BareFraction => ("a number begins with a digit", "a zero belongs before the point", ""),
            Self::SpacedPercent => (
                "a percent sign stands directly behind its number",
                "with a blank before it, `%` is the rest of a division",
                "",
            ),
            Self::SpacedDuration => ("a duration is written without blanks", "one value", ""),
            Self::Interval => ("a duration is a number with its unit", "an interval of SQL", ""),
            Self::BareMoment => ("a timestamp begins with `@`", "read as numbers without it", ""),
            Self::SpacedMoment => {
                ("`T` stands between a date and a time, and its zone behind it", "a timestamp of other languages", "")
            }
            Self::Signs => {
                ("{found} is not a sign of the language", "a sign of another keyboard", "write both plainly")
            }
            Self::Digits => ("{found} is written in digits of another keyboard", "digits are `0` to `9`", ""),
            Self::QuotedName => ("a name stands without quotes", "quotes of another language", ""),
            Self::NoWidth => {
                ("a character that cannot be seen stands in the middle of a word", "it cuts the word in two", "")
            }
            Self::LeadingDot => ("a field is named without a dot", "the record itself is not named", ""),
            Self::CallMark => ("a function that may fail is called like any other", "not needed", ""),
            Self::NotNullMark => {
                ("no sign makes a value that may be null another one", "a sign of other languages", "")
            }
            Self::TurnedComparison => ("{found} is written the other way round", "an operator of other languages", ""),
            Self::TextsJoined => ("texts are put together by interpolation", "an operator of SQL", "write one text"),
            Self::Increment => ("one is added by `+= 1`", "an operator of other languages", ""),
            Self::DashComment => ("a comment starts with `//`", "an operator here", ""),
            Self::SpacedNumber => ("the number stands directly behind `#`", "a number must follow", "join them"),
            Self::Ternary => (
                "a choice is written `if condition then a else b`",
                "`?` stands only behind a type, and in `?.` and `??`",
                "write `if … then … else …`",
            ),
            Self::ChoiceInBraces => (
                "a choice is written `if condition then a else b`",
                "braces are those of a record",
                "write `then` and no braces",
            ),
            Self::FallbackAsCall => (
                "what stands in for a value is written behind an operator",
                "an operator, and no function",
                "write it as an operator",
            ),
            Self::NameBehind => {
                ("the name stands first, with a colon", "SQL names a value behind it", "put the name first")
            }
            Self::ListInParentheses => {
                ("a list stands in square brackets", "round ones hold one value", "write square brackets")
            }
            Self::MissingComma => ("before {found} a comma is missing", "expected `,`", "write `,`"),
            Self::BodyInBraces => ("what a function gives stands behind `=`", "no block", "write `=`"),
            Self::OptionalName => ("`?` stands behind the type", "a sign of the type", "put it behind the type"),
            Self::ConditionAsPattern => (
                "a condition stands behind a name: `n if n < 60`",
                "patterns are values, such as `1 | 2` or `0..59`",
                "name the value and put the condition behind it",
            ),
            Self::Like => ("a text is searched by functions", "an operator of SQL", "write a function"),
            Self::Statement => ("{found} starts a statement of SQL, and no item", "a statement of SQL", ""),
            Self::BodyByIndentation => ("what an item holds stands in braces", "expected `{`", "put it into braces"),
            Self::BlockByIndentation => {
                ("what belongs to a setting stands in braces", "expected `{`", "put it into braces")
            }
            Self::DashedList => {
                ("several values stand one behind the other, with commas", "a list of YAML", "write commas")
            }
        }
    }

    /// What to do where there is no fix.
    const fn help(self) -> Option<&'static str> {
        match self {
            Self::NotNullMark => Some("check it with `require … != null` before, or give a value for null: `… ?? …`"),
            Self::Like => {
                Some("`starts_with`, `ends_with`, `contains` and `matches` search a text: `page.starts_with(\"/a\")`")
            }
            Self::Statement => Some(
                "a flow reads a stream and writes in steps: `flow NAME from STREAM { stop when not (CONDITION)  expand kafka(\"topic\") { a, b } }`",
            ),
            Self::BodyInBraces => Some("as in `fn twice(n: int64) -> int64 = n * 2`"),
            _ => None,
        }
    }

    /// What is said of it; `found` is what was written, `edits` what to write instead.
    pub(super) fn habit(self, found: &str, edits: Vec<(Span, String)>, sure: bool) -> Habit {
        let (said, label, several) = self.words();
        let fix = match edits.as_slice() {
            [] => String::new(),
            [(_, meant)] if meant.is_empty() => "remove it".to_owned(),
            [(_, meant)] if several.is_empty() => format!("write `{}`", meant.trim()),
            _ if several.is_empty() => "write it so".to_owned(),
            _ => several.to_owned(),
        };
        Habit {
            code: self.code(),
            said: said.replace("{found}", found),
            label: label.to_owned(),
            help: self.help().filter(|_| edits.is_empty()).map(str::to_owned),
            fix,
            edits,
            sure,
        }
    }
}
