//! Refactorings: a program with a cursor, what is offered, and that what comes out of it is checked clean.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod arms;
#[path = "../editor/mod.rs"]
mod editor;
mod extract;
mod inline;

use editor::{Editor, cursor, uri};
use nsf_analysis::project::{InputFile, ProjectInput};
use serde_json::{Value, json};

const SHOP: &str = r#"primary customer: int64 #1 "customer"

dimension buyer (customer) #1001 "buyer"

fields buyer {
  spent: int64 #100001 "paid" derived
}

source orders {
  from: kafka("orders")
  record {
    id: int64
    customer: int64
    amount: int64
  }
  key: customer
}

state totals by (customer) {
  keep: 30d
  value { total: int64 = 0 }
}

verify sane(amount: int64) {
  require amount > 0 else reject "nothing to pay"
}

calculate with_tax(amount: int64, part: int64) -> (gross: int64) {
  let tax = amount / 5
  gross = amount + int64(round(tax)) + part
}

save counted(customer: int64, more: int64) into totals {
  total += more
}

expand told(id: int64, gross: int64) {
  expand kafka("told") { id, gross }
}

flow billed from orders {
  verify sane
  verify { require id > 0 else reject "no number" }
  calculate {
    let half = amount / 2
    words = text(half)
  }
  calculate with_tax(part: id + 1)
  save counted(more: gross)
  save totals { total += amount }
  load totals
  expand buyer { spent: totals.total }
  expand kafka("billed") { id, words }
  expand told
}
"#;

fn offered(editor: &mut Editor, (start, end): (usize, usize), only: Value) -> Vec<Value> {
    let context = json!({ "diagnostics": [], "only": only });
    let range = editor.range("shop.nsf", start, end);
    let params = json!({ "textDocument": { "uri": uri("shop.nsf") }, "range": range, "context": context });
    editor.ask("textDocument/codeAction", params).as_array().unwrap().clone()
}

/// A text without its cursor, and what is selected: from the cursor to a second one, if there is one.
fn selection(program: &str) -> (String, (usize, usize)) {
    let (text, start) = cursor(program);
    match text.find(editor::CURSOR) {
        Some(end) => (text.replacen(editor::CURSOR, "", 1), (start, end)),
        None => (text, (start, start)),
    }
}

/// The titles of a kind that are offered for what is selected.
fn titles(program: &str, kind: &str) -> Vec<String> {
    let (text, selected) = selection(program);
    let mut editor = Editor::with(&[("shop.nsf", &text)]);
    let found = offered(&mut editor, selected, json!([kind]));
    editor.end();
    found.iter().map(|own| own["title"].as_str().unwrap().to_owned()).collect()
}

/// Takes what is offered for what is selected, by its kind, and gives what comes out, with what is found in it.
fn take(program: &str, kind: &str, title: &str) -> (String, Vec<String>) {
    let (text, selected) = selection(program);
    let mut editor = Editor::with(&[("shop.nsf", &text)]);
    let found = offered(&mut editor, selected, json!([kind]));
    let titles: Vec<&str> = found.iter().map(|own| own["title"].as_str().unwrap()).collect();
    let own = found
        .iter()
        .find(|own| own["title"] == title && own["kind"] == kind)
        .unwrap_or_else(|| panic!("no `{title}` among {titles:?} for\n{program}"));
    let edits = own["edit"]["changes"][uri("shop.nsf")].as_array().unwrap().clone();
    let edited = editor.edited("shop.nsf", &edits);
    editor.change("shop.nsf", &edited);
    let told = editor.checked("shop.nsf");
    editor.end();
    (edited, told)
}

/// What is found in a program.
fn found(text: &str) -> Vec<String> {
    let mut editor = Editor::with(&[("shop.nsf", text)]);
    editor.change("shop.nsf", text);
    let found = editor.checked("shop.nsf");
    editor.end();
    found
}

/// What the program does, step by step, whatever its functions are: without the ids of steps and the places that all is from, with
/// the names of fields for their numbers. Nothing may be told of it.
fn done(text: &str) -> Vec<String> {
    let files = vec![InputFile { path: "shop.nsf".to_owned(), text: text.to_owned() }];
    let analysis = nsf_analysis::check(&ProjectInput { name: "shop".to_owned(), files, lock: None });
    // A function that was written out is used by nothing any more.
    let told = analysis.diagnostics.iter().map(|own| own.message.as_str());
    let told: Vec<&str> = told.filter(|own| !own.contains("is declared, but no flow uses it")).collect();
    assert_eq!(told, Vec::<&str>::new(), "{text}");
    let mut done = Vec::new();
    for (_, flow) in analysis.dag.pipelines() {
        let own = &flow.part.value;
        analysis.dag.walk(flow, &mut |_, step| {
            let mut words = format!("{:?}", step.kind);
            for (number, slot) in own.slots.iter().enumerate() {
                words = words.replace(&format!("SlotId({number})"), &slot.name);
            }
            for (number, handle) in own.handles.iter().enumerate() {
                words = words.replace(&format!("HandleId({number})"), &handle.name);
            }
            done.push(without(&without(&words, "origin: ", " }"), "id: \"", "\""));
        });
    }
    done
}

/// A text without all that is between two others, which go, too.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once(close).unwrap().1)
}

