//! Clusters, Sentinel and encryption: what goes on when servers change their parts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind},
    store::{Held, LaneStore, Saved, Store, StoreBatch, StoreTable},
};
use nsf_redis::{Node, Place, RedisSettings, RedisStore, Tls, check, slot, tag};
use nsf_tests::servers::{
    cluster::RedisCluster,
    ports,
    redis::Redis,
    sentinel::{MASTER, RedisSentinel},
    shown,
};
use support::{Server, ask, claim, loaded, moved, node, progress, rows, wait_until};

const LANES: u16 = 6;

fn settings(place: Place) -> RedisSettings {
    let mut settings = RedisSettings::new(place, "test", "group");
    settings.lanes = LANES;
    settings.connect_timeout = Duration::from_millis(500);
    settings.response_timeout = Duration::from_secs(1);
    settings
}

/// The row that the tests write in lane 0.
const ROW: &str = "test:{0-uz}:s:k";

/// Whether a server is a master or a replica, in its own words.
fn role(server: &Redis) -> String {
    ask(server.address(), &["ROLE"]).lines().next().unwrap_or_default().to_owned()
}

fn failing<T>(result: &Result<T, ConnectorError>) -> bool {
    match result {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind, Kind::Unavailable, "{error}");
            true
        }
    }
}

/// Saves as the engine does: what is in doubt or lost is claimed anew, and done again from where the store stands. Gives what
/// is held then.
fn save_until_done(store: &RedisStore, lane: u16, held: &[Held], next: u64, seconds: u64) -> Vec<Held> {
    let value = next.to_string();
    let mut held = held.to_vec();
    let mut claimed = true;
    wait_until("the save is done", seconds, || {
        if !claimed {
            let found = store.claim(lane, &[std::sync::Arc::clone(&held[0].name)]);
            if failing(&found) {
                return false;
            }
            let (epoch, progress) = found.unwrap().remove(0);
            (held[0].epoch, held[0].next) = (epoch, progress.next);
            claimed = true;
        }
        if held[0].next == Some(next) {
            return true;
        }
        match store.save(lane, &held, &rows(&[("k", &value)]), &[progress(next)]) {
            Saved::Applied => held = moved(&held, next),
            Saved::Lost => claimed = false,
            Saved::Unknown(error) => {
                assert_eq!(error.kind, Kind::Unavailable, "{error}");
                claimed = false;
            }
        }
        held[0].next == Some(next)
    });
    held
}

#[test]
fn lanes_on_a_cluster_follow_a_failover() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut cluster) = shown("a failover of a cluster", RedisCluster::start(folder.path())) else { return };
    let nodes: Vec<Node> = cluster.addresses().into_iter().map(node).collect();
    // One server is enough to find the others.
    let store = RedisStore::new(settings(Place::Cluster { nodes: vec![nodes[0].clone()] })).unwrap();
    let report = check(&settings(Place::Cluster { nodes: vec![nodes[3].clone(), nodes[0].clone()] })).unwrap();
    for server in cluster.nodes() {
        assert_eq!(ask(server.address(), &["DBSIZE"]), "0", "the check leaves nothing behind");
    }
    assert_eq!(report.nodes.len(), 3);
    assert!(report.nodes.iter().all(|node| node.replicas == 1), "{report:?}");
    let mut held: Vec<Vec<Held>> = (0..LANES).map(|lane| claim(&store, lane, &[0])).collect();
    let holders: std::collections::BTreeSet<u16> = (0..LANES).map(|lane| slot(tag(lane).as_bytes()) / 5462).collect();
    assert_eq!(holders.len(), 3, "lanes on all servers");
    for lane in 0..LANES {
        held[usize::from(lane)] = save_until_done(&store, lane, &held[usize::from(lane)], 1, 5);
    }
    other_rows(&store);
    // A replica takes the place of a healthy master.
    cluster.switch_over(ROW).unwrap();
    for lane in 0..LANES {
        let found = loaded(&store, lane, &held[usize::from(lane)], &["k"]);
        assert_eq!(found.unwrap(), [Some("1".to_owned())], "lane {lane}");
        held[usize::from(lane)] = save_until_done(&store, lane, &held[usize::from(lane)], 2, 10);
    }
    other_rows(&store);
    // A master dies between load and save.
    for lane in 0..LANES {
        loaded(&store, lane, &held[usize::from(lane)], &["k"]).unwrap();
    }
    cluster.master_of(ROW).unwrap().kill();
    for lane in 0..LANES {
        held[usize::from(lane)] = save_until_done(&store, lane, &held[usize::from(lane)], 3, 30);
        assert_eq!(loaded(&store, lane, &held[usize::from(lane)], &["k"]).unwrap(), [Some("3".to_owned())]);
    }
    other_rows(&store);
}

