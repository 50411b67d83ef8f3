//! Renaming: the edits that give a thing another name everywhere and change nothing of what the program does.
//!
//! One name often says two things: `{ stay }` is the member `stay` and the field it is filled with, and a state that is loaded
//! without brackets is loaded by the fields of its keys' names. Where only one of the two is renamed, the other is written out
//! (`{ stay: time }`, `load visits(student: stu_id)`), and where both have one name again, what is needless goes. What is read
//! from outside keeps the name that it has there: `from "stay"`.
//!
//! What the edits give is checked before they are given: a rename that breaks something is refused, with what it would break.

mod lock;
mod parts;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use nsf_diagnostics::{Diagnostic, FileId, Location, Severity, SourceText, Span, TextEdit};
use unicode_ident::{is_xid_continue, is_xid_start};

use crate::Analysis;
use crate::check::check_parsed;
use crate::index::{Implied, Index, Use};
use crate::project::{Parsed, ParsedFile, ParsedProject};
use parts::{Call, CallBinding, Ingest, Parts};

/// Why there is no rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Words that can be no name.
const RESERVED: [&str; 12] =
    ["and", "or", "not", "in", "if", "then", "else", "match", "catch", "true", "false", "null"];

/// What would be renamed: the name at an offset.
///
/// # Errors
/// Where nothing is that can be renamed, in a sentence for the user.
pub fn prepare(analysis: &Analysis, file: FileId, offset: u32) -> Result<Use, Refusal> {
    let here: Vec<&Use> = analysis.index.at(file, offset).collect();
    // Of a name that says two things, the value is meant: what it is bound to is renamed where that is declared.
    let Some(own) = here.iter().find(|own| !own.label).or_else(|| here.first()) else {
        return Err(Refusal(
            "here is no name that can be changed: put the cursor on the name of a thing of the program".to_owned(),
        ));
    };
    let declared = analysis.sources.get(own.symbol.file);
    if declared.is_none_or(|source| source.path.starts_with('<')) {
        let name = analysis.sources.text(own.at);
        return Err(Refusal(format!("`{name}` is of the standard library and keeps its name")));
    }
    Ok((*own).clone())
}

/// The edits of a rename, by place; each file's do not overlap.
///
/// # Errors
/// Where it cannot be done, or would break something, in a sentence for the user.
pub fn rename(analysis: &Analysis, file: FileId, offset: u32, name: &str) -> Result<Vec<TextEdit>, Refusal> {
    let own = prepare(analysis, file, offset)?;
    check_name(name)?;
    let old = analysis.sources.text(own.at);
    if old == name {
        return Ok(Vec::new());
    }
    let root = analysis.index.root(own.symbol);
    let mut renaming =
        Renaming { analysis, index: &analysis.index, root, old, name, edits: Vec::new(), written: 0, merged: None };
    let files: HashSet<FileId> = renaming.files();
    for (id, parsed) in (0..).map(FileId).zip(&analysis.files) {
        if files.contains(&id) {
            renaming.file(id, &parsed.text, &Parts::of(&parsed.parse.file));
        }
    }
    renaming.edits.extend(lock::edit(analysis, root, old, name));
    renaming.edits.sort_by_key(|edit| (edit.location.file, edit.location.span.start));
    renaming.try_out()?;
    Ok(renaming.edits)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let mut signs = name.chars();
    let starts = signs.next().is_some_and(|first| first == '_' || is_xid_start(first));
    if !starts || !signs.all(is_xid_continue) {
        return Err(Refusal(format!("`{name}` is no name: a name has letters, digits and `_`, and no digit in front")));
    }
    if RESERVED.contains(&name) {
        return Err(Refusal(format!("`{name}` is a word of the language, so nothing can be named so")));
    }
    Ok(())
}

/// A rename of one symbol while its edits are gathered.
struct Renaming<'a> {
    analysis: &'a Analysis,
    index: &'a Index,
    root: Location,
    old: &'a str,
    name: &'a str,
    edits: Vec<TextEdit>,
    /// How many more places name the symbol afterwards.
    written: i64,
    /// Another symbol that it becomes one with.
    merged: Option<Location>,
}

