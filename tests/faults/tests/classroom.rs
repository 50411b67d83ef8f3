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
    tool, tree,
};
use serde_json::{Value, json};

#[test]
fn classroom_gives_on_servers_what_its_folder_says() {
    let test = "classroom_gives_on_servers_what_its_folder_says";
    let folder = tempfile::tempdir().unwrap();
    let redis = shown(test, Redis::start(&folder.path().join("redis"), redis::Options::default()));
    if let Some(redis) = redis {
        play(test, folder.path(), Some(&redis));
    }
}

/// States, positions and dimensions on MySQL, by a user who may do what is documented and no more.
#[test]
fn classroom_gives_the_same_without_redis() {
    let folder = tempfile::tempdir().unwrap();
    play("classroom_gives_the_same_without_redis", folder.path(), None);
}

/// A state of the program.
const STATE: &str = "classroom.duration.plan_stay";

/// Whom the worker without Redis logs in as.
const WORKER: &str = "worker";

fn play(test: &str, folder: &Path, redis: Option<&Redis>) {
    let Some(kafka) = shown(test, Kafka::start(&folder.join("kafka"))) else { return };
    let Some(mysql) = shown(test, MariaDb::start(&folder.join("mysql"))) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let example = root().join("examples/classroom");
    let environment = vec![
        ("KAFKA_BROKERS".to_owned(), kafka.bootstrap()),
        ("REDIS_URL".to_owned(), redis.map_or_else(String::new, Redis::url)),
        ("MYSQL_URL".to_owned(), mysql.url()),
        ("XUEFU_APP_KEY".to_owned(), "k-2023".to_owned()),
    ];
    let answer = |program: &Path, arguments: &[&str], further: &[(&str, &str)]| {
        let mut command = Command::new(program);
        command.current_dir(folder).args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        let output = command.envs(further.iter().copied()).output().unwrap();
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.success(), text.concat())
    };
    let call = |program: &Path, arguments: &[&str]| {
        let (done, text) = answer(program, arguments, &[]);
        assert!(done, "{arguments:?}: {text}");
        text
    };
    let profile = fs::read_to_string(example.join("nsf.yaml")).unwrap();
    let of_redis = "    redis: { url: \"${REDIS_URL}\" }\n";
    assert!(profile.contains(of_redis));
    fs::write(folder.join("nsf.yaml"), if redis.is_some() { profile } else { profile.replace(of_redis, "") }).unwrap();
    call(&nsfc, &["compile", example.to_str().unwrap(), "-o", "plan.yaml"]);
    if redis.is_none() {
        let (done, text) = answer(&nsflow, &["check", "plan.yaml"], &[]);
        let wanted = format!("the state `{STATE}` is kept on Redis, and the profile `prod` names none");
        assert!(!done && text.contains(&wanted), "{text}");
        let program = folder.join("program");
        tree::copy(&example, &program).unwrap();
        let path = program.join("classroom/duration.nsf");
        let text = fs::read_to_string(&path).unwrap();
        let of_redis = "store: redis(\"psd:{stu_id}:{plan_id}\")";
        assert!(text.contains(of_redis));
        fs::write(&path, text.replace(of_redis, "store: mysql(\"plan_stay\")")).unwrap();
        call(&nsfc, &["compile", program.to_str().unwrap(), "-o", "plan.yaml"]);
        let (done, text) = answer(&nsflow, &["check", "plan.yaml"], &[]);
        let wanted = "is kept in the space `hot` on Redis, and the states of the plan are on MySQL";
        assert!(!done && text.contains(wanted), "{text}");
        let path = program.join("classroom/fields.nsf");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("in main, hot"));
        fs::write(&path, text.replace("in main, hot", "in main").replace("space hot ", "// space hot ")).unwrap();
        call(&nsfc, &["compile", program.to_str().unwrap(), "-o", "plan.yaml"]);
    }
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
    let url = user(&mysql, WORKER);
    if redis.is_none() {
        refusals(&nsflow, &url, &answer);
    }
    let migrated = call(&nsflow, &["migrate", "plan.yaml", "--apply"]);
    assert!(migrated.contains("CREATE TABLE"), "{migrated}");
    let checked = call(&nsflow, &["check", "plan.yaml"]);
    assert!(checked.contains("it can run"), "{checked}");
    feed(&kafka, &example);

    let mut environment = environment.clone();
    if redis.is_none() {
        environment.push(("MYSQL_URL".to_owned(), url.clone()));
        grant(&mysql, WORKER, "SELECT", &["nsf_classroom_state".to_owned()]);
        let (done, text) = answer(&nsflow, &["check", "plan.yaml"], &[("MYSQL_URL", &url)]);
        assert!(!done && text.contains("or the user `worker` may not see them: `nsf_classroom_progress`"), "{text}");
        // What is documented, and no more.
        let own = ["state", "progress", "ends", "meta"].map(|name| format!("nsf_classroom_{name}"));
        let dimensions = mysql.query("SHOW TABLES LIKE 'classroom%'").unwrap();
        let dimensions = dimensions.lines().map(str::to_owned);
        grant(&mysql, WORKER, "SELECT, INSERT, UPDATE", &own.iter().cloned().chain(dimensions).collect::<Vec<_>>());
        let (done, text) = answer(&nsflow, &["check", "plan.yaml"], &[("MYSQL_URL", &url)]);
        assert!(
            !done && text.contains("the user `worker` may not DELETE at the table `tests`.`nsf_classroom_state`"),
            "{text}"
        );
        grant(&mysql, WORKER, "DELETE", &own);
        let (done, text) = answer(&nsflow, &["check", "plan.yaml"], &[("MYSQL_URL", &url)]);
        assert!(done && text.contains("mysql: the tables of states and positions are there"), "{text}");
    }
    let mut workers = Workers::new(nsflow.clone(), folder.to_path_buf(), environment);
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
    if redis.is_none() {
        // Rows of states are found by people too.
        let scanned = call(&nsflow, &["state", "scan", "plan.yaml", STATE, "--limit", "1"]);
        let row: Value = serde_json::from_str(scanned.lines().next().unwrap()).unwrap();
        let key = row["key"].as_object().unwrap().values().map(ToString::to_string);
        let key: Vec<String> = key.map(|part| part.trim_matches('"').to_owned()).collect();
        let words: Vec<&str> =
            ["state", "get", "plan.yaml", STATE].into_iter().chain(key.iter().map(String::as_str)).collect();
        let got: Value = serde_json::from_str(call(&nsflow, &words).trim()).unwrap();
        assert_eq!(got, row);
    }
}

