//! The brackets that are open at a cursor, and what each of them holds.

use nsf_syntax::{Token, TokenKind};

use super::context::{ends_operand, is_connector, is_first_on_line};

/// What a bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No bracket: the item's head.
    Head,
    /// `use a.{ … }`.
    UseNames,
    /// Names with types, of a function or its outputs.
    Parameters,
    /// The keys of a dimension or state.
    Keys,
    Settings,
    /// `record { … }`, `value { … }`, record types.
    Fields,
    /// `map { … }` of an ingest.
    Map,
    /// `fields DIM { … }`.
    DimensionFields,
    /// `{ empty: … }` of a field.
    FieldSettings,
    /// The arms of a mapping.
    MappingArms,
    Steps,
    Checks,
    /// `calculate { … }`.
    Assignments,
    /// `save S { … }`.
    Operations,
    /// `expand X { … }`.
    Entries,
    /// The clauses of a test.
    Clauses,
    /// A row of a test.
    Row,
    /// `load S( … )`.
    Bindings,
    /// `-> ( … )` of a call.
    Outputs,
    /// `f( … )`.
    Arguments,
    Index,
    /// `match x { … }`.
    Arms,
    Record,
    List,
    Paren,
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// The bracket among the tokens.
    pub(crate) open: usize,
    /// The first token of the last statement in it; behind the bracket or comma where none has begun.
    pub(crate) statement: usize,
}

pub(crate) const STEPS: [&str; 10] =
    ["verify", "load", "calculate", "save", "expand", "when", "each", "stop", "jump", "repartition"];

/// The open brackets behind some tokens, which begin with an item's keyword.
pub(crate) fn frames(text: &str, tokens: &[Token]) -> Vec<Frame> {
    let reader = Reader { text, tokens };
    let mut frames = vec![Frame { kind: Kind::Head, open: 0, statement: 0 }];
    for index in 0..tokens.len() {
        let top = frames.len() - 1;
        match reader.at(index) {
            "(" | "[" | "{" => {
                let kind = reader.kind(&frames, index);
                frames.push(Frame { kind, open: index, statement: index + 1 });
            }
            ")" | "]" | "}" if top > 0 => {
                frames.pop();
            }
            "," if reader.is_list(frames[top].kind) => frames[top].statement = index + 1,
            _ if reader.starts(frames[top], index) => frames[top].statement = index,
            _ => {}
        }
    }
    frames
}

