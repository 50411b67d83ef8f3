//! Step functions of selected steps.

use super::{done, selection, take, titles};

/// What the flows of the tests read and save; all of it is used by a flow of its own.
pub const HEAD: &str = r#"primary customer: int64 #1 "customer"

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
    note: text?
  }
  key: customer
}

state totals by (customer) {
  keep: 30d
  value { total: int64 = 0  last: text? }
}

const limit: int64 = 40

flow keep from orders {
  save totals { total += limit  last = note }
  load totals
  expand buyer { spent: totals.total }
}
"#;

const FLOW: &str = r#"
flow billed from orders {
  verify { require id > 0 else reject "no number" }
  // more is looked at
  verify {
    drop when amount == 0 "nothing"
    require amount < 9000   // odd
  }
  calculate {
    let tax = div(amount, 5)
    net = amount - tax
  }
  calculate { gross = net * 2  words = "{id}" }
  save totals { total += amount }
  save totals { total += gross  last = words }
  load totals
  calculate { all = totals.total + 1 }
  expand kafka("billed") { id, words, gross }
  expand kafka("sums") { id, all }
}
"#;

/// The program with a selection from one part to another.
fn selected(flow: &str, from: &str, to: &str) -> String {
    let start = flow.find(from).unwrap();
    let end = start + flow[start..].find(to).unwrap() + to.len();
    format!("{HEAD}{}‸{}‸{}", &flow[..start], &flow[start..end], &flow[end..])
}

/// Takes a function of what is selected, which must leave a clean program that does the same, and looks for parts of it.
fn extracts(program: &str, title: &str, parts: &[&str]) {
    let (edited, told) = take(program, "refactor.extract", title);
    for part in parts {
        assert!(edited.contains(part), "{title}: no {part:?} in\n{edited}");
    }
    assert_eq!(told, Vec::<String>::new(), "{edited}");
    assert_eq!(changes(&done(&edited)), changes(&done(&selection(program).0)), "{edited}");
}

/// Operations on one state that follow one another are one save or several.
fn changes(steps: &[String]) -> String {
    steps.join("\n").replace("] }\nSave { handle: totals, operations: [", ", ")
}

#[test]
fn steps_of_one_kind_become_a_function_of_it() {
    extracts(
        &selected(FLOW, "id > 0", "drop when"),
        "make a verify function of these 2 steps",
        &[
            "verify verify_step(id: int64, amount: int64) {\n  require id > 0 else reject \"no number\"\n  // more is looked at\n",
            "  require amount < 9000 // odd\n}\n\nflow billed from orders {\n  verify verify_step\n  calculate {\n",
        ],
    );
    // What only the steps themselves read is no output.
    extracts(
        &selected(FLOW, "calculate {\n", "gross ="),
        "make a calculate function of these 2 steps",
        &[
            "calculate calculate_step(id: int64, amount: int64) -> (gross: int64, words: text) {\n  let tax = div(amount, 5)\n  let net = amount - tax\n",
            "\n  calculate calculate_step\n  save totals { total += amount }\n",
        ],
    );
    extracts(
        &selected(FLOW, "save totals { total += amount", "last = words"),
        "make a save function of these 2 steps",
        &[
            "save save_step(customer: int64, amount: int64, gross: int64, words: text) into totals {\n  total += amount\n  total += gross\n  last = words\n}",
            "\n  save save_step\n  load totals\n",
        ],
    );
    extracts(
        &selected(FLOW, "load totals", "all ="),
        "make a load function of these 2 steps",
        &[
            "load load_step(customer: int64) from totals -> (all: int64) {\n  all = totals.total + 1\n}",
            "\n  load load_step\n  expand kafka(\"billed\")",
        ],
    );
}

#[test]
fn steps_of_several_kinds_become_an_expand_function() {
    extracts(
        &selected(FLOW, "save totals { total += amount", "kafka(\"sums\")"),
        "make an expand function of these 6 steps",
        &[
            "expand expand_step(id: int64, customer: int64, amount: int64, gross: int64, words: text) {\n",
            "  calculate { gross = net * 2  words = \"{id}\" }\n  expand expand_step\n}\n",
        ],
    );
    let flow = r#"
flow f from orders {
  calculate { half = div(amount, 2) }
  each part in [1, 2] {
    calculate { size = part * half }
    expand kafka("parts") { id, size }
  }
  last: when half > limit {
    expand kafka("much") { id }
    stop
  }
  expand kafka("all") { id, half }
}
"#;
    let flow = flow.replace("  each", "  jump last when amount == 3\n  each");
    // The name of an `each` is an input like fields.
    extracts(
        &selected(&flow, "size =", "{ id, size"),
        "make an expand function of these 2 steps",
        &[
            "expand expand_step(id: int64, half: int64, part: int64) {\n",
            "  each part in [1, 2] {\n    expand expand_step\n  }\n",
        ],
    );
    // A label stays before what is called, and what stops in the function stops the flow.
    extracts(
        &selected(&flow, "half > limit", "half > limit"),
        "make an expand function of it",
        &[
            "expand expand_step(id: int64, half: int64) {\n  when half > limit {\n",
            "  last: expand expand_step\n  expand kafka(\"all\")",
        ],
    );
    assert_eq!(titles(&selected(&flow, "each part", "half > limit"), "refactor.extract"), Vec::<String>::new());
    assert_eq!(titles(&selected(&flow, "jump last", "each part"), "refactor.extract"), Vec::<String>::new());
}