impl Renaming<'_> {
    fn is_own(&self, symbol: Location) -> bool {
        self.index.root(symbol) == self.root
    }

    /// The files in which something changes.
    fn files(&self) -> HashSet<FileId> {
        let named = self.index.uses_of(self.root).map(|own| own.at.file);
        named.chain(self.implied().map(|own| own.at.file)).collect()
    }

    /// The bindings that nobody wrote of which one side is renamed.
    fn implied(&self) -> impl Iterator<Item = &Implied> {
        let is_split = |own: &&Implied| self.is_own(own.label) != own.value.is_some_and(|value| self.is_own(value));
        self.index.implied().iter().filter(is_split)
    }

    fn edit(&mut self, file: FileId, span: Span, replacement: impl Into<String>) {
        self.edits.push(TextEdit { location: span.in_file(file), replacement: replacement.into() });
    }

    fn file(&mut self, file: FileId, text: &str, parts: &Parts) {
        let own: Vec<&Use> = self.index.in_file(file).filter(|own| self.is_own(own.symbol)).collect();
        let labels: HashSet<Span> = own.iter().filter(|own| own.label).map(|own| own.at.span).collect();
        let values: HashSet<Span> = own.iter().filter(|own| !own.label).map(|own| own.at.span).collect();
        let mut places: HashSet<Span> = labels.union(&values).copied().collect();
        let mut page = Page { file, text, labels, values };
        self.pairs(&mut page, parts, &mut places);
        self.outputs(&page, parts, &mut places);
        self.calls(&page, parts, &mut places);
        self.members(&page, parts);
        self.ingests(&page, parts, &mut places);
        let mut places: Vec<Span> = places.into_iter().collect();
        places.sort();
        places.into_iter().for_each(|span| self.edit(file, span, self.name));
    }

    /// Entries of records and saves.
    fn pairs(&mut self, page: &mut Page<'_>, parts: &Parts, places: &mut HashSet<Span>) {
        for pair in &parts.pairs {
            match pair.value {
                None => match (page.labels.contains(&pair.label), page.values.contains(&pair.label)) {
                    (true, false) => {
                        places.remove(&pair.label);
                        self.edit(page.file, pair.label, format!("{}: {}", self.name, self.old));
                    }
                    (false, true) => {
                        places.remove(&pair.label);
                        self.edit(page.file, pair.label, format!("{}: {}", self.old, self.name));
                    }
                    _ => {}
                },
                Some(value) => {
                    let label = page.after(pair.label, self.name, true);
                    let changes = places.contains(&pair.label) || places.contains(&value);
                    if changes && label == page.after(value, self.name, false) {
                        places.remove(&pair.label);
                        places.remove(&value);
                        self.edit(page.file, pair.label.to(value), self.name);
                    }
                }
            }
        }
    }

    /// `-> (output: name)`: where both are one, the whole is left out if nothing else stands there, else the name alone is not
    /// known to the grammar and both stay.
    fn outputs(&mut self, page: &Page<'_>, parts: &Parts, places: &mut HashSet<Span>) {
        for (output, field) in &parts.outputs {
            let changes = places.contains(&output.span) || places.contains(&field.span);
            let same = page.after(output.span, self.name, true) == page.after(field.span, self.name, false);
            let (before, behind) =
                (page.text[..output.span.start as usize].trim_end(), &page.text[field.span.end as usize..]);
            let alone = before.strip_suffix('(').and_then(|before| before.trim_end().strip_suffix("->"));
            let closed = behind.trim_start().starts_with(')');
            if let (true, true, Some(before), true) = (changes, same, alone, closed) {
                places.remove(&output.span);
                places.remove(&field.span);
                let end = field.span.end as usize + behind.find(')').unwrap_or(0) + 1;
                self.edit(page.file, Span::new(before.trim_end().len() as u32, end as u32), "");
                // The output and the field are one from then on, and neither is named here.
                let both = [output.span, field.span].map(|span| self.index.at(page.file, span.start).next());
                let other =
                    both.into_iter().flatten().map(|own| self.index.root(own.symbol)).find(|own| *own != self.root);
                self.merged = other.or(self.merged);
                self.written -= 2;
            }
        }
    }

    /// The bindings of calls: those that nobody wrote are written where they are none any more, and others go.
    fn calls(&mut self, page: &Page<'_>, parts: &Parts, places: &mut HashSet<Span>) {
        let mut implied: BTreeMap<Span, Vec<Implied>> = BTreeMap::new();
        for own in self.implied().filter(|own| own.at.file == page.file && own.value.is_some()) {
            implied.entry(own.at.span).or_default().push(*own);
        }
        for call in &parts.calls {
            let own = implied.remove(&call.name).unwrap_or_default();
            let changes = |binding: &CallBinding| {
                places.contains(&binding.label) || binding.value.is_some_and(|value| places.contains(&value))
            };
            let bound = call.bindings.iter().flatten();
            if own.is_empty()
                && !bound.clone().any(|binding| changes(binding) && (binding.is_name || binding.value.is_none()))
            {
                continue;
            }
            self.call(page, call, &own, places);
        }
    }

    fn call(&mut self, page: &Page<'_>, call: &Call, implied: &[Implied], places: &mut HashSet<Span>) {
        let Some(brackets) = page.brackets(call) else { return };
        let mut bindings = Vec::new();
        for binding in call.bindings.iter().flatten() {
            let label = page.after(binding.label, self.name, true);
            let value = match binding.value {
                None => page.after(binding.label, self.name, false),
                Some(value) if binding.is_name => page.after(value, self.name, false),
                Some(value) => page.inner(value, self.name),
            };
            let own = places.contains(&binding.label) || binding.value.is_some_and(|value| places.contains(&value));
            let is_needless = label == value && (binding.is_name || binding.value.is_none());
            if own && is_needless && binding.value.is_some() {
                // Whoever names neither is bound by name again.
                let named =
                    [Some(binding.label), binding.value].into_iter().flatten().filter(|span| places.contains(span));
                self.written -= named.count() as i64;
            } else if label == value && binding.value.is_none() {
                bindings.push(label);
            } else {
                bindings.push(format!("{label}: {value}"));
            }
        }
        for own in implied {
            let (label, value) = (self.word(own.label), own.value.map(|value| self.word(value)).unwrap_or_default());
            bindings.push(format!("{label}: {value}"));
            self.written += 1;
        }
        places.retain(|span| !(brackets.start <= span.start && span.end <= brackets.end));
        let text = if bindings.is_empty() { String::new() } else { format!("({})", bindings.join(", ")) };
        self.edit(page.file, brackets, text);
    }

    /// The name of a symbol after the rename.
    fn word(&self, symbol: Location) -> String {
        if self.is_own(symbol) { self.name.to_owned() } else { self.analysis.sources.text(symbol).to_owned() }
    }

    /// What is read from outside keeps the name that it has there.
    fn members(&mut self, page: &Page<'_>, parts: &Parts) {
        for own in &parts.declared {
            if !page.values.contains(&own.name) {
                continue;
            }
            match &own.from {
                None => self.edit(page.file, Span::at(own.after_type), format!(" from \"{}\"", self.old)),
                Some((span, member)) if member == self.name => {
                    self.edit(page.file, Span::new(own.after_type, span.end), "");
                }
                Some(_) => {}
            }
        }
    }

    /// Members of raw messages that are fields by their names.
    fn ingests(&mut self, page: &Page<'_>, parts: &Parts, places: &mut HashSet<Span>) {
        for ingest in &parts.ingests {
            let implied: Vec<Implied> =
                self.implied().filter(|own| own.at == ingest.name.in_file(page.file)).copied().collect();
            if !implied.is_empty() {
                self.map_more(page, ingest);
            }
            for own in &ingest.assignments {
                if own.is_plain && places.contains(&own.field) && own.value.text(page.text) == self.name {
                    places.remove(&own.field);
                    self.written -= 1;
                    let alone = ingest.map.filter(|_| ingest.assignments.len() == 1);
                    self.edit(page.file, page.lines(alone.unwrap_or(own.whole)), "");
                }
            }
        }
    }

    fn map_more(&mut self, page: &Page<'_>, ingest: &Ingest) {
        let line = format!("{} = {}", self.name, self.old);
        self.written += 1;
        match (ingest.assignments.last(), ingest.map) {
            (Some(last), _) => {
                let at = Span::at(last.whole.end);
                self.edit(page.file, at, format!("\n{}{line}", page.indent(last.whole.start)));
            }
            (None, Some(map)) => self.edit(page.file, map, format!("map {{\n    {line}\n  }}")),
            (None, None) => {
                let close = page.text[..ingest.item.end as usize].rfind('}').unwrap_or(ingest.item.end as usize);
                self.edit(page.file, Span::at(close as u32), format!("  map {{\n    {line}\n  }}\n"));
            }
        }
    }
}

