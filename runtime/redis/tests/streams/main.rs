//! Streams as a source: entries as messages, one reader at a time, and what is gone is told.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bench;
#[path = "../support/mod.rs"]
mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use bench::{FIRST, assigned, batch, calls, group_field, groups, source, sources, stands, start, start_at, text, told};
use nsf_engine::{
    connector::{Change, Command, PartitionId, Polled, RawBatch, Source as _},
    timed,
};
use nsf_redis::{ACL_COMMANDS, RedisSettings, RedisStreamSource, Secret, acl_line, check, stream_stands};
use support::Server;

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
    // What does not fit is not asked for again and again.
    let sent = server.ask(&["INFO", "stats"]);
    let sent = sent.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    let sent: usize = sent.trim().parse().unwrap();
    assert!(sent < 12_000_000, "{sent} bytes were sent for 6,000,000");
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
    assert!(stands(&settings, "clicks").1, "a worker reads it");
    // Who ends lets the other read at once; it is the same stream.
    first.close(Duration::from_secs(1));
    assert_eq!(assigned(&told(&mut second)), log);
    // Whose lease has ended gives the stream up, and does not read on meanwhile.
    server.ask(&["XADD", "test:stream:clicks", "*", "value", "x"]);
    server.ask(&["DEL", "test:reader:group:clicks"]);
    assert_eq!(told(&mut second), [Change::Gone(FIRST)]);
    let (state, is_read) = stands(&settings, "clicks");
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
    let stands = stands(&server.settings(), "clicks").0;
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

#[test]
fn two_sources_of_one_stream_are_both_read() {
    let Some(server) = Server::start("two sources of one stream", &[]) else { return };
    server.ask(&["XADD", "test:stream:clicks", "5-0", "value", "x"]);
    let mut own = sources(&server.settings(), &[("clicks", "one", 0), ("clicks", "two", 1)]);
    let mut logs = Vec::new();
    while logs.len() < 2 {
        for change in told(&mut own) {
            let Change::Assigned(partition, log) = change else { panic!("{change:?}") };
            own.command(Command::Start { partition, next: log.low, generation: 1 }).unwrap();
            logs.push(log);
        }
    }
    assert_eq!(logs[0], logs[1], "they see one stream");
    let mut read = [batch(&mut own).stream, batch(&mut own).stream];
    read.sort_unstable();
    assert_eq!(read, [0, 1]);
    // Each notes its own position.
    let second = PartitionId { stream: 1, partition: 0 };
    own.command(Command::Commit(vec![(second, timed::offset(5, 0).unwrap() + 1)])).unwrap();
    let groups = groups(&server, "test:stream:clicks", "nsf-");
    let noted = |group: &String| group_field(&server, "test:stream:clicks", group, "last-delivered-id");
    let mut noted: Vec<String> = groups.iter().map(noted).collect();
    noted.sort_unstable();
    assert_eq!(noted, ["0-0", "5-0"], "{groups:?}");
}

