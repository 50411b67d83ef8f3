//! Where the statements of a broken block start.

use std::ops::Range;

use super::Recover;

/// What a block consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    Settings,
    Fields,
    Assignments,
    DimensionFields,
    MappingArms,
    TestClauses,
    Steps,
    Checks,
    Calculate,
    Save,
}

/// The words that start a step.
pub(crate) const STEPS: [&str; 10] =
    ["verify", "load", "calculate", "save", "expand", "when", "each", "stop", "jump", "repartition"];
/// The words that start a check.
pub(crate) const CHECKS: [&str; 4] = ["require", "drop", "reject", "unique"];
/// The words that start a clause of a test.
pub(crate) const CLAUSES: [&str; 3] = ["with", "given", "expect"];

/// Words inside statements that may start a line.
const CONTINUATIONS: [&str; 8] = ["within", "into", "from", "by", "as", "under", "on", "derived"];

/// Whether a word is what other languages declare a name by.
pub(crate) fn is_declarer(word: &str) -> bool {
    matches!(word, "var" | "val" | "const" | "set")
}

/// Whether a word is a setting of a dimension's field.
pub(crate) fn is_setting_of_field(word: &str) -> bool {
    matches!(word, "empty" | "owner")
}

impl Recover<'_, '_> {
    /// The statements of a block, as ranges of tokens, and whether each start is certain.
    pub(crate) fn statements(&self, region: &Range<usize>, kind: Statements) -> Vec<(Range<usize>, bool)> {
        let mut starts: Vec<(usize, bool)> = Vec::new();
        let mut previous = None;
        let mut at = region.start;
        while at < region.end {
            if starts.last().is_some_and(|(start, _)| self.goes_on(*start, at, kind)) {
                previous = Some(at);
                at = self.source.skip(at);
                continue;
            }
            let certain = self.starts_statement(at, kind, previous);
            if previous.is_none() || certain || self.may_start_statement(at, kind, previous) {
                starts.push((at, certain || previous.is_none()));
            }
            let next = self.source.skip(at);
            previous = Some(next - 1);
            at = next;
        }
        if kind == Statements::Settings {
            self.join_indented(&mut starts);
        }
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([region.end]);
        starts.iter().zip(ends).map(|((start, certain), end)| (*start..end, *certain)).collect()
    }

    /// A token that would start a statement, but belongs to the one that starts at `start`, which is not written as it should
    /// be.
    fn goes_on(&self, start: usize, at: usize, kind: Statements) -> bool {
        let (first, word, before) = (self.source.word(start), self.source.word(at), self.source.word(at - 1));
        let same_line = !self.source.is_first_on_line(at);
        match kind {
            // `when amount < 1 jump done`
            Statements::Steps => {
                let has_block = self.find(&(start..at), "{").is_some();
                same_line && first == "when" && matches!(word, "jump" | "stop") && !has_block && before != "when"
            }
            // `var double = amount * 2`
            Statements::Calculate => start + 1 == at && is_declarer(first) && self.source.word(at + 1) == "=",
            // `age: int64 #100001 empty: 0`
            Statements::DimensionFields => {
                let is_type = self.source.is_word(at + 2) && !matches!(self.source.word(at + 2), "true" | "false");
                same_line && is_setting_of_field(word) && self.source.word(at + 1) == ":" && !is_type
            }
            _ => false,
        }
    }

    /// `record:` with lines below that are indented deeper: they belong to it, as in YAML.
    fn join_indented(&self, starts: &mut Vec<(usize, bool)>) {
        let mut owner = None;
        let all: Vec<usize> = starts.iter().map(|(at, _)| *at).collect();
        let mut index = 0;
        starts.retain(|(at, _)| {
            index += 1;
            let column = self.source.column(*at);
            if owner.is_some_and(|owner| column > Some(owner)) {
                return false;
            }
            owner = None;
            let is_bare = self.source.word(at + 1) == ":" && all.get(index).is_some_and(|next| *next == at + 2);
            if is_bare {
                owner = column;
            }
            true
        });
    }

