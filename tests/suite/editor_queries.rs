//! The queries of the tree-sitter grammar: colours, and that every query fits the grammar and names what its editor knows.

use std::fmt::Write as _;
use std::path::Path;

use nsf_tests::{read, root, tree};
use tree_sitter::Tree;

use crate::editor_grammar::{folder, language, parser};

/// The folders of queries by the editors that they are for; the first is of Neovim and of tree-sitter itself.
const FOLDERS: [(&str, &str); 3] =
    [("", "queries"), ("helix", "editors/helix/queries/nsf"), ("zed", "editors/zed/languages/nsf")];

/// A file with its colours: `⟨name text⟩`.
fn coloured(path: &Path, names: &[&str]) -> String {
    use tree_sitter_highlight::{HighlightConfiguration, HighlightEvent, Highlighter};
    let (highlights, locals) = (tree_sitter_nsf::HIGHLIGHTS_QUERY, tree_sitter_nsf::LOCALS_QUERY);
    let mut configuration = HighlightConfiguration::new(language(), "nsf", highlights, "", locals).unwrap();
    configuration.configure(names);
    let text = read(path);
    let mut highlighter = Highlighter::new();
    let events = highlighter.highlight(&configuration, text.as_bytes(), None, None, |_| None).unwrap();
    let (mut shown, mut open) = (String::new(), Vec::new());
    for event in events {
        match event.unwrap() {
            HighlightEvent::HighlightStart(highlight) => open.push(names[highlight.0]),
            HighlightEvent::HighlightEnd => drop(open.pop()),
            HighlightEvent::Source { start, end } => {
                let part = &text[start..end];
                match open.last() {
                    Some(name) => {
                        let _ = write!(shown, "⟨{name} {part}⟩");
                    }
                    None => {
                        assert!(part.trim().is_empty(), "{}: `{part}` has no colour", path.display());
                        shown.push_str(part);
                    }
                }
            }
        }
    }
    shown
}

#[test]
fn the_files_of_the_examples_have_the_colours_that_are_meant() {
    let names = captures(tree_sitter_nsf::HIGHLIGHTS_QUERY);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for path in tree::files(&root().join("examples"), "nsf") {
        let shown = coloured(&path, &names);
        let name = path.strip_prefix(root().join("examples")).unwrap().with_extension("");
        if name.starts_with("classroom/classroom") {
            let name = name.file_name().unwrap().to_string_lossy().into_owned();
            insta::assert_snapshot!(format!("colours_of_{name}"), shown);
        }
    }
}

/// The names of a query's captures. The query must fit the grammar, or there is none.
fn captures(query: &str) -> Vec<String> {
    let query = tree_sitter::Query::new(&language(), query).unwrap_or_else(|error| panic!("{error}"));
    query.capture_names().iter().map(|name| (*name).to_owned()).collect()
}