/// Dimensions, meta and scans, which go over all servers.
fn other_rows(store: &RedisStore) {
    let keys: Vec<String> = (0..200).map(|number| format!("d:{number:03}")).collect();
    let names: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let mut versions = vec![0; keys.len()];
    store
        .get_many(StoreTable::Dimension, &names, &mut |index, row| {
            versions[index] = nsf_engine::store::row_version(Some(row));
        })
        .unwrap();
    let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "{}")).collect();
    assert!(store.swap(&rows(&pairs), &versions).unwrap().is_empty());
    let mut found = 0;
    store
        .scan(StoreTable::Dimension, b"d:", &mut |_, _| {
            found += 1;
            true
        })
        .unwrap();
    assert_eq!(found, 200);
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).put(b"plan", b"1");
    batch.table(StoreTable::Counters).put(b"records", b"1");
    store.commit(&batch).unwrap();
}

#[test]
fn a_slot_that_moves_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let started = RedisCluster::start(folder.path());
    let Some(mut cluster) = shown("the move of a slot between servers of a cluster", started) else { return };
    let nodes = vec![node(cluster.addresses()[0])];
    let store = RedisStore::new(settings(Place::Cluster { nodes })).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    let slot = slot(tag(0).as_bytes());
    let from = cluster.master_of(ROW).unwrap().address();
    let to =
        cluster.nodes().iter().find(|server| server.address() != from && role(server) == "master").unwrap().address();
    let id = |server| ask(server, &["CLUSTER", "MYID"]);
    let text = slot.to_string();
    assert_eq!(ask(to, &["CLUSTER", "SETSLOT", &text, "IMPORTING", &id(from)]), "OK");
    assert_eq!(ask(from, &["CLUSTER", "SETSLOT", &text, "MIGRATING", &id(to)]), "OK");
    // Rows that are there are read; new ones would be half here and half there.
    loaded(&store, 0, &held, &["k"]).unwrap();
    assert!(failing(&loaded(&store, 0, &held, &["new"])));
    let Saved::Unknown(error) = store.save(0, &held, &rows(&[("k", "2"), ("new", "2")]), &[progress(2)]) else {
        panic!("not in doubt")
    };
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    let held = claim(&store, 0, &[0]);
    assert_eq!(held[0].next, Some(1));
    // The progress goes before the rows do.
    let port = to.port().to_string();
    let move_all = |part: &str| {
        for key in ask(from, &["CLUSTER", "GETKEYSINSLOT", &text, "100"]).lines().filter(|key| key.contains(part)) {
            assert_eq!(ask(from, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
        }
    };
    loaded(&store, 0, &held, &["k"]).unwrap();
    move_all(":p:");
    let saved = store.save(0, &held, &rows(&[("k", "3")]), &[progress(2)]);
    assert!(!matches!(saved, Saved::Applied), "{saved:?}");
    assert!(failing(&loaded(&store, 0, &held, &["k"])));
    move_all(":");
    for server in [to, from] {
        assert_eq!(ask(server, &["CLUSTER", "SETSLOT", &text, "NODE", &id(to)]), "OK");
    }
    assert_eq!(loaded(&store, 0, &held, &["k", "new"]).unwrap(), [Some("1".to_owned()), None]);
    let held = save_until_done(&store, 0, &held, 2, 10);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("2".to_owned())]);
    assert_eq!(ask(to, &["GET", ROW]), "2");
}

