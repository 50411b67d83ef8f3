//! The rig itself: each real server starts, answers, is killed, and goes on with its data.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nsf_tests::servers::cluster::RedisCluster;
use nsf_tests::servers::kafka::{self, Kafka};
use nsf_tests::servers::mariadb::MariaDb;
use nsf_tests::servers::proxy::Proxy;
use nsf_tests::servers::redis::{Fsync, Options, Redis};
use nsf_tests::servers::resp::{Connection, Reply};
use nsf_tests::servers::sentinel::RedisSentinel;
use nsf_tests::servers::{Unavailable, shown};

/// Waits until something holds; a test that waits for ever fails by its words.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn redis_keeps_its_data_through_a_kill_and_loses_the_tail_of_a_log_that_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut redis) = shown("redis", Redis::start(folder.path(), Options::default())) else { return };
    redis.command(&["SET", "first", "1"]).unwrap();
    let length = redis.aof_length().unwrap();
    redis.command(&["SET", "second", "2"]).unwrap();
    assert!(redis.aof_length().unwrap() > length);
    assert!(redis.cut_aof(length).unwrap_err().to_string().contains("only while it is down"));

    redis.kill();
    assert!(redis.connection().is_err());
    redis.restart().unwrap();
    assert_eq!(redis.command(&["MGET", "first", "second"]).unwrap().parts().len(), 2);
    assert_eq!(redis.command(&["GET", "second"]).unwrap().text(), "2");

    redis.kill();
    redis.cut_aof(length).unwrap();
    redis.restart().unwrap();
    assert_eq!(redis.command(&["GET", "first"]).unwrap().text(), "1");
    assert_eq!(redis.command(&["GET", "second"]).unwrap(), Reply::Nil);
    redis.stop().unwrap();
    assert!(!redis.is_up());
}

#[test]
fn a_transaction_that_is_cut_through_goes_whole_and_never_comes_back() {
    let transaction = |redis: &Redis, keys: [&str; 2]| {
        let mut connection = redis.connection().unwrap();
        connection.command(&["MULTI"]).unwrap();
        keys.iter().for_each(|key| drop(connection.command(&["SET", key, "1"]).unwrap()));
        assert_eq!(connection.command(&["EXEC"]).unwrap().parts().len(), 2);
    };
    // In its last command but one, and where `EXEC` begins: what stands before are whole commands then.
    for cut in [20, 14] {
        let folder = tempfile::tempdir().unwrap();
        let Some(mut redis) = shown("redis cut", Redis::start(folder.path(), Options::default())) else { return };
        redis.command(&["SET", "before", "1"]).unwrap();
        let whole = redis.aof_length().unwrap();
        transaction(&redis, ["half", "other half"]);
        redis.kill();
        redis.cut_aof(redis.aof_length().unwrap() - cut).unwrap();
        assert_eq!(redis.aof_length().unwrap(), whole);
        redis.restart().unwrap();
        // A later transaction ends none but itself, at the next start too.
        transaction(&redis, ["later", "latest"]);
        redis.kill();
        redis.restart().unwrap();
        assert_eq!(redis.command(&["EXISTS", "half", "other half"]).unwrap(), Reply::Number(0));
        assert_eq!(redis.command(&["EXISTS", "before", "later", "latest"]).unwrap(), Reply::Number(3));
    }
}

#[test]
fn a_log_that_a_kill_has_torn_is_mended_at_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut redis) = shown("redis torn", Redis::start(folder.path(), Options::default())) else { return };
    redis.command(&["SET", "kept", "1"]).unwrap();
    redis.kill();
    let files = std::fs::read_dir(folder.path().join("appendonlydir")).unwrap().flatten().map(|entry| entry.path());
    let log = files.into_iter().find(|path| path.to_string_lossy().ends_with(".incr.aof")).unwrap();
    let mut log = std::fs::File::options().append(true).open(log).unwrap();
    log.write_all(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\n1\r\n*1\r\n$4\r\nEX").unwrap();
    drop(log);
    redis.restart().unwrap();
    assert_eq!(redis.command(&["EXISTS", "kept", "half"]).unwrap(), Reply::Number(1));
}

