//! The words for each mistake of syntax: what is wrong, why, what to do.

use nsf_diagnostics::{Applicability, Diagnostic, Location, SourceMap, Span, Suggestion, TextEdit};

use super::{Habit, SyntaxErrorKind, suggestion};

/// What the messages of one mistake speak of.
pub(super) struct Words {
    pub(super) location: Location,
    /// The wrong token, quoted.
    pub(super) found: String,
}

/// The text at a place in back quotes, cut where it is long.
pub(super) fn quoted(sources: &SourceMap, location: Location) -> String {
    let text = sources.text(location);
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(40) {
        Some((cut, _)) => format!("`{}…`", line.get(..cut).unwrap_or("")),
        None => format!("`{line}`"),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn any_of(words: &[&str]) -> String {
    match words {
        [] => "the end of the statement".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn titled(mut diagnostic: Diagnostic, message: impl Into<String>) -> Diagnostic {
    diagnostic.message = message.into();
    diagnostic
}

impl Words {
    fn at(&self, span: Span) -> Location {
        span.in_file(self.location.file)
    }

    /// Whether nothing stands behind the wrong token on its line.
    fn ends_line(&self, sources: &SourceMap) -> bool {
        sources.get(self.location.file).is_some_and(|file| {
            let line = file.line_span(file.line_index(self.location.span.start));
            Span::new(self.location.span.end, line.end).text(&file.text).trim().is_empty()
        })
    }

    /// A fix that replaces the wrong token.
    fn replace(&self, sure: bool, message: impl Into<String>, replacement: impl Into<String>) -> Suggestion {
        suggestion(sure, message.into(), self.location, replacement)
    }

    /// Fills in message, labels, notes and fixes.
    pub(super) fn complete(&self, kind: SyntaxErrorKind, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        use SyntaxErrorKind as K;
        match kind {
            K::UnexpectedToken { expected, near, fix } => self.unexpected(&expected, near, fix, empty),
            K::Habit(habit) => self.habit(*habit, empty),
            K::CheckAsStep { whole } => self.check_as_step(whole, empty),
            K::StepInBody { expected } => {
                titled(empty, format!("{} starts a step, and {expected} stands here", self.found))
                    .label("steps stand in a flow or in an `expand` function")
                    .help("a function that reads a row says so in its head: `load NAME(…) from STATE -> (…) { … }`")
            }
            K::Incomplete { expected } => {
                let missing = any_of(&expected);
                titled(empty, format!("after {} {missing} is missing", self.found))
                    .label(format!("{missing} must follow"))
            }
            K::UnclosedBracket { .. }
            | K::OtherBracket { .. }
            | K::StrayBracket
            | K::UnopenedBlock { .. }
            | K::UnclosedText { .. }
            | K::UnclosedInterpolation { .. } => self.unclosed(&kind, sources, empty),
            K::UnknownItem { near, sure } => self.unknown_item(near, sure, empty),
            K::UnknownWord { what, near, sure } => self.unknown_word(what, near, sure, empty),
            K::TypedAssignment => titled(empty, "a field has the type of its value: none is written")
                .label("leave it out")
                .help("where the value has another type, convert it: `int64(…)`")
                .suggest(self.replace(false, "take the type out", "")),
            K::AssignmentAsStep { whole } => self.assignment_as_step(whole, empty),
            K::FullWidthSign { .. }
            | K::Semicolon
            | K::ForeignQuote { .. }
            | K::BlockComment
            | K::HashComment
            | K::ForeignOperator { .. }
            | K::ForeignCharacter
            | K::InvisibleCharacter { .. } => self.foreign(kind, sources, empty),
            K::OtherForm { form, edits, sure } => self.habit(form.habit(&self.found, edits, sure), empty),
            K::MalformedNumber { .. } | K::MalformedFieldNumber | K::DurationTooLong | K::NumberTooLarge => {
                self.number(&kind, empty)
            }
            K::MalformedMoment | K::TimestampWithoutZone | K::NoSuchDate | K::NoSuchTime => {
                self.moment(&kind, sources, empty)
            }
            K::UnknownEscape | K::LoneBrace | K::NoSuchCharacter | K::InterpolationInConstantText => {
                self.text(&kind, empty)
            }
            K::NotIndented { lines } => self.not_indented(&lines, empty),
            K::FileTooLarge { bytes } => {
                titled(empty, format!("this file has {bytes} bytes; the limit is {} (16 MiB)", crate::MAX_FILE_BYTES))
                    .help("spread its items over several files; `use` brings them together")
            }
            K::NotUtf8 { guess } => {
                let guess = guess.map_or(String::new(), |guess| format!("; it looks like {guess}"));
                titled(empty, format!("this file is not UTF-8{guess}"))
                    .label("the first byte that is not")
                    .help("save the file as UTF-8")
            }
            kind => self.form(&kind, sources, empty),
        }
    }

    fn unexpected(
        &self,
        expected: &[&str],
        near: Option<(&'static str, bool)>,
        fix: Option<&'static str>,
        empty: Diagnostic,
    ) -> Diagnostic {
        if let Some(sign) = fix {
            // `a: 1` becomes `a = 1`.
            let blank = if sign == "=" && self.found == "`:`" { " " } else { "" };
            return titled(empty, format!("{} stands where `{sign}` belongs", self.found))
                .label(format!("`{sign}` is meant"))
                .suggest(self.replace(true, format!("write `{sign}`"), format!("{blank}{sign}")));
        }
        if let Some((near, sure)) = near {
            return titled(empty, format!("{} cannot stand here; `{near}` is near it", self.found))
                .label(format!("expected {}", any_of(expected)))
                .suggest(self.replace(sure, format!("write `{near}`"), near));
        }
        titled(empty, format!("{} cannot stand here", self.found)).label(format!("expected {}", any_of(expected)))
    }

    fn habit(&self, habit: Habit, empty: Diagnostic) -> Diagnostic {
        let mut diagnostic = titled(empty, habit.said).label(habit.label);
        if let Some(help) = habit.help {
            diagnostic = diagnostic.help(help);
        }
        if habit.edits.is_empty() {
            return diagnostic;
        }
        let edit = |(span, replacement)| TextEdit { location: self.at(span), replacement };
        diagnostic.suggest(Suggestion {
            message: habit.fix,
            edits: habit.edits.into_iter().map(edit).collect(),
            applicability: if habit.sure { Applicability::Certain } else { Applicability::Likely },
        })
    }

    fn check_as_step(&self, whole: Option<Span>, empty: Diagnostic) -> Diagnostic {
        let form = match self.found.as_str() {
            "`reject`" => {
                "`verify { require CONDITION else reject \"why\" }` or `verify { reject when CONDITION \"why\" }`"
            }
            "`drop`" => "`verify { drop when CONDITION \"why\" }`",
            "`unique`" => "`verify { unique FIELD within DURATION \"why\" }`",
            _ => "`verify { require CONDITION else reject \"why\" }`",
        };
        let diagnostic = titled(empty, format!("{} is a check of a `verify` step, and no step of its own", self.found))
            .label("a check stands inside `verify { … }`");
        let Some(whole) = whole else { return diagnostic.help(format!("write {form}")) };
        let edit = |at: u32, text: &str| TextEdit { location: self.at(Span::at(at)), replacement: text.to_owned() };
        diagnostic.suggest(Suggestion {
            message: "put it into a `verify` step".to_owned(),
            edits: vec![edit(whole.start, "verify { "), edit(whole.end, " }")],
            applicability: Applicability::Certain,
        })
    }

    fn assignment_as_step(&self, whole: Option<Span>, empty: Diagnostic) -> Diagnostic {
        let diagnostic =
            titled(empty, format!("{} is given a value outside of a step", self.found)).label("a step is due here");
        let Some(whole) = whole else {
            return diagnostic
                .help("fields get their values in `calculate { … }`; a loaded row gets another name by `as`");
        };
        let edit = |at: u32, text: &str| TextEdit { location: self.at(Span::at(at)), replacement: text.to_owned() };
        diagnostic.suggest(Suggestion {
            message: "put it into a `calculate` step".to_owned(),
            edits: vec![edit(whole.start, "calculate { "), edit(whole.end, " }")],
            applicability: Applicability::Certain,
        })
    }

    fn unclosed(&self, kind: &SyntaxErrorKind, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        match *kind {
            SyntaxErrorKind::UnclosedBracket { more, shown_by } => {
                let inside = match more {
                    0 => String::new(),
                    1 => ", nor is one inside it".to_owned(),
                    more => format!(", nor are {more} inside it"),
                };
                let diagnostic =
                    titled(empty, format!("this {} is never closed{inside}", self.found)).label("opened here");
                match shown_by {
                    Some(span) => {
                        let place = self.at(span);
                        diagnostic.secondary(place, format!("{} shows it: it belongs outside", quoted(sources, place)))
                    }
                    None => diagnostic.note("the item ends before it is closed"),
                }
            }
            SyntaxErrorKind::OtherBracket { closed_by, meant } => {
                let place = self.at(closed_by);
                let closer = quoted(sources, place);
                titled(empty, format!("this {} is closed by {closer}", self.found))
                    .label("opened here")
                    .secondary(place, format!("`{meant}` is meant"))
                    .suggest(suggestion(true, format!("write `{meant}`"), place, meant))
            }
            SyntaxErrorKind::StrayBracket => titled(empty, format!("this {} closes nothing", self.found))
                .label("no bracket is open here that it could close")
                .suggest(self.replace(false, "remove it", "")),
            SyntaxErrorKind::UnopenedBlock { closed_by } => {
                let end = Span::at(self.location.span.end);
                titled(empty, "a block is closed that was never opened: `{` is missing")
                    .label("`{` must follow")
                    .secondary(self.at(closed_by), "closed here")
                    .suggest(suggestion(true, "write `{`".to_owned(), self.at(end), " {"))
            }
            SyntaxErrorKind::UnclosedInterpolation { text } => titled(empty, "this `{` in a text is never closed")
                .label("starts an inserted value")
                .secondary(self.at(text), "in this text")
                .help("a brace that is meant as a character is written `\\{`")
                .suggest(self.replace(false, "write the brace as a character", "\\{")),
            SyntaxErrorKind::UnclosedText { raw: true, .. } => titled(empty, "this raw text is never closed")
                .label("starts here")
                .note("a raw text ends at `\"` and as many `#` as it starts with, before the next item"),
            SyntaxErrorKind::UnclosedText { closers, .. } if closers > 0 => {
                let end = self.location.span.end - closers;
                let behind = sources.text(self.at(Span::new(end, self.location.span.end))).trim();
                let fix = suggestion(false, format!("close it before `{behind}`"), self.at(Span::at(end)), "\"");
                titled(empty, "this text is never closed").label("a text ends on the line it starts on").suggest(fix)
            }
            _ => {
                let end = Span::at(self.location.span.end);
                let fix = suggestion(false, "close it at the end of the line".to_owned(), self.at(end), "\"");
                titled(empty, "this text is never closed")
                    .label("a text ends on the line it starts on")
                    .help("a line feed inside a text is written `\\n`; a raw text `r\"…\"` may span lines")
                    .suggest(fix)
            }
        }
    }

    fn unknown_item(&self, near: Option<&'static str>, sure: bool, empty: Diagnostic) -> Diagnostic {
        let diagnostic = titled(empty, format!("no item starts with {}", self.found));
        match near {
            Some(near) if sure => diagnostic
                .label(format!("`{near}` is near it"))
                .suggest(self.replace(true, format!("write `{near}`"), near)),
            Some(near) => diagnostic
                .label(format!("`{near}` is what NSF says"))
                .suggest(self.replace(false, format!("write `{near}`"), near)),
            None => diagnostic
                .label("a word in column 0 starts an item")
                .help("items start with `use`, `const`, `type`, `fn`, `mapping`, `tenant`, `primary`, `dimension`, `fields`, `space`, `source`, `table`, `ingest`, `subscription`, `state`, `verify`, `load`, `calculate`, `save`, `expand`, `flow`, `monitor` or `test`"),
        }
    }

    fn unknown_word(&self, what: &str, near: Option<&'static str>, sure: bool, empty: Diagnostic) -> Diagnostic {
        let diagnostic = titled(empty, format!("{what} does not start with {}", self.found));
        match near {
            Some(near) => diagnostic.label(format!("`{near}` is meant")).suggest(self.replace(
                sure,
                format!("write `{near}`"),
                near,
            )),
            None if what == "a step" => diagnostic
                .label("no step")
                .help("a step is one of `verify`, `load`, `calculate`, `save`, `expand`, `when`, `each`, `stop`, `jump`, `repartition`"),
            None => diagnostic,
        }
    }

    fn foreign(&self, kind: SyntaxErrorKind, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        use SyntaxErrorKind as K;
        match kind {
            K::FullWidthSign { meant } => titled(empty, format!("{} is not a sign of the language", self.found))
                .label(format!("write `{meant}`"))
                .suggest(self.replace(true, format!("write `{meant}`"), meant)),
            K::Semicolon => titled(empty, "statements are not separated by a semicolon")
                .label("not needed")
                .suggest(self.replace(self.ends_line(sources), "remove it", "")),
            K::ForeignQuote { meant: Some(meant) } => titled(empty, "a text stands in double quotes")
                .label("other quotes")
                .suggest(self.replace(true, "write double quotes", meant)),
            K::ForeignQuote { meant: None } => {
                titled(empty, "a text stands in double quotes").label("this quote means nothing")
            }
            K::BlockComment => titled(empty, "a comment starts with `//` and ends with its line")
                .label("not a comment")
                .help("put `//` at the start of each of its lines"),
            K::HashComment => titled(empty, "a comment starts with `//`")
                .label("`#` stands only before a field's number, as in `#1001`")
                .suggest(self.replace(false, "write `//`", "//")),
            K::ForeignOperator { meant } => self.foreign_operator(meant, sources, empty),
            K::InvisibleCharacter { character: '\0' } => titled(empty, "the file holds a NUL byte")
                .label("here")
                .help("is this a text file? remove the byte")
                .suggest(self.replace(false, "remove it", "")),
            K::InvisibleCharacter { character } => {
                let code = u32::from(character);
                let diagnostic = titled(empty, format!("a character that cannot be seen stands here (U+{code:04X})"))
                    .label("not a blank of the language");
                if !character.is_whitespace() {
                    return diagnostic.suggest(self.replace(true, "remove it", ""));
                }
                let blanks = " ".repeat(sources.text(self.location).chars().count());
                diagnostic.suggest(self.replace(true, "replace it by a blank", blanks))
            }
            _ => titled(empty, format!("{} is not a sign of the language", self.found)).label("means nothing here"),
        }
    }

    fn foreign_operator(&self, meant: &'static str, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        let meant_word = meant.trim_end();
        // A word needs blanks around it.
        let span = self.location.span;
        let touches = |at: u32, length: u32| {
            let beside = sources.text(self.at(Span::new(at, at + length)));
            beside.chars().any(|c| !c.is_whitespace())
        };
        let is_word = meant_word.bytes().all(|byte| byte.is_ascii_lowercase());
        let before = if is_word && span.start > 0 && touches(span.start - 1, 1) && meant != "not " { " " } else { "" };
        let after = if is_word && touches(span.end, 1) { " " } else { "" };
        let in_capitals = self.found.trim_matches('`').bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        let why = if in_capitals && is_word {
            "words of the language are written small"
        } else {
            "an operator of other languages"
        };
        titled(empty, format!("{} is written `{meant_word}`", self.found)).label(why).suggest(self.replace(
            true,
            format!("write `{meant_word}`"),
            format!("{before}{meant_word}{after}"),
        ))
    }

    fn number(&self, kind: &SyntaxErrorKind, empty: Diagnostic) -> Diagnostic {
        match kind {
            SyntaxErrorKind::MalformedNumber { meant, sure } => {
                let diagnostic = titled(empty, format!("{} is no number and no duration", self.found));
                match meant {
                    Some(meant) => diagnostic
                        .label(format!("`{meant}` is meant"))
                        .note("the units of a duration are `ms`, `s`, `min`, `h` and `d`")
                        .suggest(self.replace(*sure, format!("write `{meant}`"), meant.clone())),
                    None => diagnostic
                        .label("not written like one")
                        .note("numbers look like `1_000`, `0x1F`, `1.5`, `2e3`, `80%`; durations like `200ms`, `5min`, `1h30min`, `30d`"),
                }
            }
            SyntaxErrorKind::MalformedFieldNumber => titled(empty, format!("{} is no number of a field", self.found))
                .label("digits alone follow `#`, such as `#100001`"),
            SyntaxErrorKind::DurationTooLong => titled(empty, format!("the duration {} is too long", self.found))
                .label("more milliseconds than 64 bits hold"),
            _ => titled(empty, format!("the number {} is too large", self.found))
                .label(format!("the largest is `#{}`", u32::MAX)),
        }
    }

    fn moment(&self, kind: &SyntaxErrorKind, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        let forms =
            "dates look like `@2023-05-20`, timestamps like `@2023-05-20T23:30Z` or `@2023-05-20T23:30:00+08:00`";
        match kind {
            SyntaxErrorKind::TimestampWithoutZone => {
                let written = sources.text(self.location);
                titled(empty, format!("the timestamp {} does not say its zone", self.found))
                    .label("`Z` or an offset such as `+08:00` must follow")
                    .suggest(self.replace(false, "read it as UTC", format!("{written}Z")))
            }
            SyntaxErrorKind::NoSuchDate => {
                titled(empty, format!("the calendar has no day {}", self.found)).label("no such month or day")
            }
            SyntaxErrorKind::NoSuchTime => titled(empty, format!("no clock shows {}", self.found))
                .label("hours go to 23, minutes and seconds to 59"),
            _ => titled(empty, format!("{} is no date and no timestamp", self.found))
                .label("not written like one")
                .note(forms),
        }
    }

    fn text(&self, kind: &SyntaxErrorKind, empty: Diagnostic) -> Diagnostic {
        match kind {
            SyntaxErrorKind::UnknownEscape => titled(empty, format!("{} means nothing in a text", self.found))
                .label("no such escape")
                .note("the escapes are `\\n`, `\\t`, `\\r`, `\\\\`, `\\\"`, `\\{`, `\\}` and `\\u{1F600}`; in a raw text `r\"…\"` a backslash is itself"),
            SyntaxErrorKind::LoneBrace => titled(empty, "a `}` in a text is written `\\}`")
                .label("no `{` is open in this text")
                .suggest(self.replace(true, "write `\\}`", "\\}")),
            SyntaxErrorKind::NoSuchCharacter => {
                titled(empty, format!("there is no character {}", self.found)).label("Unicode ends at 10FFFF")
            }
            _ => titled(empty, "this text must be constant")
                .label("a value is inserted into it")
                .help("a brace that is meant as a character is written `\\{`"),
        }
    }

    fn not_indented(&self, lines: &[u32], empty: Diagnostic) -> Diagnostic {
        let edit = |at: &u32| TextEdit { location: self.at(Span::at(*at)), replacement: "  ".to_owned() };
        let fix = Suggestion {
            message: "indent it".to_owned(),
            edits: lines.iter().map(edit).collect(),
            applicability: Applicability::Certain,
        };
        titled(empty, format!("{} stands in column 0 inside braces", self.found))
            .label("inside braces only `}` may stand in column 0")
            .note("an item starts in column 0; that is how a mistake in one item stays there")
            .suggest(fix)
    }

    fn form(&self, kind: &SyntaxErrorKind, sources: &SourceMap, empty: Diagnostic) -> Diagnostic {
        use SyntaxErrorKind as K;
        match kind {
            K::IndentedItem => {
                let start = self.location.span.start;
                let before = sources.get(self.location.file).map_or(start, |file| file.line_span(file.line_index(start)).start);
                let blanks = self.at(Span::new(before, start));
                titled(empty, format!("the item {} does not start in column 0", self.found))
                    .label("an item starts at the left edge")
                    .suggest(Suggestion::certain("remove the blanks before it", blanks, ""))
            }
            K::TooDeep => titled(empty, "this is nested too deep")
                .label("the limit of 256 is passed here")
                .help("give the inner part a name: a `const`, a `fn`, or a step of its own"),
            K::TooDeepTree => titled(empty, "this is nested too deep")
                .label("more levels or operators in a row than can be followed")
                .help("give parts of it a name: a `const`, a `fn`, or `let` in a calculate step"),
            K::MisplacedReject => titled(empty, "`reject` can only end a whole right side")
                .label("in the middle of an expression")
                .help("write `name = … ?? reject \"why\"` or `name = … catch reject \"why\"`"),
            K::ChainedComparison { range: true } => {
                titled(empty, "ranges cannot be chained").label("a second `..`").help("put brackets around one of them")
            }
            K::ChainedComparison { .. } => titled(empty, "comparisons cannot be chained")
                .label("a second comparison")
                .help("write both and join them by `and`, as in `a < b and b < c`"),
            K::DefaultOfParameter => titled(empty, "an input has no default")
                .label("a default")
                .help("leave it out; whoever calls the function says the value"),
            K::ReservedWord => titled(empty, format!("{} is a word of the language and cannot be a name", self.found))
                .label("a name is due here")
                .note("reserved are `and`, `or`, `not`, `in`, `if`, `then`, `else`, `match`, `catch`, `true`, `false` and `null`")
                .help(format!("give it another name; a member that is read gets one by `from`: `{0}_: text from \"{0}\"`", self.found.trim_matches('`'))),
            K::EqualsInCondition { sure } => titled(empty, "two values are compared by `==`")
                .label("`=` assigns")
                .suggest(self.replace(*sure, "write `==`", "==")),
            _ => titled(empty, "no comma stands between statements")
                .label("settings, fields and statements follow one another without separators")
                .suggest(self.replace(true, "remove it", "")),
        }
    }
}
