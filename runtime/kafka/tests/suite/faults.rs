//! Clusters that do not answer, refuse, or fail in the middle.

use std::{
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorErrorKind, MessageId, OutputBatch, RawBatch, Sink, Source};
use nsf_kafka::{KafkaProducer, KafkaSettings, KafkaSource, KafkaTopics, Sasl, Secret, StartAt};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use crate::support::{BLOCK, Broker, CLOSE, Worker, broker, id};

type Mock = MockCluster<'static, DefaultProducerContext>;

fn mock(topic: &str) -> (Mock, KafkaSettings) {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(topic, 2, 1).unwrap();
    let mut settings = KafkaSettings::new(mock.bootstrap_servers(), "group", "shop");
    settings.open_timeout = Duration::from_secs(3);
    settings.delivery_timeout = Duration::from_secs(2);
    settings.start = StartAt::Earliest;
    (mock, settings)
}

fn one(value: &str) -> OutputBatch {
    let mut batch = OutputBatch::default();
    batch.push(b"", value.as_bytes());
    batch.ids.push(MessageId::default());
    batch
}

#[test]
fn a_broker_that_is_down_is_told_in_time() {
    let mut settings = KafkaSettings::new("127.0.0.1:1", "group", "shop");
    settings.open_timeout = Duration::from_secs(2);
    let begun = Instant::now();
    let error = KafkaSource::new(settings.clone(), vec!["orders".to_owned()]).open(&[]).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
    let words = error.to_string();
    for part in ["Kafka at `127.0.0.1:1` does not answer", "topic `orders`", "Connection refused", "check that"] {
        assert!(words.contains(part), "{words}");
    }
    let error = KafkaProducer::new(settings.clone()).sink("orders").open(None).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable, "{error}");
    let error = KafkaTopics::new(settings).check(&["orders"], &[]).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Unavailable, "{error}");
}

#[test]
fn a_name_that_is_not_known_is_told() {
    let mut settings = KafkaSettings::new("kafka.invalid:9092", "group", "shop");
    settings.open_timeout = Duration::from_secs(2);
    let error = KafkaSource::new(settings, vec!["orders".to_owned()]).open(&[]).unwrap_err();
    assert!(error.kind == ConnectorErrorKind::Unavailable && error.to_string().contains("kafka.invalid"), "{error}");
}

/// A broker with a login beside the listener without one.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "its logins need it"))]
fn guarded() -> Option<(Broker, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let broker = Broker::start(&format!(
        "listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},LOGIN://127.0.0.1:{port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},LOGIN://127.0.0.1:{port}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT\n\
         listener.name.login.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.login.scram-sha-512.sasl.jaas.config={login}\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n"
    ))?;
    Some((broker, format!("127.0.0.1:{port}")))
}

#[cfg(feature = "tls")]
#[test]
fn a_wrong_password_and_a_missing_right_are_told() {
    let Some((broker, address)) = guarded() else { return };
    let topic = broker.topic(1);
    let mut settings = broker.settings();
    settings.brokers = address;
    settings.open_timeout = Duration::from_secs(10);
    let password = |password: &str| Sasl::ScramSha512 { user: "reader".to_owned(), password: Secret::new(password) };
    settings.security.sasl = Some(password("canary-wrong"));
    let begun = Instant::now();
    let error = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Permission, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(8), "told when it is known: {:?}", begun.elapsed());
    let words = error.to_string();
    assert!(words.contains("does not accept the connection of user `reader`") && !words.contains("canary"), "{words}");
    settings.security.sasl = Some(password(PASSWORD));
    let error = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err();
    let words = error.to_string();
    assert_eq!(error.kind, ConnectorErrorKind::Permission, "{words}");
    assert!(words.contains("does not allow it of user `reader`") && words.contains(&topic), "{words}");
    let error = KafkaProducer::new(settings.clone()).sink(&topic).open(None).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Permission, "{error}");
    let report = KafkaTopics::new(settings).check(&[&topic], &[]).unwrap();
    assert!(report.topics[0].partitions.is_err() && report.group.is_some(), "{report:?}");
}

/// The password that the test broker knows of `reader`.
const PASSWORD: &str = "right";

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_so() {
    let mut settings = KafkaSettings::new("127.0.0.1:1", "group", "shop");
    settings.security.sasl = Some(Sasl::ScramSha512 { user: "reader".to_owned(), password: Secret::new(PASSWORD) });
    let error = settings.check().unwrap_err().to_string();
    assert!(error.contains("neither TLS nor SASL SCRAM"), "{error}");
}