#[test]
fn redis_takes_a_password_and_users_and_stands_still_when_suspended() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.acl");
    std::fs::write(&users, "user default on >secret ~* &* +@all\nuser reader on >r ~* +get\n").unwrap();
    let options = Options {
        append_only: false,
        fsync: Fsync::EverySecond,
        password: Some("secret".to_owned()),
        users: Some(users),
        ..Options::default()
    };
    let Some(redis) =
        shown("redis users", Redis::start(&folder.path().join("data"), options.with(&["--databases", "1"])))
    else {
        return;
    };
    assert_eq!(redis.url(), format!("redis://:secret@{}", redis.address()));
    let mut stranger = Connection::open(redis.address()).unwrap();
    assert!(stranger.command(&["GET", "key"]).unwrap().text().starts_with("NOAUTH"));
    stranger.command(&["AUTH", "reader", "r"]).unwrap();
    assert!(stranger.command(&["SET", "key", "1"]).unwrap().text().starts_with("NOPERM"));

    let mut owner = redis.connection().unwrap();
    redis.suspend();
    owner.send(&["SET", "key", "1"]).unwrap();
    stranger.send(&["GET", "key"]).unwrap();
    redis.resume();
    assert_eq!(owner.reply().unwrap().text(), "OK");
    stranger.reply().unwrap();
    assert_eq!(stranger.command(&["GET", "key"]).unwrap().text(), "1");
}

#[test]
fn kafka_keeps_its_records_through_a_kill_and_is_reached_through_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![("log.segment.bytes".to_owned(), "1048576".to_owned())];
    let started = Kafka::start_behind_proxy(folder.path(), &kafka::Options { settings });
    let Some((mut kafka, proxy)) = shown("kafka", started) else { return };
    kafka.create_topic("orders", 2, &[("cleanup.policy", "compact")]).unwrap();
    assert!(kafka.create_topic("orders", 2, &[]).unwrap_err().to_string().contains("orders"));
    assert_eq!(kafka.produce("orders", 1, &["a", "b"]).unwrap_err().kind(), std::io::ErrorKind::Other);
    kafka.create_topic("events", 2, &[]).unwrap();
    assert_eq!(kafka.produce("events", 1, &["a", "b"]).unwrap(), 0);
    assert_eq!(kafka.produce("events", 1, &["c"]).unwrap(), 2);

    kafka.kill();
    assert!(kafka.topics().is_err());
    kafka.restart().unwrap();
    assert!(kafka.topics().unwrap().contains(&"events".to_owned()));
    assert_eq!(kafka.end_offset("events", 1).unwrap(), 3);
    assert_eq!(kafka.end_offset("events", 0).unwrap(), 0);
    kafka.suspend();
    kafka.resume();
    assert_eq!(kafka.produce("events", 1, &["d"]).unwrap(), 3);

    assert_eq!(proxy.bytes_from_target(), 0, "nothing went through the proxy yet");
    let through = kafka::advertised(proxy.address()).unwrap();
    assert_eq!(through, [proxy.address().to_string()]);
    assert_eq!(kafka::advertised(kafka.address()).unwrap(), [kafka.bootstrap()]);
    kafka.stop().unwrap();
}

#[test]
fn mariadb_keeps_its_rows_through_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = shown("mariadb", MariaDb::start(folder.path())) else { return };
    assert!(server.url().ends_with(&format!("{}/tests", server.address())));
    assert!(server.socket().exists());
    server.query("CREATE TABLE kept (number BIGINT PRIMARY KEY); INSERT INTO kept VALUES (1), (2)").unwrap();
    server.kill();
    assert!(server.query("SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!(server.query("SELECT * FROM kept ORDER BY number").unwrap(), "1\n2\n");
    assert!(server.query("SELECT * FROM absent").unwrap_err().to_string().contains("absent"));
    server.suspend();
    server.resume();
    server.stop().unwrap();
}

#[test]
fn sentinels_make_the_replica_the_master() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut all) = shown("redis sentinel", RedisSentinel::start(folder.path())) else { return };
    assert_eq!(all.sentinels().len(), 3);
    let old = all.master().unwrap().address();
    all.master().unwrap().command(&["SET", "key", "1"]).unwrap();
    // Only what the replica has outlives the master.
    let mut connection = all.master().unwrap().connection().unwrap();
    connection.command(&["SET", "key", "2"]).unwrap();
    assert_eq!(connection.command(&["WAIT", "1", "60000"]).unwrap(), Reply::Number(1));
    let new = all.failover().unwrap();
    assert_ne!(new, old);
    assert_eq!(all.master().unwrap().command(&["GET", "key"]).unwrap().text(), "2");
    all.restart_killed().unwrap();
    assert_eq!(all.master().unwrap().address(), new);
    assert_eq!(all.servers().iter().filter(|server| server.is_up()).count(), 2);
}

