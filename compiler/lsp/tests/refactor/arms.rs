//! The arms that a `match` or a `mapping` lacks.

use super::{found, selection, take, titles};

const HEAD: &str = r#"mapping state: int64 -> text {
  0 => "new"
  1 | 2 => "paid"
  3 => "gone"
  else => "odd"
}

mapping sex: bool -> text { true => "f"  false => "m" }

primary customer: int64 #1 "customer"

dimension buyer (customer) #1001 "buyer"

fields buyer {
  status: select<text> #100001 "status"
}

ingest buyers {
  arris_id: "ARRIS-1"
  tenant:   shop
  from:     kafka("buyers")
  accept:   buyer
  map { status = state(code) }
}

tenant shop {
  app_id:  "01"
  app_key: secret("KEY")
  zone:    "UTC"
}

source orders {
  from: kafka("orders")
  record {
    id: int64
    customer: int64
    code: int64
    small: uint8
    paid: bool?
    word: text
  }
  key: customer
}

"#;

/// A flow that makes a field of a match; the cursor is in it.
fn flow(before: &str, arms: &str) -> String {
    format!(
        "{HEAD}flow f from orders {{\n  {before}calculate {{ x = {arms} }}\n  expand kafka(\"x\") {{ id, x }}\n}}\n"
    )
}

#[test]
fn each_value_of_what_is_finite_gets_an_arm() {
    let own = "calculate { own = if id > 3 then state(code) else \"none\" }\n  ";
    for (before, arms, all) in [
        ("", "match code > 1 { ‸}", "match code > 1 { true => null, false => null }"),
        ("", "match code > 1 { false => 1‸ }", "match code > 1 { false => 1, true => 0 }"),
        // What may be null is one of three.
        ("", "match paid { ‸true => 1 }", "match paid { true => 1, false => 0, null => 0 }"),
        ("", "match paid { true => 1, null => 2‸, }", "match paid { true => 1, null => 2, false => 0 }"),
        // With a condition an arm matches not all.
        ("", "match code > 1 { true if id > 3 => 1, false => 2‸ }", "{ true if id > 3 => 1, false => 2, true => 0 }"),
        // Few numbers are named, many are all others.
        ("", "match small { 0..0x7f => ‸1, 129..253 => 2 }", "129..253 => 2, 128 => 0, 254 => 0, 255 => 0 }"),
        ("", "match small { 0..9 => 1‸ }", "match small { 0..9 => 1, else => 0 }"),
        ("", "match word { \"a\" => 1‸ }", "match word { \"a\" => 1, else => 0 }"),
        // What mappings give is known, by whichever name.
        (
            "",
            "match state(code) { \"paid\" => ‸1 }",
            "{ \"paid\" => 1, \"new\" => 0, \"gone\" => 0, \"odd\" => 0, else => 0 }",
        ),
        (
            own,
            "match own { \"new\" | \"gone\" => 1‸ }",
            "=> 1, \"paid\" => 0, \"odd\" => 0, \"none\" => 0, else => 0 }",
        ),
        ("", "match sex(code > 3) { \"f\" => 1‸ }", "{ \"f\" => 1, \"m\" => 0, else => 0 }"),
        (
            "load buyer else drop\n  ",
            "match buyer.status { \"new\" => 1‸ }",
            "{ \"new\" => 1, \"paid\" => 0, \"gone\" => 0, \"odd\" => 0, else => 0 }",
        ),
    ] {
        let program = flow(before, arms);
        let (edited, told) = take(&program, "quickfix", "add the arms that are missing");
        assert!(edited.contains(all), "no {all:?} in\n{edited}");
        let (plain, _) = selection(&program);
        let before = found(&plain);
        let is_about_arms = |own: &&String| own.contains("match") || own.contains("arm") || !before.contains(own);
        // Of arms that all are null nobody knows what they are.
        let told: Vec<&String> = told.iter().filter(is_about_arms).filter(|_| !all.contains("true => null")).collect();
        assert_eq!(told, Vec::<&String>::new(), "{edited}");
    }
}

#[test]
fn what_has_all_its_arms_gets_none() {
    for arms in [
        "match code > 1 { true => 1, false => 2‸ }",
        "match paid { true => 1, false => 2, null => 3‸ }",
        "match small { 0..100 => 1, 101..255 => 2‸ }",
        "match word { \"a\" => 1, else => 2‸ }",
    ] {
        let offered = titles(&flow("", arms), "quickfix");
        assert!(!offered.iter().any(|own| own == "add the arms that are missing"), "{arms}: {offered:?}");
    }
}

#[test]
fn a_mapping_of_truth_values_gets_both() {
    for (arms, all) in [
        ("{ true => \"f\"‸ }", "{ true => \"f\"  false => \"\" }"),
        ("{‸\n  false => \"m\"\n}", "{\n  false => \"m\"\n  true => \"\"\n}"),
    ] {
        let program = flow("", "sex(code > 3)").replace("{ true => \"f\"  false => \"m\" }", arms);
        let (edited, told) = take(&program, "quickfix", "add the arms that are missing");
        assert!(edited.contains(all), "no {all:?} in\n{edited}");
        assert!(told.iter().all(|own| !own.contains("`sex`")), "{told:?}");
    }
    let complete = flow("", "sex(code > 3)").replace("\"m\" }", "\"m\"‸ }");
    assert!(titles(&complete, "quickfix").iter().all(|own| own != "add the arms that are missing"));
}
