//! The graph of small programs: guarantees, how it is shown, numbers and the lock file, and the plan lowered from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nsf_analysis::graph::print::{self, Scope, Steps, View};
use nsf_analysis::lock::{Lock, missing_numbers};
use nsf_analysis::lower::{contradictions, lower};
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check};
use nsf_diagnostics::apply_edits;
use nsf_plan::Guarantee;

fn analyse(text: &str, lock: Option<&str>) -> Analysis {
    let analysis = with_mistakes(text, lock);
    let found: Vec<&str> = analysis.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert!(found.is_empty(), "{found:#?}");
    analysis
}

fn with_mistakes(text: &str, lock: Option<&str>) -> Analysis {
    let file = InputFile { path: "shop.nsf".to_owned(), text: text.to_owned() };
    let input = ProjectInput { name: "shop".to_owned(), files: vec![file], lock: lock.map(str::to_owned) };
    check(&input)
}

const ORDER: &str = "\
source order {
  from: FROM
  record { id: int64  total: int64 }
  key:  id
}

table shop {
  from: file(\"shops.csv\")
  record { id: int64  city: text }
  key:  id
}

state sums by (id) {
  keep: 30d
  value { total: int64 = 0 }
}

flow use_all from order {
  load shop
  load sums
  save sums { total += total }
  expand kafka(\"all\", key: id) { id, city: shop?.city, sum: sums.total }
}
";

/// The guarantee of the messages to `out` that a flow with these steps sends.
fn guarantee(from: &str, steps: &str, sink: &str) -> Guarantee {
    let text = format!(
        "{}\nflow tell from order {{\n{steps}\n  expand {sink} {{ id, value: total }}\n}}\n",
        ORDER.replace("FROM", from)
    );
    let analysis = analyse(&text, None);
    let view = View::of(&analysis, &Scope::around("tell")).unwrap();
    let publishes = view.edges.iter().filter(|edge| print::edge_word(edge.kind) == "publishes");
    let levels: Vec<Guarantee> = publishes.filter_map(|edge| edge.guarantee).collect();
    assert_eq!(levels.len(), 1, "{levels:?}");
    levels[0]
}

#[test]
fn an_output_is_as_sure_as_its_channel_its_input_and_its_value() {
    use Guarantee::{AtLeastOnce, EffectivelyOnce, ExactlyOnce, MayDiffer};
    let kafka = "kafka(\"in\")";
    let out = "kafka(\"out\", key: id)";
    let cases = [
        (kafka, "", out, ExactlyOnce),
        (kafka, "", "file(\"out.ndjson\")", ExactlyOnce),
        (kafka, "", "stdout", AtLeastOnce),
        ("file(\"in.ndjson\")", "", out, EffectivelyOnce),
        ("stdin", "", out, AtLeastOnce),
        (kafka, "", "kafka(\"out\", cluster: \"other\", key: id)", AtLeastOnce),
        (kafka, "  save sums { total += 1 }", out, EffectivelyOnce),
        (kafka, "  calculate { total = int64(round(random() * 10.0)) }", out, AtLeastOnce),
        (kafka, "  stop when clock() > @2030-01-01T00:00Z", out, AtLeastOnce),
        // What is committed with the input's position is never sent again, so it cannot differ.
        (kafka, "  load shop else reject \"no shop\"", out, ExactlyOnce),
        (kafka, "  load shop else reject \"no shop\"\n  save sums { total += 1 }", out, MayDiffer),
        (
            kafka,
            "  load shop\n  when shop?.city == \"Rome\" {\n    save sums { total += 1 }\n  }",
            out,
            EffectivelyOnce,
        ),
        (kafka, "  load shop\n  stop when shop?.city == \"Rome\"\n  save sums { total += 1 }", out, MayDiffer),
        (kafka, "  calculate { total = total + int64(now()) }", out, ExactlyOnce),
    ];
    for (from, steps, sink, expected) in cases {
        assert_eq!(guarantee(from, steps, sink), expected, "from {from}: {steps}: expand {sink}");
    }
}

#[test]
fn a_value_of_a_table_spoils_what_is_computed_from_the_state_that_keeps_it() {
    let text = "\
source order {
  from: kafka(\"orders\")
  record { id: int64 }
  key:  id
}

table shop {
  from: file(\"shops.csv\")
  record { id: int64  city: text }
  key:  id
}

state cities by (id) {
  keep: 30d
  value { city: text? }
}

flow keep from order {
  load shop else drop \"no shop\"
  save cities { city = shop.city }
}

flow tell from order {
  load cities
  save cities { city = cities.city }
  expand kafka(\"told\", key: id) { id, city: cities.city }
}
";
    let analysis = analyse(text, None);
    let view = View::of(&analysis, &Scope::around("tell")).unwrap();
    let levels: Vec<Guarantee> = view.edges.iter().filter_map(|edge| edge.guarantee).collect();
    assert_eq!(levels, [Guarantee::MayDiffer]);
}

const SHOWN: &str = "\
source order {
  from: kafka(\"orders\")
  record { id: int64  total: int64  note: text? }
  key:  id
}

state sums by (id) {
  keep: 30d
  value { total: int64 = 0 }
}

flow sum_orders from order {
  verify {
    require total > 0 else reject \"no total\"
    drop when note == \"test\"
  }
  save sums { total += total }
  load sums
  calculate { sum = sums.total }
  when sum > 100 {
    expand kafka(\"large\", key: id) { id, sum }
  }
}
";

#[test]
fn the_text_shows_steps_in_order_with_keys_types_and_guarantees() {
    let analysis = analyse(SHOWN, None);
    let view = View::of(&analysis, &Scope::default()).unwrap();
    assert_eq!(
        print::text(&view),
        "\
flow shop.sum_orders  shop.nsf:12
    from source shop.order by (id)
      { id: int64, total: int64, note: text? }
  verify require total > 0 else reject \"no total\"  shop.nsf:14
    after shop.sum_orders by (id)
      { id: int64, total: int64, note: text? }
  verify drop when note == \"test\"  shop.nsf:15
  save sums  shop.nsf:17
    saves state shop.sums by (id)
      { total: int64 }
  load sums  shop.nsf:18
    loads state shop.sums by (id)
      { total: int64 }
  calculate sum = sums.total  shop.nsf:19
  when sum > 100  shop.nsf:20
    publishes topic kafka(\"large\") by (id), effectively once
      { id: int64, sum: int64 }

topic kafka(\"orders\")  shop.nsf:2
    read by source shop.order by (id)
      { id: int64, total: int64, note: text? }

topic kafka(\"large\")  shop.nsf:21

source shop.order  shop.nsf:1

state shop.sums  shop.nsf:7
"
    );
}

#[test]
fn a_record_on_the_way_has_the_fields_that_later_steps_read() {
    let analysis = analyse(SHOWN, None);
    let view = View::of(&analysis, &Scope::default()).unwrap();
    let into = |label: &str| {
        let node = view.nodes.iter().position(|node| node.label.starts_with(label)).unwrap();
        let edge = view.edges.iter().find(|edge| edge.to == node && print::edge_word(edge.kind) == "then").unwrap();
        edge.shape()
    };
    assert_eq!(into("verify drop"), "{ id: int64, total: int64, note: text? }");
    assert_eq!(into("save"), "{ id: int64, total: int64 }");
    assert_eq!(into("load"), "{ id: int64 }");
    assert_eq!(into("when"), "{ id: int64, sum: int64 }");
}

#[test]
fn dot_mermaid_and_json_show_the_same_edges() {
    let analysis = analyse(SHOWN, None);
    let view = View::of(&analysis, &Scope::default()).unwrap();
    let (dot, mermaid, json) = (print::dot(&view), print::mermaid(&view), print::json(&view));
    assert_eq!(dot.matches(" -> ").count(), view.edges.len());
    assert_eq!(mermaid.matches(" -->|").count(), view.edges.len());
    assert_eq!(json.matches("\"kind\": \"publishes\"").count(), 1);
    assert!(dot.contains("label=\"verify require total > 0 else reject \\\"no total\\\"\""), "{dot}");
    assert!(dot.contains("subgraph cluster_1 {\n    label=\"shop.sum_orders\";"), "{dot}");
    assert!(mermaid.contains("{{\"verify drop when note == #34;test#34;\"}}"), "{mermaid}");
    assert!(mermaid.contains("publishes by (id): { id: int64, sum: int64 }, effectively once"), "{mermaid}");
    assert!(json.contains("\"guarantee\": \"effectively_once\""), "{json}");
}

#[test]
fn one_flow_is_shown_with_what_it_touches_and_a_wrong_name_is_told() {
    let text = format!(
        "{SHOWN}\nsource other {{\n  from: kafka(\"others\")\n  record {{ id: int64 }}\n}}\n\nflow tell from other {{\n  expand kafka(\"told\", key: id) {{ id }}\n}}\n"
    );
    let analysis = analyse(&text, None);
    let labels = |flow: Option<&str>| -> Vec<String> {
        let scope = flow.map(Scope::around).unwrap_or_default();
        View::of(&analysis, &scope).unwrap().nodes.into_iter().map(|node| node.label).collect()
    };
    assert_eq!(
        labels(Some("tell")),
        ["shop.tell", "expand kafka(\"told\", key: id)", "kafka(\"others\")", "kafka(\"told\")", "shop.other"]
    );
    assert_eq!(labels(Some("shop.tell")), labels(Some("tell")));
    let wrong = View::of(&analysis, &Scope::around("tel")).unwrap_err();
    assert_eq!((wrong.near.as_deref(), wrong.flows.len()), (Some("tell"), 2));
}

const CHAIN: &str = "\
source first {
  from: kafka(\"a\")
  record { id: int64  city: text }
  key:  id
}

// nsfc: allow unread-member
flow one from first {
  calculate { long = len(city) > 9 }
  repartition by city
  expand kafka(\"b\", key: id) { id, long }
}

source second {
  from: kafka(\"b\")
  record { id: int64 }
  key:  id
}

flow two from second {
  expand kafka(\"c\", key: id) { id }
}
";

#[test]
fn so_many_steps_up_and_down_count_parts_in_the_direction_of_the_data() {
    let analysis = analyse(CHAIN, None);
    let parts = |of: &str, up: Option<Steps>, down: Option<Steps>| -> Vec<String> {
        let view = View::of(&analysis, &Scope { of: Some(of.to_owned()), up, down }).unwrap();
        for cluster in &view.clusters {
            assert!(
                cluster.nodes.iter().all(|node| view.nodes[*node].flow.as_ref() == Some(&cluster.flow)),
                "{view:#?}"
            );
        }
        let shown = view.nodes.iter().filter(|node| !node.is_step());
        let mut names: Vec<String> = shown.map(|node| node.name.clone()).collect();
        names.sort();
        names
    };
    let number = |number| Some(Steps::Number(number));
    assert_eq!(parts("b", number(0), None), ["b"]);
    assert_eq!(parts("b", None, number(2)), ["b", "second", "two"]);
    // A flow is shown whole, before and behind its repartition, and so is what comes back to it.
    assert_eq!(parts("b", number(1), None), ["b", "one", "one#2"]);
    assert_eq!(
        parts("one", number(1), number(1)),
        ["b", "first", "one", "one#2", "repartitioned", "shop.one.repartitioned.repartition"]
    );
    assert_eq!(parts("c", Some(Steps::All), None).len(), 10);
    assert_eq!(parts("a", None, Some(Steps::All)), parts("c", Some(Steps::All), None));
    // A name that a source and its topic have means both.
    assert_eq!(parts("second", None, None), ["b", "second", "two"]);
    assert_eq!(parts("kafka(\"b\")", number(0), None), ["b"]);
}

#[test]
fn what_was_found_stands_at_the_narrowest_node_in_every_drawing() {
    let text = "\
source order {
  from: kafka(\"orders\")
  record { id: int64  total: int64 }
  key:  id
}

flow tell from order {
  calculate { twice = totl * 2 }
  expand kafka(\"told\", key: id) { id }
}

flow other from order {
  expand kafka(\"told\", key: id) { id }
  expand kafka(\"more\", key: id) { id: nothing }
}
";
    let file = InputFile { path: "shop.nsf".to_owned(), text: text.to_owned() };
    let analysis = check(&ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None });
    let view = View::of(&analysis, &Scope::default()).unwrap();
    assert!(!view.complete);
    let found = view.nodes.iter().flat_map(|node| node.found.iter().map(|found| (node.label.as_str(), found.code)));
    let found: Vec<(&str, &str)> = found.collect();
    assert!(found.contains(&("shop.tell", "E0204")), "{found:?}");
    assert_eq!(found.len() + view.elsewhere.len(), analysis.diagnostics.len());
    assert!(print::text(&view).contains("flow shop.tell  shop.nsf:7\n    error E0204: "), "{}", print::text(&view));
    assert!(print::dot(&view).contains("penwidth=3, tooltip=\"error E0204: "), "{}", print::dot(&view));
    assert!(print::mermaid(&view).contains("\n  class n0"), "{}", print::mermaid(&view));
    let json: serde_json::Value = serde_json::from_str(&print::json(&view)).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["nodes"][0]["diagnostics"][0]["line"], 8);
}

const CARD: &str = "\
primary student: int64 #1

dimension card (student) #1001

fields card {
  room:  int64 #100001
  desk:  text?
  chair: text? \"where\"
}
";

#[test]
fn numbers_left_out_are_the_next_free_ones_and_are_written_behind_the_type() {
    let analysis = analyse(CARD, None);
    let edits = missing_numbers(&analysis.dag);
    let numbered = apply_edits(CARD, &edits);
    assert!(numbered.contains("desk:  text? #100002\n  chair: text? #100003 \"where\"\n"), "{numbered}");
    let again = analyse(&numbered, None);
    assert!(missing_numbers(&again.dag).is_empty());
    let ids = |analysis: &Analysis| -> Vec<u64> {
        let plan = lower(&analysis.dag, &analysis.sources);
        plan.dimensions[0].fields.iter().map(|field| field.id).collect()
    };
    assert_eq!(ids(&analysis), ids(&again));
    assert_eq!(ids(&analysis), [2_121_001_100_001, 2_311_001_100_002, 2_311_001_100_003]);
}

#[test]
fn a_number_of_the_lock_file_is_kept_and_that_of_a_field_that_is_gone_is_not_given_again() {
    let lock = "\
version: 1
dimensions:
  \"shop.card\":
    code: 1001
    fields:
      100001: \"room: int64\"
      100004: \"chair: text?\"
      100005: \"lamp: text? retired\"
";
    let analysis = analyse(CARD, Some(lock));
    let numbered = apply_edits(CARD, &missing_numbers(&analysis.dag));
    assert!(numbered.contains("desk:  text? #100006\n  chair: text? #100004 \"where\"\n"), "{numbered}");
    let before = Lock::read(lock, None).unwrap();
    let after = Lock::of(&analysis.dag, Some(&before)).text();
    assert!(after.contains("      100005: \"lamp: text? retired\"\n      100006: \"desk: text?\"\n"), "{after}");
    assert_eq!(Lock::of(&analysis.dag, Some(&Lock::read(&after, None).unwrap())).text(), after);
}

#[test]
fn a_state_that_was_renamed_in_the_lock_file_keeps_its_identity() {
    let lock = "\
version: 1
states:
  \"shop.sums\":
    id: \"shop.totals\"
    keys: \"{ id: int64 }\"
    value: \"{ total: int64 }\"
";
    let analysis = analyse(SHOWN, Some(lock));
    let plan = lower(&analysis.dag, &analysis.sources);
    assert_eq!((plan.states[0].id.as_str(), plan.states[0].name.as_str()), ("shop.totals", "shop.sums"));
    assert!(Lock::of(&analysis.dag, None).text().contains("id: \"shop.totals\""));
}

#[test]
fn a_field_of_a_state_that_was_renamed_is_offered_for_the_lock_file_and_keeps_its_stored_name() {
    let lock = "\
version: 1
states:
  \"shop.sums\":
    id: \"shop.sums\"
    keys: \"{ id: int64 }\"
    value: \"{ sum: int32 }\"
";
    let renamed = |lock: &str| {
        let analysis = with_mistakes(SHOWN, Some(lock));
        let found: Vec<_> = analysis.diagnostics.iter().filter(|found| found.code.id == "E0414").collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("had a field `sum`"), "{}", found[0].message);
        let edits = &found[0].suggestions[0].edits;
        assert_eq!(found[0].suggestions[0].message, "say in nsf.lock that `total` is `sum` under a new name");
        apply_edits(lock, edits)
    };
    let once = renamed(lock);
    assert!(once.contains("value: \"{ total: int32 }\"\n    stored_as:\n      \"total\": \"sum\"\n"), "{once}");
    let analysis = analyse(SHOWN, Some(&once));
    let plan = lower(&analysis.dag, &analysis.sources);
    assert_eq!((plan.states[0].fields[0].name.as_str(), plan.states[0].fields[0].stored_name()), ("total", "sum"));
    // The wider type is noted, and the stored name stays.
    let noted = Lock::of(&analysis.dag, None).text();
    assert!(noted.contains("value: \"{ total: int64 }\"\n    stored_as:\n      \"total\": \"sum\"\n"), "{noted}");
    // A second time: what is stored still has its first name.
    let before = once.replace("total: int32", "sums: int32").replace("\"total\": \"sum\"", "\"sums\": \"first\"");
    let analysis = with_mistakes(SHOWN, Some(&before));
    let found = analysis.diagnostics.iter().find(|found| found.code.id == "E0414").unwrap();
    assert!(apply_edits(&before, &found.suggestions[0].edits).contains("\"total\": \"first\""));
}

#[test]
fn the_plan_is_whole_and_a_contradiction_in_it_is_told() {
    let analysis = analyse(SHOWN, None);
    let mut plan = lower(&analysis.dag, &analysis.sources);
    assert!(contradictions(&plan, &analysis.dag, &analysis.sources).is_empty());
    assert_eq!(plan.files[0].sha256.len(), 64);
    plan.sources[0].key = vec![7];
    let found = contradictions(&plan, &analysis.dag, &analysis.sources);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.id, "E0416");
    let (path, place) = analysis.sources.place(found[0].location()).unwrap();
    assert_eq!((path, place.line), ("shop.nsf", 1));
}
