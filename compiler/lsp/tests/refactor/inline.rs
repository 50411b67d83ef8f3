//! Step functions written out: what names mean, and when inputs are evaluated.

use serde_json::json;

use super::editor::{Editor, uri};
use super::extract::HEAD;
use super::{done, offered, selection, take, titles};

fn program(function: &str, flow: &str) -> String {
    format!("{HEAD}\n{function}\n\nflow f from orders {{\n  {flow}\n}}\n")
}

/// Where the names of a body would mean something else, or the steps would do something else, nothing is offered.
#[test]
fn nothing_is_captured() {
    let tax = "calculate g(a: int64) -> (b: int64) {\n  let t = a * 2\n  b = t + a\n}";
    let list = "calculate g(a: int64) -> (b: list<int64>) {\n  b = [1, 2].map(t => t + a)\n}";
    let pattern = "calculate g(a: int64) -> (b: int64) {\n  b = match a { t if t > 5 => t + a, else => 0 }\n}";
    let over = "calculate g(a: int64) -> (b: int64) {\n  b = a + limit\n}";
    let send = "expand g(a: int64) {\n  calculate { t = a * 2 }\n  expand kafka(\"y\") { t }\n}";
    let each = "expand g(a: int64) {\n  each t in [1, 2] {\n    expand kafka(\"y\") { t, a }\n  }\n}";
    let load = "expand g(customer: int64) {\n  load totals\n  expand kafka(\"y\") { n: totals.total }\n}";
    let constant = "expand g(a: int64) {\n  calculate { limit = a * 2 }\n  expand kafka(\"y\") { limit }\n}";
    for (function, flow) in [
        // A `let` hides a field that is bound, or any that is there.
        (tax, "calculate { t = 7 }\n  calculate ‸g(a: t)\n  expand kafka(\"x\") { b }"),
        (tax, "calculate { t = 7 }\n  calculate ‸g(a: amount)\n  expand kafka(\"x\") { b, t }"),
        (tax, "each t in [1, 2] {\n    calculate ‸g(a: t)\n    expand kafka(\"x\") { b }\n  }"),
        (tax, "calculate ‸g(a: amount) -> (b: t)\n  expand kafka(\"x\") { t }"),
        // So do parameters of lambdas, names of patterns and of `each`.
        (list, "calculate { t = 7 }\n  calculate ‸g(a: t)\n  expand kafka(\"x\") { b, t }"),
        (pattern, "calculate { t = 7 }\n  calculate ‸g(a: t)\n  expand kafka(\"x\") { b, t }"),
        (each, "calculate { t = 7 }\n  expand ‸g(a: t)\n  expand kafka(\"x\") { t }"),
        // A constant of the body is hidden by a field or a name of the flow.
        (over, "calculate { limit = 7 }\n  calculate ‸g(a: amount)\n  expand kafka(\"x\") { b, limit }"),
        (over, "each limit in [1, 2] {\n    calculate ‸g(a: amount)\n    expand kafka(\"x\") { b, limit }\n  }"),
        // A field of the body is one of the flow, before or behind, or hides a constant there.
        (send, "calculate { t = 7 }\n  expand ‸g(a: amount)\n  expand kafka(\"x\") { t }"),
        (send, "expand ‸g(a: amount)\n  calculate { t = 7 }\n  expand kafka(\"x\") { t }"),
        (constant, "expand ‸g(a: amount)\n  expand kafka(\"x\") { t: limit }"),
        // What is read behind the call would be what the body loads.
        (load, "load totals\n  expand ‸g(customer: id)\n  expand kafka(\"x\") { n: totals.total }"),
    ] {
        let program = program(function, flow);
        done(&selection(&program).0);
        assert_eq!(titles(&program, "refactor.inline"), Vec::<String>::new(), "{program}");
    }
}

#[test]
fn what_is_bound_by_its_name_in_the_body_is_not_bound_to_another() {
    let functions = "expand h(a: int64) {\n  expand kafka(\"y\") { a }\n}\n\nexpand g(a: int64) {\n  expand h\n}";
    let program = program(functions, "expand ‸g(a: amount)\n  expand kafka(\"x\") { id }");
    assert_eq!(titles(&program, "refactor.inline"), Vec::<String>::new());
}

