//! Clusters, Sentinel and encryption: what goes on when servers change their parts.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{process::Command, time::Duration};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind},
    store::{Held, LaneStore, Saved, Settled, Store, StoreBatch, StoreTable},
};
use nsf_redis::{Node, Place, RedisSettings, RedisStore, Tls, check, slot, tag};
use support::{Server, claim, cli, loaded, moved, progress, rows, there_is_redis, wait_until};

const LANES: u16 = 6;

fn settings(place: Place) -> RedisSettings {
    let mut settings = RedisSettings::new(place, "test", "group");
    settings.lanes = LANES;
    settings.connect_timeout = Duration::from_millis(500);
    settings.response_timeout = Duration::from_secs(1);
    settings
}

/// Three masters with a replica each.
fn cluster() -> Vec<Server> {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--appendonly", "yes"];
    let servers: Vec<Server> = (0..6).map(|_| Server::start(&arguments)).collect();
    let mut command = Command::new("redis-cli");
    command.args(["--cluster", "create"]).args(servers.iter().map(|server| server.node().to_string()));
    let output = command.args(["--cluster-replicas", "1", "--cluster-yes"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    wait_until("the cluster is whole", 30, || {
        let whole = |server: &Server| server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
        let linked = |server: &Server| {
            let info = server.cli(&["INFO", "replication"]);
            info.contains("role:master") || info.contains("master_link_status:up")
        };
        servers.iter().all(|server| whole(server) && linked(server))
            && servers.iter().filter(|server| server.cli(&["ROLE"]).starts_with("slave")).count() == 3
    });
    servers
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

/// Saves as the engine does: what is in doubt is settled, what is not there now is tried again, what is lost is claimed
/// anew and done again from where the store stands. Gives what is held then.
fn save_until_done(store: &RedisStore, lane: u16, held: &[Held], next: u64, seconds: u64) -> Vec<Held> {
    let value = next.to_string();
    let mut held = held.to_vec();
    wait_until("the save is done", seconds, || {
        if held[0].next == Some(next) {
            return true;
        }
        let saved = store.save(lane, &held, &rows(&[("k", &value)]), &[progress(next)]);
        let settled = match saved {
            Saved::Applied => Ok(Settled::Applied),
            Saved::Lost => Ok(Settled::Lost),
            Saved::Unknown(error) => {
                assert_eq!(error.kind, Kind::Unavailable, "{error}");
                store.settle(lane, &held, &[progress(next)])
            }
        };
        if failing(&settled) {
            return false;
        }
        match settled.unwrap() {
            Settled::Applied => held = moved(&held, next),
            Settled::NotApplied => {}
            Settled::Lost => {
                let claimed = store.claim(lane, &[std::sync::Arc::clone(&held[0].name)]);
                if let Ok(claimed) = claimed {
                    held[0].epoch = claimed[0].0;
                    held[0].next = claimed[0].1.next;
                }
            }
        }
        held[0].next == Some(next)
    });
    held
}

#[test]
fn lanes_on_a_cluster_follow_a_failover() {
    if !there_is_redis("a failover of a cluster") {
        return;
    }
    let mut servers = cluster();
    // One server is enough to find the others.
    let store = RedisStore::new(settings(Place::Cluster { nodes: vec![servers[0].node()] })).unwrap();
    let report = check(&settings(Place::Cluster { nodes: vec![servers[3].node(), servers[0].node()] })).unwrap();
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
    let replica = servers.iter().find(|server| server.cli(&["ROLE"]).starts_with("slave")).unwrap();
    assert_eq!(replica.cli(&["CLUSTER", "FAILOVER"]), "OK");
    wait_until("the replica is master", 20, || replica.cli(&["ROLE"]).starts_with("master"));
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
    let master = servers.iter_mut().find(|server| server.cli(&["ROLE"]).starts_with("master")).unwrap();
    master.kill();
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
    if !there_is_redis("the move of a slot between servers of a cluster") {
        return;
    }
    let servers = cluster();
    let store = RedisStore::new(settings(Place::Cluster { nodes: vec![servers[0].node()] })).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    let slot = slot(tag(0).as_bytes());
    let id = |server: &Server| server.cli(&["CLUSTER", "MYID"]);
    let holds = |server: &&Server| server.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]) != "0";
    let masters: Vec<&Server> = servers.iter().filter(|server| server.cli(&["ROLE"]).starts_with("master")).collect();
    let from = *masters.iter().copied().find(|server| holds(server)).as_ref().unwrap();
    let to = *masters.iter().copied().find(|server| !holds(server)).as_ref().unwrap();
    let text = slot.to_string();
    assert_eq!(to.cli(&["CLUSTER", "SETSLOT", &text, "IMPORTING", &id(from)]), "OK");
    assert_eq!(from.cli(&["CLUSTER", "SETSLOT", &text, "MIGRATING", &id(to)]), "OK");
    // Rows that are there are read; new ones would be half here and half there.
    loaded(&store, 0, &held, &["k"]).unwrap();
    assert!(failing(&loaded(&store, 0, &held, &["new"])));
    let Saved::Unknown(error) = store.save(0, &held, &rows(&[("k", "2"), ("new", "2")]), &[progress(2)]) else {
        panic!("not in doubt")
    };
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::NotApplied);
    // The progress goes before the rows do.
    let port = to.port.to_string();
    let move_all = |part: &str| {
        for key in from.cli(&["CLUSTER", "GETKEYSINSLOT", &text, "100"]).lines().filter(|key| key.contains(part)) {
            assert_eq!(from.cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
        }
    };
    loaded(&store, 0, &held, &["k"]).unwrap();
    move_all(":p:");
    let saved = store.save(0, &held, &rows(&[("k", "3")]), &[progress(2)]);
    assert!(!matches!(saved, Saved::Applied), "{saved:?}");
    assert!(failing(&loaded(&store, 0, &held, &["k"])));
    move_all(":");
    for server in [to, from] {
        assert_eq!(server.cli(&["CLUSTER", "SETSLOT", &text, "NODE", &id(to)]), "OK");
    }
    assert_eq!(loaded(&store, 0, &held, &["k", "new"]).unwrap(), [Some("1".to_owned()), None]);
    let held = save_until_done(&store, 0, &held, 2, 10);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("2".to_owned())]);
    assert_eq!(to.cli(&["GET", "test:{0-uz}:s:k"]), "2");
}

