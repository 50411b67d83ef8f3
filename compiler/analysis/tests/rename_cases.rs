//! Renaming where two names meet, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check_indexed, rename};
use nsf_diagnostics::{FileId, Severity, TextEdit};

const SHOP: &str = r#"const LIMIT: int64 = 5

source orders {
  from: kafka("orders")
  record {
    id:       int64
    customer: text
    amount:   int64
  }
  key: customer
}

state spent by (customer) {
  keep: 30d
  value { total: int64 = 0  last: text? }
}

verify big(amount: int64) {
  require amount > LIMIT else reject "small"
}

calculate with_tax(amount: int64) -> (gross: int64) {
  gross = amount + amount
}

flow billed from orders {
  verify    big
  calculate with_tax -> (gross: sum)
  save      spent { total += sum }
  load      spent
  calculate { share = spent.total }
  when amount > 10 {
    calculate { word = "much" }
  } else {
    calculate { word = "little" }
  }
  expand    kafka("billed") { id, share, word, all: spent.total }
}
"#;

fn check(text: &str) -> Analysis {
    let file = InputFile { path: "shop.nsf".to_owned(), text: text.to_owned() };
    let analysis = check_indexed(&ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None });
    let errors = analysis.diagnostics.iter().filter(|own| own.severity() == Severity::Error);
    assert_eq!(errors.map(|own| own.message.clone()).collect::<Vec<_>>(), Vec::<String>::new(), "{text}");
    analysis
}

/// Renames the name at the first place of a text; gives the lines that differ, or the refusal.
fn renamed(text: &str, at: &str, name: &str) -> Result<Vec<String>, String> {
    let analysis = check(text);
    let offset = text.find(at).unwrap_or_else(|| panic!("{at}")) as u32;
    let edits = rename::rename(&analysis, FileId(0), offset, name).map_err(|refusal| refusal.0)?;
    let edits: Vec<&TextEdit> = edits.iter().collect();
    let after = rename::apply(text, &edits);
    check(&after);
    let (before, lines): (Vec<&str>, Vec<&str>) = (text.lines().collect(), after.lines().collect());
    Ok(lines.iter().filter(|line| !before.contains(line)).map(|line| line.trim().to_owned()).collect())
}

#[test]
fn what_one_name_said_of_two_is_written_out() {
    for (at, name, lines) in [
        // The source's field: what is read keeps its name outside, what is loaded and called by it is bound.
        (
            "customer: text",
            "buyer",
            vec![
                "buyer: text from \"customer\"",
                "key: buyer",
                "save      spent(customer: buyer) { total += sum }",
                "load      spent(customer: buyer)",
            ],
        ),
        // The state's key: the same from the other side.
        (
            "customer) {\n  keep",
            "buyer",
            vec![
                "state spent by (buyer) {",
                "save      spent(buyer: customer) { total += sum }",
                "load      spent(buyer: customer)",
            ],
        ),
        (
            "amount:   int64",
            "price",
            vec![
                "price:   int64 from \"amount\"",
                "verify    big(amount: price)",
                "calculate with_tax(amount: price) -> (gross: sum)",
                "when price > 10 {",
            ],
        ),
        (
            "amount: int64) {",
            "price",
            vec![
                "verify big(price: int64) {",
                "require price > LIMIT else reject \"small\"",
                "verify    big(price: amount)",
            ],
        ),
        (
            "share = ",
            "part",
            vec![
                "calculate { part = spent.total }",
                "expand    kafka(\"billed\") { id, share: part, word, all: spent.total }",
            ],
        ),
        // Both branches make one field.
        (
            "word = \"little\"",
            "size",
            vec![
                "calculate { size = \"much\" }",
                "calculate { size = \"little\" }",
                "expand    kafka(\"billed\") { id, share, word: size, all: spent.total }",
            ],
        ),
        (
            "gross: int64",
            "total",
            vec![
                "calculate with_tax(amount: int64) -> (total: int64) {",
                "total = amount + amount",
                "calculate with_tax -> (total: sum)",
            ],
        ),
        ("sum)", "gross", vec!["calculate with_tax", "save      spent { total += gross }"]),
        ("LIMIT:", "MOST", vec!["const MOST: int64 = 5", "require amount > MOST else reject \"small\""]),
    ] {
        assert_eq!(renamed(SHOP, at, name).unwrap(), lines, "{at} -> {name}");
    }
}

#[test]
fn what_would_break_or_means_nothing_is_refused() {
    for (at, name, words) in [
        ("share = ", "amount", "another `amount` is there already"),
        ("id:       ", "amount", "`amount`"),
        ("spent by", "orders", "`orders`"),
        ("share = ", "9lives", "`9lives` is no name"),
        ("share = ", "a b", "`a b` is no name"),
        ("share = ", "", "`` is no name"),
        ("share = ", "match", "`match` is a word of the language"),
        ("\"billed\"", "other", "here is no name"),
        ("keep", "hold", "here is no name"),
        ("int64 = 5", "int32", "here is no name"),
    ] {
        let refusal = renamed(SHOP, at, name).unwrap_err();
        assert!(refusal.contains(words), "{at} -> {name}: {refusal}");
    }
    let text = SHOP.replace("share = spent.total", "share = abs(spent.total)");
    let refusal = renamed(&text, "abs(", "size").unwrap_err();
    assert_eq!(refusal, "`abs` is of the standard library and keeps its name");
}

#[test]
fn a_local_that_would_hide_another_name_is_refused() {
    let text = SHOP.replace("share = spent.total }", "let own = spent.total\n    share = own + amount }");
    assert_eq!(renamed(&text, "own = spent", "part").unwrap().len(), 2);
    let refusal = renamed(&text, "own = spent", "amount").unwrap_err();
    assert!(refusal.contains("`amount`"), "{refusal}");
}
