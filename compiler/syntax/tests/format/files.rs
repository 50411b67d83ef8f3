//! Whole files: line ends, byte order marks, empty files, refusals.

use nsf_syntax::format::{FormatRefusal, format_text};

use crate::{becomes, formatted, stays};

#[test]
fn the_classroom_program_stays_byte_for_byte() {
    stays(include_str!("../../../../examples/classroom/classroom/fields.nsf"));
    stays(include_str!("../../../../examples/classroom/classroom/live.nsf"));
    stays(include_str!("../../../../examples/classroom/classroom/duration.nsf"));
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let text = include_str!("../../../../examples/classroom/classroom/duration.nsf");
    stays(&text.replace('\n', "\r\n"));
    stays(&format!("\u{feff}{text}"));
    stays(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    becomes("const A=1\r\n// c \r\nconst B  = 2", "const A = 1\r\n// c\r\nconst B = 2\r\n");
}

#[test]
fn a_raw_text_over_several_lines_stays_as_it_is() {
    let text = "const A = r\"one\n   two  \n\"\n";
    stays(text);
    let mixed = "const A = 1\r\nconst B = f(r\"one\n two\")\r\n";
    assert!(formatted(mixed).contains("r\"one\n two\""));
}

#[test]
fn a_file_without_items_keeps_its_comments() {
    becomes("", "");
    becomes(" \n\n", "");
    becomes("\n\n//! Docs.\n\n\n\n// End  ", "//! Docs.\n\n// End\n");
}

#[test]
fn a_file_with_mistakes_is_refused_with_their_number() {
    assert_eq!(format_text("// c\nconst A = )\n"), Err(FormatRefusal::Mistakes { count: 1, line: 2 }));
    let refusal = format_text("// c\n\nconst A = )\nconst B = )\n").unwrap_err();
    assert_eq!(refusal, FormatRefusal::Mistakes { count: 2, line: 3 });
    assert_eq!(
        refusal.to_string(),
        "not formatted, because the file has 2 mistakes, the first in line 3; mend them first (`nsfc check` shows them)"
    );
    let one = FormatRefusal::Mistakes { count: 1, line: 2 }.to_string();
    assert!(one.contains("the file has a mistake in line 2; mend it first"), "{one}");
    let line = FormatRefusal::WouldChange { line: 7 }.to_string();
    assert!(line.contains("from line 7 on") && line.contains("left as it is"), "{line}");
}

#[test]
fn a_tree_of_another_text_is_refused() {
    let tree = nsf_syntax::parse(nsf_diagnostics::FileId::default(), "const A = 1\n").file;
    for other in ["const B = 1 + 2\n", "const A = 1\nconst B = 1\n", "type A = text\n", "\n\n const A = 1", ""] {
        let refusal = nsf_syntax::format::format(other, &tree);
        assert!(matches!(refusal, Err(FormatRefusal::WouldChange { .. })), "{other}: {refusal:?}");
    }
}

#[test]
fn deep_nesting_is_formatted() {
    let deep = |open: &str, close: &str, count| format!("const A = {}1{}\n", open.repeat(count), close.repeat(count));
    formatted(&deep("(", ")", 120));
    formatted(&deep("[", "]", 120));
    formatted(&deep("f(", ")", 100));
    let whens = format!("flow f from a {{ {}stop{} }}\n", "when x { ".repeat(80), " }".repeat(80));
    formatted(&whens);
}

#[test]
fn between_items_stands_one_empty_line() {
    becomes(
        "use a\nuse b\n\n\n\nuse c\nconst A = 1\nconst B = 2\ntenant t { a: 1 }\ntenant u { a: 1 }\n\n\n\nfields d {\n}\nfields e {}\n",
        "use a\nuse b\n\nuse c\n\nconst A = 1\nconst B = 2\n\ntenant t { a: 1 }\n\ntenant u { a: 1 }\n\nfields d {}\nfields e {}\n",
    );
}

#[test]
fn an_empty_line_between_items_stands_above_their_comments() {
    becomes(
        "const A = 1 // one\n// about t\n/// Docs.\ntenant t { a: 1 }\n// end of t\n\nflow f from a { stop }\n",
        "const A = 1 // one\n\n// about t\n/// Docs.\ntenant t { a: 1 }\n// end of t\n\nflow f from a { stop }\n",
    );
    stays("const A = 1\n// end of A\n\n// about t\ntenant t { a: 1 }\n");
}