    /// A word that starts a line though nothing before it asks for more.
    fn may_start_statement(&self, at: usize, kind: Statements, previous: Option<usize>) -> bool {
        let word = self.source.word(at);
        let is_start = if kind == Statements::MappingArms {
            self.source.is_literal(at) || self.source.is_word(at)
        } else {
            let is_habit = kind == Statements::Steps && matches!(word, "if" | "for");
            self.source.is_word(at)
                && (!super::source::is_operator_word(word) || is_habit)
                && !CONTINUATIONS.contains(&word)
        };
        is_start
            && self.source.is_first_on_line(at)
            && previous.is_some_and(|previous| self.source.ends_operand(previous) || self.source.word(previous) == ",")
    }

    /// A token that can only be the start of a statement of this kind.
    fn starts_statement(&self, at: usize, kind: Statements, previous: Option<usize>) -> bool {
        let may_be_named = !matches!(kind, Statements::Steps | Statements::Checks | Statements::TestClauses);
        let after_value = previous.is_none_or(|previous| {
            self.source.ends_operand(previous)
                || (may_be_named && (self.source.word(previous) == "," || self.source.is_first_on_line(at)))
        });
        let before = previous.map_or("", |previous| self.source.word(previous));
        let (word, next) = (self.source.word(at), self.source.word(at + 1));
        if kind == Statements::MappingArms {
            let is_arm = matches!(next, "=>" | "|") && !matches!(before, "|" | "=>" | "-" | "else");
            let is_other = next == "=>" && matches!(word, "_" | "default" | "otherwise");
            return after_value && ((is_arm && (self.source.is_literal(at) || is_other)) || word == "else");
        }
        if !self.source.is_word(at) || !after_value {
            return false;
        }
        match kind {
            Statements::Settings => matches!(next, ":" | "{"),
            Statements::Fields | Statements::DimensionFields => {
                next == ":" || (next == "?" && self.source.word(at + 2) == ":")
            }
            Statements::Assignments => next == "=" || (next == "." && self.source.word(at + 3) == "="),
            Statements::Calculate => {
                let is_declared = (word == "let" || is_declarer(word)) && self.source.is_word(at + 1);
                (next == "=" && before != "let")
                    || (is_declared && (word == "let" || self.source.word(at + 2) == "="))
                    || matches!(next, "+=" | "-=" | "*=" | "/=")
            }
            Statements::Save => {
                matches!(next, "=" | "+=" | "-=")
                    || (matches!(next, "max" | "min") && self.source.word(at + 2) == "=")
                    || (next == "[" && self.source.is_first_on_line(at))
                    || (matches!(word, "insert" | "remove") && self.source.is_word(at + 1))
            }
            Statements::Checks => {
                before != "else" && (CHECKS.contains(&word) && (next == "when" || matches!(word, "require" | "unique")))
            }
            Statements::TestClauses => CLAUSES.contains(&word) && !matches!(next, "." | "(" | "=="),
            Statements::Steps => self.starts_step(at, before),
            Statements::MappingArms => false,
        }
    }

    fn starts_step(&self, at: usize, before: &str) -> bool {
        let (word, next) = (self.source.word(at), self.source.word(at + 1));
        if next == ":" {
            return self.source.is_word(at + 2) || before.is_empty();
        }
        let continues = match before {
            "when" | "each" | "jump" | "by" | "as" | "expand" | "save" | "load" | "verify" | "calculate" | "delete"
            | "reset" | "else" => true,
            "stop" => word == "when" && !self.source.is_first_on_line(at),
            // A check that is written as a step.
            "reject" | "drop" => {
                let ends_load = at >= 2 && self.source.word(at - 2) == "else";
                word == "when" && !self.source.is_first_on_line(at) && !ends_load
            }
            _ => {
                // `jump L when e`
                let jumps = at >= 2 && matches!(self.source.word(at - 2), "jump" | "goto");
                word == "when" && !self.source.is_first_on_line(at) && jumps
            }
        };
        STEPS.contains(&word) && !continues && !matches!(next, "." | "," | ")" | "==" | "=")
    }
}
