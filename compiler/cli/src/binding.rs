//! `--input NAME=FILE` and `--output NAME=FILE`: what the user names, held against what the program has.

use std::path::{Path, PathBuf};

use nsf_diagnostics::closest;
use nsf_plan::{Plan, TopicId};

use crate::problem::Problem;

/// A name of the program and the file that takes its place. `-` is standard input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// As written: a topic, source, table, dimension, state, with or without its module, or `rejected`.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// Which side of the program a binding is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `--input`.
    Input,
    /// `--output`.
    Output,
}

impl Side {
    const fn option(self) -> &'static str {
        match self {
            Self::Input => "--input",
            Self::Output => "--output",
        }
    }
}

/// The name under which rejected records are written.
const REJECTED: &str = "rejected";

/// Reads one `NAME=FILE`; for the argument parser.
///
/// # Errors
/// What is missing, in words.
pub fn parse(text: &str) -> Result<Binding, String> {
    match text.split_once('=') {
        Some((name, file)) if !name.trim().is_empty() && !file.is_empty() => {
            Ok(Binding { name: name.trim().to_owned(), file: PathBuf::from(file) })
        }
        Some((name, _)) if name.trim().is_empty() => Err("a name belongs before `=`".to_owned()),
        Some(_) => Err("a file belongs after `=`; `-` is the standard stream".to_owned()),
        None => Err("it must read NAME=FILE".to_owned()),
    }
}

/// What a name may mean: the word for its kind, and the full name.
struct Target<'p> {
    kind: &'static str,
    full: &'p str,
}

impl Target<'_> {
    /// The name without its module.
    fn short(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or(self.full)
    }
}

/// Sees to it that every binding names one thing of the program, once, and that input files are there.
///
/// # Errors
/// The first binding that does not, with the near names.
pub fn check(bindings: &[Binding], side: Side, plan: &Plan) -> Result<(), Problem> {
    let targets = targets(plan, side);
    let topics = topics(plan, side);
    for (index, binding) in bindings.iter().enumerate() {
        let option = side.option();
        if bindings[..index].iter().any(|earlier| earlier.name == binding.name) {
            return Err(Problem::usage(format!("{option} gives `{}` twice", binding.name)));
        }
        if side == Side::Input
            && binding.file == Path::new("-")
            && bindings[..index].iter().any(|earlier| earlier.file == Path::new("-"))
        {
            return Err(Problem::usage("standard input can be read once only").help("give one of the inputs a file"));
        }
        one_meaning(binding, side, &targets, &topics)?;
        if side == Side::Input
            && let Some(earlier) =
                bindings[..index].iter().find(|earlier| read_by(plan, &earlier.name) == read_by(plan, &binding.name))
        {
            let text = format!("--input gives `{}` a file, and `{}` reads the same", earlier.name, binding.name);
            return Err(Problem::usage(text).help("name one of them"));
        }
        if side == Side::Input {
            readable(binding)?;
        }
    }
    Ok(())
}

/// The topic that an input's name stands for.
fn read_by(plan: &Plan, name: &str) -> Option<TopicId> {
    let is_it = |full: &str| full == name || full.rsplit('.').next() == Some(name);
    let topic = plan.topics.iter().position(|topic| topic.read && !topic.internal && topic.connector.name == name);
    let source = || plan.sources.iter().find(|source| is_it(&source.name)).map(|source| source.from);
    let ingest = || plan.ingests.iter().find(|ingest| is_it(&ingest.name)).map(|ingest| ingest.from);
    let table = || plan.tables.iter().find(|table| is_it(&table.name)).map(|table| table.from);
    topic.map(|index| TopicId(index as u32)).or_else(source).or_else(ingest).or_else(table)
}

