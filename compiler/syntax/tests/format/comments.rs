//! Where comments stand after formatting.

use crate::{becomes, stays};

#[test]
fn a_comment_at_the_end_of_a_line_stays_there() {
    stays("tenant t { // head\n  a:   1 // one\n  bcd: 2 // two\n} // end\n\n// after\nconst A = 1 // last\n");
    becomes("tenant t { a: 1   // one\n }", "tenant t {\n  a: 1 // one\n}\n");
}

#[test]
fn a_comment_on_its_own_line_moves_in_with_what_follows() {
    becomes(
        "tenant t {\n\n      // above a\n a: 1\n\n\n// above b\n\n\n  b: 2\n // end\n\n}\n",
        "tenant t {\n  // above a\n  a: 1\n\n  // above b\n\n  b: 2\n  // end\n}\n",
    );
    becomes("tenant t {\n// only\n}", "tenant t {\n  // only\n}\n");
    becomes("tenant t {// only\n}", "tenant t { // only\n}\n");
}

#[test]
fn a_comment_before_a_comma_goes_behind_it() {
    becomes("const A = [1 // one\n, 2 // two\n]", "const A = [\n  1, // one\n  2, // two\n]\n");
    becomes("const A = [\n  1\n  // one\n  , 2]", "const A = [\n  1,\n  // one\n  2,\n]\n");
}

#[test]
fn a_comment_inside_an_expression_starts_a_new_line() {
    becomes("const A = 1 + // why\n2 * 3", "const A = 1\n  + // why\n    2 * 3\n");
    becomes("const A = 1 // why\n + 2", "const A = 1 // why\n  + 2\n");
    becomes("const // why\n A = 1", "const // why\n  A = 1\n");
    becomes("const A = f(a, // why\n b)", "const A = f(\n  a, // why\n  b,\n)\n");
    becomes("const A = f(a, b // why\n)", "const A = f(\n  a,\n  b, // why\n)\n");
    becomes("const A = f( // why\n)", "const A = f( // why\n)\n");
}

#[test]
fn a_word_after_a_comment_never_stands_in_column_0() {
    becomes("fields // a\n table { //b\n }\n", "fields // a\n  table { //b\n}\n");
    becomes(
        "flow f from a {\n  save // c\n  use { a = 1 }\n}",
        "flow f from a {\n  save // c\n    use {\n    a = 1\n  }\n}\n",
    );
}

#[test]
fn a_doc_comment_stays_above_its_field() {
    stays("fields d {\n  /// One.\n  /// Two.\n  a: text #1\n\n  /// Three.\n  bcd: int32 #2\n}\n");
}