#[test]
fn a_cluster_gives_the_slots_of_a_killed_master_to_its_replica() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut cluster) = shown("redis cluster", RedisCluster::start(folder.path())) else { return };
    assert_eq!(cluster.addresses().len(), 6);
    let mut connection = cluster.master_of("key").unwrap().connection().unwrap();
    assert_eq!(connection.command(&["SET", "key", "1"]).unwrap().text(), "OK");
    assert_eq!(connection.command(&["WAIT", "1", "60000"]).unwrap(), Reply::Number(1));
    let old = cluster.master_of("key").unwrap().address();
    let new = cluster.failover("key").unwrap();
    assert_ne!(new, old);
    assert_eq!(cluster.master_of("key").unwrap().command(&["GET", "key"]).unwrap().text(), "1");
    cluster.restart_killed().unwrap();
    assert_eq!(cluster.switch_over("key").unwrap(), old);
    assert_eq!(cluster.master_of("key").unwrap().command(&["GET", "key"]).unwrap().text(), "1");
}

/// A server that sends back what it gets, and how many bytes it got.
fn echo() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, got) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&got);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, count) = (stream.unwrap(), Arc::clone(&count));
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    count.fetch_add(length, Ordering::SeqCst);
                    if stream.write_all(&buffer[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, got)
}

/// Sends bytes and waits for as many.
fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut back = vec![0; bytes.len()];
    let mut writing = stream.try_clone()?;
    let sent = bytes.to_vec();
    let writer = thread::spawn(move || writing.write_all(&sent));
    stream.read_exact(&mut back)?;
    writer.join().unwrap()?;
    Ok(back)
}

#[test]
fn the_proxy_passes_on_and_counts_and_is_slow_when_told() {
    let (target, _) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
    assert_eq!(exchange(&mut client, &bytes).unwrap(), bytes);
    let all = bytes.len() as u64;
    eventually("bytes are counted", || proxy.bytes_from_target() == all);
    assert_eq!((proxy.connections(), proxy.bytes_to_target()), (1, all));

    // Both directions, so twice the latency; only a lower bound does not depend on the machine.
    proxy.latency(Duration::from_millis(100));
    let started = Instant::now();
    exchange(&mut client, b"late").unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));
    proxy.heal().unwrap();

    proxy.bandwidth(100_000);
    let started = Instant::now();
    exchange(&mut client, &bytes[..30_000]).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    proxy.heal().unwrap();

    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "an end is passed on");
}

#[test]
fn the_proxy_cuts_and_heals() {
    let (target, _) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut client, b"before").unwrap();
    proxy.cut();
    assert!(exchange(&mut client, b"cut").is_err());
    assert!(TcpStream::connect(proxy.address()).is_err(), "a connection is refused");
    proxy.heal().unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut client, b"after").unwrap();
    proxy.close_connections();
    assert!(exchange(&mut client, b"closed").is_err());
    TcpStream::connect(proxy.address()).unwrap();
    let address = proxy.address();
    drop(proxy);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_proxy_holds_everything_while_half_open() {
    let (target, got) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut old = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut old, b"before").unwrap();
    proxy.half_open();
    let mut new = TcpStream::connect(proxy.address()).unwrap();
    for client in [&mut old, &mut new] {
        client.write_all(b"held").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(client.read(&mut [0; 1]).is_err(), "neither an answer nor an end");
        client.set_read_timeout(None).unwrap();
    }
    assert_eq!(got.load(Ordering::SeqCst), b"before".len());
    proxy.heal().unwrap();
    for client in [&mut old, &mut new] {
        let mut back = [0; 4];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"held");
    }
}

#[test]
fn the_proxy_lets_a_request_through_and_loses_its_reply() {
    let (target, got) = echo();
    let proxy = Proxy::start(target).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut client, b"one").unwrap();
    proxy.swallow_replies();
    assert!(exchange(&mut client, b"two").is_err(), "the connection is cut without a reply");
    assert_eq!(got.load(Ordering::SeqCst), 6, "what was asked was done");
    assert_eq!(proxy.replies_swallowed(), 1);
    proxy.heal().unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(exchange(&mut client, b"three").unwrap(), b"three");
}

#[test]
fn a_server_that_is_absent_is_no_failure_and_one_that_fails_is() {
    let absent = nsf_tests::servers::install::program("Nothing", "no-such-server").unwrap_err();
    assert!(matches!(absent, Unavailable::Absent { .. }));
    assert!(absent.to_string().contains("cargo xtask servers --install"), "{absent}");

    let folder = tempfile::tempdir().unwrap();
    match Redis::start(folder.path(), Options::default().with(&["--no-such-option", "1"])) {
        Err(Unavailable::Failed { what, log, .. }) => {
            assert!(what.contains("ended by itself") && log.contains("no-such-option"), "{what}\n{log}");
        }
        Err(absent) => drop(shown::<()>("redis that fails", Err(absent))),
        Ok(_) => panic!("it started"),
    }
}
