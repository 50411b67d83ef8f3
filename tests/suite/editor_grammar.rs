//! The grammar for editors (`grammar/tree-sitter`) and that of the compiler say the same: what the compiler reads without a mistake
//! has no broken node for an editor, and its items and steps are of the same kinds at the same places.
//!
//! A grammar for editors may be laxer, for it sees no meaning. Where it is: dates that do not exist, texts that must be constant,
//! lines that are not indented, chains of comparisons, `reject` in a wrong place, nesting beyond the limit.

use std::path::PathBuf;
use std::process::Command;

use nsf_diagnostics::FileId;
use nsf_syntax::ast::{Block, Expr, File, FunctionKind, ItemKind, Step, StepFunctionBody, StepKind};
use nsf_syntax::{TokenKind, parse, tokens};
use nsf_tests::random::Random;
use nsf_tests::{read, root, tree};
use tree_sitter::{InputEdit, Language, Node, Parser, Point, Tree};
use tree_sitter_generate::{OptLevel, generate_parser_in_directory, load_grammar_file};

use crate::dose;
use crate::formatting::UNDERSTOOD;
use crate::programs::Programs;

/// Programs that are derived from the compiler's grammar in the full dose.
const PROGRAMS: u64 = 10_000;

/// The version of the generated tables: editors of 2025 and later read it.
const TABLES: usize = 15;

/// What the compiler says of files that have no broken node for an editor.
const LAXER: [&str; 12] =
    ["E0104", "E0110", "E0111", "E0112", "E0113", "E0114", "E0115", "E0116", "E0117", "E0118", "E0119", "E0121"];

/// Files of which the compiler knows more than an editor: what stands in a block by the setting's name, and that `r` before a quote
/// is no name.
const LAXER_FILES: [&str; 2] =
    ["tests/mistakes/dimensions/ingest_maps_with_colons.nsf", "tests/language/syntax/raw_text_for_a_type.nsf"];

pub fn folder() -> PathBuf {
    root().join("grammar/tree-sitter")
}

pub fn language() -> Language {
    tree_sitter_nsf::LANGUAGE.into()
}

pub fn parser() -> Parser {
    let mut parser = Parser::new();
    parser.set_language(&language()).unwrap();
    parser
}

/// Kind and place of items and steps.
type Parts = Vec<(String, usize, usize)>;

/// The items and steps of a file as the compiler reads them.
fn parts(file: &File) -> Parts {
    let mut parts = Parts::new();
    for item in &file.items {
        let kind = match &item.kind {
            ItemKind::Error { .. } => "ERROR",
            ItemKind::Use(_) => "use_item",
            ItemKind::Const(_) => "const_item",
            ItemKind::Type(_) => "type_item",
            ItemKind::Function(_) => "fn_item",
            ItemKind::Builtin(_) => "builtin_item",
            ItemKind::Mapping(_) => "mapping_item",
            ItemKind::Primary(_) => "primary_item",
            ItemKind::Dimension(_) => "dimension_item",
            ItemKind::Fields(_) => "fields_item",
            ItemKind::Settings(_) => "settings_item",
            ItemKind::StepFunction(_) => "step_function",
            ItemKind::Flow(_) => "flow_item",
            ItemKind::Test(_) => "test_item",
        };
        parts.push((kind.to_owned(), item.span.start as usize, item.span.end as usize));
        match &item.kind {
            ItemKind::Flow(flow) => steps(&flow.body, &mut parts),
            ItemKind::StepFunction(function) => {
                if let StepFunctionBody::Expand(block) = &function.body {
                    steps(block, &mut parts);
                }
            }
            _ => {}
        }
    }
    parts
}

fn steps(block: &Block, parts: &mut Parts) {
    for step in &block.steps {
        parts.push((kind_of_step(step).to_owned(), step.span.start as usize, step.span.end as usize));
        match &step.kind {
            StepKind::When { arms, otherwise } => {
                let arms = arms.iter().map(|(_, block): &(Expr, Block)| block);
                arms.chain(otherwise).for_each(|block| steps(block, parts));
            }
            StepKind::Each { body, .. } => steps(body, parts),
            _ => {}
        }
    }
}

fn kind_of_step(step: &Step) -> &'static str {
    match &step.kind {
        StepKind::Error => "ERROR",
        StepKind::Call(call) => match call.keyword {
            FunctionKind::Verify => "verify_step",
            FunctionKind::Load => "load_step",
            FunctionKind::Calculate => "calculate_step",
            FunctionKind::Save => "save_step",
            FunctionKind::Expand => "expand_step",
        },
        StepKind::Verify(_) => "verify_step",
        StepKind::Calculate(_) => "calculate_step",
        StepKind::Save(_) => "save_step",
        StepKind::Expand(_) => "expand_step",
        StepKind::When { .. } => "when_step",
        StepKind::Each { .. } => "each_step",
        StepKind::Stop(_) => "stop_step",
        StepKind::Jump(..) => "jump_step",
        StepKind::Repartition(_) => "repartition_step",
    }
}

