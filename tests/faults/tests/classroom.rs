//! `examples/classroom` on real servers, end to end: compiled, checked, its tables made, run; what comes out is what its
//! folder says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use nsf_faults::{
    topic::{self, Writer},
    worker::Workers,
};
use nsf_tests::{
    root,
    servers::{kafka::Kafka, mariadb::MariaDb, redis, redis::Redis, shown},
    tool,
};
use serde_json::{Value, json};

const NAME: &str = "classroom_gives_on_servers_what_its_folder_says";

#[test]
fn classroom_gives_on_servers_what_its_folder_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = shown(NAME, Kafka::start(&folder.path().join("kafka"))) else { return };
    let Some(redis) = shown(NAME, Redis::start(&folder.path().join("redis"), redis::Options::default())) else {
        return;
    };
    let Some(mysql) = shown(NAME, MariaDb::start(&folder.path().join("mysql"))) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let example = root().join("examples/classroom");
    let environment = vec![
        ("KAFKA_BROKERS".to_owned(), kafka.bootstrap()),
        ("REDIS_URL".to_owned(), redis.url()),
        ("MYSQL_URL".to_owned(), mysql.url()),
        ("XUEFU_APP_KEY".to_owned(), "k-2023".to_owned()),
    ];
    let call = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program)
            .current_dir(folder.path())
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    fs::copy(example.join("nsf.yaml"), folder.path().join("nsf.yaml")).unwrap();
    call(&nsfc, &["compile", example.to_str().unwrap(), "-o", "plan.yaml"]);
    // One partition each: what is late, and what came first, are then what they are in the files.
    for topic in [
        "stay_seg",
        "arris_DW_live",
        "arretryarris_DW_live",
        "arrpub_xuefu_note",
        "plan_finished",
        "classroom.rejected",
    ] {
        kafka.create_topic(topic, 1, &[]).unwrap();
    }
    make_plan_table(&mysql, &example);
    let migrated = call(&nsflow, &["migrate", "plan.yaml", "--apply"]);
    assert!(migrated.contains("CREATE TABLE"), "{migrated}");
    let checked = call(&nsflow, &["check", "plan.yaml"]);
    assert!(checked.contains("it can run"), "{checked}");
    feed(&kafka, &example);

    let mut workers = Workers::new(nsflow, folder.path().to_path_buf(), environment);
    let mut worker = workers.start().unwrap();
    let finished = lines(&example.join("expected/plan_finished.ndjson"));
    let begun = std::time::Instant::now();
    while kafka.end_offset("plan_finished", 0).unwrap() < finished.len() as i64 || rows(&mysql).len() < 127 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come to an end: {}", worker.text());
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(worker.stop(Duration::from_secs(10)).unwrap().is_some(), "{}", worker.text());

    let published: Vec<Value> = values(&kafka, "plan_finished");
    assert_eq!(multiset(published.iter()), multiset(finished.iter()));
    assert_eq!(multiset(rows(&mysql).iter()), multiset(lines(&example.join("expected/class_stu_plan.ndjson")).iter()));
    let rejected = values(&kafka, "classroom.rejected");
    let rejected = rejected.iter().map(|own| json!({"source": own["source"], "reason": own["reason"]}));
    let wanted = lines(&example.join("expected/rejected.ndjson"));
    let wanted = wanted.iter().map(|own| json!({"source": own["source"], "reason": own["reason"]}));
    assert_eq!(multiset(rejected.collect::<Vec<_>>().iter()), multiset(wanted.collect::<Vec<_>>().iter()));
    let told = values(&kafka, "arrpub_xuefu_note");
    assert_eq!(told.len(), lines(&example.join("expected/arrpub_xuefu_note.ndjson")).len(), "{told:?}");
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn values(kafka: &Kafka, topic: &str) -> Vec<Value> {
    let found = topic::read(&kafka.bootstrap(), topic, Duration::from_millis(300)).unwrap();
    let mut seen = BTreeSet::new();
    let once = found.into_iter().filter(|message| seen.insert(message.id.clone()));
    once.map(|message| serde_json::from_slice(&message.value).unwrap()).collect()
}

/// Texts with their members in order, so that two JSON texts of one value are the same.
fn multiset<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<String> {
    let sorted = |value: &Value| {
        let members = value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone()));
        serde_json::to_string(&members.collect::<std::collections::BTreeMap<String, Value>>()).unwrap()
    };
    let mut texts: Vec<String> = values.map(sorted).collect();
    texts.sort();
    texts
}

fn make_plan_table(mysql: &MariaDb, example: &Path) {
    mysql
        .query("CREATE TABLE plan (plan_id BIGINT PRIMARY KEY, plan_len BIGINT NOT NULL, course_id BIGINT NOT NULL)")
        .unwrap();
    let rows = lines(&example.join("data/plan.ndjson"));
    let rows: Vec<String> =
        rows.iter().map(|row| format!("({},{},{})", row["plan_id"], row["plan_len"], row["course_id"])).collect();
    mysql.query(&format!("INSERT INTO plan VALUES {}", rows.join(","))).unwrap();
}

fn feed(kafka: &Kafka, example: &Path) {
    for (topic, key, file) in [("stay_seg", "StuID", "stay_seg.ndjson"), ("arris_DW_live", "", "live.ndjson")] {
        let text = fs::read_to_string(example.join("data").join(file)).unwrap();
        let mut writer = Writer::open(&kafka.bootstrap(), topic).unwrap();
        let keyed = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).unwrap_or_default();
            (value[key].to_string().into_bytes(), line.as_bytes())
        });
        writer.write(keyed).unwrap();
        writer.end().unwrap();
    }
}

/// The rows of the dimension's tables, as its folder writes them.
fn rows(mysql: &MariaDb) -> Vec<Value> {
    let mut rows = Vec::new();
    for shard in 0..8 {
        let table = format!("classroom_fields_class_stu_plan_{shard}");
        let found =
            mysql.query(&format!("SELECT class_id, stu_id, plan_id, nsf_row FROM {table} WHERE nsf_deleted = 0"));
        let found = found.unwrap_or_else(|error| panic!("{error:?}: {:?}", mysql.query("SHOW TABLES")));
        for line in found.lines() {
            let cells: Vec<&str> = line.splitn(4, '\t').collect();
            let [class, student, plan, row] = cells.as_slice() else { continue };
            let row: Value = serde_json::from_str(row).unwrap();
            let number = |text: &str| text.parse::<i64>().unwrap();
            rows.push(json!({
                "class_id": number(class), "stu_id": number(student), "plan_id": number(plan),
                "stay": row.get("stay"), "finished": row.get("finished"), "status_name": row.get("status_name"),
            }));
        }
    }
    rows
}
