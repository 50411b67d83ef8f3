//! The arrows between the rooms, read from `cargo metadata`: who may reach whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use nsf_tests::{read, root, tree};
use serde_json::Value;

/// The packages of the workspace and what each reaches.
struct House {
    /// Folder of each package of the workspace, relative to the root.
    rooms: BTreeMap<String, String>,
    /// Packages that each one depends on directly, tests and build scripts aside.
    direct: BTreeMap<String, BTreeSet<String>>,
}

static HOUSE: LazyLock<House> = LazyLock::new(House::read);

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl House {
    fn read() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Only what this machine builds: the others' crates need not be on it.
        let version = Command::new("rustc").current_dir(root()).arg("-vV").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
        let output = Command::new(cargo).current_dir(root()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let members: BTreeSet<String> = metadata["workspace_members"].as_array().unwrap().iter().map(text).collect();
        let mut names = BTreeMap::new();
        let mut rooms = BTreeMap::new();
        for package in metadata["packages"].as_array().unwrap() {
            let (id, name) = (text(&package["id"]), text(&package["name"]));
            if members.contains(&id) {
                let manifest = text(&package["manifest_path"]);
                let folder = Path::new(&manifest).parent().unwrap().strip_prefix(root()).unwrap().display().to_string();
                rooms.insert(name.clone(), folder);
            }
            names.insert(id, name);
        }
        let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let reached = direct.entry(names[&text(&node["id"])].clone()).or_default();
            for dependency in node["deps"].as_array().unwrap() {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                if kinds.iter().any(|kind| kind["kind"].is_null()) {
                    reached.insert(names[&text(&dependency["pkg"])].clone());
                }
            }
        }
        Self { rooms, direct }
    }

    /// The packages of the workspace whose folder lies under `room`.
    fn under(&self, room: &str) -> Vec<&str> {
        let inside = self.rooms.iter().filter(|(_, folder)| Path::new(folder).starts_with(room));
        inside.map(|(name, _)| name.as_str()).collect()
    }

    /// Everything that a package reaches, through others too.
    fn reached(&self, package: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![package];
        while let Some(next) = open.pop() {
            for dependency in self.direct.get(next).into_iter().flatten() {
                if found.insert(dependency.as_str()) {
                    open.push(dependency);
                }
            }
        }
        found
    }

    /// The packages of the workspace that name `library` in their manifest.
    fn naming(&self, library: &str) -> BTreeSet<&str> {
        let naming = self.rooms.keys().filter(|room| self.direct[*room].contains(library));
        naming.map(String::as_str).collect()
    }
}

/// Lines of code of a package that hold one of `words`, comments aside.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in tree::files(&root().join(folder).join("src"), "rs") {
        for (index, line) in read(&path).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.strip_prefix(root()).unwrap().display(), index + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn reaches_none_of(package: &str, libraries: &[&str]) {
    let reached = HOUSE.reached(package);
    let wrong: Vec<&&str> = libraries.iter().filter(|library| reached.contains(**library)).collect();
    assert!(wrong.is_empty(), "{package} reaches {wrong:?}");
}

#[test]
fn nothing_in_the_runtime_reaches_the_compiler() {
    let compiler = HOUSE.under("compiler");
    let runtime = HOUSE.under("runtime");
    assert!(compiler.contains(&"nsf-syntax") && runtime.contains(&"nsf-engine"), "the rooms have moved");
    for package in runtime {
        reaches_none_of(package, &compiler);
    }
}

#[test]
fn only_the_syntax_crate_names_pest() {
    assert_eq!(HOUSE.naming("pest"), BTreeSet::from(["nsf-syntax"]));
    assert_eq!(HOUSE.naming("pest_derive"), BTreeSet::from(["nsf-syntax"]));
}

#[test]
fn only_the_terminal_renderer_reaches_codespan_reporting() {
    assert_eq!(HOUSE.naming("codespan-reporting"), BTreeSet::from(["nsf-diagnostics"]));
    let outside: Vec<String> = lines_with("compiler/diagnostics", &["codespan_reporting"])
        .into_iter()
        .filter(|line| !line.starts_with("compiler/diagnostics/src/render/"))
        .collect();
    assert!(outside.is_empty(), "{outside:#?}");
}

