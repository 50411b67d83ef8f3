//! Outputs beside topics, on real servers: what is sent to a webhook and written to keys of Redis while the receiver dies,
//! workers are killed, answers get lost and messages are refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nsf_faults::{
    receiver::{Receiver, Taken},
    topic::{self, Writer},
    worker::Workers,
};
use nsf_tests::{
    servers::{kafka::Kafka, ports, redis, redis::Redis, shown},
    tool,
};
use serde_json::Value;

/// What no output may hold.
const CANARY: &str = "canary-4711";

const RECORDS: i64 = 3_000;

const PROGRAM: &str = r#"source payments {
  from: kafka("payments")
  record { account: int64  amount: int64  n: int64 }
  key:  account
}

state paid by (account) { keep: forever  value { total: int64 = 0 } }

flow tell from payments {
  save paid { total += amount }
  load paid
  expand webhook("crm", key: account) { account, n, total: paid.total }
  expand redis("latest:{account}") { n, total: paid.total }
  expand redis_stream("all", key: account) { n, total: paid.total }
}
"#;

const SETTINGS: &str = r#"name: told
profiles:
  prod:
    kafka:
      brokers: "${KAFKA_BROKERS}"
      properties: { session.timeout.ms: 6000 }
    redis: { url: "${REDIS_URL}" }
    commit: { every: 200ms }
    webhooks: { crm: { url: "${CRM_URL}", allow_private: true, retries: 2, timeout: 5s, concurrency: 16 } }
  outside:
    kafka: { brokers: "${KAFKA_BROKERS}" }
    redis: { url: "${REDIS_URL}" }
    webhooks: { crm: { url: "https://localhost/hook/${SECRET_PATH}" } }
"#;

fn call(folder: &Path, program: &Path, environment: &[(String, String)], words: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .current_dir(folder)
        .args(words)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(CANARY), "{words:?} shows a secret: {text}");
    (output.status.success(), text)
}

/// What each record must give, by its number.
fn wanted() -> BTreeMap<i64, (i64, i64)> {
    let mut totals = BTreeMap::new();
    let told = |n: i64| {
        let account = n % 50;
        let total: &mut i64 = totals.entry(account).or_default();
        *total += n;
        (n, (account, *total))
    };
    (0..RECORDS).map(told).collect()
}

fn numbers(body: &str) -> (i64, (i64, i64)) {
    let body: Value = serde_json::from_str(body).unwrap();
    let number = |name: &str| body[name].as_i64().unwrap();
    (number("n"), (number("account"), number("total")))
}

