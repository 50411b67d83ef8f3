//! Streams as a source: entries as messages, one reader at a time, and what is gone is told.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nsf_engine::{
    connector::{Change, Command, LogState, PartitionId, Polled, RawBatch, Source as _},
    timed,
};
use nsf_redis::{ACL_COMMANDS, Claims, RedisSettings, RedisStreamSource, Secret, acl_line, check, stream_stands};
use support::Server;

const FIRST: PartitionId = PartitionId { stream: 0, partition: 0 };

fn source(settings: &RedisSettings, names: &[&str]) -> RedisStreamSource {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let groups: Vec<u32> = (0..).take(names.len()).collect();
    RedisStreamSource::new(settings.clone(), Arc::<Claims>::default(), &names, &groups).unwrap()
}

/// Polls until something is told.
#[track_caller]
fn told(source: &mut RedisStreamSource) -> Vec<Change> {
    let begun = Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match source.poll(&mut batch, 1 << 18).unwrap() {
            Polled::Changed => return source.changes(),
            Polled::Batch => panic!("{batch:?}"),
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "nothing is told: {:?}", source.status().trouble()),
        }
    }
}

#[track_caller]
fn assigned(changes: &[Change]) -> LogState {
    match changes {
        [Change::Assigned(FIRST, log)] => log.clone(),
        other => panic!("{other:?}"),
    }
}

fn start(source: &mut RedisStreamSource, next: u64, generation: u64) {
    source.command(Command::Start { partition: FIRST, next, generation }).unwrap();
}

