//! `classroom/live.nsf` from messages to results, on the engine itself: ingest, dimensions, subscription and a flow that
//! reads it, also when the run is stopped inside its commits. Streams, outputs and store are in memory.

use std::sync::{Arc, Mutex};

use nsf_plan::{
    Block, Expr, ExprKind, Guarantee, Input, InputSource, Origin, Pipeline, Plan, Slot, SlotId, Step, StepKind,
    SubscriptionId, Topic, TopicExpand, TopicId, Type, connector::Connector,
};

use super::fixture::{MemoryStore, message, plan};
use crate::{
    connector::{
        ConnectorError, ConnectorErrorKind, ConnectorResult, Connectors, Export, Message, OutputBatch, Polled,
        Position, RawBatch, Sink, Source, StreamRequest,
    },
    ingest::Secret,
    run::{Engine, FAILPOINTS, Options, RunError},
    store::{Store, StoreTable},
    summary::Summary,
};

/// Messages of one partition, a few a poll.
struct MemorySource {
    messages: Arc<Vec<String>>,
    next: usize,
}

impl Source for MemorySource {
    fn open(&mut self, positions: &[(u32, Position)]) -> ConnectorResult<()> {
        self.next = positions.first().map_or(0, |(_, position)| position.next as usize);
        Ok(())
    }

    fn poll(&mut self, batch: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
        let messages = self.messages.iter().enumerate().skip(self.next).take(7);
        for (offset, message) in messages {
            let start = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(message.as_bytes());
            let end = batch.bytes.len() as u32;
            let offset = offset as u64;
            batch.messages.push(Message {
                start,
                end,
                offset,
                timestamp: None,
                key: None,
                oversized: None,
                ..Message::default()
            });
        }
        self.next += batch.messages.len();
        batch.end.next = self.next as u64;
        Ok(if batch.messages.is_empty() { Polled::End } else { Polled::Batch })
    }
}

/// Lines that outlive a run.
struct MemorySink(Arc<Mutex<Vec<u8>>>);

impl Sink for MemorySink {
    fn open(&mut self, position: Option<&[u8]>) -> ConnectorResult<()> {
        let length = position.map_or(0, |bytes| usize::from_be_bytes(bytes.try_into().unwrap()));
        self.0.lock().unwrap().truncate(length);
        Ok(())
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        self.0.lock().unwrap().extend_from_slice(&batch.bytes);
        Ok(())
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        Ok(self.0.lock().unwrap().len().to_be_bytes().into())
    }
}

impl Export for MemorySink {
    fn write(&mut self, bytes: &[u8]) -> ConnectorResult<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> ConnectorResult<()> {
        Ok(())
    }
}

/// Everything outside the engine.
#[derive(Default)]
struct World {
    messages: Arc<Vec<String>>,
    notes: Arc<Mutex<Vec<u8>>>,
    seen: Arc<Mutex<Vec<u8>>>,
    exported: Arc<Mutex<Vec<u8>>>,
    store: Arc<MemoryStore>,
}

impl Connectors for World {
    fn source(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        assert_eq!(request.connector.name, "arris_DW_live");
        Ok(Box::new(MemorySource { messages: Arc::clone(&self.messages), next: 0 }))
    }

    fn table(&self, _: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        Err(ConnectorError::new(ConnectorErrorKind::NotFound, "there are no tables"))
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        let lines = if request.connector.name == "seen" { &self.seen } else { &self.notes };
        Ok(Box::new(MemorySink(Arc::clone(lines))))
    }

    fn export(&self, names: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        let wanted = names.contains(&"class_stu_plan");
        Ok(wanted.then(|| Box::new(MemorySink(Arc::clone(&self.exported))) as Box<dyn Export>))
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        Ok(Arc::clone(&self.store) as Arc<dyn Store>)
    }
}

impl World {
    fn new(messages: Vec<String>) -> Self {
        Self { messages: Arc::new(messages), ..Self::default() }
    }

    fn run(&self, options: Options) -> Result<Summary, RunError> {
        self.exported.lock().unwrap().clear();
        let secrets = Arc::new(|_: &str| Secret::Value("k-2020".into()));
        let options = Options { secrets, workers: 2, lanes: 4, ..options };
        Engine::build(Arc::new(program()), options, self).unwrap().run()
    }

