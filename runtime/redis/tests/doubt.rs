//! Connections that break, and saves whose answer does not come.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{LaneStore, Saved},
};
use nsf_redis::{Node, Place, RedisStore};
use nsf_tests::lanes::doubt::{self, Stage};
use support::{
    Server, VOID, claim, is_save, loaded, moved, node, partition, progress,
    proxy::{Fate, Proxy},
    rows, was_done,
};

/// A store behind a proxy.
fn behind_proxy(server: &Server) -> (Proxy, RedisStore) {
    let proxy = Proxy::before(server.address(), is_save);
    let mut settings = server.settings();
    settings.place = Place::Single { node: node(proxy.address), database: 0 };
    settings.response_timeout = Duration::from_millis(400);
    (proxy, RedisStore::new(settings).unwrap())
}

fn on_stage(server: &Server, case: fn(&Stage<'_>)) {
    let (proxy, store) = behind_proxy(server);
    let row = || {
        let row = server.ask(&["GET", ROW]);
        (!row.is_empty()).then_some(row)
    };
    let cut = || drop(server.ask(&["CLIENT", "KILL", "TYPE", "normal"]));
    let open = || Box::new(server.store()) as Box<dyn LaneStore>;
    case(&Stage { proxy, store: Box::new(store), open: &open, row: &row, cut: &cut, was_done });
}

#[track_caller]
fn in_doubt(saved: &Saved) {
    let Saved::Unknown(error) = saved else { panic!("{saved:?}") };
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
}

const ROW: &str = "test:{0-uz}:s:k";

#[test]
fn a_claim_shows_a_save_that_was_done() {
    let Some(server) = Server::start("a lost answer to a save that was done", &[]) else { return };
    on_stage(&server, doubt::a_claim_shows_a_save_that_was_done);
}

#[test]
fn a_claim_shows_a_save_that_left_the_offset() {
    let Some(server) = Server::start("a lost answer to a save that leaves the offset", &[]) else { return };
    on_stage(&server, doubt::a_claim_shows_a_save_that_left_the_offset);
}

#[test]
fn a_save_that_never_arrived_is_done_again() {
    let Some(server) = Server::start("a save that never arrived", &[]) else { return };
    on_stage(&server, doubt::a_save_that_never_arrived_is_done_again);
}

#[test]
fn a_save_that_arrives_late_is_done_where_nobody_claimed() {
    let Some(server) = Server::start("a save that arrives late", &[]) else { return };
    on_stage(&server, doubt::a_save_that_arrives_late_is_done_where_nobody_claimed);
}

#[test]
fn a_save_that_arrives_late_is_void_after_a_claim_of_the_same_store() {
    let Some(server) = Server::start("a save that arrives after the same store's claim", &[]) else { return };
    on_stage(&server, doubt::a_save_that_arrives_late_is_void_after_a_claim_of_the_same_store);
}

#[test]
fn a_save_that_arrives_late_is_void_after_anyones_claim() {
    let Some(server) = Server::start("a save that arrives after another store's claim", &[]) else { return };
    on_stage(&server, doubt::a_save_that_arrives_late_is_void_after_anyones_claim);
}

#[test]
fn a_claim_of_one_partition_voids_a_late_save_of_several() {
    let Some(server) = Server::start("a late save of several partitions of which one is claimed", &[]) else { return };
    on_stage(&server, doubt::a_claim_of_one_partition_voids_a_late_save_of_several);
}

#[test]
fn a_late_save_is_void_in_a_store_that_went_back() {
    let Some(server) = Server::start("a late save in a store that went back", &[]) else { return };
    let (proxy, store) = behind_proxy(&server);
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    loaded(&store, 0, &held, &["k"]).unwrap();
    proxy.next(Fate::Hold);
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2)]));
    server.ask(&["HSET", "test:{0-uz}:p:group:shop.orders:orders:0", "n", "0"]);
    assert_eq!(claim(&store, 0, &[0])[0].next, Some(0));
    assert!(proxy.let_go().contains(VOID));
    assert_eq!(server.ask(&["GET", ROW]), "1");
}

