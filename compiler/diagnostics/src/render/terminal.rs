//! For a person at a terminal: the message, the writer's own lines with the places marked, notes and fixes.
//!
//! The only file that names codespan-reporting.

use codespan_reporting::diagnostic::{Diagnostic as Report, Label as Mark, LabelStyle, Severity as Grade};
use codespan_reporting::files::{Error, Files, Location as Place};
use codespan_reporting::term::{self, Chars, Config, termcolor};

use super::excerpt::{Excerpt, LINES_AFTER_START, LINES_BEFORE_END, Shape, printable, shorten};
use super::{fix_word, note_word, one_line, short};
use crate::{Diagnostic, FileId, Label, Severity, SourceFile, SourceMap, Span, Suggestion, TextEdit, apply_edits};

/// Lines of a fix that are shown; a longer one is cut.
const FIX_LINES: usize = 8;

/// How the output may look; the caller knows what the terminal can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Whether to colour by ANSI sequences.
    pub color: bool,
    /// Whether frames are drawn in ASCII signs.
    pub ascii: bool,
    /// Columns that a source line may take before parts of it are left out.
    pub width: usize,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self { color: false, ascii: false, width: 140 }
    }
}

/// Every diagnostic with its excerpt, an empty line after each.
#[must_use]
pub fn terminal(diagnostics: &[Diagnostic], sources: &SourceMap, options: TerminalOptions) -> String {
    let mut output = String::new();
    for diagnostic in diagnostics {
        match render_one(diagnostic, sources, options) {
            Ok(text) => output.push_str(&text),
            // An excerpt that cannot be drawn must not cost the message.
            Err(_) => output.push_str(&short(std::slice::from_ref(diagnostic), sources)),
        }
    }
    output
}

fn render_one(diagnostic: &Diagnostic, sources: &SourceMap, options: TerminalOptions) -> Result<String, Error> {
    let shape = Shape { width: options.width.max(40), ascii: options.ascii };
    let excerpts = Excerpts::new(&diagnostic.labels, sources, shape);
    let report = Report::new(grade(diagnostic.severity()))
        .with_code(diagnostic.code.id)
        .with_message(one_line(&diagnostic.message, options.ascii))
        .with_labels(excerpts.marks(&diagnostic.labels, options.ascii))
        .with_notes(notes(diagnostic, sources, shape));
    let config = Config {
        chars: if options.ascii { Chars::ascii() } else { Chars::box_drawing() },
        start_context_lines: LINES_AFTER_START,
        end_context_lines: LINES_BEFORE_END,
        ..Config::default()
    };
    let text = if options.color {
        let mut writer = termcolor::Ansi::new(Vec::new());
        term::emit_to_write_style(&mut writer, &config, &excerpts, &report)?;
        String::from_utf8_lossy(&writer.into_inner()).into_owned()
    } else {
        term::emit_into_string(&config, &excerpts, &report)?
    };
    // The frame leaves blanks at the end of empty lines; a transcript should not hold what nobody sees.
    Ok(if options.color { text } else { without_trailing_blanks(&text) })
}