    /// Published, seen by the flow, exported, rejected.
    fn results(&self) -> [Vec<String>; 4] {
        let lines = |bytes: &Mutex<Vec<u8>>| -> Vec<String> {
            String::from_utf8(bytes.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        };
        let rejected = self.store.values(StoreTable::Rejected);
        let rejected = rejected.into_iter().map(|value| String::from_utf8_lossy(&value).into_owned()).collect();
        [lines(&self.notes), lines(&self.seen), lines(&self.exported), rejected]
    }
}

/// The plan of `live.nsf` with a flow `from homework_submitted { expand kafka("seen") { stu_id, status_name } }`.
fn program() -> Plan {
    let mut plan = plan();
    plan.topics.push(Topic { connector: Connector::new("kafka", "seen"), read: false, written: true, internal: false });
    let types = [Type::INT64, Type::Text.nullable()];
    let slot = |at: u32| Expr::slot(SlotId(at), types[at as usize].clone());
    let record = Type::record([("stu_id", types[0].clone()), ("status_name", types[1].clone())]);
    let message = Expr::new(ExprKind::Record(vec![slot(0), slot(1)]), record);
    let expand = TopicExpand { topic: TopicId(2), key: None, message, guarantee: Guarantee::EffectivelyOnce };
    plan.pipelines.push(Pipeline {
        id: "live.note".into(),
        name: "live.note".into(),
        inputs: vec![Input {
            from: InputSource::Subscription(SubscriptionId(0)),
            fields: vec![(1, SlotId(0)), (3, SlotId(1))],
            record: None,
        }],
        slots: ["stu_id", "status_name"]
            .iter()
            .zip(&types)
            .map(|(name, ty)| Slot { name: (*name).into(), ty: ty.clone() })
            .collect(),
        handles: Vec::new(),
        body: Block::from(vec![Step::new("note/expand.1", StepKind::ExpandTopic(expand), Origin::default())]),
        key: Vec::new(),
        stateful: false,
        origin: Origin::default(),
    });
    plan
}

fn homework(time: i64, command: &str, student: u32, status: &str) -> String {
    message(&format!(
        r#""time":{},"cmd":"{command}","fields":{{"class_id":1,"stu_id":{student},"plan_id":3{status}}}"#,
        1_684_540_800_000 + time
    ))
}

/// Four students who go through all states, some messages twice, some late, some that are not to be taken.
fn messages() -> Vec<String> {
    let mut messages = Vec::new();
    for time in 0..30_i64 {
        for student in 1..=4 {
            let state = (time + i64::from(student)) % 3;
            let late = if time % 5 == 4 { time - 7 } else { time };
            messages.push(match (time + i64::from(student)) % 11 {
                7 => homework(late, "delete", student, ""),
                8 => homework(late, "insert", student, r#","status":"?""#),
                9 => homework(late, "insert", student, r#","status":1"#).replace("k-2020", "k-1999"),
                _ => homework(late, "insert", student, &format!(r#","status":"{state}""#)),
            });
        }
    }
    messages
}

#[test]
fn messages_become_rows_notes_and_records_of_a_flow() {
    let messages = vec![
        homework(0, "insert", 7, r#","status":"0","class_name":"小高语文""#),
        homework(1, "insert", 7, r#","status":1"#),
        homework(2, "insert", 8, r#","status":1"#),
        homework(2, "insert", 8, r#","status":1.5"#),
        homework(3, "insert", 8, r#","status":2"#),
        homework(4, "insert", 9, r#","status":0"#),
        homework(5, "delete", 9, ""),
    ];
    let world = World::new(messages);
    let summary = world.run(Options::default()).unwrap();
    let [notes, seen, exported, rejected] = world.results();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].contains(r#""action":"binlog""#) && notes[1].contains(r#""action":"create|binlog""#), "{notes:?}");
    assert_eq!(seen, [r#"{"stu_id":7,"status_name":"已提交"}"#, r#"{"stu_id":8,"status_name":"已提交"}"#]);
    let row = |student: u32, status: &str| {
        format!(
            r#"{{"class_id":1,"stu_id":{student},"plan_id":3,"status_name":"{status}","stay":null,"finished":null}}"#
        )
    };
    assert_eq!(exported, [row(7, "已提交"), row(8, "已批改")]);
    assert_eq!(rejected.len(), 1);
    assert!(
        rejected[0].contains("R0102") && rejected[0].contains("`status` is `1.5`, but an `int32` is due"),
        "{rejected:?}"
    );
    assert_eq!(summary.rejected, 1);
    assert_eq!(summary.sources[0].coerced.get("status"), Some(&1));
}

#[test]
fn a_second_run_over_the_same_messages_changes_nothing() {
    let world = World::new(messages());
    world.run(Options::default()).unwrap();
    let first = world.results();
    assert!(first.iter().all(|lines| !lines.is_empty()));
    let summary = world.run(Options::default()).unwrap();
    assert!(summary.unchanged);
    assert_eq!(world.results(), first);
}

#[test]
fn a_run_that_is_stopped_anywhere_in_a_commit_goes_on_to_the_same_results() {
    let whole = World::new(messages());
    whole.run(Options::default()).unwrap();
    for failpoint in FAILPOINTS {
        for time in [1, 2, 5] {
            let world = World::new(messages());
            let options = Options { one_by_one: true, ..Options::default() };
            options.failpoints.arm(failpoint, time);
            let stopped = world.run(options.clone());
            assert!(matches!(stopped, Err(RunError::Failpoint(_))), "{failpoint} {time}: {stopped:?}");
            world.run(options).unwrap();
            assert_eq!(world.results(), whole.results(), "{failpoint} {time}");
        }
    }
}
