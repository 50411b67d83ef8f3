//! Values of keys that a program writes: the last one stays, and nobody writes who has lost the partition.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;

use nsf_engine::{
    connector::{ConnectorErrorKind as Kind, MessageId, OutputBatch, Sequence, Sink as _},
    stable::number,
    store::{LaneStore as _, Saved},
};
use nsf_redis::{
    ACL_COMMANDS, Claims, Place, RedisSettings, RedisSink, RedisStore, RedisStreamSink, Secret, acl_line, check,
};
use nsf_tests::servers::{cluster::RedisCluster, shown};
use support::{Server, ask, claim, node, progress, rows};

/// A store and a sink of one worker.
fn worker(settings: &RedisSettings) -> (RedisStore, RedisSink) {
    let claims = Arc::<Claims>::default();
    let store = RedisStore::new(settings.clone()).unwrap().with_claims(Arc::clone(&claims));
    let sink = RedisSink::new(settings.clone(), claims, vec!["shop.others".into(), "shop.orders".into()]).unwrap();
    (store, sink)
}

/// Values of a partition of the second stream, by their keys.
fn values(partition: u32, values: &[(&str, &str)]) -> OutputBatch {
    let mut batch = OutputBatch::default();
    for (offset, (key, value)) in (0..).zip(values) {
        batch.ids.push(MessageId { stream: number("shop.orders"), partition, offset, ..MessageId::default() });
        batch.push(key.as_bytes(), value.as_bytes());
    }
    batch
}

#[test]
fn the_last_value_of_a_key_stays_and_reads_well() {
    let Some(server) = Server::start("values of keys", &[]) else { return };
    // A user with the store's rights and no more.
    let line = format!("ACL SETUSER worker on >secret ~test:* {ACL_COMMANDS}");
    assert_eq!(server.ask(&line.split(' ').collect::<Vec<_>>()), "OK");
    let mut settings = server.settings();
    (settings.user, settings.password) = (Some("worker".into()), Some(Secret::new("secret")));
    let (store, mut sink) = worker(&settings);
    claim(&store, 0, &[0, 1]);
    claim(&store, 1, &[0, 1]);
    sink.open(None).unwrap();
    sink.append(&values(0, &[("latest:1", "{\"n\":1}"), ("latest:2", "{\"n\":2}"), ("latest:1", "{\"n\":3}")]))
        .unwrap();
    sink.append(&values(1, &[("latest:%7B", "{\"n\":4}")])).unwrap();
    assert_eq!(server.ask(&["EXISTS", "test:out:latest:1"]), "0", "they are written together");
    sink.flush().unwrap();
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "{\"n\":3}");
    assert_eq!(server.ask(&["GET", "test:out:latest:2"]), "{\"n\":2}");
    assert_eq!(server.ask(&["GET", "test:out:latest:%7B"]), "{\"n\":4}");
    assert_eq!(server.ask(&["TTL", "test:out:latest:1"]), "-1");
    // What is more than may wait is written before the flush.
    let long = format!("\"{}\"", "x".repeat(3 << 20));
    sink.append(&values(0, &[("long:1", &long), ("long:2", &long)])).unwrap();
    assert_eq!(server.ask(&["STRLEN", "test:out:long:2"]), long.len().to_string());
    sink.flush().unwrap();
}

#[test]
fn whoever_lost_a_partition_writes_none_of_its_values() {
    let Some(server) = Server::start("values of a partition that was lost", &[]) else { return };
    let (old_store, mut old) = worker(&server.settings());
    let (new_store, mut new) = worker(&server.settings());
    claim(&old_store, 0, &[0, 1]);
    old.append(&values(0, &[("latest:1", "old")])).unwrap();
    // It is held up here, and another takes the partition over.
    claim(&new_store, 0, &[0]);
    new.append(&values(0, &[("latest:1", "new")])).unwrap();
    new.flush().unwrap();
    let error = old.flush().unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("another worker has taken their partitions over"), "{error}");
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "new");
    // Its other partition is still its own; nothing is left of what it could not write.
    old.append(&values(1, &[("latest:2", "own")])).unwrap();
    old.flush().unwrap();
    assert_eq!(server.ask(&["GET", "test:out:latest:2"]), "own");
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "new");
    // And what it never claimed it does not write.
    old.append(&values(7, &[("latest:3", "x")])).unwrap();
    assert!(old.flush().unwrap_err().message.contains("which nobody claimed"));
    // It comes back.
    claim(&old_store, 0, &[0]);
    old.append(&values(0, &[("latest:1", "again")])).unwrap();
    old.flush().unwrap();
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "again");
    new.append(&values(0, &[("latest:1", "late")])).unwrap();
    new.flush().unwrap_err();
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "again");
}