#[test]
fn inputs_are_evaluated_as_the_call_does() {
    let either = "calculate g(a: int64, c: bool) -> (b: int64) {\n  b = if c then a else 0\n}";
    let exact = "calculate g(a: decimal) -> (b: decimal) {\n  b = a * 2\n}";
    let checks = "verify g(a: int64) {\n  drop when limit == 4\n  require a > 1\n}";
    let order = "calculate g(a: int64) -> (b: int64, c: int64) {\n  b = 4\n  c = a\n}";
    let twice = "save g(customer: int64, a: int64) into totals {\n  total += a\n  total += a\n}";
    for (function, flow) in [
        // What fails would fail in one branch alone, or not before the record is dropped.
        (either, "calculate ‸g(a: div(1, amount), c: amount > 3)\n  expand kafka(\"x\") { b }"),
        (checks, "verify ‸g(a: div(1, amount))\n  expand kafka(\"x\") { id }"),
        // Numbers of another type are reckoned with otherwise.
        (exact, "calculate ‸g(a: amount)\n  expand kafka(\"x\") { b }"),
        // It would read what the body has changed.
        (order, "calculate { b = 1 }\n  calculate ‸g(a: b + 1)\n  expand kafka(\"x\") { b, c }"),
        (twice, "load totals\n  save ‸g(a: totals.total)\n  expand kafka(\"x\") { id }"),
    ] {
        let program = program(function, flow);
        assert_eq!(titles(&program, "refactor.inline"), Vec::<String>::new(), "{program}");
    }
}

#[test]
fn what_keeps_its_meaning_is_written_out() {
    for (function, flow, part) in [
        (
            "calculate g(a: int64) -> (b: int64, c: int64) {\n  let t = a * 2\n  b = t + limit\n  c = b + a\n}",
            "calculate ‸g(a: amount) -> (b: twice)\n  expand kafka(\"x\") { twice, c }",
            "    let t = amount * 2\n    twice = t + limit\n    c = twice + amount\n",
        ),
        // Its own name hides nothing that is meant.
        (
            "calculate g(a: int64) -> (b: list<int64>) {\n  b = [1, 2].map(t => t + a)\n}",
            "calculate { t = 7 }\n  calculate ‸g(a: amount)\n  expand kafka(\"x\") { b, t }",
            "    b = [1, 2].map(t => t + amount)\n",
        ),
        (
            "calculate g(amount: int64) -> (b: int64) {\n  b = amount + 1\n}",
            "when id > 3 {\n    calculate ‸g(amount)\n  } else {\n    calculate g\n  }\n  expand kafka(\"x\") { b }",
            "  when id > 3 {\n    calculate {\n      b = amount + 1\n    }\n  } else {\n",
        ),
        (
            "calculate g(a: int64) -> (b: int64) {\n  b = a + 1\n}",
            "calculate { b = 1 }\n  calculate ‸g(a: b)\n  expand kafka(\"x\") { b }",
            "    b = b + 1\n",
        ),
        (
            "expand g(a: int64) {\n  calculate { t = a * 2 }\n  when t > 3 {\n    expand kafka(\"y\") { a, t }\n  }\n}",
            "expand ‸g(a: amount)\n  expand kafka(\"x\") { id }",
            "  calculate { t = amount * 2 }\n  when t > 3 {\n    expand kafka(\"y\") { a: amount, t }\n  }\n  expand kafka(\"x\")",
        ),
        (
            "verify g(note: text?) {\n  require note != null\n  require len(note) > 2\n}",
            "verify ‸g\n  expand kafka(\"x\") { size: len(note) }",
            "  verify {\n    require note != null\n    require len(note) > 2\n  }\n",
        ),
    ] {
        let program = program(function, flow);
        let (edited, _) = take(&program, "refactor.inline", "write `g` out here");
        assert!(edited.contains(part), "no {part:?} in\n{edited}");
        assert_eq!(done(&edited), done(&selection(&program).0), "{edited}");
    }
}

#[test]
fn a_body_of_another_module_means_the_same_in_this_one() {
    let other = "const rate: int64 = 3\n\ncalculate g(amount: int64) -> (b: int64) {\n  b = amount * rate\n}\n";
    for (usage, is_seen) in [("use other", true), ("use other.{g, rate}", true), ("use other.{g}", false)] {
        let program = program("", "calculate ‸g\n  expand kafka(\"x\") { b }");
        let (text, selected) = selection(&format!("{usage}\n\n{program}"));
        let mut editor = Editor::with(&[("other.nsf", other), ("shop.nsf", &text)]);
        let found = offered(&mut editor, selected, json!(["refactor.inline"]));
        assert_eq!(!found.is_empty(), is_seen, "{usage}: {found:?}");
        if let Some(own) = found.first() {
            let edits = own["edit"]["changes"][uri("shop.nsf")].as_array().unwrap().clone();
            let edited = editor.edited("shop.nsf", &edits);
            assert!(edited.contains("  calculate {\n    b = amount * rate\n  }\n"), "{edited}");
        }
        editor.end();
    }
    // A constant of this module by that name is another one.
    let own = program("const rate: int64 = 4", "calculate ‸g\n  expand kafka(\"x\") { b, c: rate }");
    let (text, selected) = selection(&format!("use other.{{g}}\n\n{own}"));
    let mut editor = Editor::with(&[("other.nsf", other), ("shop.nsf", &text)]);
    assert_eq!(offered(&mut editor, selected, json!(["refactor.inline"])), Vec::<serde_json::Value>::new());
    editor.end();
}