#[test]
fn a_cluster_that_goes_away_while_it_is_read_is_trouble_and_no_error() {
    let topic = "orders";
    let (mock, settings) = mock(topic);
    let mut sink = KafkaProducer::new(settings.clone()).sink(topic);
    sink.open(None).unwrap();
    for _ in 0..10 {
        sink.append(&one("before")).unwrap();
    }
    sink.flush().unwrap();
    let mut worker = Worker::open(settings, &[topic]);
    let status = worker.source.status();
    worker.until("the partitions", |worker| worker.assigned.len() == 2);
    worker.start_all(1);
    worker.until("messages", |worker| worker.taken.len() == 10);
    assert_eq!(status.trouble(), None);
    mock.broker_down(1).unwrap();
    worker.until("trouble", |worker| worker.source.trouble().is_some());
    let words = status.trouble().unwrap();
    assert!(words.contains("does not answer") && words.contains("not read meanwhile"), "{words}");
    worker.for_a_while(Duration::from_secs(1));
    mock.broker_up(1).unwrap();
    // Nothing is written that could show it: it is asked.
    worker.until("no trouble", |worker| worker.source.trouble().is_none());
    sink.append(&one("after")).unwrap();
    sink.flush().unwrap();
    worker.until("the message", |worker| worker.taken.len() == 11);
    worker.source.close(CLOSE);
}

#[test]
fn a_cluster_that_goes_away_while_it_is_written_is_waited_for_and_then_told() {
    let topic = "orders";
    let (mock, mut settings) = mock(topic);
    settings.delivery_timeout = Duration::from_secs(5);
    let producer = KafkaProducer::new(settings.clone());
    let mut sink = producer.sink(topic);
    sink.open(None).unwrap();
    sink.append(&one("0")).unwrap();
    sink.flush().unwrap();
    // Shorter than messages may take: nobody hears of it.
    mock.broker_down(1).unwrap();
    let up = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            sink.append(&one("1")).unwrap();
            sink.flush()
        });
        thread::sleep(Duration::from_millis(500));
        mock.broker_up(1).unwrap();
        waiting.join().unwrap()
    });
    up.unwrap();
    mock.broker_down(1).unwrap();
    let begun = Instant::now();
    sink.append(&one("lost")).unwrap();
    let error = sink.flush().unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert!(error.kind == ConnectorErrorKind::Unavailable && error.to_string().contains("`orders`"), "{error}");
    mock.broker_up(1).unwrap();
    sink.append(&one("2")).unwrap();
    sink.flush().unwrap();
    let mut worker = Worker::open(settings, &[topic]);
    worker.until("the partitions", |worker| worker.assigned.len() == 2);
    worker.start_all(1);
    worker.until("three", |worker| worker.taken.len() >= 3);
    worker.for_a_while(Duration::from_millis(700));
    let mut values: Vec<_> = worker.taken.iter().map(|taken| taken.value.clone()).collect();
    values.sort();
    assert_eq!(values, [b"0", b"1", b"2"], "what was given up does not come later");
    worker.source.close(CLOSE);
}

#[test]
fn what_a_broker_says_of_a_message_is_told_by_kind() {
    let topic = "orders";
    let cases = [
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ConnectorErrorKind::Permission, "allow"),
        (
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
            ConnectorErrorKind::Other,
            "longer than the topic allows",
        ),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD, ConnectorErrorKind::Other, "does not accept a message"),
        (
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            ConnectorErrorKind::Permission,
            "idempotently",
        ),
        // The fate of the batch is not known, or the producer is of no use any more.
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ConnectorErrorKind::Unavailable, "orders"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ConnectorErrorKind::Unavailable, "orders"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, ConnectorErrorKind::Unavailable, "orders"),
    ];
    for (code, kind, words) in cases {
        let (mock, settings) = mock(topic);
        let mut sink = KafkaProducer::new(settings).sink(topic);
        sink.open(None).unwrap();
        sink.append(&one("0")).unwrap();
        sink.flush().unwrap();
        mock.request_errors(RDKafkaApiKey::Produce, &[code; 40]);
        sink.append(&one("1")).unwrap();
        match sink.flush() {
            // The client may have tried again with a new epoch by itself.
            Ok(_) => assert_eq!(kind, ConnectorErrorKind::Unavailable, "{code:?}"),
            Err(error) => {
                assert_eq!(error.kind, kind, "{code:?}: {error}");
                assert!(error.to_string().contains(words), "{code:?}: {error}");
            }
        }
        // And after any of them it goes on.
        mock.clear_request_errors(RDKafkaApiKey::Produce);
        sink.append(&one("2")).unwrap();
        sink.flush().unwrap_or_else(|error| panic!("{code:?}: {error}"));
    }
}

#[test]
fn errors_that_pass_are_not_told() {
    let topic = "orders";
    let (mock, settings) = mock(topic);
    let mut sink = KafkaProducer::new(settings).sink(topic);
    sink.open(None).unwrap();
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    mock.request_errors(RDKafkaApiKey::Produce, &passing);
    sink.append(&one("0")).unwrap();
    sink.flush().unwrap();
}

#[test]
fn a_group_that_may_not_be_joined_is_trouble() {
    let topic = "orders";
    let (mock, settings) = mock(topic);
    mock.request_errors(RDKafkaApiKey::JoinGroup, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 3]);
    let mut worker = Worker::open(settings, &[topic]);
    worker.until("trouble", |worker| worker.source.trouble().is_some());
    let words = worker.source.trouble().unwrap();
    assert!(words.contains("does not allow it") && words.contains("grant the right to read this group"), "{words}");
    worker.until("the partitions", |worker| worker.assigned.len() == 2);
    assert_eq!(worker.source.trouble(), None);
    worker.source.close(CLOSE);
}