fn one_meaning(binding: &Binding, side: Side, targets: &[Target<'_>], topics: &[&str]) -> Result<(), Problem> {
    let name = binding.name.as_str();
    if topics.contains(&name) || (side == Side::Output && name == REJECTED) {
        return Ok(());
    }
    if targets.iter().any(|target| target.full == name) {
        return Ok(());
    }
    let meant: Vec<&Target<'_>> = targets.iter().filter(|target| target.short() == name).collect();
    match meant.as_slice() {
        [] => Err(unknown(name, side, targets, topics)),
        [_] => Ok(()),
        [first, second, ..] => Err(Problem::usage(format!(
            "`{name}` is the {} `{}` and the {} `{}`",
            first.kind, first.full, second.kind, second.full
        ))
        .help(format!("write the module too: {} {}=FILE", side.option(), first.full))),
    }
}

fn unknown(name: &str, side: Side, targets: &[Target<'_>], topics: &[&str]) -> Problem {
    let mut names: Vec<&str> = targets.iter().map(Target::short).chain(topics.iter().copied()).collect();
    if side == Side::Output {
        names.push(REJECTED);
    }
    names.sort_unstable();
    names.dedup();
    let what = match side {
        Side::Input => "no source, ingest, table or topic that is read",
        Side::Output => "no topic that is written, no dimension and no state",
    };
    let problem = Problem::usage(format!("the program has {what} named `{name}`"));
    match closest(name, names.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => problem,
        None => problem.help(format!("it has {}", quoted(&names))),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn readable(binding: &Binding) -> Result<(), Problem> {
    let file = &binding.file;
    if file == Path::new("-") || file.is_file() {
        return Ok(());
    }
    if file.is_dir() {
        return Err(Problem::usage(format!("`{}` is a folder, not a file", file.display()))
            .help(format!("name the file that holds the records of `{}`", binding.name)));
    }
    // Pipes and devices are neither, and may be read.
    if file.exists() {
        return Ok(());
    }
    Err(Problem::usage(format!("there is no file `{}` to read `{}` from", file.display(), binding.name)))
}

fn targets(plan: &Plan, side: Side) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    let mut add = |kind, full| targets.push(Target { kind, full });
    match side {
        Side::Input => {
            plan.sources.iter().for_each(|source| add("source", source.name.as_str()));
            plan.ingests.iter().for_each(|ingest| add("ingest", ingest.name.as_str()));
            plan.tables.iter().for_each(|table| add("table", table.name.as_str()));
        }
        Side::Output => {
            plan.dimensions.iter().for_each(|dimension| add("dimension", dimension.name.as_str()));
            plan.states.iter().filter(|state| !state.marks).for_each(|state| add("state", state.name.as_str()));
        }
    }
    targets
}

fn topics(plan: &Plan, side: Side) -> Vec<&str> {
    let used = plan.topics.iter().filter(|topic| match side {
        Side::Input => topic.read,
        Side::Output => topic.written,
    });
    let named = used.filter(|topic| !topic.internal).map(|topic| topic.connector.name.as_str());
    named.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_a_name_and_a_file() {
        let binding = parse("orders=data/a=b.ndjson").unwrap();
        assert_eq!((binding.name.as_str(), binding.file.as_path()), ("orders", Path::new("data/a=b.ndjson")));
        assert!(parse("orders").unwrap_err().contains("NAME=FILE"));
        assert!(parse("=x").unwrap_err().contains("name"));
        assert!(parse("orders=").unwrap_err().contains("file"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_near_one() {
        let targets = [Target { kind: "source", full: "shop.order" }];
        let problem = unknown("ordesr", Side::Input, &targets, &["orders"]);
        assert!(problem.help.unwrap().contains("`orders`"));
        let problem = unknown("x", Side::Input, &targets, &["orders"]);
        assert_eq!(problem.help.as_deref(), Some("it has `order`, `orders`"));
    }

    #[test]
    fn a_short_name_of_two_things_is_refused() {
        let targets = [Target { kind: "dimension", full: "a.x" }, Target { kind: "state", full: "b.x" }];
        let binding = |name: &str| Binding { name: name.to_owned(), file: PathBuf::from("-") };
        let problem = one_meaning(&binding("x"), Side::Output, &targets, &[]).unwrap_err();
        assert_eq!(problem.message, "`x` is the dimension `a.x` and the state `b.x`");
        assert!(one_meaning(&binding("a.x"), Side::Output, &targets, &[]).is_ok());
        assert!(one_meaning(&binding("rejected"), Side::Output, &targets, &[]).is_ok());
    }
}