impl Renaming<'_> {
    /// Checks what the edits give: nothing breaks, and the same places name the same thing.
    fn try_out(&self) -> Result<(), Refusal> {
        let Self { analysis, index, root, old, name, edits, .. } = self;
        let after = check_parsed(&edited(analysis, edits));
        let before: HashSet<(&str, &str)> = errors(analysis).map(|own| (own.code.id, own.message.as_str())).collect();
        let broken = errors(&after).find(|own| {
            let message = own.message.replace(name, old);
            !before.contains(&(own.code.id, own.message.as_str())) && !before.contains(&(own.code.id, message.as_str()))
        });
        if let Some(broken) = broken {
            return Err(Refusal(format!("as `{name}` something would break: {}", broken.message)));
        }
        let symbols = [Some(*root), self.merged].into_iter().flatten();
        let count = symbols.clone().map(|own| index.uses_of(own).count() as i64).sum::<i64>() + self.written;
        let is_there = |own: &Location| {
            !edits.iter().any(|edit| {
                edit.location != *own
                    && edit.location.file == own.file
                    && edit.location.span.start <= own.span.start
                    && own.span.end <= edit.location.span.end
            })
        };
        let named = symbols.filter(is_there).map(|own| after.index.uses_of(moved(own, edits)).count() as i64).next();
        if named != Some(count) {
            return Err(Refusal(format!("another `{name}` is there already, and names would mean something else")));
        }
        Ok(())
    }
}