#[track_caller]
fn batch(source: &mut RedisStreamSource) -> RawBatch {
    let begun = Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match source.poll(&mut batch, 1 << 18).unwrap() {
            Polled::Batch => return batch,
            Polled::Idle => assert!(begun.elapsed() < Duration::from_secs(60), "nothing comes"),
            other => panic!("{other:?}: {:?}", source.changes()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn entries_are_messages_with_key_headers_and_time() {
    let Some(server) = Server::start("entries as messages", &[]) else { return };
    let add = |words: &[&str]| server.ask(&[&["XADD", "test:stream:clicks"], words].concat());
    add(&["5-1", "nsf-id", "g/1", "nsf-lane", "3/1f", "key", "k\"1", "value", "{\"n\":1}", "trace", "t"]);
    add(&["5-2", "page", "a\"b\\c\u{1}", "n", "7", "nsf-id", "g/2"]);
    add(&["7-0", "value", ""]);
    let mut own = source(&server.settings(), &["clicks"]);
    own.open(&[]).unwrap();
    let log = assigned(&told(&mut own));
    let offset = |time, number| timed::offset(time, number).unwrap();
    assert_eq!((log.low, log.high, log.partitions, log.timed), (0, offset(7, 0) + 1, 1, true));
    start(&mut own, log.low, 9);
    let read = batch(&mut own);
    assert_eq!((read.stream, read.partition, read.generation, read.end.next), (0, 0, 9, offset(7, 0) + 1));
    let shown = |message| {
        let headers: Vec<String> =
            read.headers(message).map(|(name, value)| format!("{name}={}", text(value))).collect();
        (message.offset, message.timestamp, text(read.message(message)), read.key(message).map(text), headers.join(" "))
    };
    let shown: Vec<_> = read.messages.iter().map(shown).collect();
    let plain = "{\"page\":\"a\\\"b\\\\c\\u0001\",\"n\":\"7\"}".to_owned();
    assert_eq!(
        shown,
        [
            (offset(5, 1), Some(5), "{\"n\":1}".into(), Some("k\"1".into()), "nsf-id=g/1 nsf-lane=3/1f trace=t".into()),
            (offset(5, 2), Some(5), plain, None, "nsf-id=g/2".into()),
            (offset(7, 0), Some(7), String::new(), None, String::new()),
        ]
    );
    // From any place on, as often as it is asked for.
    start(&mut own, offset(5, 1) + 1, 10);
    assert_eq!(batch(&mut own).messages.len(), 2);
    add(&["7-1", "value", "x"]);
    let next = batch(&mut own);
    assert_eq!((next.messages.len(), next.messages[0].offset, next.generation), (1, offset(7, 1), 10));
    // What cannot be counted ends the run, with its name.
    add(&["8-9999999", "value", "x"]);
    let begun = Instant::now();
    let error = loop {
        let mut batch = RawBatch::default();
        match own.poll(&mut batch, 1 << 18) {
            Err(error) => break error,
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(60)),
        }
    };
    assert!(error.message.starts_with("the entry `8-9999999` of the stream `clicks` cannot be counted"), "{error}");
}

#[test]
fn many_entries_come_in_order_and_in_bounds() {
    let Some(server) = Server::start("many entries", &[]) else { return };
    let long = "x".repeat(10_000);
    for n in 0..600 {
        server.ask(&["XADD", "test:stream:many", "*", "value", &format!("{n} {long}")]);
    }
    let mut own = source(&server.settings(), &["others", "many"]);
    let log = loop {
        let many = |change: &Change| match change {
            Change::Assigned(PartitionId { stream: 1, .. }, log) => Some(log.clone()),
            _ => None,
        };
        if let Some(log) = told(&mut own).iter().find_map(many) {
            break log;
        }
    };
    let partition = PartitionId { stream: 1, partition: 0 };
    own.command(Command::Start { partition, next: log.low, generation: 1 }).unwrap();
    let mut seen = 0;
    while seen < 600 {
        let read = batch(&mut own);
        assert!(read.stream == 1 && read.bytes.len() <= 1 << 18, "{} bytes", read.bytes.len());
        for message in &read.messages {
            assert!(text(read.message(message)).starts_with(&format!("{seen} ")));
            seen += 1;
        }
    }
    assert_eq!(server.ask(&["EXISTS", "test:stream:others"]), "1", "one that nobody wrote is there, and empty");
}

#[test]
fn one_worker_reads_at_a_time() {
    let Some(server) = Server::start("one reader", &[]) else { return };
    let settings = server.settings();
    let (mut first, mut second) = (source(&settings, &["clicks"]), source(&settings, &["clicks"]));
    let log = assigned(&told(&mut first));
    for _ in 0..60 {
        thread::sleep(Duration::from_millis(20));
        assert_eq!(second.poll(&mut RawBatch::default(), 1000).unwrap(), Polled::Idle);
    }
    assert!(stream_stands(&settings, "clicks").unwrap().1, "a worker reads it");
    // Who ends lets the other read at once; it is the same stream.
    first.close(Duration::from_secs(1));
    assert_eq!(assigned(&told(&mut second)), log);
    // Whose lease has ended gives the stream up, and does not read on meanwhile.
    server.ask(&["XADD", "test:stream:clicks", "*", "value", "x"]);
    server.ask(&["DEL", "test:reader:group:clicks"]);
    assert_eq!(told(&mut second), [Change::Gone(FIRST)]);
    let (state, is_read) = stream_stands(&settings, "clicks").unwrap();
    assert_eq!((state.incarnation, is_read), (log.incarnation.clone(), false));
    assert_eq!(assigned(&told(&mut second)).incarnation, log.incarnation);
}

#[test]
fn what_is_trimmed_or_made_anew_is_told() {
    let Some(server) = Server::start("trimmed streams", &[]) else { return };
    let add = |id: &str| server.ask(&["XADD", "test:stream:clicks", id, "value", "x"]);
    (1..=9).for_each(|n| drop(add(&format!("{n}-0"))));
    let mut own = source(&server.settings(), &["clicks"]);
    let log = assigned(&told(&mut own));
    let offset = |time| timed::offset(time, 0).unwrap();
    start(&mut own, log.low, 1);
    assert_eq!(batch(&mut own).end.next, offset(9) + 1);
    let noted = |own: &mut RedisStreamSource, time| {
        own.command(Command::Commit(vec![(FIRST, offset(time) + 1)])).unwrap();
        let groups = server.ask(&["XINFO", "GROUPS", "test:stream:clicks"]);
        let lines: Vec<String> = groups.lines().map(str::to_owned).collect();
        let after = |name: &str| lines[lines.iter().position(|line| line == name).unwrap() + 1].clone();
        (after("last-delivered-id"), after("entries-read"), after("lag"))
    };
    assert_eq!(noted(&mut own, 9), ("9-0".into(), "9".into(), "0".into()));
    // What was taken may go.
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "2"]);
    add("10-0");
    assert_eq!(batch(&mut own).end.next, offset(10) + 1);
    // A position that is not of a whole batch is noted as the one before it.
    assert_eq!(noted(&mut own, 9).0, "9-0");
    // What was not taken may not.
    (11..=20).for_each(|n| drop(add(&format!("{n}-0"))));
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "3"]);
    assert_eq!(told(&mut own), [Change::Gone(FIRST)]);
    let trimmed = assigned(&told(&mut own));
    assert_eq!((trimmed.low, trimmed.high), (offset(18), offset(20) + 1));
    assert_eq!(trimmed.incarnation, log.incarnation);
    // Who begins anew with what is there sees all of it, and what is trimmed behind it is no loss.
    start(&mut own, trimmed.low, 2);
    assert_eq!(batch(&mut own).end.next, offset(20) + 1);
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "1"]);
    (21..=22).for_each(|n| drop(add(&format!("{n}-0"))));
    assert_eq!(batch(&mut own).end.next, offset(22) + 1);
    assert_eq!(noted(&mut own, 22), ("22-0".into(), "22".into(), "0".into()));
    // A single entry that is deleted is no loss either, whether it was taken or not.
    server.ask(&["XDEL", "test:stream:clicks", "21-0"]);
    (23..=25).for_each(|n| drop(add(&format!("{n}-0"))));
    server.ask(&["XDEL", "test:stream:clicks", "24-0"]);
    assert_eq!(batch(&mut own).end.next, offset(25) + 1);
    assert_eq!(noted(&mut own, 25).1, "25");
    // All of it trimmed is the same stream still.
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "0"]);
    let stands = stream_stands(&server.settings(), "clicks").unwrap().0;
    assert_eq!((stands.low, stands.high, &stands.incarnation), (0, offset(25) + 1, &log.incarnation));
    // One that is made anew is another, whatever its entries are called.
    start(&mut own, offset(25) + 1, 3);
    server.ask(&["DEL", "test:stream:clicks"]);
    add("31-0");
    assert_eq!(told(&mut own), [Change::Gone(FIRST)]);
    let other = assigned(&told(&mut own));
    assert_ne!(other.incarnation, log.incarnation);
    assert_eq!((other.low, other.high), (0, offset(31) + 1));
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let Some(mut server) = Server::keeping("a stream over a restart") else { return };
    server.ask(&["XADD", "test:stream:clicks", "5-0", "value", "x"]);
    let mut own = source(&server.settings(), &["clicks"]);
    let log = assigned(&told(&mut own));
    start(&mut own, log.low, 1);
    assert_eq!(batch(&mut own).messages.len(), 1);
    server.kill();
    let begun = Instant::now();
    while own.status().trouble().is_none() {
        assert_eq!(own.poll(&mut RawBatch::default(), 1000).unwrap(), Polled::Idle);
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is said");
    }
    server.restart().unwrap();
    server.ask(&["XADD", "test:stream:clicks", "6-0", "value", "y"]);
    let begun = Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match own.poll(&mut batch, 1000).unwrap() {
            Polled::Batch => break assert_eq!(text(batch.message(&batch.messages[0])), "y"),
            // A server that was away for longer than the lease lets it end.
            Polled::Changed => {
                for change in own.changes() {
                    if matches!(change, Change::Assigned(..)) {
                        start(&mut own, timed::offset(5, 0).unwrap() + 1, 2);
                    }
                }
            }
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "it does not go on"),
        }
    }
    assert_eq!(own.status().trouble(), None);
}

#[test]
fn only_who_reads_streams_needs_the_rights() {
    let Some(server) = Server::start("rights of readers", &[]) else { return };
    let line = format!("ACL SETUSER worker on >secret ~test:* {ACL_COMMANDS}");
    assert_eq!(server.ask(&line.split(' ').collect::<Vec<_>>()), "OK");
    let mut settings = server.settings();
    (settings.user, settings.password) = (Some("worker".into()), Some(Secret::new("secret")));
    check(&settings).unwrap();
    settings.reads_streams = true;
    let error = check(&settings).unwrap_err();
    assert!(error.message.ends_with("it may not run `xgroup`, `xinfo`, `xrange`"), "{error}");
    assert!(acl_line(&settings).ends_with(" +xrange +xinfo +xgroup"));
    assert_eq!(server.ask(&["ACL", "SETUSER", "worker", "+xrange", "+xinfo", "+xgroup"]), "OK");
    check(&settings).unwrap();
    assert_eq!(server.ask(&["DBSIZE"]), "0", "nothing is left behind");
    assigned(&told(&mut source(&settings, &["clicks"])));
}
