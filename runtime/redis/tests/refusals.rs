//! What is refused, in which words, and which rights are enough.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{LaneStore, Saved, Store, StoreBatch, StoreTable, row_version},
};
use nsf_redis::{ACL_COMMANDS, Node, Place, RedisSettings, RedisStore, Secret, acl_line, check};
use nsf_tests::servers::ports;
use support::{Server, claim, loaded, moved, partition, progress, rows};

const PASSWORD: &str = "canary-7f3a";

#[test]
fn a_server_that_is_fit() {
    let Some(server) = Server::keeping("the check of a server") else { return };
    let report = check(&server.settings()).unwrap();
    assert_eq!(report.nodes.len(), 1);
    let node = &report.nodes[0];
    assert_eq!((node.role.as_str(), node.memory_policy.as_str(), node.append_only), ("master", "noeviction", true));
    assert!(node.version.contains('.'), "{node:?}");
    assert!(report.notes[0].contains("keeps an append-only file"), "{:?}", report.notes);
    assert!(report.notes[1].contains("redis-check-aof --fix"), "{:?}", report.notes);
    let Some(server) = Server::start("the check of a server without files", &[]) else { return };
    assert!(check(&server.settings()).unwrap().notes[0].contains("keeps no append-only file"));
}

#[test]
fn a_server_that_may_forget_is_refused() {
    let Some(server) = Server::start("refusal of eviction", &["--maxmemory-policy", "allkeys-lru"]) else { return };
    let error = check(&server.settings()).unwrap_err();
    let expected =
        format!("Redis at `{}` may delete rows of states when its memory is full (`allkeys-lru`)", server.address());
    assert_eq!(error.message, expected);
    assert!(error.help.unwrap().contains("maxmemory-policy noeviction"));
    let mut settings = server.settings();
    settings.accept_eviction = true;
    let report = check(&settings).unwrap();
    assert!(report.notes.iter().any(|note| note.contains("may delete rows")), "{:?}", report.notes);
}

#[test]
fn the_rights_of_the_line_are_enough_and_no_more() {
    let Some(server) = Server::keeping("the rights that are enough") else { return };
    let mut settings = server.settings();
    settings.user = Some("worker".into());
    settings.password = Some(Secret::new(PASSWORD));
    settings.place = Place::Single { node: server.node(), database: 3 };
    let line = acl_line(&settings);
    assert!(line.starts_with("ACL SETUSER worker on >PASSWORD ~test:* -@all "), "{line}");
    let line = line.replace("PASSWORD", PASSWORD);
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(server.ask(&words), "OK");
    let denied = |words: &[&str]| {
        let mut connection = server.connection().unwrap();
        assert_eq!(connection.command(&["AUTH", "worker", PASSWORD]).unwrap().text(), "OK");
        connection.command(words).unwrap().text().starts_with("NOPERM")
    };
    assert!(denied(&["EVAL", "return 1", "0"]));
    assert!(denied(&["CONFIG", "GET", "maxmemory-policy"]));
    assert!(denied(&["FLUSHALL"]));
    assert!(denied(&["KEYS", "*"]));
    assert!(denied(&["MGET", "other:key"]));
    check(&settings).unwrap();
    assert_eq!(keys_in(&server, 3), "0");
    let store = RedisStore::new(settings).unwrap();
    let held = claim(&store, 2, &[0]);
    let mut changes = rows(&[("k", "1"), ("l", "1")]);
    changes.put_expiring(b"m", 60_000, |row| row.push(b'1'));
    assert_eq!(store.save(2, &held, &changes, &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    let mut changes = rows(&[("k", "2")]);
    changes.delete(b"l");
    assert_eq!(store.save(2, &held, &changes, &[progress(2)]), Saved::Applied);
    let held = moved(&held, 2);
    assert_eq!(loaded(&store, 2, &held, &["k"]).unwrap(), [Some("2".to_owned())]);
    assert!(store.swap(&rows(&[("d", "1")]), &[0]).unwrap().is_empty());
    let mut changes = rows(&[]);
    changes.delete(b"d");
    assert!(store.swap(&changes, &[row_version(Some(b"1"))]).unwrap().is_empty());
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).put(b"plan", b"1");
    batch.table(StoreTable::Meta).delete(b"old");
    store.commit(&batch).unwrap();
    for table in [StoreTable::Meta, StoreTable::State, StoreTable::Dimension] {
        store.get_many(table, &[b"plan"], &mut |_, _| {}).unwrap();
        store.scan(table, b"", &mut |_, _| true).unwrap();
    }
    // In the database that was named, and nowhere else.
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn a_missing_right_is_named() {
    let Some(server) = Server::start("the words about a missing right", &[]) else { return };
    let mut settings = server.settings();
    settings.user = Some("worker".into());
    settings.password = Some(Secret::new(PASSWORD));
    let password = format!(">{PASSWORD}");
    let mut line = vec!["ACL", "SETUSER", "worker", "on", &password, "~test:*"];
    line.extend(ACL_COMMANDS.split(' ').filter(|word| *word != "+hincrby" && *word != "+multi"));
    assert_eq!(server.ask(&line), "OK");
    let store = RedisStore::new(settings.clone()).unwrap();
    let error = store.claim(0, &[partition(0)]).unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    let place = server.address();
    let expected = format!("the user `worker` lacks a right at Redis `{place}`: it may not run `hincrby`");
    assert_eq!(error.message, expected);
    assert!(error.help.unwrap().contains("ACL SETUSER worker on >PASSWORD ~test:* -@all"));
    // Without the right to a transaction nothing is written unprotected.
    assert_eq!(server.ask(&["ACL", "SETUSER", "worker", "+hincrby"]), "OK");
    let held = claim(&store, 0, &[0]);
    let Saved::Unknown(error) = store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]) else { panic!() };
    assert_eq!((error.kind, error.message.contains("`multi`")), (Kind::Permission, true), "{error}");
    assert_eq!(server.ask(&["EXISTS", "test:{0-uz}:s:k"]), "0");
    // Keys of others.
    settings.namespace = "other".into();
    let error = RedisStore::new(settings).unwrap().claim(0, &[partition(0)]).unwrap_err();
    assert!(error.message.contains("it may not touch the keys of the namespace"), "{error}");
}

