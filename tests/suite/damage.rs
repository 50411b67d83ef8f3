//! Every `.nsf` file of the tree cut short at every token, and with each token doubled or missing: what people have on their
//! screens while they write. Nothing panics, nothing takes long, and the items around the broken one are read as before.

use std::mem::discriminant;
use std::ops::AddAssign;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::FileId;
use nsf_syntax::ast::{File, Item};
use nsf_syntax::{Parse, Token, TokenKind, parse, tokens};
use nsf_tests::random::Random;
use nsf_tests::{cpu_time, markdown, root, tree};

use crate::dose;

/// The time of the processor in which a damaged file is read, by an optimised program.
const IN_TIME: Duration = Duration::from_millis(100);

/// How much slower a program without optimisation may be.
const UNOPTIMISED: u32 = 30;

/// Of so many damaged files one is given to the passes behind the parser, too.
const CHECKED: u64 = 100;

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// The text ends before the token.
    Cut,
    Doubled,
    Missing,
}

#[derive(Default)]
struct Found {
    damaged: u64,
    checked: u64,
    slowest: Duration,
    complaints: Vec<String>,
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.damaged += other.damaged;
        self.checked += other.checked;
        self.slowest = self.slowest.max(other.slowest);
        self.complaints.extend(other.complaints);
    }
}

impl Damage {
    const ALL: [Self; 3] = [Self::Cut, Self::Doubled, Self::Missing];

    fn of(self, text: &str, token: Token) -> String {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        match self {
            Self::Cut => text[..start].to_owned(),
            Self::Doubled => [&text[..end], " ", &text[start..]].concat(),
            Self::Missing => [&text[..start], &text[end..]].concat(),
        }
    }
}

/// Whether two items say the same, wherever they stand.
fn same(before: (&str, &Item), after: (&str, &Item)) -> bool {
    let text = |(text, item): (&str, &Item)| text[item.span.start as usize..item.span.end as usize].to_owned();
    discriminant(&before.1.kind) == discriminant(&after.1.kind)
        && before.1.docs == after.1.docs
        && text(before) == text(after)
}

/// Whether the items before and after the one that is damaged are read as they were. One that has a mistake of its own may be
/// understood in another way once there is a second one beside it.
fn rest_is_kept(
    text: &str,
    file: &Parse,
    token: Token,
    damage: Damage,
    damaged: &str,
    read: &File,
) -> Result<(), String> {
    let start = token.span.start;
    let items = &file.file.items;
    let mistakes: Vec<u32> = file.errors.iter().map(|error| error.location.span.start).collect();
    let is_whole = |item: &Item| !mistakes.iter().any(|at| (item.span.start..=item.span.end).contains(at));
    let before = items.iter().take_while(|item| item.span.end <= start);
    // An item whose keyword is missing, or that begins like no item, goes on with the one before it.
    let own = items.iter().rfind(|item| item.span.start <= start);
    let first = own.is_some_and(|item| item.span.start == start) && matches!(damage, Damage::Missing);
    let is_indented = own.is_some_and(|item| text[..item.span.start as usize].ends_with([' ', '\t']));
    let before = before.count().saturating_sub(usize::from(first || is_indented));
    let after = items.iter().filter(|item| item.span.start > start).count();
    for (index, item) in items.iter().enumerate().take(before).filter(|(_, item)| is_whole(item)) {
        if !read.items.get(index).is_some_and(|other| same((text, item), (damaged, other))) {
            return Err(format!("item {} before it is not read as it was", index + 1));
        }
    }
    if matches!(damage, Damage::Cut) {
        return Ok(());
    }
    for (item, index) in items.iter().rev().zip(1..=after).filter(|(item, _)| is_whole(item)) {
        let other = read.items.len().checked_sub(index).and_then(|index| read.items.get(index));
        if !other.is_some_and(|other| same((text, item), (damaged, other))) {
            return Err(format!("item {} from the end, after it, is not read as it was", index));
        }
    }
    Ok(())
}

/// One damage of one token.
fn holds(text: &str, file: &Parse, token: Token, damage: Damage, passes: bool) -> Result<Duration, String> {
    let damaged = damage.of(text, token);
    let started = cpu_time::of_this_thread();
    let read = panic::catch_unwind(|| parse(FileId::default(), &damaged)).map_err(|_| "the parser panics")?;
    let took = cpu_time::of_this_thread().saturating_sub(started);
    let limit = if cfg!(debug_assertions) { IN_TIME * UNOPTIMISED } else { IN_TIME };
    if took > limit {
        return Err(format!("reading it takes {took:?} of the processor"));
    }
    rest_is_kept(text, file, token, damage, &damaged, &read.file)?;
    if passes {
        let files = vec![InputFile { path: "damaged.nsf".to_owned(), text: damaged }];
        let input = ProjectInput { name: "damaged".to_owned(), files, lock: None };
        panic::catch_unwind(AssertUnwindSafe(|| nsf_analysis::check(&input))).map_err(|_| "the passes panic")?;
    }
    Ok(took)
}

fn of_a_file(path: &str, text: &str) -> Found {
    let mut random = Random::new(dose::seed() ^ text.len() as u64);
    let mut found = Found::default();
    let file = parse(FileId::default(), text);
    for token in tokens(text).into_iter().filter(|token| token.kind != TokenKind::Comment) {
        for damage in Damage::ALL {
            if random.below(100) >= dose::percent() {
                continue;
            }
            let passes = random.below(CHECKED) == 0;
            found.damaged += 1;
            found.checked += u64::from(passes);
            match holds(text, &file, token, damage, passes) {
                Ok(took) => found.slowest = found.slowest.max(took),
                Err(complaint) => {
                    let line = text[..token.span.start as usize].matches('\n').count() + 1;
                    let word = token.text(text);
                    found.complaints.push(format!("{path}:{line}: `{word}` {damage:?}: {complaint}"));
                }
            }
        }
    }
    found
}

/// The programs in a file: a case may hold several, and other files beside them.
fn programs(path: &Path) -> Vec<(String, String)> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    match markdown::files(&text, &name).as_mut_slice() {
        [(_, text)] => vec![(name, std::mem::take(text))],
        several => several
            .iter_mut()
            .filter(|(inner, _)| inner.ends_with(".nsf"))
            .map(|(inner, text)| (format!("{name}, {inner}"), std::mem::take(text)))
            .collect(),
    }
}

#[test]
fn a_damaged_file_is_read_in_time_and_the_items_around_are_kept() {
    let files: Vec<_> = tree::files(root(), "nsf").into_iter().flat_map(|path| programs(&path)).collect();
    let found = dose::side_by_side(&files, |(path, text)| of_a_file(path, text));
    let mut all = Found::default();
    found.into_iter().for_each(|found| all += found);
    let Found { damaged, checked, slowest, complaints } = all;
    let shown = complaints.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} complaints of {damaged} damages\n{shown}", complaints.len());
    dose::shown(format_args!(
        "{} files of the tree, {damaged} damages: no panic, the slowest was read in {:.1} ms of the processor, the items before and \
         after are as they were; {checked} of them went through the passes, too",
        files.len(),
        slowest.as_secs_f64() * 1e3,
    ));
}
