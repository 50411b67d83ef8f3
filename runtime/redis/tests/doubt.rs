//! Connections that break, and saves whose answer does not come.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Held, LaneStore, Saved, Settled},
};
use nsf_redis::{Node, Place, RedisStore};
use support::{
    Server, claim, loaded, moved, progress,
    proxy::{Fate, Proxy},
    rows, there_is_redis,
};

/// A store behind a proxy, whose lane 0 holds partition 0 at offset 1.
fn behind_proxy(server: &Server) -> (Proxy, RedisStore, Vec<Held>) {
    let proxy = Proxy::before(server.port);
    let mut settings = server.settings();
    settings.place = Place::Single { node: Node::new("127.0.0.1", proxy.port), database: 0 };
    settings.response_timeout = Duration::from_millis(400);
    let store = RedisStore::new(settings).unwrap();
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    loaded(&store, 0, &held, &["k"]).unwrap();
    (proxy, store, held)
}

#[track_caller]
fn in_doubt(saved: &Saved) {
    let Saved::Unknown(error) = saved else { panic!("{saved:?}") };
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
}

const ROW: &str = "test:{0-uz}:s:k";

#[test]
fn a_lost_answer_to_a_save_that_was_done() {
    if !there_is_redis("a lost answer to a save that was done") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::LoseAnswer);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::Applied);
    assert_eq!(loaded(&store, 0, &moved(&held, 2), &["k"]).unwrap(), [Some("2".to_owned())]);
}

#[test]
fn a_save_that_moves_nothing_on_is_told_from_none() {
    if !there_is_redis("a lost answer to a save that leaves the offset") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::LoseAnswer);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(1)]));
    assert_eq!(store.settle(0, &held, &[progress(1)]).unwrap(), Settled::Applied);
    proxy.next(Fate::LoseRequest);
    in_doubt(&store.save(0, &held, &rows(&[("k", "3")]), &[progress(1)]));
    assert_eq!(store.settle(0, &held, &[progress(1)]).unwrap(), Settled::NotApplied);
}

#[test]
fn a_save_that_never_arrived_is_done_again() {
    if !there_is_redis("a save that never arrived") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::LoseRequest);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::NotApplied);
    assert_eq!(server.cli(&["GET", ROW]), "1");
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

#[test]
fn a_save_that_arrives_late_is_void_once_it_was_settled() {
    if !there_is_redis("a save that arrives late") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::Late(900));
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2)]));
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::NotApplied);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.cli(&["GET", ROW]), "1");
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("1".to_owned())]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

#[test]
fn a_save_in_doubt_of_a_lane_that_was_claimed_is_lost() {
    if !there_is_redis("a save in doubt of a lane that was claimed meanwhile") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::LoseRequest);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    claim(&server.store(), 0, &[0]);
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::Lost);
}

#[test]
fn a_save_in_doubt_of_a_store_that_went_back_is_lost() {
    if !there_is_redis("a save in doubt of a store that went back") {
        return;
    }
    let server = Server::start(&[]);
    let (proxy, store, held) = behind_proxy(&server);
    proxy.next(Fate::LoseRequest);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    server.cli(&["HSET", "test:{0-uz}:p:group:shop.orders:orders:0", "n", "0"]);
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::Lost);
}

#[test]
fn a_connection_that_is_cut_between_load_and_save() {
    if !there_is_redis("a connection that is cut between load and save") {
        return;
    }
    let server = Server::start(&[]);
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    for round in 0..20 {
        let held = if round == 0 { held.clone() } else { moved(&held, round) };
        loaded(&store, 0, &held, &["k"]).unwrap();
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        let next = progress(round + 1);
        let saved = store.save(0, &held, &rows(&[("k", &round.to_string())]), std::slice::from_ref(&next));
        in_doubt(&saved);
        assert_eq!(store.settle(0, &held, std::slice::from_ref(&next)).unwrap(), Settled::NotApplied);
        assert_eq!(store.save(0, &held, &rows(&[("k", &round.to_string())]), &[next]), Saved::Applied);
        // A load finds another connection by itself.
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
}

#[test]
fn a_cut_connection_and_a_claim_are_both_noticed() {
    if !there_is_redis("a cut connection and a claim") {
        return;
    }
    let server = Server::start(&[]);
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    loaded(&store, 0, &held, &["k"]).unwrap();
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    claim(&server.store(), 0, &[0]);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap_err().kind, Kind::Lost);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
    assert_eq!(server.cli(&["EXISTS", ROW]), "0");
}

