//! What `nsfc fmt` may never do, over every `.nsf` file of the tree and over programs derived from the grammar, each also with
//! comments at every place where one may stand: lose or change a token, lose a comment or move it past a token, change what the
//! program says, print something else the second time, touch a file that it does not understand.
//!
//! A comma that divides belongs to what stands before it: a comment between the two goes behind the comma, and one that ends a
//! list comes and goes with the line ends. Every other token counts.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::Path;

use nsf_diagnostics::FileId;
use nsf_syntax::format::{FormatRefusal, format_text};
use nsf_syntax::{Parse, TokenKind, parse, tokens};
use nsf_tests::random::Random;
use nsf_tests::{read, root, tool, tree};

use crate::dose;
use crate::programs::{Programs, Words};

/// Files in which the parser understands what no rule says, so that a later pass tells of the mistake. It understands them by their
/// lines, so that comments cannot stand everywhere.
pub const UNDERSTOOD: [&str; 1] = ["tests/mistakes/state/fields_without_value.nsf"];

/// Programs that are derived in the full dose.
const PROGRAMS: u64 = 2000;

/// How a comment stands between two tokens.
const FORMS: [&str; 6] = [
    " // note\n    ",
    "\n    // note\n    ",
    "\n\n    // note\n\n    // second\n    ",
    " /// note\n    ",
    "\n    /// note\n    ",
    "\n//! note\n    ",
];

/// What was done, and what was wrong.
#[derive(Default)]
struct Found {
    texts: u64,
    places: u64,
    complaints: Vec<String>,
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.texts += other.texts;
        self.places += other.places;
        self.complaints.extend(other.complaints);
    }
}

impl Found {
    fn none(self, what: &str) {
        let Self { texts, places, mut complaints } = self;
        complaints.sort_by_key(String::len);
        let shown: Vec<String> = complaints.iter().take(8).cloned().collect();
        assert!(complaints.is_empty(), "{what}: {} complaints\n{}", complaints.len(), shown.join("\n\n"));
        dose::shown(format_args!("{what}: {texts} texts formatted twice, {places} places for a comment, no complaint"));
    }

    /// Formats a text that parses, and says what is wrong.
    fn holds(&mut self, text: &str) {
        self.texts += 1;
        if let Err(complaint) = holds(text) {
            self.complaints.push(format!("{complaint}\n--- the text\n{text}"));
        }
    }
}

/// Whether formatting does with a text what it must.
fn holds(text: &str) -> Result<(), String> {
    let once = format_text(text).map_err(|refusal| refusal.to_string())?;
    let twice = format_text(&once).map_err(|refusal| format!("the second time: {refusal}\n--- printed\n{once}"))?;
    let differs = |what: &str| Err(format!("{what}\n--- printed\n{once}"));
    if once != twice {
        return differs(&format!("the second time it prints something else\n--- the second time\n{twice}"));
    }
    let (before, after) = (Read::of(text), Read::of(&once));
    if before.words != after.words {
        return differs("the tokens differ");
    }
    if before.comments != after.comments {
        let moved = before.comments.iter().zip(&after.comments).find(|(one, other)| one != other);
        return differs(&format!("a comment is lost or stands elsewhere: {moved:?}"));
    }
    if says(text) != says(&once) {
        return differs("the program says something else");
    }
    Ok(())
}

/// The tokens of a text, but for commas; and each comment with the number of tokens before it.
struct Read<'t> {
    words: Vec<&'t str>,
    comments: Vec<(usize, &'t str)>,
}

impl<'t> Read<'t> {
    fn of(text: &'t str) -> Self {
        let mut read = Self { words: Vec::new(), comments: Vec::new() };
        for token in tokens(text) {
            let word = token.text(text);
            match token.kind {
                TokenKind::Comment => read.comments.push((read.words.len(), word.trim_end())),
                _ if word == "," => {}
                // `list<list<int>>?` is read as signs of two characters here and there; one by one they are the same.
                TokenKind::Sign if word.starts_with('>') || word.starts_with('?') => {
                    read.words.extend(word.split("").filter(|part| !part.is_empty()));
                }
                _ => read.words.push(word),
            }
        }
        read
    }
}