#[test]
fn an_emptied_redis_takes_no_values_before_its_partitions_are_claimed_again() {
    let Some(server) = Server::start("values of an emptied store", &[]) else { return };
    let (store, mut sink) = worker(&server.settings());
    claim(&store, 0, &[0]);
    assert_eq!(server.ask(&["FLUSHALL"]), "OK");
    sink.append(&values(0, &[("latest:1", "x")])).unwrap();
    sink.flush().unwrap_err();
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn a_server_that_restarts_is_found_again() {
    let Some(mut server) = Server::keeping("values over a restart") else { return };
    let (store, mut sink) = worker(&server.settings());
    claim(&store, 0, &[0]);
    sink.append(&values(0, &[("latest:1", "1")])).unwrap();
    sink.flush().unwrap();
    server.stop().unwrap();
    sink.append(&values(0, &[("latest:1", "2")])).unwrap();
    assert_eq!(sink.flush().unwrap_err().kind, Kind::Unavailable);
    server.restart().unwrap();
    // It may have lost what was written before it ended: that comes first, from where the store stands.
    sink.append(&values(0, &[("latest:1", "2")])).unwrap();
    let error = sink.flush().unwrap_err();
    assert!(error.message.contains("was started anew, or became the master"), "{error}");
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "1");
    claim(&store, 0, &[0]);
    sink.append(&values(0, &[("latest:1", "2")])).unwrap();
    sink.flush().unwrap();
    assert_eq!(server.ask(&["GET", "test:out:latest:1"]), "2");
}

#[test]
fn what_a_restarted_server_may_lack_keeps_a_lane_from_being_saved() {
    let Some(mut server) = Server::keeping("a save over a restart") else { return };
    let (store, mut sink) = worker(&server.settings());
    let held = claim(&store, 0, &[0]);
    sink.append(&values(0, &[("latest:1", "1")])).unwrap();
    sink.flush().unwrap();
    server.stop().unwrap();
    server.restart().unwrap();
    // The lane is as it was left, and the values of its records may not be there any more.
    let saved = store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]);
    assert!(matches!(saved, Saved::Lost), "{saved:?}");
    assert_eq!(server.ask(&["EXISTS", "test:{0-uz}:s:k"]), "0");
    let held = claim(&store, 0, &[0]);
    let saved = store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]);
    assert!(matches!(saved, Saved::Applied), "{saved:?}");
    // A program without outputs in Redis loses nothing by it, and goes on.
    let store = server.store();
    let held = claim(&store, 1, &[0]);
    server.stop().unwrap();
    server.restart().unwrap();
    let saved = store.save(1, &held, &rows(&[("k", "1")]), &[progress(1)]);
    assert!(matches!(saved, Saved::Applied), "{saved:?}");
}

/// A sink of entries beside the store of one worker.
fn entries(settings: &RedisSettings) -> (RedisStore, RedisStreamSink) {
    let claims = Arc::<Claims>::default();
    let store = RedisStore::new(settings.clone()).unwrap().with_claims(Arc::clone(&claims));
    let sink = RedisStreamSink::new(settings.clone(), claims, vec!["shop.orders".into()], "out").unwrap();
    (store, sink)
}

/// Entries of a partition, each made in its sequence; its number is its offset and its value.
fn made(numbers: &[(u64, Sequence)]) -> OutputBatch {
    let mut batch = OutputBatch::default();
    for (offset, sequence) in numbers {
        let id =
            MessageId { stream: number("shop.orders"), offset: *offset, sequence: *sequence, ..MessageId::default() };
        batch.ids.push(id);
        batch.push(b"", offset.to_string().as_bytes());
    }
    batch
}

/// The values of the entries, in order.
fn added(server: &Server) -> Vec<String> {
    let read = server.ask(&["XRANGE", "test:stream:out", "-", "+"]);
    let lines: Vec<&str> = read.lines().collect();
    lines.windows(2).filter(|pair| pair[0] == "value").map(|pair| pair[1].to_owned()).collect()
}

/// What a lane made since its last save it makes again once it is claimed anew. What waited would come before it, and what comes
/// before it may be lacking: the server may have gone back.
#[test]
fn what_waits_is_void_where_its_lane_was_claimed_anew() {
    let Some(server) = Server::start("entries of a lane that is claimed anew", &[]) else { return };
    let (store, mut sink) = entries(&server.settings());
    claim(&store, 0, &[0]);
    claim(&store, 1, &[0]);
    let all = [(1, Sequence::Lane(0)), (2, Sequence::Lane(1)), (3, Sequence::Partition), (4, Sequence::None)];
    sink.append(&made(&all)).unwrap();
    claim(&store, 1, &[0]);
    sink.append(&made(&[(1, Sequence::Lane(1))])).unwrap();
    sink.flush().unwrap();
    assert_eq!(added(&server), ["1", "4", "1"]);
}