#[test]
fn sentinel_is_asked_for_the_master() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut all) = shown("a failover by Sentinel", RedisSentinel::start(folder.path())) else { return };
    let master = all.master().unwrap().address();
    let replica = all.servers().iter().map(|server| server.address()).find(|address| *address != master).unwrap();
    // The first of the watchers is not there.
    let mut nodes = vec![node(ports::loopback(ports::free()))];
    nodes.extend(all.sentinels().into_iter().map(node));
    let place = |name: &str| Place::Sentinel {
        nodes: nodes.clone(),
        master: name.to_owned(),
        database: 0,
        user: None,
        password: None,
    };
    let error = check(&settings(place("shoop"))).unwrap_err();
    assert!(error.message.contains("knows no master named `shoop`"), "{error}");
    let report = check(&settings(place(MASTER))).unwrap();
    assert_eq!((report.nodes[0].node.port, report.nodes[0].replicas), (master.port(), 1));
    // A replica that is named as the server is refused.
    let error = check(&settings(Place::Single { node: node(replica), database: 0 })).unwrap_err();
    assert!(error.message.contains("is a replica and takes no writes"), "{error}");

    let store = RedisStore::new(settings(place(MASTER))).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    loaded(&store, 0, &held, &["k"]).unwrap();
    assert_eq!(ask(all.sentinels()[0], &["SENTINEL", "FAILOVER", MASTER]), "OK");
    wait_until("the replica is master", 30, || ask(replica, &["ROLE"]).starts_with("master"));
    // For a moment both are masters, and what the old one takes then is lost with its next breath. The lane notices.
    let mut held = save_until_done(&store, 0, &held, 2, 30);
    wait_until("the new master has the row", 30, || {
        match loaded(&store, 0, &held, &["k"]) {
            Ok(found) => assert_eq!(found, [Some("2".to_owned())]),
            Err(error) if error.kind == Kind::Lost => {
                let Ok(claimed) = store.claim(0, &[std::sync::Arc::clone(&held[0].name)]) else { return false };
                assert_eq!(claimed[0].1.next, Some(1), "row and progress went back together");
                held[0].epoch = claimed[0].0;
                held[0].next = claimed[0].1.next;
                held = save_until_done(&store, 0, &held, 2, 30);
            }
            Err(error) => assert_eq!(error.kind, Kind::Unavailable, "{error}"),
        }
        ask(replica, &["GET", ROW]) == "2"
    });
    // And back, by the death of the master of now.
    all.restart_killed().unwrap();
    let mut kill = |address: SocketAddr| {
        all.servers().iter_mut().filter(|server| server.address() == address).for_each(Redis::kill);
    };
    kill(replica);
    let held = save_until_done(&store, 0, &held, 3, 60);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("3".to_owned())]);
    assert_eq!(ask(master, &["GET", ROW]), "3");
    kill(master);
    assert!(failing(&loaded(&store, 0, &held, &["k"])));
}