/// The items and steps of a file as an editor reads them.
fn parts_of_tree(node: Node<'_>, parts: &mut Parts) {
    for child in node.named_children(&mut node.walk()) {
        let kind = child.kind();
        if kind.ends_with("_item") || kind == "step_function" || kind.ends_with("_step") {
            parts.push((kind.to_owned(), child.start_byte(), child.end_byte()));
        }
        if !kind.contains("expression") {
            parts_of_tree(child, parts);
        }
    }
}

/// Whether an editor reads a text that has no mistakes as the compiler does.
fn agrees(parser: &mut Parser, text: &str) -> Result<(), String> {
    let tree = parser.parse(text, None).unwrap();
    if let Some(broken) = first_broken(tree.root_node()) {
        return Err(format!("{broken}: {}", tree.root_node().to_sexp()));
    }
    let (own, mut other) = (parts(&parse(FileId::default(), text).file), Parts::new());
    parts_of_tree(tree.root_node(), &mut other);
    if own == other { Ok(()) } else { Err(format!("the compiler sees\n{own:?}\nan editor\n{other:?}")) }
}

fn first_broken(node: Node<'_>) -> Option<String> {
    if node.is_error() || node.is_missing() {
        let place = node.start_position();
        return Some(format!("{} in line {}, column {}", node.kind(), place.row + 1, place.column + 1));
    }
    if !node.has_error() {
        return None;
    }
    node.children(&mut node.walk()).find_map(first_broken)
}

fn files() -> Vec<(String, String)> {
    let files = tree::files(root(), "nsf").into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path.strip_prefix(root()).unwrap().display().to_string(), text))
    });
    files.collect()
}

/// Whether the first item of a file starts in column 0: the compiler takes the first for one wherever it stands.
fn starts_at_the_margin(text: &str) -> bool {
    let first = tokens(text).into_iter().find(|token| token.kind != TokenKind::Comment);
    first.is_none_or(|first| matches!(text[..first.span.start as usize].chars().last(), None | Some('\n' | '\u{feff}')))
}