fn without_trailing_blanks(text: &str) -> String {
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

const fn grade(severity: Severity) -> Grade {
    match severity {
        Severity::Error => Grade::Error,
        Severity::Warning => Grade::Warning,
    }
}

/// The excerpts of one diagnostic, one a file, as codespan wants files.
struct Excerpts {
    excerpts: Vec<(FileId, Excerpt)>,
}

impl Excerpts {
    fn new(labels: &[Label], sources: &SourceMap, shape: Shape) -> Self {
        let mut files: Vec<(FileId, Vec<Span>)> = Vec::new();
        for label in labels {
            let file = label.location.file;
            match files.iter_mut().find(|(known, _)| *known == file) {
                Some((_, spans)) => spans.push(label.location.span),
                None => files.push((file, vec![label.location.span])),
            }
        }
        let excerpt = |(id, spans): (FileId, Vec<Span>)| Some((id, Excerpt::new(sources.get(id)?, &spans, shape)));
        Self { excerpts: files.into_iter().filter_map(excerpt).collect() }
    }

    /// The labels with their places in the excerpts. Labels of unknown files are left out.
    fn marks(&self, labels: &[Label], ascii: bool) -> Vec<Mark<usize>> {
        let mut used = vec![0; self.excerpts.len()];
        let mut marks = Vec::with_capacity(labels.len());
        for label in labels {
            let Some(index) = self.excerpts.iter().position(|(file, _)| *file == label.location.file) else {
                continue;
            };
            let range = self.excerpts[index].1.ranges.get(used[index]).cloned().unwrap_or(0..0);
            used[index] += 1;
            let style = if label.primary { LabelStyle::Primary } else { LabelStyle::Secondary };
            marks.push(Mark::new(style, index, range).with_message(one_line(&label.message, ascii)));
        }
        marks
    }

    fn get(&self, id: usize) -> Result<&Excerpt, Error> {
        self.excerpts.get(id).map(|(_, excerpt)| excerpt).ok_or(Error::FileMissing)
    }
}

impl<'a> Files<'a> for Excerpts {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.get(id)?.path)
    }

    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.get(id)?.text)
    }

    fn line_index(&'a self, id: usize, byte_index: usize) -> Result<usize, Error> {
        let lines = &self.get(id)?.lines;
        Ok(lines.partition_point(|(start, _)| *start <= byte_index).saturating_sub(1))
    }

    fn line_number(&'a self, id: usize, line_index: usize) -> Result<usize, Error> {
        let lines = &self.get(id)?.lines;
        let missing = Error::LineTooLarge { given: line_index, max: lines.len() };
        lines.get(line_index).map(|(_, number)| *number).ok_or(missing)
    }

    fn location(&'a self, id: usize, byte_index: usize) -> Result<Place, Error> {
        let excerpt = self.get(id)?;
        let label = excerpt.ranges.iter().position(|range| range.start == byte_index);
        let place = label.and_then(|label| excerpt.places.get(label));
        match place {
            Some(place) => Ok(Place { line_number: place.line as usize, column_number: place.column as usize }),
            None => {
                let line = self.line_index(id, byte_index)?;
                Ok(Place { line_number: self.line_number(id, line)?, column_number: 1 })
            }
        }
    }

    fn line_range(&'a self, id: usize, line_index: usize) -> Result<std::ops::Range<usize>, Error> {
        let excerpt = self.get(id)?;
        let missing = Error::LineTooLarge { given: line_index, max: excerpt.lines.len() };
        let start = excerpt.lines.get(line_index).map(|(start, _)| *start).ok_or(missing)?;
        let end = excerpt.lines.get(line_index + 1).map_or(excerpt.text.len(), |(start, _)| *start);
        Ok(start..end)
    }
}

/// The lines below the excerpt: notes and helps as they were added, then the fixes.
fn notes(diagnostic: &Diagnostic, sources: &SourceMap, shape: Shape) -> Vec<String> {
    let written = diagnostic.notes.iter().map(|note| {
        let text: Vec<String> = note.text.lines().map(|line| printable(line, shape.ascii)).collect();
        format!("{}: {}", note_word(note.kind), text.join("\n      "))
    });
    let file = diagnostic.location().file;
    let fixes = diagnostic.suggestions.iter().map(|fix| show_fix(fix, file, sources, shape));
    written.chain(fixes).collect()
}

