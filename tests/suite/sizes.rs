//! How a run is cut up does not matter: blocks, rounds, commits, workers and lanes of any number, run in any order, give
//! the same stored rows and the same published and rejected records; a flow without state keeps the order of its input;
//! an ingest's messages in any order give the same fields.
//!
//! `PROPTEST_CASES` is how many ways are tried; few unless it is set, since each is a whole run.

use std::sync::{Arc, LazyLock};

use nsf_plan::Plan;
use nsf_tests::{generate, lines, read, root};
use proptest::prelude::*;

use crate::cutting::{Cut, WHOLE, plan, run};

/// What is compared of `touching`.
const RESULTS: [&str; 6] = ["customer_card", "account", "habit", "moved_up", "good_customers", "rejected"];

const NUMBERS: &str = "\
source numbers {
  from: kafka(\"numbers\")
  record { n: int64  name: text }
}

flow pass from numbers {
  verify {
    drop   when n % 7 == 0  \"a seventh\"
    reject when n % 11 == 0 \"an eleventh\"
  }
  expand kafka(\"out\") { n, name }
}
";

/// Who bought an item last, and what each of its buyers had spent until then: seen behind a cut, where the order of all
/// records matters and not only that of one buyer's.
const ITEMS: &str = "\
source bought {
  from: kafka(\"bought\")
  record { buyer: int64  item: text  price: int64 }
  key:  buyer
}

state spent by (buyer) { keep: forever  value { total: int64 = 0 } }
state last by (item) { keep: forever  value { buyer: int64 = 0  times: int64 = 0 } }

flow follow from bought {
  save        spent { total += price }
  load        spent
  calculate   { so_far = spent.total }
  verify      { reject when price == 13 \"thirteen\" }
  repartition by item
  load        last
  calculate   { before = last.buyer }
  save        last { buyer = buyer  times += 1 }
  expand      kafka(\"followed\", key: item) { item, buyer, before, so_far, times: last.times }
}
";

/// Students as an ingest brings them.
const STUDENTS: &str = "\
tenant school { app_id: \"0102\"  app_key: secret(\"KEY\") }
primary stu_id: int64 #1
dimension stu (stu_id) #1001
fields stu { name: text? #100001  phone: text? #100002  seen: int64? #100003 }

ingest feed {
  arris_id: \"ARRIS-f0102-0000000000gca\"
  tenant:   school
  from:     kafka(\"feed\")
  accept:   stu
}
";

fn cuts() -> impl Strategy<Value = Cut> {
    let block = prop_oneof![1..200_usize, 200..10_000_usize, 10_000..1_000_000_usize];
    let commit_bytes = prop_oneof![3000..20_000_u64, 20_000..1_000_000_u64];
    let state_bytes = prop_oneof![Just(1 << 28), 5_000..200_000_usize];
    let interleaving = proptest::option::of(any::<u64>());
    (block, 1..20_usize, 1..6_usize, 1..=16_u16, commit_bytes, state_bytes, interleaving).prop_map(
        |(block, blocks, workers, lanes, commit_bytes, state_bytes, interleaving)| Cut {
            block,
            blocks,
            workers,
            lanes,
            commit_bytes,
            state_bytes,
            interleaving,
        },
    )
}

/// A program, its records and what they come to.
struct Expected {
    plan: Arc<Plan>,
    data: tempfile::TempDir,
    results: Vec<String>,
}

const VISITS: [(&str, &str); 2] = [("visits", "visits.ndjson"), ("shop_info", "shops.ndjson")];

static TOUCHING: LazyLock<Expected> = LazyLock::new(|| {
    let plan = plan(read(&root().join("tests/kill/touching/touching.nsf")));
    let data = tempfile::tempdir().unwrap();
    generate::generate("touching", 1_500, data.path()).unwrap();
    let results = run(&plan, WHOLE, data.path(), &VISITS, &RESULTS);
    for (name, text) in RESULTS.iter().zip(&results) {
        assert!(!text.is_empty(), "nothing came to {name}");
    }
    Expected { plan, data, results }
});

static STATELESS: LazyLock<Expected> = LazyLock::new(|| {
    let data = tempfile::tempdir().unwrap();
    let name = |n: u64| "x".repeat((n * n % 90) as usize);
    let records: String = (1..4000).map(|n| format!("{{\"n\":{n},\"name\":\"{}\"}}\n", name(n))).collect();
    std::fs::write(data.path().join("numbers.ndjson"), records).unwrap();
    let kept = (1..4000).filter(|n| n % 7 != 0 && n % 11 != 0);
    let out: String = kept.map(|n| format!("{{\"n\":{n},\"name\":\"{}\"}}\n", name(n))).collect();
    Expected { plan: plan(NUMBERS.to_owned()), data, results: vec![out] }
});

static FOLLOWED: LazyLock<Expected> = LazyLock::new(|| {
    let data = tempfile::tempdir().unwrap();
    let record = |n: u64| {
        let (buyer, item, price) = (n * 7919 % 23, n * n % 11, n * 31 % 97);
        format!("{{\"buyer\":{buyer},\"item\":\"i{item}\",\"price\":{price}}}\n")
    };
    std::fs::write(data.path().join("bought.ndjson"), (1..900).map(record).collect::<String>()).unwrap();
    let plan = plan(ITEMS.to_owned());
    let results = run(&plan, WHOLE, data.path(), &BOUGHT, &FOLLOWED_RESULTS);
    assert!(results.iter().all(|text| text.lines().count() > 4), "the program of this test gives too little");
    Expected { plan, data, results }
});

const BOUGHT: [(&str, &str); 1] = [("bought", "bought.ndjson")];
const FOLLOWED_RESULTS: [&str; 4] = ["followed", "spent", "last", "rejected"];

/// Compares what each output holds, as a multiset of lines.
fn same(cut: Cut, names: &[&str], expected: &[String], actual: &[String]) -> Result<(), TestCaseError> {
    for ((name, expected), actual) in names.iter().zip(expected).zip(actual) {
        let difference = lines::difference(expected, actual);
        prop_assert!(difference.is_none(), "{cut:?}: {name}: {}", difference.unwrap_or_default());
    }
    Ok(())
}

/// The environment's number of cases holds before this one.
fn cases() -> ProptestConfig {
    ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn blocks_rounds_commits_workers_and_lanes_do_not_change_what_comes_out(cut in cuts()) {
        // A block holds a record at least; tiny ones would be a round for each, which is another test's.
        let cut = Cut { block: cut.block.max(60), ..cut };
        let results = run(&TOUCHING.plan, cut, TOUCHING.data.path(), &VISITS, &RESULTS);
        same(cut, &RESULTS, &TOUCHING.results, &results)?;
    }

    #[test]
    fn behind_a_repartition_nothing_is_seen_of_blocks_lanes_and_their_order(cut in cuts()) {
        let cut = Cut { block: cut.block.max(60), ..cut };
        let results = run(&FOLLOWED.plan, cut, FOLLOWED.data.path(), &BOUGHT, &FOLLOWED_RESULTS);
        same(cut, &FOLLOWED_RESULTS, &FOLLOWED.results, &results)?;
    }

    #[test]
    fn an_ingests_messages_in_any_order_give_the_same_fields(order in Just((1..60_u64).collect::<Vec<_>>()).prop_shuffle(), cut in cuts()) {
        let data = tempfile::tempdir().unwrap();
        let plan = plan(STUDENTS.to_owned());
        let mut fields = Vec::new();
        for order in [&(1..60_u64).collect::<Vec<_>>(), &order] {
            std::fs::write(data.path().join("feed.ndjson"), order.iter().map(|n| message(*n)).collect::<String>()).unwrap();
            let cut = Cut { block: cut.block.max(300), ..cut };
            fields.push(run(&plan, cut, data.path(), &[("feed", "feed.ndjson")], &["stu"]));
        }
        prop_assert!(fields[0][0].lines().count() > 2, "nothing is stored");
        prop_assert_eq!(&fields[0], &fields[1]);
    }

    #[test]
    fn a_flow_without_state_keeps_the_order_of_its_input(cut in cuts()) {
        let inputs = [("numbers", "numbers.ndjson")];
        let results = run(&STATELESS.plan, cut, STATELESS.data.path(), &inputs, &["out"]);
        prop_assert!(results == STATELESS.results, "{cut:?}: the output is not in order");
    }
}

/// The `n`th message about one of a few students; its time is its number.
fn message(n: u64) -> String {
    let (student, time) = (n % 5, 1_684_540_800_000 + n);
    let (cmd, names) = match n * 7 % 13 {
        0 => ("delete", ""),
        1 | 2 => ("reset", "\"phone\""),
        3..=6 => ("update", "\"phone\",\"seen\""),
        _ => ("update", "\"name\""),
    };
    let seen = if n.is_multiple_of(3) { "null".to_owned() } else { n.to_string() };
    format!(
        "{{\"version\":\"v1.0\",\"arris_id\":\"ARRIS-f0102-0000000000gca\",\"app_id\":\"0102\",\"app_key\":\"\",\
         \"arris_message\":{{\"time\":{time},\"cmd\":\"{cmd}\",\"change_fields\":[{names}],\
         \"fields\":{{\"stu_id\":{student},\"name\":\"n{n}\",\"phone\":\"p{n}\",\"seen\":{seen}}}}}}}\n"
    )
}

/// Records in a batch and lanes, from the smallest to the largest.
const SIZES: [(usize, u16); 9] =
    [(1, 1), (1, 16), (2, 2), (7, 3), (10, 5), (100, 8), (1000, 13), (10_000, 16), (10_000, 1)];

/// A line of every record of the test below: they are as long as one another, so that bytes count records.
const LINE: usize = 120;

#[test]
fn batches_of_1_to_10_000_records_and_1_to_16_lanes_give_the_same() {
    let data = tempfile::tempdir().unwrap();
    generate::generate("touching", 11_000, data.path()).unwrap();
    let padded = |line: &str| {
        assert!(line.len() < LINE, "a generated line is longer than this test takes");
        format!("{line:<width$}\n", width = LINE - 1)
    };
    let visits: String = read(&data.path().join("visits.ndjson")).lines().map(padded).collect();
    std::fs::write(data.path().join("visits.ndjson"), visits).unwrap();
    let expected = run(&TOUCHING.plan, WHOLE, data.path(), &VISITS, &RESULTS);
    for (records, lanes) in SIZES {
        // A round of one batch, so that it is what a lane gets at once.
        let cut = Cut { block: records * LINE, blocks: 1, workers: 2, lanes, interleaving: Some(7), ..WHOLE };
        let results = run(&TOUCHING.plan, cut, data.path(), &VISITS, &RESULTS);
        same(cut, &RESULTS, &expected, &results).unwrap();
    }
}