/// How many keys a database has.
fn keys_in(server: &Server, database: u8) -> String {
    let mut connection = server.connection().unwrap();
    connection.command(&["SELECT", &database.to_string()]).unwrap();
    connection.command(&["DBSIZE"]).unwrap().text()
}

/// Settings of a user who has all rights but some, and others beside.
fn limited(server: &Server, keys: &str, without: &[&str]) -> RedisSettings {
    let mut settings = server.settings();
    settings.user = Some("worker".into());
    settings.password = Some(Secret::new(PASSWORD));
    let password = format!(">{PASSWORD}");
    let mut line = vec!["ACL", "SETUSER", "worker", "reset", "on", &password, keys];
    line.extend(ACL_COMMANDS.split(' ').filter(|word| !without.contains(word)));
    assert_eq!(server.ask(&line), "OK");
    settings
}

#[test]
fn the_check_names_every_right_that_is_missing() {
    let Some(server) = Server::start("the check of rights", &[]) else { return };
    let place = server.address();
    check(&limited(&server, "~test:*", &[])).unwrap();
    // Nobody can be denied to say who asks.
    let tried = |word: &&str| word.starts_with('+') && *word != "+hello";
    let words: Vec<&str> = ACL_COMMANDS.split(' ').filter(tried).collect();
    for word in &words {
        let error = check(&limited(&server, "~test:*", &[word])).unwrap_err();
        assert_eq!(error.kind, Kind::Permission);
        let expected = format!(
            "the user `worker` lacks a right at Redis `{place}`: it may not run `{}`",
            word.trim_start_matches('+')
        );
        assert_eq!(error.message, expected);
        assert!(error.help.unwrap().contains(&format!("ACL SETUSER worker on >PASSWORD ~test:* {ACL_COMMANDS}")));
        assert_eq!(server.ask(&["DBSIZE"]), "0", "without {word}");
    }
    // Several at once; with them the right to delete what was written.
    let error = check(&limited(&server, "~test:*", &["+hincrby", "+del", "+exec"])).unwrap_err();
    let expected =
        format!("the user `worker` lacks rights at Redis `{place}`: it may not run `del`, `exec`, `hincrby`");
    assert_eq!(error.message, expected);
    let error = check(&limited(&server, "~test:*", &["+multi", "+del", "+scan"])).unwrap_err();
    assert!(error.message.ends_with("it may not run `del`, `multi`, `scan`"), "{error}");
    let error = check(&limited(&server, "~other:*", &["+hset"])).unwrap_err();
    assert!(error.message.ends_with("it may not run `hset`; it may not touch the keys of the namespace"), "{error}");
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn a_right_to_keys_for_reading_alone_is_not_enough() {
    let Some(server) = Server::start("the check of rights to keys", &[]) else { return };
    if server.ask(&["ACL", "SETUSER", "reader", "%R~test:*"]) != "OK" {
        eprintln!("NOT SHOWN: the check of rights to keys: this Redis knows none for reading alone");
        return;
    }
    let error = check(&limited(&server, "%R~test:*", &[])).unwrap_err();
    assert!(error.message.ends_with(": it may not touch the keys of the namespace"), "{error}");
}

#[test]
fn a_server_that_takes_no_writes_now_tells_the_rights_all_the_same() {
    let Some(server) = Server::start("the check of rights at a full server", &[]) else { return };
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let report = check(&limited(&server, "~test:*", &[])).unwrap();
    assert!(report.notes[0].contains("has no memory left and takes no writes: raise"), "{:?}", report.notes);
    let error = check(&limited(&server, "~test:*", &["+mset"])).unwrap_err();
    assert!(error.message.ends_with("it may not run `mset`"), "{error}");
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn passwords_that_are_wrong_or_missing() {
    let Some(server) = Server::start("the words about passwords", &["--requirepass", "right"]) else { return };
    let place = server.address();
    let mut settings = server.settings();
    let error = check(&settings).unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    assert_eq!(error.message, format!("Redis at `{place}` wants a password, and none is given"));
    settings.password = Some(Secret::new(PASSWORD));
    let error = check(&settings).unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    assert_eq!(error.message, format!("Redis at `{place}` does not accept the password of the user `default`"));
    assert!(!format!("{error:?}").contains(PASSWORD));
    settings.user = Some("worker".into());
    let error = check(&settings).unwrap_err();
    assert!(error.message.contains("of the user `worker`"), "{error}");
    settings.user = None;
    settings.password = Some(Secret::new("right"));
    check(&settings).unwrap();
}

#[test]
fn servers_that_are_not_there() {
    let port = ports::free();
    let at = |host: &str, port| {
        let mut settings =
            RedisSettings::new(Place::Single { node: Node::new(host, port), database: 0 }, "test", "group");
        settings.connect_timeout = std::time::Duration::from_millis(500);
        settings.response_timeout = std::time::Duration::from_millis(500);
        check(&settings).unwrap_err()
    };
    let error = at("127.0.0.1", port);
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(error.message, format!("there is no Redis at `127.0.0.1:{port}`: nothing takes connections there"));
    assert_eq!(error.help.as_deref(), Some("start it, or correct host and port"));
    let error = at("no-such-host.invalid", 6379);
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("the name of the machine of Redis at `no-such-host.invalid:6379`"), "{error}");
    // Something else that answers, and something that says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1000]);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let (_silent, _) = listener.accept().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
    });
    let error = at("127.0.0.1", port);
    assert!(error.message.contains("does not answer as Redis does"), "{error}");
    let error = at("127.0.0.1", port);
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("does not answer (waited 500 ms"), "{error}");
    other.join().unwrap();
}

#[test]
fn settings_that_cannot_be_used() {
    let settings = RedisSettings::new(Place::Cluster { nodes: vec![Node::new("a", 1)] }, "test", "group");
    let refused = |change: &dyn Fn(&mut RedisSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        let error = RedisStore::new(settings).err().unwrap();
        assert!(error.help.is_some());
        error.message
    };
    assert!(RedisStore::new(settings.clone()).is_ok());
    assert!(refused(&|settings| settings.namespace = "a{b}".into()).contains("`a{b}` cannot be the namespace"));
    assert!(refused(&|settings| settings.namespace.clear()).contains("namespace"));
    assert!(refused(&|settings| settings.group.clear()).contains("group"));
    assert!(refused(&|settings| settings.lanes = 0).contains("0 lanes"));
    assert!(refused(&|settings| settings.lanes = 2000).contains("2000 lanes"));
    assert!(refused(&|settings| settings.place = Place::Cluster { nodes: vec![] }).contains("no servers"));
    assert!(refused(&|settings| settings.connect_timeout = std::time::Duration::ZERO).contains("zero"));
}