#[test]
fn merged_streams_are_one_workers_and_each_has_its_lease() {
    let Some(server) = Server::start("leases of merged streams", &[]) else { return };
    let settings = server.settings();
    let leases = || server.ask(&["EXISTS", "test:reader:group:a", "test:reader:group:b", "test:reader:group:c"]);
    let mut alone = source(&settings, &["b"]);
    assigned(&told(&mut alone));
    // Who gets one of two gives it back.
    let mut merging = sources(&settings, &[("b", "b", 0), ("a", "a", 0)]);
    let begun = Instant::now();
    while calls(&server, "del") == 0 {
        alone.poll(&mut RawBatch::default(), 1000).unwrap();
        assert_eq!(merging.poll(&mut RawBatch::default(), 1000).unwrap(), Polled::Idle);
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is given back");
    }
    assert_eq!((leases().as_str(), stands(&settings, "a").1, stands(&settings, "b").1), ("1", false, true));
    alone.close(Duration::from_secs(5));
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(told(&mut merging));
    }
    // Each of the names says that it is read, and nobody else gets any of them.
    assert_eq!((leases().as_str(), stands(&settings, "a").1, stands(&settings, "b").1), ("2", true, true));
    let mut other = sources(&settings, &[("b", "b", 0), ("c", "c", 1), ("c", "d", 2)]);
    let mut changes = Vec::new();
    while changes.len() < 2 {
        changes.extend(told(&mut other));
    }
    let streams: Vec<u32> = changes
        .iter()
        .map(|change| if let Change::Assigned(partition, _) = change { partition.stream } else { panic!("{change:?}") })
        .collect();
    assert_eq!(streams, [1, 2]);
    // With one of its keys the whole is gone.
    server.ask(&["DEL", "test:reader:group:b"]);
    let gone = told(&mut merging);
    assert!(gone.len() == 2 && gone.iter().all(|change| matches!(change, Change::Gone(_))), "{gone:?}");
    assert!(!stands(&settings, "a").1, "what was had still is let go");
}

#[test]
fn groups_of_people_and_other_programs_are_left_alone() {
    let Some(server) = Server::start("groups of others", &[]) else { return };
    let add = |id: &str| server.ask(&["XADD", "test:stream:clicks", id, "value", "x"]);
    (1..=9).for_each(|n| drop(add(&format!("{n}-0"))));
    for own in ["nsf-0123456789abcdef", "nsf-mine", "a"] {
        server.ask(&["XGROUP", "CREATE", "test:stream:clicks", own, "3-0"]);
    }
    let offset = |time| timed::offset(time, 0).unwrap();
    let mut slow = source(&RedisSettings { group: "slow".into(), ..server.settings() }, &["clicks"]);
    let mut own = source(&server.settings(), &["clicks"]);
    let (log, slow_log) = (assigned(&told(&mut own)), assigned(&told(&mut slow)));
    start(&mut slow, 0, 1);
    batch(&mut slow);
    slow.command(Command::Commit(vec![(FIRST, offset(4) + 1)])).unwrap();
    start(&mut own, 0, 1);
    while batch(&mut own).end.next <= offset(9) {}
    own.command(Command::Commit(vec![(FIRST, offset(9) + 1)])).unwrap();
    for own in ["nsf-0123456789abcdef", "nsf-mine", "a"] {
        assert_eq!(group_field(&server, "test:stream:clicks", own, "last-delivered-id"), "3-0");
    }
    assert_eq!(groups(&server, "test:stream:clicks", "nsf-").len(), 4);
    // What one has taken and the other not is missed by the other alone.
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "1"]);
    assert_eq!(stands(&server.settings(), "clicks").0.low, 0);
    slow.close(Duration::from_secs(5));
    let mut slow = source(&RedisSettings { group: "slow".into(), ..server.settings() }, &["clicks"]);
    let trimmed = assigned(&told(&mut slow));
    assert_eq!((trimmed.low, &trimmed.incarnation), (offset(9), &slow_log.incarnation));
    add("10-0");
    assert_eq!(batch(&mut own).end.next, offset(10) + 1);
    assert_ne!(log.incarnation, "");
}