/// A fix: what it does, and the lines it changes before and after.
fn show_fix(fix: &Suggestion, home: FileId, sources: &SourceMap, shape: Shape) -> String {
    let mut lines = Vec::new();
    for (file, edits) in by_file(&fix.edits) {
        let Some(source) = sources.get(file) else {
            continue;
        };
        if file != home {
            lines.push(format!("  in {}", source.path));
        }
        lines.extend(changed_lines(source, &edits, shape));
    }
    if lines.len() > FIX_LINES {
        let left_out = lines.len() - FIX_LINES;
        lines.truncate(FIX_LINES);
        lines.push(format!("  and {left_out} more changed line{}", if left_out == 1 { "" } else { "s" }));
    }
    let head = format!("{}: {}", fix_word(fix.applicability), one_line(&fix.message, shape.ascii));
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

/// The edits of each file in the order of their places.
fn by_file(edits: &[TextEdit]) -> Vec<(FileId, Vec<TextEdit>)> {
    let mut files: Vec<(FileId, Vec<TextEdit>)> = Vec::new();
    for edit in edits {
        match files.iter_mut().find(|(file, _)| *file == edit.location.file) {
            Some((_, list)) => list.push(edit.clone()),
            None => files.push((edit.location.file, vec![edit.clone()])),
        }
    }
    for (_, list) in &mut files {
        list.sort_by_key(|edit| edit.location.span);
    }
    files
}

/// The changed lines of one file: `3 - old` and `3 + new`.
fn changed_lines(source: &SourceFile, edits: &[TextEdit], shape: Shape) -> Vec<String> {
    let mut shown = Vec::new();
    let mut rest = edits;
    while let Some(edit) = rest.first() {
        let first = source.line_index(edit.location.span.start);
        let mut last = source.line_index(edit.location.span.end);
        let mut count = 1;
        // Edits of one line, or of lines that an earlier edit reaches, are shown as one change.
        while let Some(next) = rest.get(count).filter(|next| source.line_index(next.location.span.start) <= last) {
            last = last.max(source.line_index(next.location.span.end));
            count += 1;
        }
        shown.extend(change(source, first, last, &rest[..count], shape));
        rest = &rest[count..];
    }
    shown
}

/// One change of the lines `first` to `last`, without the lines that stay.
fn change(source: &SourceFile, first: usize, last: usize, edits: &[TextEdit], shape: Shape) -> Vec<String> {
    let base = source.line_span(first).start;
    let block = Span::new(base, source.line_span(last).end);
    let moved: Vec<TextEdit> = edits
        .iter()
        .map(|edit| {
            let span = edit.location.span;
            let span = Span::new(span.start.saturating_sub(base), span.end.saturating_sub(base));
            TextEdit { location: span.in_file(edit.location.file), replacement: edit.replacement.clone() }
        })
        .collect();
    let old_text = block.text(&source.text);
    let new_text = apply_edits(old_text, &moved);
    let old: Vec<&str> = old_text.lines().collect();
    let new: Vec<&str> = new_text.lines().collect();
    let same_before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - same_before;
    let same_after = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let number = |line: usize| first + same_before + line + 1;
    let show = |lines: &[&str], sign: char, others: &[&str]| -> Vec<String> {
        let lines = &lines[same_before..lines.len() - same_after];
        let others = &others[same_before..others.len() - same_after];
        let shown = lines.iter().enumerate().map(|(index, line)| {
            let mark = first_difference(line, others.get(index).copied().unwrap_or(""));
            format!("  {} {sign} {}", number(index), shorten(line, &[mark], shape).0).trim_end().to_owned()
        });
        shown.collect()
    };
    let mut lines = show(&old, '-', &new);
    lines.extend(show(&new, '+', &old));
    lines
}

/// The offset at which two lines begin to differ.
fn first_difference(line: &str, other: &str) -> usize {
    let same = line.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
    let mut at = same.min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The word of a severity is the same in every renderer; this keeps codespan's in step with ours.
#[cfg(test)]
pub(super) fn severity_words_agree() -> bool {
    [Severity::Error, Severity::Warning].iter().all(|severity| {
        let report = Report::<usize>::new(grade(*severity)).with_message("m");
        let text = term::emit_into_string(&Config::default(), &Excerpts { excerpts: Vec::new() }, &report);
        text.is_ok_and(|text| text.starts_with(super::severity_word(*severity)))
    })
}
