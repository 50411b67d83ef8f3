//! Diagnostics for the tests of the renderers.

use crate::{Applicability, Diagnostic, FileId, SourceMap, Span, Suggestion, TextEdit, codes};

/// Two files and four diagnostics: a fix, a second file, many lines with wide characters, and no place at all.
pub(super) fn project() -> (SourceMap, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    let limits = "const limit: int32 == 5\nconst other: int32 = 6\n";
    let fields =
        "// 班级\nprimary class_id: int64 #1 \"班级ID\"\nspace main {\n  store: mysql\n\n\n\n\n\n  shards: 8\n}\n";
    let first = sources.add("limits.nsf", limits);
    let second = sources.add("shop, a/100%.nsf", fields);
    let at = |file: FileId, text: &str, needle: &str| {
        let start = text.find(needle).unwrap() as u32;
        Span::new(start, start + needle.len() as u32).in_file(file)
    };
    let equals = at(first, limits, "==");
    let label = at(second, fields, "\"班级ID\"");
    let space = Span::new(fields.find("space").unwrap() as u32, fields.len() as u32).in_file(second);
    let two_edits = Suggestion {
        message: "name both `limit`".to_owned(),
        edits: vec![
            TextEdit { location: at(first, limits, "other"), replacement: "limit".to_owned() },
            TextEdit { location: at(second, fields, "class_id"), replacement: "limit".to_owned() },
        ],
        applicability: Applicability::Likely,
    };
    let diagnostics = vec![
        Diagnostic::new(&codes::E0101, equals, "`==` compares; a constant is given its value by `=`")
            .label("`=` belongs here")
            .help("in a condition, `==` is right")
            .suggest(Suggestion::certain("write `=`", equals, "=")),
        Diagnostic::new(&codes::E0101, at(first, limits, "other"), "the name is used for two things")
            .secondary(label, "also named here: 100%,\nsecond line")
            .note("first line\nsecond line")
            .suggest(two_edits),
        Diagnostic::new(&codes::E0101, space, "a block of many lines").label("the whole of it"),
        Diagnostic::new(&codes::E0101, Span::at(0).in_file(FileId(99)), "nowhere in particular"),
    ];
    (sources, diagnostics)
}