/// What a text says: its items and docs, without the places.
fn says(text: &str) -> String {
    let Parse { file, errors } = parse(FileId::default(), text);
    assert!(errors.is_empty(), "it has mistakes");
    let shown = format!("{:?} {:?}", file.docs, file.items);
    let mut said = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some((before, after)) = rest.split_once("Span { start: ") {
        said.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    said + rest
}

/// Items laid out with what `between` gives before each word but an item's first.
fn woven(items: &[Words], mut between: impl FnMut(&str, &str) -> String) -> String {
    let mut text = String::new();
    for words in items {
        let mut before = "";
        for word in words {
            if !before.is_empty() {
                text.push_str(&between(before, word));
            }
            text.push_str(word);
            before = word;
        }
        text.push('\n');
    }
    text
}

/// The words of a text that was written by someone, item by item, as they are put together again.
fn words_of(text: &str) -> Vec<Words> {
    let parsed = parse(FileId::default(), text);
    let items = parsed.file.items.iter().map(|item| {
        let part = &text[item.span.start as usize..item.span.end as usize];
        let words = tokens(part).into_iter().filter(|token| token.kind != TokenKind::Comment);
        let mut all: Words = Vec::new();
        for token in words {
            let word = token.text(part);
            match all.last_mut() {
                // These are one word of the grammar each.
                Some(last) if last == "not" && word == "in" => *last = "not in".to_owned(),
                Some(last) if word == "=" && (last == "max" || last == "min") && touches(part, token) => last.push('='),
                _ => all.push(word.to_owned()),
            }
        }
        all
    });
    items.collect()
}

fn touches(text: &str, token: nsf_syntax::Token) -> bool {
    !text[..token.span.start as usize].ends_with([' ', '\n', '\t'])
}

/// A text with comments at every place, each alone, and at all of them at once; of single places those that the dose takes.
fn with_comments(items: &[Words], random: &mut Random, percent: u64) -> Found {
    let mut found = Found::default();
    let mut number = 0;
    let all = woven(items, |_, _| {
        number += 1;
        let form = FORMS[random.below(FORMS.len() as u64) as usize];
        form.replace("note", &format!("note {number}"))
    });
    found.holds(&all);
    for item in items {
        let item = std::slice::from_ref(item);
        for place in 0..item[0].len().saturating_sub(1) {
            for form in FORMS {
                if random.below(100) >= percent {
                    continue;
                }
                found.places += 1;
                let mut at = 0;
                let text = woven(item, |_, _| {
                    at += 1;
                    if at == place + 1 { form } else { " " }.to_owned()
                });
                found.holds(&text);
            }
        }
    }
    for (place, form) in (0..=items.len()).flat_map(|place| FORMS.map(|form| (place, form))) {
        if random.below(100) >= percent {
            continue;
        }
        found.places += 1;
        let comment: String = form.lines().map(|line| format!("{}\n", line.trim())).collect();
        let parts = items.iter().map(|item| woven(std::slice::from_ref(item), |_, _| " ".to_owned()));
        let mut parts: Vec<String> = parts.collect();
        parts.insert(place, comment);
        found.holds(&parts.concat());
    }
    found
}

/// A derived program in three layouts, with other ends of lines, and with comments.
fn of_a_program(items: &[Words], seed: u64, percent: u64) -> Found {
    let mut random = Random::new(seed);
    let mut found = Found::default();
    found.holds(&woven(items, |_, _| " ".to_owned()));
    for often in [4, 12] {
        let text = woven(items, |_, _| match random.below(often) {
            0 => "\n  ".to_owned(),
            1 => "\n\n\n ".to_owned(),
            2 => "   ".to_owned(),
            _ => " ".to_owned(),
        });
        found.holds(&text);
        found.holds(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    }
    found += with_comments(items, &mut random, percent);
    found
}

fn files() -> Vec<(String, String)> {
    let files = tree::files(root(), "nsf").into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path.strip_prefix(root()).unwrap().display().to_string(), text))
    });
    files.collect()
}

fn has_mistakes(text: &str) -> bool {
    !parse(FileId::default(), text).errors.is_empty()
}

#[test]
fn every_file_of_the_tree_keeps_what_it_says() {
    let percent = dose::percent();
    let files: Vec<_> = files().into_iter().filter(|(_, text)| !has_mistakes(text)).collect();
    assert!(files.len() > 600, "only {} files parse", files.len());
    let mut all = Found::default();
    let found = dose::side_by_side(&files, |(path, text)| {
        let mut found = Found::default();
        found.holds(text);
        found.holds(&format!("\u{feff}{}", text.replace("\r\n", "\n").replace('\n', "\r\n")));
        let mut random = Random::new(dose::seed() ^ path.len() as u64);
        if !UNDERSTOOD.contains(&path.as_str()) {
            found += with_comments(&words_of(text), &mut random, percent);
        }
        found.complaints.iter_mut().for_each(|complaint| *complaint = format!("{path}: {complaint}"));
        found
    });
    found.into_iter().for_each(|found| all += found);
    all.none(&format!("{} files of the tree that parse", files.len()));
}

#[test]
fn every_derived_program_keeps_what_it_says() {
    let percent = dose::percent();
    let mut programs = Programs::new(dose::seed());
    let count = (PROGRAMS * percent / 100).max(20);
    let derived: Vec<(u64, Vec<Words>)> = (0..count).map(|number| (number, programs.program())).collect();
    let found = dose::side_by_side(&derived, |(number, items)| of_a_program(items, dose::seed() ^ number, percent));
    let mut all = Found::default();
    found.into_iter().for_each(|found| all += found);
    all.none(&format!("{count} programs derived from the grammar"));
}

#[test]
fn a_file_with_mistakes_is_left_as_it_is_and_the_reason_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut due = BTreeMap::new();
    for (number, (name, text)) in files().into_iter().enumerate() {
        let path = folder.path().join(format!("file{number}.nsf"));
        std::fs::write(&path, &text).unwrap();
        let expected = match format_text(&text) {
            Ok(formatted) => (formatted, None),
            Err(refusal @ FormatRefusal::Mistakes { .. }) => (text, Some(refusal.to_string())),
            Err(other) => panic!("{name}: {other}"),
        };
        due.insert(path, (name, expected));
    }
    let called = tool::call(root(), &["fmt", &folder.path().display().to_string()]);
    assert_eq!(called.code, Some(1), "{}", called.errors);
    let mut refused = 0;
    for (path, (name, (text, refusal))) in &due {
        assert!(read(path) == *text, "{name} is not as it should be");
        let said = said_of(&called.errors, path);
        assert_eq!(said, refusal.is_some(), "{name}: whether it is said that it was left as it is");
        refused += usize::from(refusal.is_some());
    }
    assert!(refused > 100, "only {refused} files have mistakes");
    dose::shown(format_args!(
        "`nsfc fmt` over {} files: {refused} with mistakes are byte for byte as they were, and the reason is said of each",
        due.len()
    ));
}

/// Whether it is said of a file that it was left as it is.
fn said_of(errors: &str, path: &Path) -> bool {
    errors.contains(&format!("{} was left as it is: mend its mistakes first\n", path.display()))
}