/// A user for the worker, who may read the table that others fill. Gives its address.
fn user(mysql: &MariaDb, user: &str) -> String {
    mysql.query(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'")).unwrap();
    grant(mysql, user, "SELECT", &["plan".to_owned()]);
    format!("mysql://{user}:pw@{}/tests", mysql.address())
}

fn grant(mysql: &MariaDb, user: &str, rights: &str, tables: &[String]) {
    for table in tables {
        mysql.root(&format!("GRANT {rights} ON tests.{table} TO '{user}'@'%'")).unwrap();
    }
}

/// Calls `nsflow` in a folder, with words and variables; gives whether it went well, and what it said.
type Call<'c> = dyn Fn(&Path, &[&str], &[(&str, &str)]) -> (bool, String) + 'c;

/// What `check` says while tables, rights or the right password are missing.
fn refusals(nsflow: &Path, url: &str, answer: &Call<'_>) {
    let check = |url: &str| {
        let (done, text) = answer(nsflow, &["check", "plan.yaml"], &[("MYSQL_URL", url)]);
        assert!(!done && !text.contains("wrong-one"), "{text}");
        text
    };
    let text = check(&url.replace(":pw@", ":wrong-one@"));
    assert!(text.contains("does not accept the user `worker` with this password"), "{text}");
    let text = check(url);
    assert!(text.contains("lacks tables or columns of states and dimensions in the database `tests`"), "{text}");
    assert!(text.contains("`nsf_classroom_state`") && text.contains("nsflow migrate PLAN --apply"), "{text}");
    let (done, text) = answer(nsflow, &["migrate", "plan.yaml", "--apply"], &[("MYSQL_URL", url)]);
    assert!(!done && text.contains("cannot be changed: the user `worker` lacks a right"), "{text}");
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