/// A watcher of a master.
fn watcher(master: &Server) -> Server {
    Server::watcher(&format!(
        "sentinel monitor shop 127.0.0.1 {} 2\nsentinel down-after-milliseconds shop 1000\n\
         sentinel failover-timeout shop 5000\n",
        master.port
    ))
}

#[test]
fn sentinel_is_asked_for_the_master() {
    if !there_is_redis("a failover by Sentinel") {
        return;
    }
    let mut master = Server::start(&["--appendonly", "yes"]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string(), "--appendonly", "yes"]);
    let watchers: Vec<Server> = (0..3).map(|_| watcher(&master)).collect();
    wait_until("the watchers know each other and the replica", 30, || {
        watchers.iter().all(|watcher| {
            let info = watcher.cli(&["INFO", "sentinel"]);
            info.contains("slaves=1") && info.contains("sentinels=3") && info.contains("status=ok")
        }) && replica.cli(&["INFO", "replication"]).contains("master_link_status:up")
    });
    // The first of the watchers is not there.
    let mut nodes = vec![Node::new("127.0.0.1", support::free_port())];
    nodes.extend(watchers.iter().map(Server::node));
    let place = |name: &str| Place::Sentinel {
        nodes: nodes.clone(),
        master: name.to_owned(),
        database: 0,
        user: None,
        password: None,
    };
    let error = check(&settings(place("shoop"))).unwrap_err();
    assert!(error.message.contains("knows no master named `shoop`"), "{error}");
    let report = check(&settings(place("shop"))).unwrap();
    assert_eq!((report.nodes[0].node.port, report.nodes[0].replicas), (master.port, 1));
    // A replica that is named as the server is refused.
    let error = check(&settings(Place::Single { node: replica.node(), database: 0 })).unwrap_err();
    assert!(error.message.contains("is a replica and takes no writes"), "{error}");

    let store = RedisStore::new(settings(place("shop"))).unwrap();
    let held = claim(&store, 0, &[0]);
    let held = save_until_done(&store, 0, &held, 1, 5);
    loaded(&store, 0, &held, &["k"]).unwrap();
    assert_eq!(watchers[0].cli(&["SENTINEL", "FAILOVER", "shop"]), "OK");
    wait_until("the replica is master", 30, || replica.cli(&["ROLE"]).starts_with("master"));
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
        cli(replica.port, &["GET", "test:{0-uz}:s:k"]) == "2"
    });
    // And back, by the death of the master of now.
    wait_until("the old master follows", 30, || {
        master.cli(&["INFO", "replication"]).contains("master_link_status:up")
            && watchers.iter().all(|watcher| watcher.cli(&["INFO", "sentinel"]).contains("status=ok"))
    });
    let mut replica = replica;
    replica.kill();
    let held = save_until_done(&store, 0, &held, 3, 60);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("3".to_owned())]);
    assert_eq!(master.cli(&["GET", "test:{0-uz}:s:k"]), "3");
    master.kill();
    assert!(failing(&loaded(&store, 0, &held, &["k"])));
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
    if !there_is_redis("encrypted connections") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    if certificates(folder.path()).is_none() {
        eprintln!("NOT SHOWN: encrypted connections: there is no `openssl` on this machine");
        return;
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let encrypted = support::free_port();
    let server = Server::start(&[
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
    ]);
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
    let error = check(&at("localhost", server.port, Some(authority))).unwrap_err();
    assert!(error.to_string().contains("that this port takes encrypted connections"), "{error}");
    let mut plain = at("localhost", encrypted, None);
    plain.tls = None;
    let error = check(&plain).unwrap_err();
    assert!(error.to_string().contains("it may want an encrypted one"), "{error}");
}
