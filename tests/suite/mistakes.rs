//! One mistake, one message: what is said about programs with one mistake and with seven.

use std::collections::BTreeSet;
use std::path::Path;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::Severity;
use nsf_tests::random::Random;
use nsf_tests::{read, root, tree};

/// The file of `examples/classroom` that mistakes are made in: it has every kind of item and step.
const CHANGED: &str = "classroom/duration.nsf";
/// What is put in place of a token.
const WORDS: [&str; 18] =
    ["{", "}", "(", ")", "[", "]", ",", ":", "=", "==", ".", "\"x\"", "7", "1h", "when", "?", "=>", "#3"];

/// A mistake: a range of the text and what stands there instead.
#[derive(Clone, Debug)]
struct Mistake {
    range: std::ops::Range<usize>,
    written: String,
    line: usize,
}

fn classroom() -> Vec<InputFile> {
    let names = ["classroom/duration.nsf", "classroom/fields.nsf", "classroom/live.nsf"];
    let folder = root().join("examples/classroom");
    names.iter().map(|name| InputFile { path: (*name).to_owned(), text: read(&folder.join(name)) }).collect()
}

/// Line and code of every error of `classroom` with another text in the changed file.
fn errors(text: &str) -> Vec<(usize, &'static str)> {
    let mut files = classroom();
    files.iter_mut().filter(|file| file.path == CHANGED).for_each(|file| file.text = text.to_owned());
    let analysis = nsf_analysis::check(&ProjectInput { name: "classroom".to_owned(), files, lock: None });
    let errors = analysis.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
    errors
        .map(|error| {
            let line = analysis.sources.place(error.location()).map_or(0, |(_, place)| place.line as usize);
            (line, error.code.id)
        })
        .collect()
}

fn original() -> String {
    classroom().into_iter().find(|file| file.path == CHANGED).unwrap().text
}

/// Leaves out, doubles, replaces or misspells one token.
fn mistake(text: &str, random: &mut Random) -> Mistake {
    let tokens: Vec<_> =
        nsf_syntax::tokens(text).into_iter().filter(|token| !token.text(text).starts_with("//")).collect();
    let token = &tokens[random.below(tokens.len() as u64) as usize];
    let (range, word) = (token.span.start as usize..token.span.end as usize, token.text(text));
    let is_name = word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let written = match random.below(5) {
        0 => String::new(),
        1 => format!("{word} {word}"),
        2 => format!("{} {word}", WORDS[random.below(WORDS.len() as u64) as usize]),
        3 | 4 if is_name => {
            let at = 1 + random.below(word.len() as u64 - 2) as usize;
            format!("{}{}", &word[..at], &word[at + 1..])
        }
        _ => format!(" {} ", WORDS[random.below(WORDS.len() as u64) as usize]),
    };
    let line = text[..range.start].matches('\n').count() + 1;
    Mistake { range, written, line }
}

fn made(text: &str, mistakes: &[Mistake]) -> String {
    let mut changed = text.to_owned();
    let mut sorted: Vec<&Mistake> = mistakes.iter().collect();
    sorted.sort_by_key(|mistake| std::cmp::Reverse(mistake.range.start));
    for mistake in sorted {
        changed.replace_range(mistake.range.clone(), &mistake.written);
    }
    changed
}

#[test]
fn one_wrong_token_is_nearly_always_one_message_and_never_many() {
    let text = original();
    let mut random = Random::new(20_261_127);
    let (mut more, mut tried) = (Vec::new(), 0);
    while tried < 300 {
        let mistake = mistake(&text, &mut random);
        let found = errors(&made(&text, std::slice::from_ref(&mistake)));
        tried += 1;
        assert!(found.len() <= 8, "{mistake:?}: {found:?}");
        if found.len() > 1 {
            more.push(format!("{mistake:?}: {found:?}"));
        }
    }
    // Some tokens make two readings equally likely; of the rest each has one message.
    assert!(more.len() * 100 <= tried * 8, "{} of {tried}:\n{}", more.len(), more.join("\n"));
}