/// A watcher that names whatever it is told to, and never tells the old master.
fn watcher(names: &Arc<Mutex<SocketAddr>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let names = Arc::clone(names);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, names) = (client.unwrap(), Arc::clone(&names));
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = client.read(&mut bytes) {
                    let port = names.lock().unwrap().port().to_string();
                    let answer = if String::from_utf8_lossy(&bytes[..count]).contains("HELLO") {
                        "*2\r\n$4\r\nrole\r\n$8\r\nsentinel\r\n".to_owned()
                    } else {
                        format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len())
                    };
                    if client.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_lane_leaves_a_master_that_does_not_know_it_is_none_any_more() {
    let test = "a master that does not know that it is none any more";
    let Some(old) = Server::start(test, &[]) else { return };
    let Some(new) = Server::start(test, &[]) else { return };
    let names = Arc::new(Mutex::new(old.address()));
    let place = Place::Sentinel {
        nodes: vec![node(watcher(&names))],
        master: MASTER.to_owned(),
        database: 0,
        user: None,
        password: None,
    };
    let store = RedisStore::new(settings(place)).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    // The other has everything up to here, and is the master from now on.
    let port = old.address().port().to_string();
    new.ask(&["REPLICAOF", "127.0.0.1", &port]);
    wait_until("the replica has the row", 30, || new.ask(&["GET", ROW]) == "1");
    new.ask(&["REPLICAOF", "NO", "ONE"]);
    // A row of a dimension still goes to the old one, which takes it and loses it.
    assert!(store.swap(&rows(&[("d:1", "{}")]), &[0]).unwrap().is_empty());
    *names.lock().unwrap() = new.address();
    wait_until("the lane finds that its master is another one", 30, || match loaded(&store, 0, &held, &["k"]) {
        Ok(found) => {
            assert_eq!(found, [Some("1".to_owned())]);
            false
        }
        Err(error) => {
            assert_eq!(error.kind, Kind::Lost, "{error}");
            assert!(error.message.contains("lane 0 was claimed at"), "{error}");
            true
        }
    });
    // The store of the other has the lane as it was left. Were the lane saved there, nobody would write the row again.
    let held = claim(&store, 0, &[0]);
    assert_eq!(held[0].next, Some(1));
    assert!(store.swap(&rows(&[("d:1", "{}")]), &[0]).unwrap().is_empty(), "the row is missing at the new master");
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
    assert_eq!((new.ask(&["GET", ROW]), old.ask(&["GET", ROW])), ("2".to_owned(), "1".to_owned()));
}

/// An authority and a server's certificate for `localhost`, by the tool that is on most machines.
fn certificates(folder: &std::path::Path) -> Option<()> {
    let run = |words: &str| {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(folder).output().ok()?;
        output.status.success().then_some(())
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    run(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test",
    )?;
    run(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    )?;
    run("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt")
}

#[test]
fn connections_are_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    if certificates(folder.path()).is_none() {
        eprintln!("NOT SHOWN: encrypted connections: there is no `openssl` on this machine");
        return;
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let encrypted = ports::free();
    let arguments = [
        "--tls-port",
        &encrypted.to_string(),
        "--tls-cert-file",
        &path("server.crt"),
        "--tls-key-file",
        &path("server.key"),
        "--tls-ca-cert-file",
        &path("ca.crt"),
        "--tls-auth-clients",
        "no",
    ];
    let Some(server) = Server::start("encrypted connections", &arguments) else { return };
    let at = |host: &str, port, authorities: Option<Vec<u8>>| {
        let mut settings = settings(Place::Single { node: Node::new(host, port), database: 0 });
        settings.tls = Some(Tls { authorities, client: None });
        settings
    };
    let authority = std::fs::read(path("ca.crt")).unwrap();
    let good = at("localhost", encrypted, Some(authority.clone()));
    check(&good).unwrap();
    let store = RedisStore::new(good).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("1".to_owned())]);
    // Another authority, another name, no encryption at one of the ends.
    for wrong in [at("localhost", encrypted, None), at("127.0.0.1", encrypted, Some(authority.clone()))] {
        let error = check(&wrong).unwrap_err();
        assert!(error.message.contains("the encrypted connection to Redis at"), "{error}");
    }
    let error = check(&at("localhost", server.address().port(), Some(authority))).unwrap_err();
    assert!(error.to_string().contains("that this port takes encrypted connections"), "{error}");
    let mut plain = at("localhost", encrypted, None);
    plain.tls = None;
    let error = check(&plain).unwrap_err();
    assert!(error.to_string().contains("it may want an encrypted one"), "{error}");
}