/// A file with the places in it that name the symbol.
struct Page<'t> {
    file: FileId,
    text: &'t str,
    labels: HashSet<Span>,
    values: HashSet<Span>,
}

impl Page<'_> {
    /// What a name says after the rename, as a label or as a value.
    fn after(&self, span: Span, name: &str, as_label: bool) -> String {
        let own = if as_label { self.labels.contains(&span) } else { self.values.contains(&span) };
        if own { name.to_owned() } else { span.text(self.text).to_owned() }
    }

    /// An expression after the rename.
    fn inner(&self, whole: Span, name: &str) -> String {
        let mut within: Vec<&Span> =
            self.labels.union(&self.values).filter(|span| whole.start <= span.start && span.end <= whole.end).collect();
        within.sort();
        let (mut text, mut at) = (String::new(), whole.start);
        for span in within {
            text.push_str(Span::new(at, span.start).text(self.text));
            text.push_str(name);
            at = span.end;
        }
        text + Span::new(at, whole.end).text(self.text)
    }

    /// The brackets of a call, or where they would stand; none where a comment is in them.
    fn brackets(&self, call: &Call) -> Option<Span> {
        let Some(bindings) = &call.bindings else { return Some(Span::at(call.name.end)) };
        let last = bindings.last().map_or(call.name.end, |own| own.value.map_or(own.label.end, |value| value.end));
        let behind = &self.text[last as usize..];
        let close = last + behind.find(')')? as u32 + 1;
        let brackets = Span::new(call.name.end, close);
        (!brackets.text(self.text).contains("//")).then_some(brackets)
    }

    /// What stands alone in its lines, with the line ending before it.
    fn lines(&self, span: Span) -> Span {
        let before = self.text[..span.start as usize].trim_end_matches([' ', '\t']);
        let before = before.strip_suffix('\n').map_or(before, |before| before.strip_suffix('\r').unwrap_or(before));
        Span::new(before.len() as u32, span.end)
    }

    /// The blanks before what begins a line.
    fn indent(&self, at: u32) -> &str {
        let line = self.text[..at as usize].rfind('\n').map_or(0, |start| start + 1);
        let blank = self.text[line..].find(|sign: char| sign != ' ' && sign != '\t').unwrap_or(0);
        &self.text[line..line + blank]
    }
}

fn errors(analysis: &Analysis) -> impl Iterator<Item = &Diagnostic> {
    analysis.diagnostics.iter().filter(|own| own.severity() == Severity::Error)
}

/// Where a declaration is after the edits.
fn moved(at: Location, edits: &[TextEdit]) -> Location {
    let before = edits.iter().filter(|own| own.location.file == at.file && own.location.span.end <= at.span.start);
    let shift: i64 = before.map(|own| own.replacement.len() as i64 - i64::from(own.location.span.len())).sum();
    let own = edits.iter().find(|own| own.location == at);
    let start = (i64::from(at.span.start) + shift) as u32;
    let length = own.map_or(at.span.len(), |own| own.replacement.len() as u32);
    Span::new(start, start + length).in_file(at.file)
}

/// The project with edits made; those of a file are sorted and do not overlap.
#[must_use]
pub fn edited(analysis: &Analysis, edits: &[TextEdit]) -> ParsedProject {
    let mut lock = None;
    let mut files = Vec::with_capacity(analysis.files.len());
    for (id, source) in analysis.sources.iter() {
        let own: Vec<&TextEdit> = edits.iter().filter(|edit| edit.location.file == id).collect();
        let text = || SourceText::new(apply(&source.text, &own));
        if let Some(parsed) = analysis.files.get(id.0 as usize) {
            let parsed = if own.is_empty() { Arc::clone(parsed) } else { Arc::new(Parsed::of(text())) };
            files.push(ParsedFile { path: source.path.clone(), parsed });
        } else if source.path == "nsf.lock" {
            lock = Some(text());
        }
    }
    ParsedProject { name: analysis.dag.project.clone(), files, lock }
}

/// A text with edits made, which are sorted and do not overlap.
#[must_use]
pub fn apply(text: &str, edits: &[&TextEdit]) -> String {
    let (mut made, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        let span = edit.location.span;
        made.push_str(text.get(at..span.start as usize).unwrap_or_default());
        made.push_str(&edit.replacement);
        at = span.end as usize;
    }
    made + text.get(at..).unwrap_or_default()
}