#[test]
fn every_message_of_a_webhook_comes_whatever_dies() {
    let name = "every_message_of_a_webhook_comes_whatever_dies";
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = shown(name, Kafka::start(&folder.path().join("kafka"))) else { return };
    let Some(redis) = shown(name, Redis::start(&folder.path().join("redis"), redis::Options::default())) else {
        return;
    };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    // Each 97th message is refused; some tries fail, and some answers get lost after the message was taken.
    let address = ports::loopback(ports::free());
    let mut tries = std::sync::atomic::AtomicUsize::new(0);
    let count = move || {
        *tries.get_mut() += 1;
        *tries.get_mut()
    };
    let count = std::sync::Mutex::new(count);
    let mut receiver = Receiver::start(address, move |body, _| {
        let (number, _) = numbers(body);
        let tried = (count.lock().unwrap())();
        match tried {
            _ if number % 97 == 5 => Some("422 Unprocessable Entity"),
            _ if tried % 50 == 1 => Some("503 Service Unavailable"),
            _ if tried % 50 == 2 => None,
            _ => Some("200 OK"),
        }
    })
    .unwrap();
    let environment = vec![
        ("KAFKA_BROKERS".to_owned(), kafka.bootstrap()),
        ("REDIS_URL".to_owned(), redis.url()),
        ("CRM_URL".to_owned(), format!("http://{address}/hook/{CANARY}?key={CANARY}")),
        ("SECRET_PATH".to_owned(), CANARY.to_owned()),
    ];
    fs::write(folder.path().join("told.nsf"), PROGRAM).unwrap();
    fs::write(folder.path().join("nsf.yaml"), SETTINGS).unwrap();
    let (compiled, text) = call(folder.path(), &nsfc, &environment, &["compile", ".", "-o", "plan.yaml"]);
    assert!(compiled, "{text}");
    for topic in ["payments", "told.rejected"] {
        kafka.create_topic(topic, 4, &[]).unwrap();
    }
    let begun = Instant::now();
    // The broker may not know its new topics at once.
    let text = loop {
        let (can_run, text) = call(folder.path(), &nsflow, &environment, &["check", "plan.yaml", "--profile", "prod"]);
        if can_run {
            break text;
        }
        assert!(text.contains("there is no topic") && begun.elapsed() < Duration::from_secs(60), "{text}");
        thread::sleep(Duration::from_millis(200));
    };
    assert!(text.contains(&format!("webhook crm: sends to http://{address} (127.0.0.1)\n")), "{text}");
    let (can_run, text) = call(folder.path(), &nsflow, &environment, &["check", "plan.yaml", "--profile", "outside"]);
    assert!(!can_run && text.contains("the webhook `crm` (https://localhost): the host's name leads to "), "{text}");
    assert!(receiver.taken().is_empty(), "a check sends nothing");

    let mut writer = Writer::open(&kafka.bootstrap(), "payments").unwrap();
    let record = |n: i64| {
        let account = n % 50;
        (account.to_string().into_bytes(), format!("{{\"account\":{account},\"amount\":{n},\"n\":{n}}}"))
    };
    let records: Vec<(Vec<u8>, String)> = (0..RECORDS).map(record).collect();
    writer.write(records.iter().map(|(key, text)| (key.clone(), text.as_bytes()))).unwrap();
    writer.end().unwrap();

    let mut workers = Workers::new(nsflow.clone(), folder.path().to_path_buf(), environment.clone());
    let (mut first, mut second) = (workers.start().unwrap(), workers.start().unwrap());
    let begun = Instant::now();
    let until = |receiver: &Receiver, what: &str, holds: &mut dyn FnMut(&[Taken]) -> bool| {
        while !holds(&receiver.taken()) {
            assert!(begun.elapsed() < Duration::from_secs(240), "{what}: {}", workers.journals());
            thread::sleep(Duration::from_millis(20));
        }
    };
    // The receiver dies midway; the workers say so, and wait.
    until(&receiver, "some come", &mut |taken| taken.len() > 300);
    receiver.kill();
    until(&receiver, "they say that nobody answers", &mut |_| {
        (first.text() + &second.text())
            .contains(&format!("the webhook `crm` (http://{address}): no connection can be made"))
    });
    receiver.restart().unwrap();
    // A worker dies too.
    until(&receiver, "they go on", &mut |taken| taken.len() > 900);
    first.kill();
    let all = wanted();
    let refused: BTreeSet<i64> = all.keys().copied().filter(|n| n % 97 == 5).collect();
    until(&receiver, "all come", &mut |taken| {
        let come: BTreeSet<i64> = taken.iter().map(|own| numbers(&own.body).0).collect();
        come.len() == all.len() - refused.len()
    });
    let mut rejected = BTreeMap::new();
    until(&receiver, "all that were refused are kept", &mut |_| {
        for message in topic::read(&kafka.bootstrap(), "told.rejected", Duration::from_millis(300)).unwrap() {
            rejected.insert(message.id, serde_json::from_slice::<Value>(&message.value).unwrap());
        }
        rejected.len() >= refused.len()
    });
    // The messages say what they are to say, and repetitions are the same.
    let taken = receiver.taken();
    let mut by_key: BTreeMap<&str, &Taken> = BTreeMap::new();
    for own in &taken {
        let (number, told) = numbers(&own.body);
        assert_eq!(told, all[&number], "{own:?}");
        assert_eq!(*by_key.entry(&own.key).or_insert(own), own, "a key means one message");
        assert!(own.key.starts_with(&format!("{}/", own.id)) && own.id.starts_with("told/"), "{own:?}");
    }
    assert_eq!(by_key.len(), all.len() - refused.len(), "each message has one key, whoever sent it");
    assert_eq!(rejected.len(), refused.len());
    for record in rejected.values() {
        let (number, told) = numbers(record["raw"].as_str().unwrap());
        assert!(refused.contains(&number) && told == all[&number], "{record}");
        assert_eq!(record["code"], "R0601");
        assert_eq!(record["by"], "webhook/crm");
        assert_eq!(record["source"], "told.payments");
        assert_eq!(record["reason"], "the receiver refuses the message: 422 Unprocessable Entity");
    }
    // The last value of each account stands under its key, whoever wrote it and however often.
    let last: BTreeMap<i64, (i64, i64)> = all.iter().map(|(n, (account, total))| (*account, (*n, *total))).collect();
    for (account, (n, total)) in &last {
        let found = redis.command(&["GET", &format!("told:out:latest:{account}")]).unwrap();
        assert_eq!(found.text(), format!("{{\"n\":{n},\"total\":{total}}}"), "{account}");
    }
    // Every entry of the stream says what it is to say, and all are there.
    let read = redis.command(&["XRANGE", "told:stream:all", "-", "+"]).unwrap();
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    for entry in read.parts() {
        let fields: Vec<String> = entry.parts()[1].parts().iter().map(|field| field.text()).collect();
        let [_, id, _, lane, _, key, _, value] = fields.as_slice() else { panic!("{fields:?}") };
        assert!(lane.contains('/'), "{fields:?}");
        let value = entries.entry(id.clone()).or_insert_with(|| value.clone()) == value;
        assert!(value && !key.is_empty(), "repetitions are the same: {fields:?}");
    }
    assert_eq!(entries.len(), all.len());
    for value in entries.values() {
        let value: Value = serde_json::from_str(value).unwrap();
        assert_eq!(value["total"].as_i64(), Some(all[&value["n"].as_i64().unwrap()].1), "{value}");
    }
    println!("{} messages, {} repetitions, {} refused", by_key.len(), taken.len() - by_key.len(), rejected.len());
    assert!(second.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", second.text());
    assert!(!workers.journals().contains(CANARY), "{}", workers.journals());
    let (listed, text) =
        call(folder.path(), &nsflow, &environment, &["rejected", "list", "plan.yaml", "--profile", "prod"]);
    assert!(listed && text.contains("R0601"), "{text}");
}
