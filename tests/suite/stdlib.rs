//! The standard library: declared and built alike, every example true on the engine, the index up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bumpalo::Bump;
use nsf_analysis::LIBRARY;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::types::Signature;
use nsf_diagnostics::Severity;
use nsf_engine::expression::Scope;
use nsf_engine::frame::{Context, Frame, Layout, NoRows};
use nsf_engine::functions::TOPICS;
use nsf_plan::{Expr, ExprKind, StepKind};
use nsf_tests::{read, root, tree};

/// Every declaration, by module and then as it is written.
fn declared() -> Vec<&'static Signature> {
    let mut all: Vec<&Signature> = LIBRARY.functions.values().flatten().collect();
    all.sort_by(|left, right| (&left.module, &left.canonical).cmp(&(&right.module, &right.canonical)));
    all
}

/// The lines of the blocks of a kind in a doc comment.
fn block<'d>(signature: &'d Signature, kind: &str) -> Vec<&'d str> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in signature.docs.iter().flat_map(|docs| docs.lines()).map(str::trim) {
        match line.strip_prefix("```") {
            Some(opened) => inside = opened == kind,
            None if inside => lines.push(line),
            None => {}
        }
    }
    lines
}

/// What a doc comment says before its examples.
fn words(signature: &Signature) -> String {
    let lines = signature.docs.iter().flat_map(|docs| docs.lines()).map(str::trim);
    lines.take_while(|line| !line.starts_with("```")).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_declared_is_built_and_what_is_built_is_declared() {
    let declared: BTreeSet<&str> = declared().iter().map(|signature| signature.canonical.as_str()).collect();
    let built: BTreeSet<&str> = TOPICS.iter().flat_map(|topic| topic.iter()).map(|builtin| builtin.signature).collect();
    let missing: Vec<_> = declared.difference(&built).collect();
    let unknown: Vec<_> = built.difference(&declared).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "declared, not built: {missing:?}\nbuilt, not declared: {unknown:?}"
    );
}

#[test]
fn no_two_declarations_share_a_signature() {
    let mut modules: BTreeMap<&str, &str> = BTreeMap::new();
    for signature in declared() {
        let other = modules.insert(&signature.canonical, &signature.module);
        assert_eq!(other, None, "{} stands twice", signature.canonical);
    }
}

#[test]
fn every_function_says_what_it_does_and_has_an_example_and_a_hostile_one() {
    for signature in declared() {
        let name = &signature.canonical;
        assert!(words(signature).ends_with('.'), "{name} has no sentence");
        assert!(!block(signature, "example").is_empty(), "{name} has no example");
        assert!(!block(signature, "hostile").is_empty(), "{name} has no example on hostile input");
        let fails = words(signature).contains("Fails");
        assert!(!fails || signature.fallible, "{name} says when it fails, but is not declared to");
    }
}

#[test]
fn there_are_as_many_functions_of_each_kind_as_promised() {
    let count = |modules: &[&str]| {
        declared().iter().filter(|signature| modules.contains(&signature.module.trim_start_matches("std."))).count()
    };
    for (modules, least) in [
        (&["text"][..], 25),
        (&["number"], 15),
        (&["time"], 20),
        (&["json"], 8),
        (&["list", "map", "set"], 30),
        (&["hash"], 8),
        (&["interval"], 5),
        (&["url", "pattern"], 8),
        (&["arris"], 6),
    ] {
        assert!(count(modules) >= least, "{modules:?} has {} functions", count(modules));
    }
}

/// What stands before the examples in the program that requires them, one a line.
const HEAD: &str =
    "source probe {\n  from: stdin()\n  record { n: int64 }\n}\n\nflow examples from probe {\n  verify {\n";

fn program(expressions: &[&str]) -> ProjectInput {
    let mut text = String::from(HEAD);
    for expression in expressions {
        writeln!(text, "    require ({expression})").unwrap();
    }
    text.push_str("  }\n  expand stdout() { n }\n}\n");
    let files = vec![InputFile { path: "examples.nsf".to_owned(), text }];
    ProjectInput { name: "examples".to_owned(), files, lock: None }
}

/// What the compiler says against expressions, by their index.
fn refused(expressions: &[&str]) -> BTreeMap<usize, String> {
    let analysis = nsf_analysis::check(&program(expressions));
    let mut refused = BTreeMap::new();
    for diagnostic in analysis.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error) {
        let line = analysis.sources.place(diagnostic.location()).map_or(0, |(_, place)| place.line as usize);
        let index = line.saturating_sub(HEAD.lines().count() + 1);
        refused.entry(index).or_insert_with(|| format!("{} {}", diagnostic.code.id, diagnostic.message));
    }
    refused
}