/// What editors know, by the file of the query; a name that an editor does not know has no effect in it.
fn known(editor: &str, query: &str) -> &'static [&'static str] {
    match (editor, query) {
        ("", "highlights") => &[
            "variable",
            "variable.member",
            "variable.parameter",
            "type",
            "type.builtin",
            "constant",
            "constant.builtin",
            "function",
            "function.builtin",
            "function.call",
            "function.method.call",
            "module",
            "property",
            "label",
            "string",
            "string.escape",
            "number",
            "boolean",
            "attribute",
            "keyword",
            "keyword.function",
            "keyword.type",
            "keyword.import",
            "keyword.conditional",
            "keyword.repeat",
            "keyword.operator",
            "keyword.exception",
            "operator",
            "punctuation.special",
            "punctuation.delimiter",
            "punctuation.bracket",
            "comment",
            "comment.documentation",
        ],
        ("helix", "highlights") => &[
            "variable",
            "variable.other.member",
            "variable.parameter",
            "type",
            "type.builtin",
            "constant",
            "constant.builtin",
            "constant.builtin.boolean",
            "constant.numeric",
            "constant.character.escape",
            "function",
            "function.builtin",
            "function.method",
            "namespace",
            "label",
            "string",
            "attribute",
            "keyword",
            "keyword.function",
            "keyword.storage.type",
            "keyword.control.import",
            "keyword.control.conditional",
            "keyword.control.repeat",
            "keyword.control.exception",
            "keyword.operator",
            "operator",
            "punctuation.special",
            "punctuation.delimiter",
            "punctuation.bracket",
            "comment.line",
            "comment.line.documentation",
        ],
        ("zed", "highlights") => &[
            "variable",
            "variable.parameter",
            "property",
            "type",
            "type.builtin",
            "constant",
            "constant.builtin",
            "function",
            "function.builtin",
            "function.method",
            "namespace",
            "label",
            "string",
            "string.escape",
            "number",
            "boolean",
            "attribute",
            "keyword",
            "keyword.operator",
            "operator",
            "punctuation.special",
            "punctuation.delimiter",
            "punctuation.bracket",
            "comment",
            "comment.doc",
        ],
        ("", "locals") => &["local.scope", "local.definition", "local.reference"],
        ("helix", "locals") => &["local.scope", "local.definition.variable.parameter", "local.reference"],
        ("", "folds") => &["fold"],
        ("", "indents") => &["indent.begin", "indent.branch", "indent.end", "indent.auto"],
        ("helix", "indents") => &["indent", "outdent"],
        ("zed", "indents") => &["indent", "end"],
        ("zed", "brackets") => &["open", "close"],
        ("zed", "outline") => &["item", "name", "context", "annotation"],
        ("", "textobjects") => &[
            "function.outer",
            "function.inner",
            "class.outer",
            "class.inner",
            "statement.outer",
            "conditional.outer",
            "conditional.inner",
            "loop.outer",
            "loop.inner",
            "call.outer",
            "call.inner",
            "block.outer",
            "parameter.outer",
            "parameter.inner",
            "comment.outer",
        ],
        ("helix" | "zed", "textobjects") => &[
            "function.around",
            "function.inside",
            "class.around",
            "class.inside",
            "test.around",
            "test.inside",
            "parameter.around",
            "parameter.inside",
            "entry.around",
            "entry.inside",
            "comment.around",
            "comment.inside",
        ],
        ("", "tags") => &[
            "name",
            "definition.function",
            "definition.constant",
            "definition.type",
            "definition.class",
            "definition.field",
            "reference.call",
            "reference.class",
        ],
        ("helix", "tags") => {
            &["definition.function", "definition.constant", "definition.type", "definition.class", "definition.field"]
        }
        ("", "injections") => &["injection.content"],
        _ => &[],
    }
}

#[test]
fn every_query_fits_the_grammar_and_names_what_its_editor_knows() {
    let mut parser = parser();
    let everything = read(&root().join("compiler/syntax/tests/format/everything.nsf"));
    let everything = format!("{everything}\nconst a = \"\\n {{b}}\"\n");
    let tree = parser.parse(&everything, None).unwrap();
    let mut count = 0;
    for (editor, place) in FOLDERS {
        for path in tree::files(&folder().join(place), "scm") {
            count += 1;
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let known = known(editor, &name);
            let text = read(&path);
            let query = tree_sitter::Query::new(&language(), &text);
            let query = query.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for capture in query.capture_names() {
                assert!(known.contains(capture), "{}: @{capture} is known to nobody", path.display());
            }
            let unused = captures_without_a_match(&query, &tree, &everything);
            assert!(unused.is_empty(), "{}: {unused:?} match nothing in a file that has everything", path.display());
        }
    }
    assert_eq!(count, 17, "a query was added or removed: say here how many there are");
}

/// The captures of a query that catch nothing in a tree.
fn captures_without_a_match(query: &tree_sitter::Query, tree: &Tree, text: &str) -> Vec<String> {
    use tree_sitter::StreamingIterator as _;
    let mut cursor = tree_sitter::QueryCursor::new();
    let mut seen = vec![false; query.capture_names().len()];
    let mut matches = cursor.matches(query, tree.root_node(), text.as_bytes());
    while let Some(found) = matches.next() {
        found.captures().iter().for_each(|capture| seen[capture.index as usize] = true);
    }
    let names = query.capture_names().iter().zip(seen);
    names.filter(|(_, seen)| !seen).map(|(name, _)| (*name).to_owned()).collect()
}

/// Editors have names of their own for colours, and nothing else of their own: what is coloured is the same.
#[test]
fn all_editors_colour_by_the_same_patterns() {
    let patterns = |place: &str| {
        let text = read(&folder().join(place).join("highlights.scm"));
        // The first line says for whom it is.
        let lines = text.lines().skip(1).map(|line| {
            let mut parts = line.split('@');
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |line, part| {
                let end = part.find(|sign: char| !sign.is_alphanumeric() && !"._".contains(sign)).unwrap_or(part.len());
                format!("{line}@{}", &part[end..])
            })
        });
        lines.collect::<Vec<String>>()
    };
    let own = patterns(FOLDERS[0].1);
    assert!(own.len() > 100, "{} lines of patterns", own.len());
    for (editor, place) in &FOLDERS[1..] {
        assert_eq!(patterns(place), own, "{editor}");
    }
}
