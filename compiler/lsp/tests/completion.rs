//! Completion: a program with a cursor, what is proposed first, and what is not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod editor;

use editor::{Editor, cursor};
use serde_json::{Value, json};

const FIELDS: &str = r#"tenant acme {
  app_id: "0102"
  app_key: secret("ACME_KEY")
  zone: "UTC"
}

primary customer: int64 #1 "customer"
primary product: int64 #2 "product"

space main { store: mysql }

dimension buyer (customer) #1001 in main "buyer"

fields buyer {
  /// All that was ever paid.
  spent: int64 #100001 "spent" derived
  nick: text? #100002 "nick"
}

const LIMIT: duration = 5min
"#;

const SHOP: &str = r#"use fields

type Address = { street: text, town: text }

source orders {
  from: kafka("orders")
  record {
    id: int64
    /// Who pays.
    customer: int64
    product: int64
    amount: int64
    at: timestamp
    address: Address?
    tags: list<text>
  }
  key: customer
  time: at
  late: 1d
}

table products {
  from: mysql("products")
  record { product: int64 price: int64 title: text }
  key: product
}

state totals by (customer) {
  keep: 30d
  value { total: int64 = 0 seen: set<int64> }
}

fn doubled(n: int64) -> int64 = n * 2

calculate with_tax(amount: int64, rate: float64) -> (gross: int64) {
  gross = amount + int64(round(float64(amount) * rate))
}

flow billed from orders {
  verify { require amount > 0 else reject "nothing to pay" }
  load products else reject "no product"
  calculate { cost = products.price * amount }
  // FLOW
  save totals { total += cost }
  load totals as so_far
  expand buyer { spent: so_far.total }
  expand kafka("billed") { id, cost }
}

// ITEMS
"#;

/// What is proposed at the cursor, in order.
fn proposed(editor: &mut Editor, name: &str, at: usize) -> Vec<Value> {
    let answer = editor.ask_at("textDocument/completion", name, at);
    let mut items = answer["items"].as_array().unwrap().clone();
    items.sort_by_key(|own| own["sortText"].as_str().unwrap().to_owned());
    items
}

fn labels(items: &[Value]) -> Vec<&str> {
    items.iter().map(|own| own["label"].as_str().unwrap()).collect()
}