#[test]
fn what_is_known_not_to_be_null_is_so_in_the_function() {
    let flow = r#"
flow f from orders {
  verify { require note != null }
  verify { require len(note) > 2 }
  verify { drop when note == "none" }
  expand kafka("notes") { id, size: len(note) }
}
"#;
    extracts(
        &selected(flow, "require note", "note == \"none"),
        "make a verify function of these 3 steps",
        &["verify verify_step(note: text?) {\n"],
    );
    let (edited, told) = take(
        &selected(flow, "len(note) > 2", "note == \"none"),
        "refactor.extract",
        "make a verify function of these 2 steps",
    );
    assert!(edited.contains("verify verify_step(note: text) {\n"), "{edited}");
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn keys_that_are_bound_are_bound_at_the_call() {
    let flow = r#"
flow f from orders {
  load totals(customer: id + 1) 
  calculate { all = totals.total + amount }
  expand kafka("all") { id, all }
}
"#;
    let (edited, told) =
        take(&selected(flow, "totals(", "all ="), "refactor.extract", "make a load function of these 2 steps");
    let head = "load load_step(customer: int64, amount: int64) from totals -> (all: int64) {\n";
    assert!(edited.contains(head) && edited.contains("\n  load load_step(customer: id + 1)\n"), "{edited}");
    assert_eq!(told, Vec::<String>::new());
    // The field of that name would be the key in the function.
    let flow = flow.replace("+ amount", "+ customer");
    assert_eq!(titles(&selected(&flow, "totals(", "all ="), "refactor.extract"), Vec::<String>::new());
}

#[test]
fn what_others_read_is_an_output() {
    // The other branch makes the fields, too, and a flow reads what another makes.
    let flow = r#"
flow f from orders {
  when amount > 3 {
    calculate { size = "big" }
    calculate { more = amount - 3 }
  } else {
    calculate { size = "small" }
    calculate { more = 0 }
  }
  expand kafka("sizes") { id, size }
}

flow g from f {
  expand kafka("more") { id, more }
}
"#;
    let title = "make a calculate function of these 2 steps";
    let outputs = "-> (size: text, more: int64) {\n";
    extracts(&selected(flow, "size = \"big", "more ="), title, &["(amount: int64) ", outputs]);
    extracts(&selected(flow, "size = \"small", "more ="), title, &["calculate_step() ", outputs]);
}

#[test]
fn what_no_function_can_hold_is_not_offered() {
    for (flow, from, to) in [
        // Fields escape from what sends.
        ("calculate { a = amount }\n  save totals { total += a }\n  expand kafka(\"x\") { a }", "a = ", "+= a"),
        // Two steps know a local name each, or the later one means a constant by the same.
        (
            "calculate { let t = amount  a = t }\n  calculate { let t = id  b = t }\n  expand kafka(\"x\") { a, b }",
            "let t",
            "b = t",
        ),
        ("calculate { a = amount }\n  calculate { a = a + 1 }\n  expand kafka(\"x\") { a }", "a = ", "a + 1"),
        // A field is replaced, which was there before.
        (
            "calculate { amount = amount + 1 }\n  save totals { total += amount }\n  expand kafka(\"x\") { amount }",
            "amount =",
            "+= amount",
        ),
        // What was loaded before is read in it, and what is loaded in it is read behind.
        ("load totals\n  save totals { total += totals.total }\n  expand kafka(\"x\") { id }", "save", "+= totals"),
        ("load totals\n  calculate { a = totals.total }\n  expand kafka(\"x\") { a, b: totals.total }", "load", "a = "),
        (
            "load totals(customer: id)\n  calculate { a = totals.total }\n  load totals\n  save totals { total += totals.total }\n  expand kafka(\"x\") { a, b: totals.total }",
            "load totals\n",
            "+= totals",
        ),
        // Checks and statements are of no one function, and nothing of them is sent.
        ("verify { require id > 0 }\n  calculate { a = amount }\n  expand kafka(\"x\") { a }", "require", "a = "),
        ("stop when id == 3\n  verify { require id > 0 }\n  expand kafka(\"x\") { id }", "stop", "require"),
    ] {
        let program = selected(&format!("\nflow f from orders {{\n  {flow}\n}}\n"), from, to);
        done(&selection(&program).0);
        assert_eq!(titles(&program, "refactor.extract"), Vec::<String>::new(), "{program}");
    }
}