#[test]
fn entries_wait_until_all_lanes_are_claimed_at_the_server_of_now() {
    let Some(mut server) = Server::keeping("entries over a restart") else { return };
    let (store, mut sink) = entries(&server.settings());
    claim(&store, 0, &[0]);
    claim(&store, 1, &[0]);
    server.stop().unwrap();
    server.restart().unwrap();
    // The first lane was claimed anew; the second does not know yet that what it gave may be lacking.
    claim(&store, 0, &[0]);
    sink.append(&made(&[(1, Sequence::Lane(0)), (7, Sequence::Lane(1))])).unwrap();
    let error = sink.flush().unwrap_err();
    assert!(error.message.contains("was started anew, or became the master"), "{error}");
    assert!(added(&server).is_empty());
    claim(&store, 1, &[0]);
    sink.append(&made(&[(1, Sequence::Lane(0)), (6, Sequence::Lane(1)), (7, Sequence::Lane(1))])).unwrap();
    sink.flush().unwrap();
    assert_eq!(added(&server), ["1", "6", "7"]);
}

#[test]
fn entries_of_a_stream_are_added_in_order_and_need_their_right() {
    let Some(server) = Server::start("entries of a stream", &[]) else { return };
    let line = format!("ACL SETUSER worker on >secret ~test:* {ACL_COMMANDS}");
    assert_eq!(server.ask(&line.split(' ').collect::<Vec<_>>()), "OK");
    let mut settings = server.settings();
    (settings.user, settings.password) = (Some("worker".into()), Some(Secret::new("secret")));
    check(&settings).unwrap();
    // Only a program that adds to streams needs it.
    settings.streams = true;
    let error = check(&settings).unwrap_err();
    assert!(error.message.ends_with("it may not run `xadd`"), "{error}");
    assert!(error.help.unwrap().ends_with(" +xadd") && acl_line(&settings).ends_with(" +xadd"));
    assert_eq!(server.ask(&["ACL", "SETUSER", "worker", "+xadd"]), "OK");
    check(&settings).unwrap();
    assert_eq!(server.ask(&["DBSIZE"]), "0", "nothing is left behind");
    let claims = Arc::<Claims>::default();
    let store = RedisStore::new(settings.clone()).unwrap().with_claims(Arc::clone(&claims));
    let streams = vec!["shop.others".into(), "shop.orders".into()];
    let mut sink = RedisStreamSink::new(settings, claims, streams, "called: a").unwrap();
    claim(&store, 0, &[0]);
    sink.open(None).unwrap();
    let mut batch = values(0, &[("k", "{\"n\":1}"), ("", "{\"n\":2}")]);
    (batch.ids[1].sequence, batch.ids[1].incarnation) = (Sequence::Lane(3), 0x1f);
    sink.append(&batch).unwrap();
    // Another output failed, and the engine gives everything again.
    sink.append(&batch).unwrap();
    sink.flush().unwrap();
    let read = server.ask(&["XRANGE", "test:stream:called%3A%20a", "-", "+"]);
    let lines: Vec<&str> = read.lines().filter(|line| !line.contains('-') || line.starts_with("nsf-")).collect();
    let id = |offset: u64| format!("group/{:08x}/0/{offset}/00000000/0", number("shop.orders"));
    let ids = [id(0), id(1)];
    let first = ["nsf-id", &ids[0], "key", "k", "value", "{\"n\":1}"];
    let wanted = [&first[..], &["nsf-id", &ids[1], "nsf-lane", "3/1f", "value", "{\"n\":2}"]].concat();
    assert_eq!(lines, wanted);
    // After the flush it may have been committed or not: what is given again is added again, with the same id.
    sink.append(&batch).unwrap();
    sink.flush().unwrap();
    assert_eq!(server.ask(&["XLEN", "test:stream:called%3A%20a"]), "4");
    claim(&server.store(), 0, &[0]);
    sink.append(&batch).unwrap();
    sink.flush().unwrap_err();
    assert_eq!(server.ask(&["XLEN", "test:stream:called%3A%20a"]), "4");
}

#[test]
fn values_are_spread_over_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cluster) = shown("values in a cluster", RedisCluster::start(folder.path())) else { return };
    let nodes = cluster.addresses().into_iter().map(node).collect();
    let mut settings = RedisSettings::new(Place::Cluster { nodes }, "test", "group");
    settings.lanes = 4;
    let (store, mut sink) = worker(&settings);
    claim(&store, 0, &[0]);
    let all: Vec<(String, String)> = (0..60).map(|at| (format!("latest:{at}"), format!("{{\"n\":{at}}}"))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    sink.append(&values(0, &all)).unwrap();
    sink.flush().unwrap();
    let mut found = 0;
    for address in cluster.addresses() {
        for (key, value) in &all {
            found += usize::from(ask(address, &["GET", &format!("test:out:{key}")]) == *value);
        }
    }
    assert_eq!(found, all.len());
    // Another takes the partition over.
    let (other, _) = worker(&settings);
    claim(&other, 0, &[0]);
    sink.append(&values(0, &[("latest:1", "old")])).unwrap();
    sink.flush().unwrap_err();
}