struct Reader<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl<'t> Reader<'t> {
    fn at(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| token.text(self.text))
    }

    fn ends_operand(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| ends_operand(self.text, *token))
    }

    fn is_list(&self, kind: Kind) -> bool {
        matches!(
            kind,
            Kind::UseNames
                | Kind::Parameters
                | Kind::Keys
                | Kind::Entries
                | Kind::Row
                | Kind::Bindings
                | Kind::Outputs
                | Kind::Arguments
                | Kind::Arms
                | Kind::Record
                | Kind::List
                | Kind::Operations
        )
    }

    /// What a bracket holds, from what stands before it.
    fn kind(&self, frames: &[Frame], open: usize) -> Kind {
        let frame = frames.last().copied().unwrap_or(Frame { kind: Kind::Head, open: 0, statement: 0 });
        let statement = self.tokens.get(frame.statement..open).unwrap_or_default();
        let first = self.at(frame.statement);
        let before = open.checked_sub(1).map_or("", |index| self.at(index));
        let follows = open > frame.statement && self.ends_operand(open - 1);
        match self.at(open) {
            "[" if frame.kind == Kind::Clauses && matches!(first, "given" | "with") => Kind::List,
            "[" if follows => Kind::Index,
            "[" => Kind::List,
            "(" => match frame.kind {
                Kind::Head => self.head_parentheses(statement),
                Kind::Steps if before == "->" => Kind::Outputs,
                Kind::Steps if self.names_step(frame.statement, open) && !is_connector(before) => Kind::Bindings,
                _ if follows => Kind::Arguments,
                _ => Kind::Paren,
            },
            _ => match frame.kind {
                Kind::Head => self.head_braces(first, statement),
                Kind::Settings if before == "map" => Kind::Map,
                Kind::Settings if statement.len() == 1 => Kind::Fields,
                Kind::Fields | Kind::Parameters => Kind::Fields,
                Kind::DimensionFields if matches!(before, ":" | "<") => Kind::Fields,
                Kind::DimensionFields => Kind::FieldSettings,
                Kind::Steps => self.step_braces(frame.statement, open),
                Kind::Clauses => Kind::Row,
                Kind::List if frames.iter().rev().nth(1).is_some_and(|outer| outer.kind == Kind::Clauses) => Kind::Row,
                _ if follows => Kind::Arms,
                _ => Kind::Record,
            },
        }
    }

    fn head_parentheses(&self, statement: &[Token]) -> Kind {
        let has = |sign: &str| statement.iter().any(|token| token.text(self.text) == sign);
        match self.at(0) {
            _ if has("=") => Kind::Arguments,
            "dimension" | "state" => Kind::Keys,
            _ => Kind::Parameters,
        }
    }

    fn head_braces(&self, keyword: &str, statement: &[Token]) -> Kind {
        let is_value = statement.iter().any(|token| token.text(self.text) == "=");
        match keyword {
            "use" => Kind::UseNames,
            "type" => Kind::Fields,
            "const" | "fn" if is_value && statement.last().is_some_and(|last| ends_operand(self.text, *last)) => {
                Kind::Arms
            }
            "const" | "fn" => Kind::Record,
            "mapping" => Kind::MappingArms,
            "fields" => Kind::DimensionFields,
            "flow" | "expand" => Kind::Steps,
            "verify" => Kind::Checks,
            "calculate" | "load" => Kind::Assignments,
            "save" => Kind::Operations,
            "test" => Kind::Clauses,
            _ => Kind::Settings,
        }
    }

    /// Whether the bracket stands behind the name that a step calls.
    fn names_step(&self, start: usize, open: usize) -> bool {
        let start = if self.at(start + 1) == ":" { start + 2 } else { start };
        let start = if matches!(self.at(start + 1), "delete" | "reset") { start + 1 } else { start };
        open == start + 2
    }

    fn step_braces(&self, start: usize, open: usize) -> Kind {
        let start = if self.at(start + 1) == ":" { start + 2 } else { start };
        match self.at(start) {
            "verify" => Kind::Checks,
            "calculate" => Kind::Assignments,
            "save" => Kind::Operations,
            "expand" => Kind::Entries,
            _ => {
                let words = (start..open).map(|index| self.at(index));
                let has_match = words.clone().filter(|word| *word == "match").count();
                let closed = words.filter(|word| *word == "}").count();
                match self.at(open - 1) {
                    "else" => Kind::Steps,
                    _ if !self.ends_operand(open - 1) => Kind::Record,
                    _ if has_match > closed => Kind::Arms,
                    _ => Kind::Steps,
                }
            }
        }
    }

    /// Whether a statement of a bracket starts with a token.
    fn starts(&self, frame: Frame, index: usize) -> bool {
        if self.tokens[index].kind != TokenKind::Word {
            return false;
        }
        let (word, next) = (self.at(index), self.at(index + 1));
        let before = if index == frame.open + 1 || index == 0 { "" } else { self.at(index - 1) };
        let is_free = index == frame.open + 1 || index.checked_sub(1).is_some_and(|before| self.ends_operand(before));
        let is_first = is_first_on_line(self.text, self.tokens[index].span.start);
        match frame.kind {
            Kind::Settings => is_free && (matches!(next, ":" | "{") || (is_first && next.is_empty())),
            Kind::Fields | Kind::DimensionFields | Kind::FieldSettings => (is_free || before == ",") && next == ":",
            Kind::Map => is_free && (next == "=" || next == "."),
            Kind::Steps => is_free && self.starts_step(index, word, before, is_first),
            Kind::Checks => match word {
                "require" | "unique" => is_free,
                "drop" | "reject" => before != "else" && (next == "when" || is_first),
                _ => false,
            },
            Kind::Assignments => is_free && (word == "let" || (next == "=" && before != "let")),
            Kind::Operations => {
                is_free
                    && (matches!(next, "=" | "+=" | "-=" | "max" | "min")
                        || (next == "[" && is_first)
                        || matches!(word, "insert" | "remove" | "delete"))
            }
            Kind::Clauses => matches!(word, "with" | "given" | "expect") && is_first,
            Kind::MappingArms => word == "else",
            _ => false,
        }
    }

    fn starts_step(&self, index: usize, word: &str, before: &str, is_first: bool) -> bool {
        let next = self.at(index + 1);
        if next == ":" {
            return is_first || before == "{";
        }
        let continues = STEPS.contains(&before) || matches!(before, "delete" | "reset" | "drop" | "else");
        let is_label = index >= 2 && self.at(index - 2) == "jump";
        STEPS.contains(&word)
            && !matches!(next, "." | "," | ")" | "==" | "=")
            && (is_first || !(continues || (is_label && word == "when")))
    }
}