/// What is wrong with expressions that compile, by their index: they are false, or fail.
fn untrue(expressions: &[&str]) -> BTreeMap<usize, String> {
    let analysis = nsf_analysis::check(&program(expressions));
    let plan = nsf_analysis::lower::lower(&analysis.dag, &analysis.sources);
    let pipeline = plan.pipelines.first().unwrap();
    let layout = Layout::new(&pipeline.slots);
    let scope = Scope { plan: &plan, slots: &pipeline.slots, layout: &layout, handles: &pipeline.handles };
    let arena = Bump::new();
    let frame = Frame::new(&layout);
    frame.begin(1_684_627_200_000);
    let context = Context { frame: &frame, arena: &arena, rows: &NoRows };
    let conditions = pipeline.body.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Require { condition, .. } => Some(condition),
        _ => None,
    });
    let mut untrue = BTreeMap::new();
    let mut count = 0;
    for (index, condition) in conditions.enumerate() {
        count += 1;
        let said = match scope.condition(condition).map(|condition| condition.holds(&context)) {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => shown(condition, &scope, &context),
            Ok(Err(fault)) => format!("{} {}", fault.code.id(), fault.message),
            Err(error) => error.message,
        };
        untrue.insert(index, said);
    }
    assert_eq!(count, expressions.len(), "every example is a condition of the plan");
    untrue
}

/// What the two sides of a false comparison are.
fn shown(condition: &Expr, scope: &Scope<'_>, context: &Context<'_, '_>) -> String {
    let ExprKind::Binary(_, left, right) = &condition.kind else { return "is false".to_owned() };
    let side = |side: &Expr| match scope.any_value(side).map(|compiled| compiled.value(context)) {
        Ok(Ok(value)) => nsf_engine::value::shown(&side.ty, value),
        Ok(Err(fault)) => fault.message.to_string(),
        Err(error) => error.message,
    };
    format!("is false: {} beside {}", side(left), side(right))
}

#[test]
fn every_example_is_true() {
    let examples: Vec<(&Signature, &str)> = declared()
        .into_iter()
        .flat_map(|signature| {
            let lines = block(signature, "example").into_iter().chain(block(signature, "hostile"));
            lines.map(move |line| (signature, line))
        })
        .collect();
    assert!(examples.len() > 500, "only {} examples", examples.len());
    let expressions: Vec<&str> = examples.iter().map(|(_, line)| *line).collect();
    let refused = refused(&expressions);
    let compiled: Vec<usize> = (0..expressions.len()).filter(|index| !refused.contains_key(index)).collect();
    let untrue = untrue(&compiled.iter().map(|index| expressions[*index]).collect::<Vec<_>>());
    let untrue = untrue.into_iter().map(|(index, said)| (compiled[index], said));
    let complaints: BTreeMap<usize, String> = refused.into_iter().chain(untrue).collect();
    let mut text = String::new();
    for (index, said) in &complaints {
        let (signature, line) = examples[*index];
        writeln!(text, "{}: {line}\n  {said}", signature.module).unwrap();
    }
    assert!(complaints.is_empty(), "{} of {} examples are not true:\n{text}", complaints.len(), examples.len());
}

/// The first sentence of some lines, for a table.
fn first_sentence(lines: &[&str]) -> String {
    let words = lines.join(" ");
    let end = words.find(". ").map_or(words.len(), |at| at + 1);
    words[..end].replace('|', "\\|")
}

/// A declaration on one line, without what the table says beside it.
fn heading(declaration: &str) -> String {
    let words = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.replace("( ", "(").replace(", )", ")").replace(", }", " }");
    words.trim_start_matches("builtin fn ").trim_end_matches(" fails").to_owned()
}

/// The table of a module: a row for each declaration, in their order.
fn table(text: &str) -> (usize, String) {
    let (mut count, mut rows) = (0, String::new());
    for block in text.split("\n\n") {
        let docs: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("/// ")).collect();
        let Some(start) = block.find("builtin fn ") else { continue };
        let end = docs.iter().position(|line| line.starts_with("```")).unwrap_or(docs.len());
        let declaration = block[start..].trim_end();
        let mark = if declaration.ends_with(" fails") { "●" } else { "" };
        count += 1;
        writeln!(rows, "| `{}` | {mark} | {} |", heading(declaration), first_sentence(&docs[..end])).unwrap();
    }
    (count, rows)
}

fn index() -> String {
    let mut text = String::from(
        "# The standard library\n\nWritten by `NSF_UPDATE=1 cargo test -p nsf-tests stdlib` from the declarations in this \
         folder, which are the only\nlist of the built-in functions: the compiler embeds them, the engine implements each \
         under its signature, and the tests\nrun every example in their comments. All names can be used without `use`; \
         `x.f(y)` is `f(x, y)`. A function marked ● may\nfail, which rejects the record unless `catch` gives another value.\n",
    );
    for path in tree::files(&root().join("stdlib"), "nsf") {
        let declarations = read(&path);
        let about = declarations.lines().next().unwrap_or_default();
        let about = about.trim_start_matches("//! ").replacen(": ", "`: ", 1);
        let (count, rows) = table(&declarations);
        write!(
            text,
            "\n## `{}\n\n{count} functions.\n\n| function | | gives |\n|---|---|---|\n{rows}",
            about.trim_end_matches('.')
        )
        .unwrap();
    }
    text
}

#[test]
fn the_index_is_that_of_the_declarations() {
    let path = root().join("stdlib/README.md");
    let index = index();
    if std::env::var_os("NSF_UPDATE").is_some() {
        std::fs::write(&path, &index).unwrap();
    }
    assert!(read(&path) == index, "stdlib/README.md is out of date: run the tests with NSF_UPDATE=1");
}
