//! `examples/deploy` is kept honest: its profiles, command lines, manifests and settings are those of this daemon and its servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod kubernetes;
mod servers;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use nsf_tests::{read, root, tool};
use serde_yaml::Value;

fn deploy() -> PathBuf {
    root().join("examples/deploy")
}

fn text(name: &str) -> String {
    read(&deploy().join(name))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Written past the capture of test output: what was not shown must be seen.
fn not_shown(what: &str) {
    let _ = std::io::stderr().write_all(format!("NOT SHOWN: {what}\n").as_bytes());
}

/// Words of a list of texts.
fn words(value: &Value) -> Vec<String> {
    let list = value.as_sequence().unwrap_or_else(|| panic!("{value:?} is no list"));
    list.iter().map(|word| word.as_str().unwrap_or_else(|| panic!("{word:?} is no text")).to_owned()).collect()
}

/// The variables that a profile takes from the environment.
fn variables(profile: &str) -> BTreeSet<String> {
    let shown = serde_yaml::to_string(&yaml("nsf.yaml")["profiles"][profile]).unwrap();
    shown.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
}

/// The names of `NAME=VALUE` lines.
fn names(lines: &str) -> BTreeSet<String> {
    let lines = lines.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once('=').unwrap().0.to_owned()).collect()
}

#[track_caller]
fn understood(line: &[String]) {
    let line = std::iter::once("nsflow").chain(line.iter().map(String::as_str));
    nsflow::command().try_get_matches_from(line).unwrap_or_else(|error| panic!("{error}"));
}

/// The lines of a unit under a name.
fn unit(name: &str) -> Vec<String> {
    let text = text("nsflow@.service");
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

fn split(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_command_line_is_one_of_the_program() {
    let compose = yaml("compose.yaml");
    understood(&words(&compose["services"]["worker"]["command"]));
    let container = kubernetes::container();
    understood(&words(&container["args"]));
    let [start] = &*unit("ExecStart") else { panic!("the unit starts not one program") };
    understood(&split(start)[1..]);
    let dockerfile = text("Dockerfile");
    let command = dockerfile.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    understood(&words(&serde_yaml::from_str(command).unwrap()));
    // The paths of the endpoint are asked for where it listens.
    let listen = yaml("nsf.yaml")["profiles"]["prod"]["admin"]["listen"].as_str().unwrap().to_owned();
    for (probe, path) in [("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")] {
        let asked = words(&container[probe]["exec"]["command"]);
        assert_eq!(asked.last().unwrap(), &format!("http://{listen}{path}"));
    }
    let asked = words(&compose["services"]["worker"]["healthcheck"]["test"]);
    assert_eq!(asked.last().unwrap(), &format!("http://{listen}/health/live"));
}

#[test]
fn every_variable_of_a_profile_is_given_where_it_is_run() {
    let given = names(&text("environment.example"));
    let own: BTreeSet<String> = ["INSTANCE".to_owned()].into();
    let wanted = variables("prod");
    assert!(wanted.len() > 5, "{wanted:?}");
    assert_eq!(wanted, given.union(&own).cloned().collect());
    assert!(unit("Environment").iter().any(|line| line.starts_with("INSTANCE=")));
    assert_eq!(kubernetes::container()["env"][0]["name"].as_str(), Some("INSTANCE"));
    let compose = yaml("compose.yaml");
    let compose = compose["services"]["worker"]["environment"].as_mapping().unwrap();
    let given: BTreeSet<String> = compose.keys().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(variables("compose"), given);
    // No password stands in the repository.
    for line in text("environment.example").lines().filter(|line| line.contains("PASSWORD")) {
        assert!(line.ends_with('='), "{line}");
    }
}

#[test]
fn the_program_is_compiled_and_each_profile_is_read() {
    let folder = tempfile::tempdir().unwrap();
    nsf_tests::tree::copy(&deploy(), folder.path()).unwrap();
    let _ = tool::call(folder.path(), &["check", "."]).succeeded();
    let _ = tool::call(folder.path(), &["compile", ".", "-o", "plan.yaml"]).succeeded();
    assert!(fs::metadata(folder.path().join("plan.yaml")).unwrap().len() < 1_000_000, "it has no room in a ConfigMap");
    for profile in ["prod", "compose"] {
        let mut check = Command::new(env!("CARGO_BIN_EXE_nsflow"));
        check.current_dir(folder.path()).args(["check", "plan.yaml", "--profile", profile]);
        for name in variables(profile) {
            // Addresses at which nobody listens.
            let value = if name.ends_with("BROKERS") || name.ends_with("ADDRESS") { "127.0.0.1:9" } else { "x" };
            check.env(name, value);
        }
        let output = check.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("plan `spending`: can be read"), "{profile}: {said}");
        assert!(said.contains("127.0.0.1:9"), "{profile}: it does not come to its servers: {said}");
    }
}

#[test]
fn systemd_understands_the_unit() {
    for (name, value) in [("Type", "notify"), ("WatchdogSec", "60"), ("NoNewPrivileges", "yes"), ("DynamicUser", "yes")]
    {
        assert_eq!(unit(name), [value], "{name}");
    }
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return not_shown("systemd_understands_the_unit: systemd-analyze is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nsflow@spending.service");
    let program = env!("CARGO_BIN_EXE_nsflow");
    fs::write(&path, text("nsflow@.service").replace("/usr/local/bin/nsflow", program)).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // What other units of the machine are told of is not ours.
    let own: Vec<&str> = said.lines().filter(|line| line.contains("nsflow")).collect();
    assert!(own.is_empty() && output.status.success(), "{said}");
}

#[test]
fn every_file_of_the_page_is_there() {
    for page in ["README.md", "SIZING.md"] {
        for rest in text(page).split("](").skip(1) {
            let place = rest.split([')', '#']).next().unwrap();
            if !place.is_empty() && !place.contains("://") {
                assert!(deploy().join(Path::new(place)).exists(), "{page} names {place}");
            }
        }
    }
}
