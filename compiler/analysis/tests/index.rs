//! What names mean: every place of a small program, and that the index changes nothing of what is found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use nsf_analysis::index::SymbolKind;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check, check_indexed};

const SHOP: &str = r#"use std.text.{trim}

type Address = { street: text, town: text }

source orders {
  from: kafka("orders")
  record {
    id:       int64
    customer: text
    amount:   int64
    address:  Address?
  }
  key: customer
}

state spent by (customer) {
  keep: 30d
  value { total: int64 = 0 }
}

calculate with_tax(amount: int64) -> (gross: int64) {
  let part = amount / 5
  gross = amount + int64(round(part))
}

flow billed from orders {
  verify    { require amount > 0 else reject "nothing to pay" }
  calculate with_tax
  save      spent { total += gross }
  load      spent as sum
  calculate { town = trim(address?.town ?? "-") }
  stop      when sum.total < 10
  jump      last when gross > 100
  expand    kafka("billed") { id, gross, all: sum.total, town }
  last: expand kafka("large") { id, customer }
}
"#;

fn project(text: &str) -> ProjectInput {
    let file = InputFile { path: "shop.nsf".to_owned(), text: text.to_owned() };
    ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None }
}

/// The lines in which a symbol is named, by what declares it: "line:word".
fn lines(analysis: &Analysis, line: usize, word: &str) -> Vec<usize> {
    let (file, source) = analysis.sources.iter().next().unwrap();
    let start = source.text.lines().take(line - 1).map(|line| line.len() + 1).sum::<usize>();
    let offset = start + source.text[start..].find(word).unwrap();
    let own = analysis.index.at(file, offset as u32).next().unwrap_or_else(|| panic!("{line}: {word} means nothing"));
    let uses = analysis.index.uses_of(own.symbol).filter(|own| own.at.file == file);
    uses.map(|own| source.text[..own.at.span.start as usize].matches('\n').count() + 1).collect()
}

#[test]
fn every_name_leads_to_what_declares_it() {
    let analysis = check_indexed(&project(SHOP));
    assert_eq!(analysis.diagnostics.iter().map(|own| &own.message).collect::<Vec<_>>(), Vec::<&String>::new());
    for (line, word, expected) in [
        (5, "orders", vec![5, 26]),
        (9, "customer", vec![9, 13, 35]),
        (10, "amount", vec![10, 27]),
        (16, "customer", vec![16]),
        (18, "total", vec![18, 29, 32, 34]),
        (21, "amount", vec![21, 22, 23]),
        (21, "gross", vec![21, 23, 29, 33, 34]),
        (22, "part", vec![22, 23]),
        (30, "sum", vec![30, 32, 34]),
        (3, "town", vec![3, 31]),
        (31, "town", vec![31, 34]),
        (35, "last", vec![33, 35]),
        (3, "Address", vec![3, 11]),
    ] {
        assert_eq!(lines(&analysis, line, word), expected, "{line}: {word}");
    }
    let implied: Vec<(&str, &str)> = analysis
        .index
        .implied()
        .iter()
        .map(|own| (analysis.sources.text(own.at), analysis.sources.text(own.label)))
        .collect();
    assert_eq!(implied, [("with_tax", "amount"), ("spent", "customer"), ("spent", "customer")]);
}

#[test]
fn what_is_in_scope_is_known_at_each_step() {
    let analysis = check_indexed(&project(SHOP));
    let (file, source) = analysis.sources.iter().next().unwrap();
    let at = |text: &str| {
        let scope = analysis.index.scope_at(file, source.text.find(text).unwrap() as u32).unwrap();
        scope.names.iter().map(|own| own.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(at("calculate with_tax\n"), ["id", "customer", "amount", "address", "orders"]);
    assert_eq!(at("stop "), ["id", "customer", "amount", "address", "orders", "gross", "town", "sum"]);
    assert_eq!(at("gross = amount"), ["amount", "part"]);
}

#[test]
fn a_type_is_that_of_the_place() {
    let text = SHOP.replace("address?.town ?? \"-\"", "if address != null then address.town else \"-\"");
    let analysis = check_indexed(&project(&text));
    let (file, source) = analysis.sources.iter().next().unwrap();
    let of = |text: &str| {
        let own = analysis.index.at(file, source.text.find(text).unwrap() as u32).next().unwrap();
        own.ty.as_ref().unwrap().to_string()
    };
    assert_eq!(of("address != null"), "{ street: text, town: text }?");
    assert_eq!(of("address.town"), "{ street: text, town: text }");
}

#[test]
fn nothing_is_noted_unless_it_is_asked_for_and_nothing_else_changes() {
    for text in [SHOP.to_owned(), SHOP.replace("gross = ", "gros = "), SHOP.replace("from orders", "from order")] {
        let (plain, indexed) = (check(&project(&text)), check_indexed(&project(&text)));
        assert_eq!(plain.index.symbols().count(), 0);
        assert!(indexed.index.symbols().any(|(_, own)| own.kind == SymbolKind::SourceField));
        let told = |analysis: &Analysis| analysis.diagnostics.iter().map(|own| own.message.clone()).collect::<Vec<_>>();
        assert_eq!(told(&plain), told(&indexed));
    }
}