#[test]
fn a_start_in_a_long_stream_reads_little_of_it() {
    let Some(server) = Server::start("starts in a long stream", &[]) else { return };
    for n in 1..=3000 {
        server.ask(&["XADD", "test:stream:long", &format!("{n}-0"), "value", "x"]);
    }
    let offset = |time| timed::offset(time, 0).unwrap();
    let mut own = source(&server.settings(), &["long"]);
    let log = assigned(&told(&mut own));
    // Behind the last: nothing is counted, and it is noted, so that all may be trimmed.
    start(&mut own, log.high, 1);
    let before = calls(&server, "xrange");
    assert_eq!(own.poll(&mut RawBatch::default(), 1000).unwrap(), Polled::Idle);
    assert_eq!(calls(&server, "xrange") - before, 1);
    let group = groups(&server, "test:stream:long", "nsf-").remove(0);
    let noted = |what: &str| group_field(&server, "test:stream:long", &group, what);
    assert_eq!((noted("last-delivered-id"), noted("entries-read")), ("3000-0".into(), "3000".into()));
    // In its midst, with a note that is of no use: entries are counted by pages, and it is seen that none are missing.
    server.ask(&["XGROUP", "SETID", "test:stream:long", &group, "0-0", "ENTRIESREAD", "0"]);
    server.ask(&["XTRIM", "test:stream:long", "MAXLEN", "2900"]);
    own.close(Duration::from_secs(5));
    let mut own = source(&server.settings(), &["long"]);
    assert_eq!(assigned(&told(&mut own)).low, offset(101));
    start(&mut own, offset(1000) + 1, 2);
    // What comes and what goes meanwhile changes nothing.
    server.ask(&["XADD", "test:stream:long", "3001-0", "value", "x"]);
    server.ask(&["XTRIM", "test:stream:long", "MAXLEN", "2401"]);
    assert_eq!(batch(&mut own).messages[0].offset, offset(1001));
    assert_eq!((noted("last-delivered-id"), noted("entries-read")), ("1000-0".into(), "1000".into()));
    // Up to where it is read nothing is missing; beyond that, it is told.
    server.ask(&["XTRIM", "test:stream:long", "MAXLEN", "2001"]);
    assert_eq!(own.poll(&mut RawBatch::default(), 1 << 18).unwrap(), Polled::Batch);
    server.ask(&["XTRIM", "test:stream:long", "MAXLEN", "1"]);
    assert_eq!(told(&mut own), [Change::Gone(FIRST)]);
    assert_eq!(assigned(&told(&mut own)).low, offset(3001));
}

#[test]
fn a_single_entry_that_is_deleted_is_not_taken_for_a_trimmed_one() {
    let Some(server) = Server::start("a single deleted entry", &[]) else { return };
    let add = |id: &str| server.ask(&["XADD", "test:stream:clicks", id, "value", "x"]);
    (1..=9).for_each(|n| drop(add(&format!("{n}-0"))));
    let offset = |time| timed::offset(time, 0).unwrap();
    let mut own = source(&server.settings(), &["clicks"]);
    start_at(&mut own, 0);
    while batch(&mut own).end.next <= offset(9) {}
    own.command(Command::Commit(vec![(FIRST, offset(9) + 1)])).unwrap();
    own.close(Duration::from_secs(5));
    // All that was taken is gone, and one of what was not, at either place.
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "0"]);
    (10..=14).for_each(|n| drop(add(&format!("{n}-0"))));
    server.ask(&["XDEL", "test:stream:clicks", "10-0"]);
    assert_eq!(stands(&server.settings(), "clicks").0.low, 0);
    let mut own = source(&server.settings(), &["clicks"]);
    start_at(&mut own, offset(9) + 1);
    assert_eq!(batch(&mut own).messages[0].offset, offset(11));
    // A second one cannot be told from one that was trimmed away.
    server.ask(&["XDEL", "test:stream:clicks", "13-0"]);
    own.close(Duration::from_secs(5));
    server.ask(&[
        "XGROUP",
        "SETID",
        "test:stream:clicks",
        &groups(&server, "test:stream:clicks", "nsf-")[0],
        "9-0",
        "ENTRIESREAD",
        "9",
    ]);
    assert_eq!(stands(&server.settings(), "clicks").0.low, offset(11));
    // Nor is one that was trimmed away taken for a deleted one.
    server.ask(&[
        "XGROUP",
        "SETID",
        "test:stream:clicks",
        &groups(&server, "test:stream:clicks", "nsf-")[0],
        "13-0",
        "ENTRIESREAD",
        "13",
    ]);
    server.ask(&["XTRIM", "test:stream:clicks", "MAXLEN", "0"]);
    assert_eq!(stands(&server.settings(), "clicks").0.low, offset(14) + 1);
}