#[test]
fn a_connection_that_is_cut_between_load_and_save() {
    let Some(server) = Server::start("a connection that is cut between load and save", &[]) else { return };
    on_stage(&server, doubt::a_connection_that_is_cut_between_load_and_save);
}

#[test]
fn a_cut_connection_and_a_claim_are_both_noticed() {
    let Some(server) = Server::start("a cut connection and a claim", &[]) else { return };
    on_stage(&server, doubt::a_cut_connection_and_a_claim_are_both_noticed);
}

#[test]
fn what_stood_on_a_cut_connection_stands_no_more() {
    let Some(server) = Server::start("a claim after a cut connection", &[]) else { return };
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    loaded(&store, 0, &held, &["k"]).unwrap();
    server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    // By another connection.
    loaded(&store, 0, &held, &["k"]).unwrap();
    claim(&server.store(), 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
    assert_eq!(server.ask(&["EXISTS", ROW]), "0");
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
            let told = "$10\r\nrun_id:1\r\n\r\n";
            let answer = if asked.contains("HELLO") {
                "*4\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n".to_owned()
            } else if asked.contains("HSET") {
                let refused =
                    "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call";
                let queued = "+QUEUED\r\n".repeat(3);
                format!("+OK\r\n{queued}*3\r\n:1\r\n+OK\r\n{refused}\r\n+OK\r\n{held}")
            } else if asked.contains("HINCRBY") {
                format!(":5\r\n*6\r\n{}{told}", "$-1\r\n".repeat(6))
            } else if asked.contains("INFO") {
                told.repeat(2)
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
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap_err(), error);
    assert_eq!(store.save(0, &held, &rows(&[]), &[progress(1)]), Saved::Unknown(error.clone()));
    assert_eq!(store.claim(0, &[partition(0)]).unwrap_err(), error);
}

#[test]
fn a_server_without_memory_or_replicas_does_nothing_by_halves() {
    let Some(server) = Server::start("saves that the server refuses", &[]) else { return };
    let store = server.store();
    let mut held = claim(&store, 0, &[0]);
    loaded(&store, 0, &held, &["k"]).unwrap();
    for (name, wrong, right, word) in
        [("min-replicas-to-write", "1", "0", "too few replicas"), ("maxmemory", "1", "0", "no memory left")]
    {
        server.ask(&["CONFIG", "SET", name, wrong]);
        // What frees memory is allowed, what takes some is not: together they are refused.
        let mut changes = rows(&[("k", "1")]);
        changes.delete(b"z");
        let saved = store.save(0, &held, &changes, &[progress(1)]);
        let Saved::Unknown(error) = &saved else { panic!("{saved:?}") };
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.message.contains(word), "{error}");
        server.ask(&["CONFIG", "SET", name, right]);
        held = claim(&store, 0, &[0]);
        assert_eq!(held[0].next, None);
        assert_eq!(server.ask(&["EXISTS", ROW]), "0");
    }
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
}

#[test]
fn a_server_that_restarts_heals_by_itself() {
    let Some(mut server) = Server::keeping("a restart of the server") else { return };
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    server.kill();
    let error = loaded(&store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    assert_eq!(store.claim(0, &[partition(0)]).unwrap_err().kind, Kind::Unavailable);
    server.restart().unwrap();
    let held = claim(&store, 0, &[0]);
    assert_eq!(held[0].next, Some(1));
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [Some("1".to_owned())]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

#[test]
fn a_server_that_hangs_is_left_in_time() {
    let Some(server) = Server::start("a server that hangs", &[]) else { return };
    let mut settings = server.settings();
    settings.response_timeout = Duration::from_millis(300);
    let store = RedisStore::new(settings).unwrap();
    let held = claim(&store, 0, &[0]);
    server.suspend();
    let start = std::time::Instant::now();
    let error = loaded(&store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("does not answer"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    server.resume();
    assert_eq!(loaded(&store, 0, &held, &["k"]).unwrap(), [None]);
}