#[test]
fn every_file_without_mistakes_is_read_alike() {
    let mut parser = parser();
    let (mut read, mut complaints) = (0, Vec::new());
    for (path, text) in files() {
        let has_mistakes = !parse(FileId::default(), &text).errors.is_empty() || UNDERSTOOD.contains(&path.as_str());
        if has_mistakes || !starts_at_the_margin(&text) {
            continue;
        }
        read += 1;
        for text in [text.clone(), format!("\u{feff}{}", text.replace('\n', "\r\n"))] {
            if let Err(complaint) = agrees(&mut parser, &text) {
                complaints.push(format!("{path}: {complaint}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
    assert!(read > 600, "only {read} files parse");
    dose::shown(format_args!("{read} files of the tree without mistakes: no broken node, items and steps alike"));
}

#[test]
fn every_derived_program_is_read_alike() {
    let (mut parser, mut programs) = (parser(), Programs::new(dose::seed() + 1));
    let count = PROGRAMS * dose::percent() / 100;
    let mut complaints = Vec::new();
    for _ in 0..count {
        let items = programs.program();
        for between in [" ", "\n  ", " // note\n "] {
            let text: String = items.iter().map(|words| format!("{}\n", words.join(between))).collect();
            if let Err(complaint) = agrees(&mut parser, &text) {
                complaints.push(format!("{complaint}\n{text}"));
            }
        }
    }
    complaints.sort_by_key(String::len);
    let shown = complaints.iter().take(6).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(complaints.is_empty(), "{} complaints\n{shown}", complaints.len());
    dose::shown(format_args!("{count} programs derived from the grammar: no broken node, items and steps alike"));
}

#[test]
fn what_the_compiler_refuses_is_broken_for_an_editor_too_unless_it_is_a_question_of_meaning() {
    let mut parser = parser();
    let (mut broken, mut laxer, mut complaints) = (0, 0, Vec::new());
    for (path, text) in files() {
        let errors = parse(FileId::default(), &text).errors;
        if errors.is_empty() {
            continue;
        }
        if parser.parse(&text, None).unwrap().root_node().has_error() {
            broken += 1;
            continue;
        }
        laxer += 1;
        let codes: Vec<&str> = errors.iter().map(|error| error.kind.code().id).collect();
        if !LAXER_FILES.contains(&path.as_str()) && codes.iter().any(|code| !LAXER.contains(code)) {
            complaints.push(format!("{path}: {codes:?}"));
        }
    }
    assert!(complaints.is_empty(), "read without a broken node:\n{}", complaints.join("\n"));
    assert!(laxer * 10 < broken, "{broken} files are broken, {laxer} are not");
    dose::shown(format_args!(
        "{broken} files with mistakes have a broken node, {laxer} have none, which {LAXER:?} allow"
    ));
}

/// The items that stand whole in a tree.
fn whole_items(tree: &Tree, text: &str) -> Vec<String> {
    let root = tree.root_node();
    let mut items = Vec::new();
    for child in root.named_children(&mut root.walk()).filter(|child| !child.is_extra() && !child.has_error()) {
        items.push(text[child.byte_range()].to_owned());
    }
    items
}

#[test]
fn a_missing_token_breaks_its_own_item_and_is_read_alike_from_anew_and_by_an_edit() {
    let mut parser = parser();
    let mut random = Random::new(dose::seed());
    let (mut damaged, mut kept) = (0_u64, 0_u64);
    for (path, text) in files() {
        if !parse(FileId::default(), &text).errors.is_empty() {
            continue;
        }
        let before = parser.parse(&text, None).unwrap();
        let items = whole_items(&before, &text);
        for token in tokens(&text).into_iter().filter(|token| token.kind != TokenKind::Comment) {
            if random.below(100) >= dose::percent() {
                continue;
            }
            let (start, end) = (token.span.start as usize, token.span.end as usize);
            let without = [&text[..start], &text[end..]].concat();
            let mut edited = before.clone();
            let point = |text: &str, at: usize| {
                let line = text[..at].rfind('\n').map_or(0, |found| found + 1);
                Point::new(text[..at].matches('\n').count(), at - line)
            };
            edited.edit(&InputEdit {
                start_byte: start,
                old_end_byte: end,
                new_end_byte: start,
                start_position: point(&text, start),
                old_end_position: point(&text, end),
                new_end_position: point(&text, start),
            });
            let anew = parser.parse(&without, None).unwrap();
            let by_edit = parser.parse(&without, Some(&edited)).unwrap();
            let word = token.text(&text);
            if !anew.root_node().has_error() {
                let same = anew.root_node().to_sexp() == by_edit.root_node().to_sexp();
                assert!(same, "{path} without `{word}` at {start}: an edit gives another tree");
            }
            let left = whole_items(&anew, &without);
            damaged += 1;
            kept += u64::from(
                left.len() + 2 >= items.len()
                    && items.iter().filter(|item| left.contains(item)).count() + 2 >= items.len(),
            );
        }
    }
    assert!(kept * 100 >= damaged * 97, "of {damaged} damages only {kept} leave all but two items whole");
    dose::shown(format_args!(
        "{damaged} files without one of their tokens: edited as read anew; in {kept} all items but the one that is broken, or two \
         that ran together, are whole"
    ));
}

#[test]
fn the_generated_parser_is_that_of_the_grammar() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, out) = (folder(), temporary.path().join("src"));
    let mut notes = Vec::new();
    let grammar = folder.join("src/grammar.json");
    let optimisations = OptLevel::default();
    generate_parser_in_directory(
        &folder,
        Some(out.clone()),
        Some(grammar.clone()),
        TABLES,
        None,
        None,
        true,
        optimisations,
        &mut notes,
    )
    .unwrap();
    for name in ["parser.c", "node-types.json", "tree_sitter/parser.h", "tree_sitter/alloc.h", "tree_sitter/array.h"] {
        let same = read(&out.join(name)) == read(&folder.join("src").join(name));
        assert!(
            same,
            "src/{name} is not what the generator writes: run `tree-sitter generate` in {}",
            folder.display()
        );
    }
    if Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let of_the_source = load_grammar_file(&folder.join("grammar.js"), None).unwrap();
        let same = of_the_source.trim_end() == read(&grammar).trim_end();
        assert!(same, "src/grammar.json is not that of grammar.js: run `tree-sitter generate` in {}", folder.display());
    } else {
        println!("NOT SHOWN: src/grammar.json is that of grammar.js (there is no `node` here to run it)");
    }
}

/// The cases of a file of `test/corpus`: name, text, tree.
fn cases(text: &str) -> Vec<(String, String, String)> {
    let rule = format!("{}\n", "=".repeat(20));
    let mut cases = Vec::new();
    let mut parts = text.split(&rule).skip(1);
    while let (Some(name), Some(body)) = (parts.next(), parts.next()) {
        let (source, tree) = body.split_once("\n---\n").unwrap();
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ").replace(" )", ")");
        cases.push((name.trim().to_owned(), source.trim_start_matches('\n').to_owned(), tree));
    }
    cases
}

#[test]
fn the_corpus_has_the_trees_that_are_meant() {
    let mut parser = parser();
    let mut count = 0;
    for path in tree::files(&folder().join("test/corpus"), "txt") {
        for (name, source, due) in cases(&read(&path)) {
            count += 1;
            let tree = parser.parse(&source, None).unwrap().root_node().to_sexp();
            assert_eq!(tree, due, "{}: {name}\n{source}", path.display());
        }
    }
    assert!(count >= 24, "only {count} cases");
}