#[test]
fn who_only_looks_makes_nothing() {
    let Some(server) = Server::start("looks at streams", &[]) else { return };
    let settings = server.settings();
    let both = ["one".to_owned(), "two".to_owned()];
    let (log, is_read) = stream_stands(&settings, "clicks", &both, false).unwrap();
    assert_eq!((log.low, log.high, log.incarnation.as_str(), log.timed, is_read), (0, 0, "", true, false));
    assert_eq!(server.ask(&["DBSIZE"]), "0");
    server.ask(&["XADD", "test:stream:clicks", "5-0", "value", "x"]);
    let high = timed::offset(5, 0).unwrap() + 1;
    let (log, _) = stream_stands(&settings, "clicks", &both, false).unwrap();
    assert_eq!((log.low, log.high, log.incarnation.as_str()), (0, high, ""));
    assert_eq!(groups(&server, "test:stream:clicks", "nsf-"), Vec::<String>::new());
    // Who sets positions says which stream they are of.
    let (made, _) = stream_stands(&settings, "clicks", &both, true).unwrap();
    assert_eq!((made.incarnation.len(), groups(&server, "test:stream:clicks", "nsf-").len()), (16, 2));
    let mut own = sources(&settings, &[("clicks", "two", 0)]);
    assert_eq!(assigned(&told(&mut own)).incarnation, made.incarnation);
}

#[test]
fn the_end_does_not_wait_for_each_lease_of_a_server_that_is_silent() {
    let Some(server) = Server::start("the end at a silent server", &[]) else { return };
    let settings = RedisSettings { response_timeout: Duration::from_secs(3), ..server.settings() };
    let mut own = source(&settings, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    let mut found = Vec::new();
    while found.len() < 10 {
        found.extend(told(&mut own));
    }
    server.ask(&["CLIENT", "PAUSE", "120000", "ALL"]);
    let begun = Instant::now();
    own.close(Duration::from_secs(60));
    // Ten answers that do not come would take half a minute.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A server that does not know what is asked of streams, as those before Redis 7.0: one word of the requests is another.
fn older(server: &Server) -> std::net::SocketAddr {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
    };
    let (listener, to) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.address());
    let address = listener.local_addr().unwrap();
    let pass = |mut from: TcpStream, mut to: TcpStream, changes: bool| {
        thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let word = b"ENTRIESREAD";
                let at = bytes[..count].windows(word.len()).position(|own| own == word).filter(|_| changes);
                if let Some(at) = at {
                    bytes[at] = b'?';
                }
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
        });
    };
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).unwrap();
            pass(client.try_clone().unwrap(), server.try_clone().unwrap(), true);
            pass(server, client, false);
        }
    });
    address
}

#[test]
fn a_server_that_is_too_old_for_streams_is_told() {
    let Some(server) = Server::start("a server that is too old", &[]) else { return };
    let node = support::node(older(&server));
    let settings = RedisSettings { place: nsf_redis::Place::Single { node, database: 0 }, ..server.settings() };
    check(&settings).unwrap();
    let error = check(&RedisSettings { reads_streams: true, ..settings.clone() }).unwrap_err();
    assert!(error.message.contains("does not say how many entries of a stream are gone"), "{error}");
    assert_eq!(error.help.as_deref(), Some("use Redis 7.0 or later to read streams"));
    assert_eq!(server.ask(&["DBSIZE"]), "0", "nothing is left behind");
    // A run says the same.
    let mut own = source(&settings, &["clicks"]);
    let begun = Instant::now();
    let error = loop {
        match own.poll(&mut RawBatch::default(), 1000) {
            Err(error) => break error,
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", own.status().trouble()),
        }
    };
    assert_eq!(error.help.as_deref(), Some("use Redis 7.0 or later to read streams"), "{error}");
}