/// The files of an example, and the places in each where the name of a built-in type stands.
fn types_of(example: &Path) -> Vec<(Vec<InputFile>, usize, Vec<std::ops::Range<usize>>)> {
    const TYPES: [&str; 10] =
        ["int64", "int32", "text", "timestamp", "duration", "bool", "float64", "decimal", "list", "map"];
    let paths = tree::files(example, "nsf");
    let shown = |path: &Path| path.strip_prefix(example).unwrap().to_string_lossy().into_owned();
    let files: Vec<InputFile> = paths.iter().map(|path| InputFile { path: shown(path), text: read(path) }).collect();
    let places = files.iter().enumerate().map(|(at, file)| {
        let text = file.text.as_str();
        let tokens = nsf_syntax::tokens(text);
        let names = tokens.windows(2).filter(|pair| {
            let before = pair[0].text(text);
            TYPES.contains(&pair[1].text(text)) && (before == ":" || before == "<" || before == "->")
        });
        (files.clone(), at, names.map(|pair| pair[1].span.start as usize..pair[1].span.end as usize).collect())
    });
    places.collect()
}

#[test]
fn a_type_that_is_misspelt_anywhere_in_an_example_is_one_message() {
    let (mut complaints, mut tried) = (Vec::new(), 0);
    for example in tree::folders(&root().join("examples")) {
        for (files, at, places) in types_of(&example) {
            for place in places {
                let mut files = files.clone();
                // The first two letters change places.
                let (first, second) = (place.start, place.start + 1);
                let letters = files[at].text[first..=second].chars().rev().collect::<String>();
                files[at].text.replace_range(first..=second, &letters);
                let shown = format!("{}: {}", files[at].path, &files[at].text[place.clone()]);
                let input = ProjectInput { name: "example".to_owned(), files, lock: None };
                let analysis = nsf_analysis::check(&input);
                let is_error = |found: &&nsf_diagnostics::Diagnostic| found.severity() == Severity::Error;
                let found: Vec<&str> =
                    analysis.diagnostics.iter().filter(is_error).map(|found| found.code.id).collect();
                tried += 1;
                if found != ["E0204"] {
                    complaints.push(format!("{shown}: {found:?}"));
                }
            }
        }
    }
    assert!(tried > 60, "only {tried} types were found");
    assert!(complaints.is_empty(), "{} of {tried}:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn seven_mistakes_far_from_one_another_are_seven_messages_at_their_lines() {
    let text = original();
    let mut random = Random::new(7);
    let mut single: Vec<Mistake> = Vec::new();
    while single.len() < 60 {
        let mistake = mistake(&text, &mut random);
        let found = errors(&made(&text, std::slice::from_ref(&mistake)));
        if matches!(found.as_slice(), [(line, _)] if *line == mistake.line) {
            single.push(mistake);
        }
    }
    let (mut all_found, mut missing, files) = (0, 0, 40);
    for _ in 0..files {
        let mut chosen: Vec<Mistake> = Vec::new();
        while chosen.len() < 7 {
            let next = &single[random.below(single.len() as u64) as usize];
            if chosen.iter().all(|other| other.line.abs_diff(next.line) > 1) {
                chosen.push(next.clone());
            }
        }
        let found: BTreeSet<usize> = errors(&made(&text, &chosen)).into_iter().map(|(line, _)| line).collect();
        let due: BTreeSet<usize> = chosen.iter().map(|mistake| mistake.line).collect();
        let extra: Vec<_> = found.difference(&due).collect();
        assert!(extra.len() <= 1, "{chosen:?}: {found:?}");
        missing += due.difference(&found).count();
        all_found += usize::from(due.is_subset(&found));
    }
    // A mistake in the head of an item can leave nothing to say about what stands in its body.
    assert!(missing * 100 <= files * 7 * 6, "{missing} of {} not found", files * 7);
    assert!(all_found * 100 >= files * 65, "only {all_found} of {files} files with all seven");
}
