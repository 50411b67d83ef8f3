//! The settings of Redis and Kafka: the servers know and take them, and the users of Redis have the rights of this store.

use std::{collections::BTreeMap, fs};

use nsf_redis::{ACL_COMMANDS, Node, Place, RedisSettings, Secret};
use nsf_tests::servers::{
    kafka,
    redis::{Options, Redis},
    shown,
};
use sha2::{Digest as _, Sha256};

use super::{text, yaml};

/// Settings of redis.conf.
fn redis_settings() -> BTreeMap<String, String> {
    let text = text("redis/redis.conf");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn users_of_redis_have_the_rights_that_the_store_needs() {
    let users = text("redis/users.acl");
    let worker = users.lines().find(|line| line.starts_with("user nsflow ")).unwrap();
    let keys = format!("~{}:*", yaml("nsf.yaml")["name"].as_str().unwrap());
    assert!(worker.ends_with(&format!(" {keys} {ACL_COMMANDS}")), "{worker}\nshould end with {keys} {ACL_COMMANDS}");
    assert!(users.lines().any(|line| line == "user default off"), "{users}");
    assert!(text("README.md").contains(ACL_COMMANDS), "the page has other rights");
}

#[test]
fn redis_takes_the_settings_and_the_worker_its_rights() {
    let name = "redis_takes_the_settings_and_the_worker_its_rights";
    let folder = tempfile::tempdir().unwrap();
    let password = "chosen-by-who-deploys";
    let digest: String = Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect();
    let users = text("redis/users.acl").replace("PUT-THE-SHA-256-OF-THE-PASSWORD-HERE", &digest);
    // The test itself must be able to ask.
    let users = users.replace("user default off", "user default on nopass ~* &* +@all");
    let path = folder.path().join("users.acl");
    fs::write(&path, users).unwrap();
    let mut settings = redis_settings();
    assert_eq!(settings.remove("aclfile").as_deref(), Some("/usr/local/etc/redis/users.acl"));
    let arguments: Vec<String> =
        settings.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect();
    let options = Options { users: Some(path), ..Options::default() }.with(&arguments);
    let Some(redis) = shown(name, Redis::start(folder.path(), options)) else { return };
    for (name, value) in &settings {
        let reply = redis.command(&["CONFIG", "GET", name.as_str()]).unwrap();
        let found = reply.field(name);
        let expected = if value == "2gb" { "2147483648" } else { value };
        assert_eq!(found, expected, "{name}");
    }
    let address = redis.address();
    let place = Place::Single { node: Node::new(address.ip().to_string(), address.port()), database: 0 };
    let mut settings = RedisSettings::new(place, "spending", "spending");
    settings.user = Some("nsflow".to_owned());
    settings.password = Some(Secret::new(password));
    let report = nsf_redis::check(&settings).unwrap();
    assert_eq!((report.nodes.len(), report.nodes[0].memory_policy.as_str()), (1, "noeviction"));
    assert!(report.nodes[0].append_only);
}

#[test]
fn kafka_knows_every_setting() {
    let name = "kafka_knows_every_setting";
    let Some(known) = shown(name, kafka::names_of_settings()) else { return };
    assert!(known.len() > 100, "{known:?}");
    let compose = yaml("compose.yaml");
    let given = compose["services"]["kafka"]["environment"].as_mapping().unwrap();
    let mut names: Vec<String> = given
        .keys()
        .map(|name| name.as_str().unwrap().strip_prefix("KAFKA_").unwrap().to_lowercase().replace('_', "."))
        .collect();
    // Those that the page tells brokers to have.
    let page = text("README.md");
    let (_, table) = page.split_once("| setting of Kafka |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let of_rows = rows.filter_map(|row| Some(row.split('`').nth(1)?.split('=').next()?.to_owned()));
    names.extend(of_rows);
    assert!(names.len() > 15, "{names:?}");
    let unknown: Vec<&String> = names.iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "Kafka has no {unknown:?}");
}
