//! Reads a lock file line by line. Its form is fixed, so that every mistake has a line and a reason.

use std::collections::BTreeMap;

use nsf_diagnostics::{FileId, Span};
use nsf_plan::{RecordType, Type};

use super::{Lock, LockedDimension, LockedField, LockedState};

/// A line that is not as `nsfc` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError {
    /// The line.
    pub span: Span,
    /// What is wrong with it, in words.
    pub reason: String,
}

/// A line without its indentation.
struct Line<'text> {
    depth: usize,
    name: String,
    value: &'text str,
    span: Span,
}

/// Where the lines at hand belong.
enum Section {
    Head,
    Dimensions,
    States,
}

pub(super) fn read(text: &str, file: Option<FileId>) -> Result<Lock, LockError> {
    let mut lock = Lock { file, ..Lock::default() };
    let mut section = Section::Head;
    let mut entry = String::new();
    let (mut version, mut renames) = (false, false);
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let from = start;
        start += raw.len();
        let content = raw.trim_end_matches(['\n', '\r']);
        let span = Span::new(from as u32, (from + content.len()) as u32);
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let line = line(content, span)?;
        match (line.depth, &section, line.name.as_str()) {
            (0, _, "version") => {
                if line.value != "1" {
                    return Err(wrong(span, "it was written by another version of nsfc"));
                }
                version = true;
            }
            (0, _, "dimensions") => section = Section::Dimensions,
            (0, _, "states") => section = Section::States,
            (1, Section::Dimensions, name) => {
                entry = name.to_owned();
                lock.dimensions.insert(entry.clone(), LockedDimension { span, ..LockedDimension::default() });
            }
            (1, Section::States, name) => {
                entry = name.to_owned();
                lock.states.insert(entry.clone(), LockedState { span, whole: span, ..LockedState::default() });
            }
            (2 | 3, Section::Dimensions, _) => dimension_line(lock.dimensions.get_mut(&entry), &line)?,
            (2, Section::States, what) => {
                renames = what == "stored_as";
                state_line(lock.states.get_mut(&entry), &line)?;
            }
            (3, Section::States, _) if renames => rename_line(lock.states.get_mut(&entry), &line)?,
            (3, Section::States, _) => return Err(wrong(span, "it belongs to no `stored_as`")),
            _ => return Err(wrong(span, "this line does not belong here")),
        }
        if let (Section::States, Some(state)) = (&section, lock.states.get_mut(&entry)) {
            // With its line end, so that all lines can be taken out.
            state.whole = Span::new(state.whole.start, start as u32);
        }
    }
    lock.states.values().try_for_each(stored_once)?;
    if version { Ok(lock) } else { Err(wrong(Span::at(0), "its first line `version: 1` is missing")) }
}

fn wrong(span: Span, reason: impl Into<String>) -> LockError {
    LockError { span, reason: reason.into() }
}

/// `  name: value`, indented by two spaces a level.
fn line(content: &str, span: Span) -> Result<Line<'_>, LockError> {
    let inner = content.trim_start_matches(' ');
    let indent = content.len() - inner.len();
    let malformed = || wrong(span, "it is not a name, a colon and a value");
    let (name, rest) = match inner.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or_else(malformed)?,
        None => {
            let (name, _) = inner.split_once(':').ok_or_else(malformed)?;
            (name.to_owned(), &inner[name.len()..])
        }
    };
    let value = rest.strip_prefix(':').ok_or_else(malformed)?.trim();
    if !indent.is_multiple_of(2) {
        return Err(wrong(span, "it is indented by an odd number of spaces"));
    }
    Ok(Line { depth: indent / 2, name, value, span })
}

/// What stands before the closing quote, and the rest behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

impl Line<'_> {
    /// The value, in quotes or not.
    fn text(&self) -> Result<String, LockError> {
        match self.value.strip_prefix('"') {
            None => Ok(self.value.to_owned()),
            Some(quoted) => match unquoted(quoted) {
                Some((value, "")) => Ok(value),
                _ => Err(wrong(self.span, "its text is not closed")),
            },
        }
    }

    fn number(&self, text: &str) -> Result<u32, LockError> {
        text.parse().map_err(|_| wrong(self.span, format!("`{text}` is not a number")))
    }

    fn ty(&self, text: &str) -> Result<Type, LockError> {
        Type::try_from(text.to_owned()).map_err(|_| wrong(self.span, format!("`{text}` is not a type")))
    }

    fn record(&self) -> Result<RecordType, LockError> {
        match self.ty(&self.text()?)? {
            Type::Record(fields) => Ok(fields),
            other => Err(wrong(self.span, format!("`{other}` is not a list of names and types"))),
        }
    }
}

fn dimension_line(dimension: Option<&mut LockedDimension>, line: &Line<'_>) -> Result<(), LockError> {
    let Some(dimension) = dimension else { return Err(wrong(line.span, "it belongs to no dimension")) };
    match (line.depth, line.name.as_str()) {
        (2, "code") => dimension.code = line.number(&line.text()?)?,
        (2, "fields") => {}
        (3, number) => {
            let number = line.number(number)?;
            let text = line.text()?;
            let (text, retired) = text.strip_suffix(" retired").map_or((text.as_str(), false), |text| (text, true));
            let (text, derived) = text.strip_suffix(" derived").map_or((text, false), |text| (text, true));
            let Some((name, ty)) = text.split_once(": ") else {
                return Err(wrong(line.span, "a field is written `\"name: type\"`"));
            };
            let (name, ty) = (name.to_owned(), line.ty(ty)?);
            let field = LockedField { name, ty, derived, retired, span: line.span };
            if dimension.fields.insert(number, field).is_some() {
                return Err(wrong(line.span, format!("number {number} stands here twice")));
            }
        }
        (_, name) => return Err(wrong(line.span, format!("a dimension has no `{name}`"))),
    }
    Ok(())
}

fn state_line(state: Option<&mut LockedState>, line: &Line<'_>) -> Result<(), LockError> {
    let Some(state) = state else { return Err(wrong(line.span, "it belongs to no state")) };
    match line.name.as_str() {
        "id" => state.id = line.text()?,
        "keys" => state.keys = line.record()?,
        "value" => state.value = line.record()?,
        "stored_as" => {}
        name => return Err(wrong(line.span, format!("a state has no `{name}`"))),
    }
    Ok(())
}

/// `"field": "the name that it is stored under"`, behind the state's `value`.
fn rename_line(state: Option<&mut LockedState>, line: &Line<'_>) -> Result<(), LockError> {
    let Some(state) = state else { return Err(wrong(line.span, "it belongs to no state")) };
    let (name, stored) = (line.name.as_str(), line.text()?);
    if state.value.iter().all(|(field, _)| field != name) {
        return Err(wrong(line.span, format!("the state has no field `{name}`")));
    }
    state.stored_as.insert(name.to_owned(), stored);
    Ok(())
}

/// No two fields of a state are stored under one name.
fn stored_once(state: &LockedState) -> Result<(), LockError> {
    let mut taken = BTreeMap::new();
    for (field, _) in &state.value {
        let stored = state.stored_name(field);
        if let Some(other) = taken.insert(stored, field) {
            return Err(wrong(
                state.span,
                format!("`{other}` and `{field}` of the state are both stored as `{stored}`"),
            ));
        }
    }
    Ok(())
}