#[test]
fn what_stood_on_a_cut_connection_stands_no_more() {
    if !there_is_redis("a claim after a cut connection") {
        return;
    }
    let server = Server::start(&[]);
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    loaded(&store, 0, &held, &["k"]).unwrap();
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    // By another connection.
    loaded(&store, 0, &held, &["k"]).unwrap();
    claim(&server.store(), 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
    assert_eq!(server.cli(&["EXISTS", ROW]), "0");
}

/// Something that answers a lane as Redis does, except that of the save only the first half is done.
fn half_hearted() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            let asked = String::from_utf8_lossy(&bytes[..count]);
            let held = "*2\r\n$1\r\n5\r\n$-1\r\n";
            let answer = if asked.contains("HELLO") {
                "*4\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n".to_owned()
            } else if asked.contains("HINCRBY") {
                format!(":5\r\n*6\r\n{}", "$-1\r\n".repeat(6))
            } else if asked.contains("HSET") {
                let refused =
                    "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call";
                format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n{refused}\r\n+OK\r\n{held}")
            } else {
                format!("+OK\r\n*0\r\n+OK\r\n{held}")
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

#[test]
fn a_save_that_was_done_in_part_stops_the_lane() {
    let node = Node::new("127.0.0.1", half_hearted());
    let place = Place::Single { node, database: 0 };
    let store = RedisStore::new(nsf_redis::RedisSettings::new(place, "test", "group")).unwrap();
    let held = claim(&store, 0, &[0]);
    let Saved::Unknown(error) = store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]) else { panic!() };
    assert_eq!(error.kind, Kind::Damaged, "{error}");
    assert!(error.message.contains("was done in part: the user `default` lacks a right"), "{error}");
    // Nothing that is asked of the lane later makes good of it.
    assert_eq!(store.settle(0, &held, &[progress(1)]).unwrap_err(), error);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap_err(), error);
    assert_eq!(store.save(0, &held, &rows(&[]), &[progress(1)]), Saved::Unknown(error.clone()));
    assert_eq!(store.claim(0, &[]).unwrap_err(), error);
}

#[test]
fn a_server_without_memory_or_replicas_does_nothing_by_halves() {
    if !there_is_redis("saves that the server refuses") {
        return;
    }
    let server = Server::start(&[]);
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    loaded(&store, 0, &held, &["k"]).unwrap();
    for (name, wrong, right, word) in
        [("min-replicas-to-write", "1", "0", "too few replicas"), ("maxmemory", "1", "0", "no memory left")]
    {
        server.cli(&["CONFIG", "SET", name, wrong]);
        // What frees memory is allowed, what takes some is not: together they are refused.
        let mut changes = rows(&[("k", "1")]);
        changes.delete(b"z");
        let saved = store.save(0, &held, &changes, &[progress(1)]);
        let Saved::Unknown(error) = &saved else { panic!("{saved:?}") };
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.message.contains(word), "{error}");
        server.cli(&["CONFIG", "SET", name, right]);
        assert_eq!(store.settle(0, &held, &[progress(1)]).unwrap(), Settled::NotApplied);
        assert_eq!(server.cli(&["EXISTS", ROW]), "0");
    }
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
}

#[test]
fn a_server_that_restarts_heals_by_itself() {
    if !there_is_redis("a restart of the server") {
        return;
    }
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    server.kill();
    let error = loaded(&store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap_err().kind, Kind::Unavailable);
    server.run();
    assert_eq!(store.settle(0, &held, &[progress(2)]).unwrap(), Settled::NotApplied);
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("1".to_owned())]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

#[test]
fn a_server_that_hangs_is_left_in_time() {
    if !there_is_redis("a server that hangs") {
        return;
    }
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut settings = server.settings();
    settings.response_timeout = Duration::from_millis(300);
    let store = RedisStore::new(settings).unwrap();
    let held = claim(&store, 0, &[0]);
    let port = server.port;
    let sleeper = std::thread::spawn(move || support::cli(port, &["DEBUG", "SLEEP", "2"]));
    std::thread::sleep(Duration::from_millis(200));
    let start = std::time::Instant::now();
    let error = loaded(&store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("does not answer"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    sleeper.join().unwrap();
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [None]);
}