#[test]
fn what_comes_out_is_clean_and_says_the_same() {
    assert_eq!(found(SHOP), Vec::<String>::new());
    for (place, kind, title, lines) in [
        (
            "  ver‸ify { require id",
            "refactor.extract",
            "make a verify function of it",
            &["verify verify_step(id: int64) { require id > 0 else reject \"no number\" }", "  verify verify_step\n"][..],
        ),
        (
            "  calc‸ulate {\n",
            "refactor.extract",
            "make a calculate function of it",
            &[
                "calculate calculate_step(amount: int64) -> (words: text) {\n  let half = amount / 2\n  words = text(half)\n}",
                "  calculate calculate_step\n",
            ],
        ),
        (
            "  save tot‸als { total += amount }",
            "refactor.extract",
            "make a save function of it",
            &["save save_step(customer: int64, amount: int64) into totals { total += amount }", "  save save_step\n"],
        ),
        (
            "  verify sa‸ne\n",
            "refactor.inline",
            "write `sane` out here",
            &["  verify {\n    require amount > 0 else reject \"nothing to pay\"\n  }\n  verify { require id"],
        ),
        (
            "  calculate with_t‸ax(part",
            "refactor.inline",
            "write `with_tax` out here",
            &[
                "  calculate {\n    let tax = amount / 5\n    gross = amount + int64(round(tax)) + (id + 1)\n  }\n  save",
            ],
        ),
        (
            "  save coun‸ted(more: gross)",
            "refactor.inline",
            "write `counted` out here",
            &["  save totals {\n    total += gross\n  }\n"],
        ),
        (
            "  expand to‸ld\n",
            "refactor.inline",
            "write `told` out here",
            &["  expand kafka(\"told\") { id, gross }\n}"],
        ),
        ("  load tot‸als\n", "refactor.rewrite", "write the bindings out", &["  load totals(customer: customer)\n"]),
        (
            "  calculate with_t‸ax(part",
            "refactor.rewrite",
            "write the bindings out",
            &["  calculate with_tax(part: id + 1, amount: amount)\n"],
        ),
        (
            "  expand buy‸er { spent",
            "refactor.rewrite",
            "write the bindings out",
            &["  expand buyer(customer: customer) { spent: totals.total }\n"],
        ),
        (
            "flow bil‸led from",
            "refactor.rewrite",
            "add a test of `billed`",
            &[
                "test \"billed\" {\n  given orders [\n    { id: 1, customer: 1, amount: 1 },\n  ]\n  expect rejected orders 0\n}",
            ],
        ),
    ] {
        let (plain, inner) = cursor(place);
        let at = SHOP.find(&plain).unwrap_or_else(|| panic!("{plain}")) + inner;
        let mut program = SHOP.to_owned();
        program.insert_str(at, editor::CURSOR);
        let (edited, told) = take(&program, kind, title);
        for line in lines {
            assert!(edited.contains(line), "{title}: no {line:?} in\n{edited}");
        }
        // A function that was written out is used by nothing any more.
        let told: Vec<&String> = told.iter().filter(|own| !own.contains("is declared, but no flow uses it")).collect();
        assert_eq!(told, Vec::<&String>::new(), "{title}\n{edited}");
    }
}

#[test]
fn what_is_missing_is_added() {
    let program = SHOP.replace("{ spent: totals.total }", "{ spent: totals.total, last_‸paid: amount }");
    let (edited, told) = take(&program, "quickfix", "add the field `last_paid` to `buyer`, as #100002");
    assert!(edited.contains("  last_paid: int64 #100002 \"last_paid\" derived\n}"), "{edited}");
    assert_eq!(told, Vec::<String>::new());
    let program = SHOP.replace("words = text(half)", "words = match amount > 5 { true => ‸\"much\" }");
    let (edited, told) = take(&program, "quickfix", "add the arms that are missing");
    assert!(edited.contains("match amount > 5 { true => \"much\", false => \"\" }"), "{edited}");
    assert!(told.iter().all(|own| own.contains("half")), "{told:?}");
    let program =
        SHOP.replace("words = text(half)", "words = match amount {\n      1 => ‸\"one\",\n      2 => \"two\",\n    }");
    let (edited, told) = take(&program, "quickfix", "add the arms that are missing");
    assert!(edited.contains("      2 => \"two\",\n      else => \"\",\n    }"), "{edited}");
    assert!(told.iter().all(|own| own.contains("half")), "{told:?}");
}

#[test]
fn what_cannot_be_done_is_not_offered() {
    for (place, title) in [
        // A row that is loaded in the flow is not there in a function.
        ("  calculate { sum = to‸tals.total }", "make a calculate function of it"),
        // What replaces a field is no output.
        ("  calculate { amount = am‸ount + 1 }", "make a calculate function of it"),
        ("  stop when am‸ount == 7", "write the bindings out"),
    ] {
        let (text, selected) = selection(&SHOP.replace("  expand told\n", &format!("  expand told\n{place}\n")));
        let mut editor = Editor::with(&[("shop.nsf", &text)]);
        let found = offered(&mut editor, selected, Value::Null);
        assert!(found.iter().all(|own| own["title"] != title), "{place}: {found:?}");
        editor.end();
    }
}