/// What is typed, with a cursor; what comes first, and what does not come.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Types each text in the place of a mark; asked both where the broken text was checked and where it was not.
fn check(mark: &str, cases: &[Case]) {
    let mut editor = Editor::with(&[("fields.nsf", FIELDS), ("shop.nsf", SHOP)]);
    let mut failures = Vec::new();
    for (typed, first, absent) in cases {
        let (text, at) = cursor(&SHOP.replace(mark, typed));
        editor.change("shop.nsf", SHOP);
        editor.checked("shop.nsf");
        editor.change("shop.nsf", &text);
        let fresh = proposed(&mut editor, "shop.nsf", at);
        // The answer to a request that waits for a check says that there was one.
        editor.ask(
            "textDocument/codeAction",
            json!({
                "textDocument": { "uri": editor::uri("shop.nsf") }, "range": editor.range("shop.nsf", at, at),
                "context": { "diagnostics": [] },
            }),
        );
        for (found, when) in [(fresh, "before a check"), (proposed(&mut editor, "shop.nsf", at), "after a check")] {
            let found = labels(&found);
            let start = &found[..first.len().min(found.len())];
            // A star stands for anything.
            let is_there = |absent: &&&str| found.contains(absent) || (**absent == "*" && !found.is_empty());
            let wrong: Vec<&&str> = absent.iter().filter(is_there).collect();
            if start != *first || !wrong.is_empty() {
                let some = &found[..found.len().min(12)];
                failures.push(format!("{when}: {typed}\n  due {first:?}\n  got {some:?}\n  not due {wrong:?}"));
            }
        }
    }
    editor.end();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn steps_and_what_they_name() {
    check(
        "// FLOW",
        &[
            ("‸", &["verify", "load", "calculate", "save", "expand", "when"], &["amount", "flow"]),
            ("lo‸", &["verify", "load"], &["amount"]),
            ("load ‸", &["products", "totals", "buyer"], &["orders"]),
            ("load totals ‸", &["else", "as"], &["products"]),
            ("load totals else ‸", &["reject", "drop"], &["products"]),
            ("calculate ‸", &["with_tax"], &["totals", "doubled"]),
            ("save ‸", &["totals"], &["products", "buyer"]),
            ("expand ‸", &["buyer", "kafka"], &["mysql", "totals"]),
            ("stop ‸", &["when"], &["amount"]),
            ("each tag ‸", &["in"], &["amount"]),
            (
                "repartition by ‸",
                &["id", "customer", "product", "amount", "at", "address", "tags", "cost"],
                &["products"],
            ),
            ("calculate with_tax(‸)", &["amount", "rate"], &["gross", "customer"]),
            ("calculate with_tax(amount, ‸)", &["rate"], &["amount"]),
            ("load totals(‸)", &["customer"], &["total"]),
            ("calculate with_tax(rate: 1.5) -> (‸)", &["gross"], &["amount"]),
        ],
    );
}

#[test]
fn values_by_the_scope_and_the_type_that_is_due() {
    check(
        "// FLOW",
        &[
            ("calculate { x = ‸ }", &["id", "customer", "product", "amount"], &["so_far"]),
            ("calculate { x = am‸", &["id", "customer", "product", "amount"], &["so_far"]),
            (
                "calculate { let half = amount  x = ‸ }",
                &["id", "customer", "product", "amount", "at", "address"],
                &["so_far"],
            ),
            ("stop when at == ‸", &["at"], &["so_far"]),
            ("stop when ‸", &["id", "customer"], &["so_far", "verify"]),
            ("calculate { x = products.‸ }", &["product", "price", "title", "exists"], &["amount"]),
            ("calculate { x = address?.‸ }", &["street", "town"], &["price", "upper"]),
            ("calculate { x = products.title.‸ }", &["after"], &["price", "exists", "add_days"]),
            ("calculate { x = amount.‸ }", &["doubled"], &["upper", "price"]),
            ("calculate { x = \"to {products.‸}\" }", &["product", "price", "title", "exists"], &["amount"]),
            ("calculate { x = doubled(‸) }", &["id", "customer", "product", "amount", "cost"], &["so_far"]),
            ("calculate { amount = ‸ }", &["id", "customer", "product", "amount", "cost"], &["so_far"]),
            ("calculate { x = if amount > 1 ‸ }", &["then"], &["amount"]),
            ("calculate { x = match amount > 1 { ‸ } }", &["true", "false", "else"], &["amount"]),
            ("calculate { x = match amount { ‸ } }", &["else"], &["true"]),
            ("verify { ‸ }", &["require", "drop", "reject", "unique"], &["amount"]),
            ("verify { require amount > 1 ‸ }", &["else"], &["amount"]),
            ("verify { drop ‸ }", &["when"], &["amount"]),
            ("verify { unique id ‸ }", &["within"], &["amount"]),
            ("when amount > 1 { stop when address == ‸ }", &["address"], &["so_far"]),
            // FLOW is before the save, so what comes behind it is not there.
            ("when amount > ‸", &["id", "customer", "product", "amount", "cost"], &["so_far"]),
            (
                "calculate { x = tags.map(tag => ta‸) }",
                &["id", "customer", "product", "amount", "at", "address", "tags"],
                &["so_far"],
            ),
            ("calculate { x = 12‸ }", &[], &["*"]),
            ("calculate { x = \"amo‸\" }", &[], &["*"]),
            ("// amo‸", &[], &["*"]),
        ],
    );
}

#[test]
fn what_stands_in_the_braces_of_saves_and_expands() {
    check(
        "// FLOW",
        &[
            ("save totals { ‸ }", &["total", "seen", "insert", "remove", "delete"], &["customer", "amount"]),
            ("save totals { total += ‸ }", &["id", "customer", "product", "amount", "cost"], &["total"]),
            ("save totals { insert id into ‸ }", &["seen"], &["total"]),
            ("expand buyer { ‸ }", &["spent", "nick"], &["customer", "amount"]),
            ("expand buyer { spent: 1, ‸ }", &["nick"], &["spent"]),
            ("expand buyer { nick: ‸ }", &[], &["spent"]),
            ("expand kafka(\"‸\") { id }", &["orders", "billed"], &["products"]),
            (
                "expand kafka(\"orders\") { ‸ }",
                &["id", "customer", "product", "amount", "at", "address", "tags"],
                &["cost"],
            ),
            ("expand kafka(\"other\") { ‸ }", &["id", "customer"], &[]),
            ("expand kafka(\"billed\", ‸) { id }", &["key", "cluster"], &["amount"]),
            ("expand kafka(\"billed\", key: ‸) { id }", &["id", "customer"], &["cluster"]),
        ],
    );
}

#[test]
fn items_and_their_settings() {
    check(
        "// ITEMS",
        &[
            ("‸", &["flow", "source", "state"], &["amount"]),
            ("flo‸", &["flow", "source", "state"], &["amount"]),
            ("source more {\n  ‸\n}", &["from", "record", "key", "time", "late"], &["amount", "store"]),
            (
                "source more {\n  from: kafka(\"m\")\n  ‸\n  record { a: text }\n}",
                &["key", "time", "late"],
                &["from", "record"],
            ),
            ("source more {\n  from: ‸\n}", &["kafka", "redis_stream", "file", "stdin"], &["mysql", "stdout"]),
            ("source more {\n  record { a: text  b: timestamp }\n  key: ‸\n}", &["a", "b"], &["amount"]),
            ("source more {\n  record { a: text  b: timestamp }\n  time: ‸\n}", &["b", "a"], &["amount"]),
            ("source more {\n  on_error: ‸\n}", &["block_lane", "park_key", "skip_order", "dead_letter"], &["json"]),
            ("source more {\n  format: ‸\n}", &["json", "csv", "text", "bytes"], &["strict"]),
            ("source more {\n  record { a: ‸ }\n}", &["Address", "text", "int64"], &["amount"]),
            ("source more {\n  late: 1d ‸\n}", &["else"], &[]),
            ("state more by (customer) {\n  ‸\n}", &["store", "keep", "closes", "order", "value"], &["from"]),
            ("state more by (‸", &["customer", "product"], &["totals"]),
            ("state more by (customer) {\n  store: ‸\n}", &["redis", "mysql", "embedded"], &["kafka"]),
            ("table more {\n  from: ‸\n}", &["redis", "mysql", "file"], &["kafka"]),
            ("ingest feed {\n  tenant: ‸\n}", &["acme"], &["buyer"]),
            ("ingest feed {\n  accept: ‸\n}", &["buyer"], &["acme"]),
            ("ingest feed {\n  accept: buyer\n  map {\n    ‸\n  }\n}", &["customer", "spent", "nick"], &["amount"]),
            ("subscription note on ‸", &["buyer"], &["orders"]),
            ("subscription note on buyer {\n  listen: ‸\n}", &["spent", "nick", "billed"], &["customer"]),
            ("subscription note on buyer {\n  publish: spent, ‸\n}", &["customer", "nick", "updated"], &["spent"]),
            ("subscription note on buyer {\n  on: ‸\n}", &["create", "binlog", "reset", "datain"], &["buyer"]),
            ("flow more from ‸", &["orders", "billed", "expired"], &["totals", "products"]),
            ("flow more from expired ‸", &["totals"], &["orders"]),
            ("fn f(a: ‸", &["Address", "text"], &["amount"]),
            ("fn f(a: int64) -> ‸", &["Address", "text"], &["a"]),
            ("const C = ‸", &[], &["amount"]),
            ("use ‸", &["fields", "std"], &["shop"]),
            ("use std.te‸", &[], &["fields"]),
            ("use fields.{‸}", &["acme", "customer", "product", "main", "buyer", "LIMIT"], &["orders"]),
            ("use fields.{buyer, ‸}", &["acme"], &["buyer"]),
            ("mapping m: int64 -> text {\n  0 => \"a\"\n  else ‸\n}", &["keep", "reject"], &["amount"]),
            ("calculate f(amount: int64) -> (net: int64) {\n  ‸\n}", &["net", "let"], &["gross"]),
            ("test \"t\" {\n  ‸\n}", &["given", "expect", "with"], &["amount"]),
            ("test \"t\" {\n  given ‸\n}", &["orders"], &["totals"]),
            ("test \"t\" {\n  given orders [ { id: 1, ‸ } ]\n}", &["customer", "product", "amount"], &["id"]),
            ("test \"t\" {\n  expect buyer(1).‸\n}", &["spent", "nick", "exists"], &["amount"]),
            ("test \"t\" {\n  expect same under ‸\n}", &["duplicate", "resend", "restart"], &["amount"]),
        ],
    );
}

#[test]
fn a_proposal_says_what_it_is_and_what_is_written() {
    let mut editor = Editor::with(&[("fields.nsf", FIELDS), ("shop.nsf", SHOP)]);
    let mut at = |typed: &str, label: &str| {
        let (text, at) = cursor(&SHOP.replace("// FLOW", typed));
        editor.change("shop.nsf", &text);
        let found = proposed(&mut editor, "shop.nsf", at);
        found.into_iter().find(|own| own["label"] == label).unwrap_or_else(|| panic!("no {label} at {typed}"))
    };
    let customer = at("calculate { x = ‸ }", "customer");
    assert_eq!((&customer["detail"], &customer["documentation"]["value"]), (&json!("int64"), &json!("Who pays.")));
    assert_eq!((&customer["kind"], &customer["textEdit"]["newText"]), (&json!(5), &json!("customer")));
    let products = at("calculate { x = ‸ }", "products");
    assert_eq!(products["detail"], "row of table products");
    let spent = at("expand buyer { ‸ }", "spent");
    assert_eq!(spent["detail"], "int64, buyer");
    assert_eq!(
        (&spent["documentation"]["value"], &spent["textEdit"]["newText"]),
        (&json!("All that was ever paid."), &json!("spent: $0"))
    );
    assert_eq!(spent["insertTextFormat"], 2);
    let upper = at("calculate { x = products.title.up‸ }", "upper");
    assert_eq!(upper["detail"], "upper(s: text) -> text");
    let docs = upper["documentation"]["value"].as_str().unwrap();
    assert!(docs.contains("```nsf\nupper(") && !docs.contains("hostile"), "{docs}");
    // The word at the cursor is replaced, and nothing else.
    let range = &upper["textEdit"]["range"];
    assert_eq!(range["end"]["character"].as_u64().unwrap() - range["start"]["character"].as_u64().unwrap(), 2);
    editor.end();
}

#[test]
fn what_is_of_another_module_brings_its_use_along() {
    let alone = SHOP.replace("use fields\n\n", "").replace("  expand buyer { spent: so_far.total }\n", "");
    let mut editor = Editor::with(&[("fields.nsf", FIELDS), ("shop.nsf", &alone)]);
    let (text, at) = cursor(&alone.replace("// FLOW", "stop when at - at > ‸"));
    editor.change("shop.nsf", &text);
    let found = proposed(&mut editor, "shop.nsf", at);
    let limit = found.iter().find(|own| own["label"] == "LIMIT").unwrap();
    assert!(limit["detail"].as_str().unwrap().ends_with("(use fields)"), "{limit}");
    let mut edits = limit["additionalTextEdits"].as_array().unwrap().clone();
    assert_eq!(edits[0]["newText"], "use fields\n\n");
    edits.push(limit["textEdit"].clone());
    let edited = editor.edited("shop.nsf", &edits);
    editor.change("shop.nsf", &edited);
    // The program declares more than it uses; nothing else is said of it.
    let told = editor.checked("shop.nsf");
    assert!(told.iter().all(|own| own.contains("is declared, but")), "{told:?}\n{edited}");
    editor.end();
}

#[test]
fn a_client_without_snippets_gets_plain_words() {
    let mut editor = Editor::start(json!({}), Value::Null);
    editor.open("shop.nsf", "\n");
    let found = proposed(&mut editor, "shop.nsf", 0);
    let flow = found.iter().find(|own| own["label"] == "flow").unwrap();
    assert_eq!((&flow["textEdit"]["newText"], &flow["insertTextFormat"]), (&json!("flow"), &Value::Null));
    editor.end();
}