#[test]
fn only_the_language_server_names_the_protocol_and_it_opens_no_file() {
    assert_eq!(HOUSE.naming("gen-lsp-types"), BTreeSet::from(["nsf-lsp"]));
    assert_eq!(HOUSE.naming("lsp-server"), BTreeSet::from(["nsf-lsp"]));
    reaches_none_of("nsf-lsp", &["tokio", "rdkafka", "redis", "redb", "mysql", "nsf-engine"]);
    let found = lines_with("compiler/lsp/src", &["std::fs", "std::net", "std::process", "println!("]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_passes_reach_no_world_outside() {
    reaches_none_of("nsf-analysis", &["tokio", "rdkafka", "redis", "redb", "mysql", "reqwest", "nsf-engine"]);
    let words =
        ["std::fs", "std::net", "std::env", "std::process", "std::thread", "SystemTime", "Instant::now", "println!("];
    let found = lines_with("compiler/analysis", &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_plan_reaches_serde_and_pure_data_crates_alone() {
    let allowed = BTreeSet::from([
        "rust_decimal",
        "serde",
        "serde_json",
        "yaml_serde",
        "sha2",
        "smol_str",
        "xxhash-rust",
        "zeroize",
    ]);
    let named: BTreeSet<&str> = HOUSE.direct["nsf-plan"].iter().map(String::as_str).collect();
    let other: Vec<&&str> = named.difference(&allowed).collect();
    assert!(other.is_empty(), "nsf-plan names {other:?}");
    reaches_none_of("nsf-plan", &["tokio", "redb", "clap"]);
    // Variables and files of profiles are looked up by functions that the daemon gives.
    let found = lines_with("runtime/plan", &["std::fs", "std::env", "std::process", "std::thread", "SystemTime"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_engine_names_no_connector() {
    let connectors = ["nsf-connectors", "nsf-redis", "nsf-mysql", "nsf-webhook"];
    reaches_none_of("nsf-engine", &connectors);
    reaches_none_of("nsf-engine", &["rdkafka", "redis", "redb", "mysql", "hyper"]);
    let words = ["nsf_connectors", "nsf_redis", "nsf_mysql", "nsf_webhook", "rdkafka", "redb::", "mysql::", "hyper::"];
    let found = lines_with("runtime/engine", &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_compiler_program_links_no_server_connector() {
    reaches_none_of("nsfc", &["rdkafka", "rdkafka-sys", "redis", "mysql", "sqlx", "openssl-sys"]);
}

#[test]
fn only_the_store_on_redis_names_its_client_and_no_compiler_reaches_it() {
    assert_eq!(HOUSE.naming("redis"), BTreeSet::from(["nsf-redis"]));
    assert!(HOUSE.under("runtime").contains(&"nsf-redis"), "the rooms have moved");
    for package in HOUSE.under("compiler") {
        reaches_none_of(package, &["nsf-redis", "redis"]);
    }
    // Cargo unites features over the workspace: as a feature of the connectors it would reach the compiler's program.
    reaches_none_of("nsf-connectors", &["nsf-redis", "redis"]);
}

#[test]
fn only_the_kafka_crate_names_its_client_and_no_compiler_reaches_it() {
    // The faults' rig names it for its mock cluster alone.
    assert_eq!(HOUSE.naming("rdkafka"), BTreeSet::from(["nsf-kafka", "nsf-faults"]));
    assert!(HOUSE.naming("rdkafka-sys").is_empty(), "its C library is reached through it alone");
    for package in HOUSE.under("compiler") {
        reaches_none_of(package, &["nsf-kafka", "rdkafka", "rdkafka-sys"]);
    }
    reaches_none_of("nsf-connectors", &["nsf-kafka", "rdkafka"]);
}

#[test]
fn only_the_connector_of_mysql_names_its_client_and_no_compiler_reaches_it() {
    assert_eq!(HOUSE.naming("mysql"), BTreeSet::from(["nsf-mysql"]));
    assert!(HOUSE.under("runtime").contains(&"nsf-mysql"), "the rooms have moved");
    for package in HOUSE.under("compiler") {
        reaches_none_of(package, &["nsf-mysql", "mysql", "mysql_common"]);
    }
    reaches_none_of("nsf-connectors", &["nsf-mysql", "mysql"]);
    reaches_none_of("nsf-redis", &["nsf-mysql", "mysql"]);
}

#[test]
fn what_sends_to_webhooks_is_reached_by_no_compiler_and_no_other_connector() {
    assert!(HOUSE.under("runtime").contains(&"nsf-webhook"), "the rooms have moved");
    for package in HOUSE.under("compiler") {
        // `nsfc` answers its own page on the loopback address, and sends nothing.
        let sends: &[&str] = if package == "nsfc" { &["nsf-webhook"] } else { &["nsf-webhook", "hyper"] };
        reaches_none_of(package, sends);
    }
    for package in ["nsf-connectors", "nsf-kafka", "nsf-redis", "nsf-mysql"] {
        reaches_none_of(package, &["nsf-webhook", "hyper"]);
    }
}

#[test]
fn nothing_depends_on_the_tests() {
    let tests = HOUSE.under("tests");
    for library in ["nsf-tests", "nsf-faults", "xtask"] {
        let naming = HOUSE.naming(library);
        assert!(naming.iter().all(|package| tests.contains(package)), "{naming:?} name {library}");
    }
}

#[test]
fn versions_stand_in_the_workspace_alone() {
    for folder in HOUSE.rooms.values() {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let mut dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                dependencies = line.contains("dependencies");
            } else if dependencies && line.contains('=') {
                assert!(line.contains("workspace = true"), "{folder}/Cargo.toml: {line}");
            }
        }
    }
}
