//! `expect same under …` finds what is wrong: each program under `tests/laws` says in its first line under which laws, and
//! has a test for each law.

use nsf_engine::run::FAILPOINTS;
use nsf_tests::{read, root, tool, tree};

use crate::cutting;

const LAWS: [&str; 5] = ["duplicate", "resend", "restart", "shuffle", "parallel"];

/// The laws that a program breaks, by its first line.
fn wrong_under(text: &str) -> Vec<&str> {
    let line = text.lines().next().unwrap_or_default();
    let laws = line.strip_prefix("//! Wrong under: ").expect("the first line says what the program is wrong under");
    laws.split(", ").collect()
}

#[test]
fn every_program_is_wrong_under_its_laws_and_no_other() {
    let mut complaints = Vec::new();
    let mut found_alone = Vec::new();
    for file in tree::files(&root().join("tests/laws"), "nsf") {
        let (text, name) = (read(&file), file.display().to_string());
        let wrong = wrong_under(&text);
        for law in LAWS {
            let called = tool::call(root(), &["test", &name, law]);
            let blamed = called.output.contains(&format!(", under {law}"));
            let fails = called.code == Some(1) && blamed;
            let passes = called.code == Some(0) && called.output.contains("1 test passed");
            if if wrong.contains(&law) { !fails } else { !passes } {
                complaints.push(format!("{name}, {law}: {}", called.all()));
            }
        }
        if let [law] = wrong.as_slice() {
            found_alone.push((*law).to_owned());
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let missing: Vec<&&str> = LAWS.iter().filter(|law| !found_alone.iter().any(|found| found == *law)).collect();
    assert!(missing.is_empty(), "no program is wrong under {missing:?} alone");
}

#[test]
fn restart_stops_at_every_failpoint_between_and_inside_commits() {
    let (plan, tests) = cutting::plan_and_tests(read(&root().join("tests/laws/resend.nsf")));
    let case = tests.iter().find(|test| test.title == "restart").unwrap();
    let mut stops = Vec::new();
    let failures = nsf_engine::testing::run_told(&plan, case, &mut |way| stops.push(way.to_owned())).unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    for failpoint in FAILPOINTS {
        let name = format!("restart at {failpoint}, ");
        let times = stops.iter().filter(|stop| stop.starts_with(&name)).count();
        // Both records of the test are a commit of their own.
        assert!(times >= 2, "stopped {times} times at {failpoint}: {stops:?}");
    }
}