#[test]
fn commits_that_fail_change_nothing() {
    let topic = "orders";
    let (mock, settings) = mock(topic);
    let mut worker = Worker::open(settings, &[topic]);
    worker.until("the partitions", |worker| worker.assigned.len() == 2);
    worker.start_all(1);
    mock.request_errors(
        RDKafkaApiKey::OffsetCommit,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID],
    );
    for next in 1..4 {
        let commit = nsf_engine::connector::Command::Commit(vec![(id(0, 0), next)]);
        worker.source.command(commit).unwrap();
        worker.for_a_while(Duration::from_millis(100));
    }
    worker.source.close(CLOSE);
}

#[test]
fn a_source_that_was_not_opened_says_so() {
    let mut source = KafkaSource::new(KafkaSettings::new("127.0.0.1:1", "group", "shop"), vec!["orders".to_owned()]);
    let mut batch = RawBatch::default();
    assert!(source.poll(&mut batch, BLOCK).unwrap_err().to_string().contains("before it was opened"));
    assert!(source.changes().is_empty() && source.waiting().is_none());
    source.close(CLOSE);
    let _ = broker();
}

/// Certificates that `openssl` makes: an authority, and a broker's for one name.
#[cfg(feature = "tls")]
fn certificates(folder: &std::path::Path, name: &str) -> Option<()> {
    let run = |arguments: &str| {
        let output =
            std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().ok()?;
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        Some(())
    };
    std::fs::write(folder.join("names"), format!("subjectAltName={name}\n")).unwrap();
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2")?;
    run("req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj /CN=broker")?;
    run("x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out broker.pem -days 2 -extfile names")
}

/// A broker with TLS, whose certificate is for `name`.
#[cfg(feature = "tls")]
fn with_tls(name: &str) -> Option<(Broker, String, tempfile::TempDir)> {
    let folder = tempfile::TempDir::new().unwrap();
    if certificates(folder.path(), name).is_none() {
        eprintln!("NOT SHOWN: no `openssl` on this machine to make certificates with");
        return None;
    }
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    std::fs::write(folder.path().join("store.pem"), read("broker.key") + &read("broker.pem")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let broker = Broker::start(&format!(
        "listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},SAFE://127.0.0.1:{port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SAFE://127.0.0.1:{port}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SAFE:SASL_SSL\n\
         listener.name.safe.ssl.keystore.type=PEM\nlistener.name.safe.ssl.keystore.location={}\n\
         listener.name.safe.sasl.enabled.mechanisms=PLAIN\n\
         listener.name.safe.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required user_reader=\"right\";\n",
        folder.path().join("store.pem").display()
    ))?;
    Some((broker, format!("127.0.0.1:{port}"), folder))
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_checked_against_the_authority_and_the_name() {
    use nsf_kafka::{Pem, Tls};
    let Some((broker, address, folder)) = with_tls("IP:127.0.0.1") else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..10);
    let mut settings = broker.settings();
    settings.brokers = address;
    settings.open_timeout = Duration::from_secs(10);
    settings.security.sasl = Some(Sasl::Plain { user: "reader".to_owned(), password: Secret::new(PASSWORD) });
    let authority = folder.path().join("ca.pem");
    let text = std::fs::read_to_string(&authority).unwrap();
    for ca in [Pem::File(authority), Pem::Text(Secret::new(text))] {
        settings.security.tls = Some(Tls { ca: Some(ca), ..Tls::default() });
        let mut worker = Worker::open(settings.clone(), &[&topic]);
        worker.until("the partition", |worker| worker.assigned.len() == 1);
        worker.start_all(1);
        worker.until("messages", |worker| worker.taken.len() == 10);
        worker.source.close(CLOSE);
    }
    // Another authority: the system's.
    let trusted = settings.security.tls.replace(Tls::default());
    let error = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err();
    let words = error.to_string();
    assert!(
        error.kind == ConnectorErrorKind::Permission && words.contains("does not accept the connection"),
        "{words}"
    );
    assert!(words.contains("certificate"), "{words}");
    // A file that is not there.
    let missing = folder.path().join("missing.pem");
    settings.security.tls = Some(Tls { ca: Some(Pem::File(missing.clone())), ..Tls::default() });
    let error = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err();
    let words = error.to_string();
    assert!(error.kind == ConnectorErrorKind::NotFound && words.contains("missing.pem"), "{words}");
    std::fs::write(&missing, "no certificate").unwrap();
    let words = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err().to_string();
    assert!(words.contains("refuses the settings") && words.contains("ssl.ca"), "{words}");
    drop(broker);
    let Some((broker, address, folder)) = with_tls("DNS:another.example") else { return };
    let topic = broker.topic(1);
    settings.brokers = address;
    let authority = Pem::File(folder.path().join("ca.pem"));
    settings.security.tls = trusted.map(|tls| Tls { ca: Some(authority), ..tls });
    let error = KafkaSource::new(settings, vec![topic]).open(&[]).unwrap_err();
    let words = error.to_string();
    assert!(error.kind == ConnectorErrorKind::Permission && words.contains("for the name"), "{words}");
}
