//! The plan of `classroom/fields.nsf` and `classroom/live.nsf` (language.md section 2), made by hand, and a store in
//! memory: for the tests of dimensions, ingests and subscriptions.

use std::{collections::BTreeMap, sync::Mutex};

use nsf_plan::{
    BinaryOperator, Coerce, Dimension, DimensionField, DimensionId, Expr, ExprKind, Guarantee, Ingest,
    IngestAssignment, IngestId, IngestMember, IntegerWidth, Literal, Mapping, MappingElse, MappingId, OnError, Origin,
    Plan, Slot, SlotId, Subscription, SubscriptionEvent, Tenant, TenantId, Topic, TopicId, Type,
    connector::Connector,
    field_id::{FieldId, FieldKind},
};

use crate::{
    cell::Cell,
    connector::{ConnectorResult, Message, RawBatch},
    run::stage::IngestOutput,
    store::{Store, StoreBatch, StoreTable},
};

/// `class`, `class_stu` and `class_stu_plan`.
pub(crate) const CLASS: DimensionId = DimensionId(0);
pub(crate) const CLASS_STU: DimensionId = DimensionId(1);
pub(crate) const CLASS_STU_PLAN: DimensionId = DimensionId(2);

/// The ingestion of the slides.
pub(crate) const ARRIS_ID: &str = "ARRIS-f0102-0000000000gca";

pub(crate) fn text(value: &str) -> Cell {
    Cell::Text(value.into())
}

/// The whole plan: tenant, dimensions, one ingest, one subscription.
pub(crate) fn plan() -> Plan {
    let mut plan = Plan::new("classroom");
    plan.tenants.push(Tenant {
        name: "xuefu".into(),
        app_id: "0102".into(),
        app_key: Some("XUEFU_APP_KEY".into()),
        zone: "Asia/Shanghai".into(),
    });
    plan.mappings.push(homework_state());
    plan.topics = ["arris_DW_live", "arrpub_xuefu_note"].map(topic).into();
    plan.dimensions = dimensions();
    plan.ingests.push(ingest());
    plan.subscriptions.push(subscription());
    plan
}

fn topic(name: &str) -> Topic {
    let (read, written) = (name.starts_with("arris_"), name.starts_with("arrpub_"));
    Topic { connector: Connector::new("kafka", name), read, written, internal: false }
}

fn homework_state() -> Mapping {
    let pairs = [(0, "未提交"), (1, "已提交"), (2, "已批改")];
    Mapping {
        name: "fields.homework_state".into(),
        from: int32(),
        to: Type::Text,
        pairs: pairs.map(|(from, to)| (Literal::Integer(from), Literal::text(to))).into(),
        otherwise: MappingElse::Keep,
    }
}

fn int32() -> Type {
    Type::Integer(IntegerWidth::Int32)
}

fn dimensions() -> Vec<Dimension> {
    let field = |code: u32, number: u32, name: &str, ty: Type, derived: bool| DimensionField {
        name: name.into(),
        id: FieldId::new(if derived { FieldKind::Derived } else { FieldKind::Ingested }, &ty, code, number)
            .unwrap()
            .to_u64(),
        ty,
        label: None,
        derived,
        empty: None,
    };
    let dimension = |name: &str, code: u32, keys: &[&str], fields: Vec<DimensionField>| Dimension {
        name: format!("fields.{name}"),
        code,
        keys: keys.iter().map(|key| ((*key).to_string(), Type::INT64)).collect(),
        spaces: Vec::new(),
        fields,
        label: None,
        origin: Origin::default(),
    };
    vec![
        dimension("class", 1001, &["class_id"], vec![field(1001, 100_001, "class_name", Type::Text, false)]),
        dimension(
            "class_stu",
            2001,
            &["class_id", "stu_id"],
            vec![field(2001, 100_001, "refund_rate", Type::Float64.nullable(), false)],
        ),
        dimension(
            "class_stu_plan",
            3001,
            &["class_id", "stu_id", "plan_id"],
            vec![
                field(3001, 100_002, "status_name", Type::Text.nullable(), false),
                field(3001, 100_003, "stay", Type::Duration, true),
                field(3001, 100_004, "finished", Type::Bool, true),
            ],
        ),
    ]
}

fn ingest() -> Ingest {
    let members = [
        ("class_id", Type::INT64),
        ("stu_id", Type::INT64),
        ("plan_id", Type::INT64),
        ("class_name", Type::Text),
        ("stu_refund_rate_so", Type::Float64.nullable()),
        ("status", int32()),
    ];
    let slot = |index: usize| Expr::slot(SlotId(index as u32), members[index].1.clone());
    let status = Expr::new(ExprKind::Mapping(MappingId(0), Box::new(slot(5))), Type::Text);
    let assignment = |dimension: DimensionId, read: u32, value: Expr| IngestAssignment {
        dimension,
        field: 0,
        value,
        reads: vec![read],
        origin: Origin::default(),
    };
    Ingest {
        id: "live_class_stu".into(),
        name: "live.live_class_stu".into(),
        arris_id: ARRIS_ID.into(),
        tenant: TenantId(0),
        from: TopicId(0),
        coerce: Coerce::Lenient,
        max_skew: 300_000,
        retry: None,
        on_error: OnError::BlockLane,
        reject: None,
        keys: ["class_id", "stu_id", "plan_id"].iter().enumerate().map(|(at, key)| ((*key).into(), slot(at))).collect(),
        assignments: vec![
            assignment(CLASS, 3, slot(3)),
            assignment(CLASS_STU, 4, slot(4)),
            assignment(CLASS_STU_PLAN, 5, status.widened(Type::Text.nullable())),
        ],
        members: members
            .iter()
            .enumerate()
            .map(|(at, (name, ty))| IngestMember { name: (*name).into(), ty: ty.clone(), slot: SlotId(at as u32) })
            .collect(),
        slots: Vec::new(),
        accept: vec![CLASS, CLASS_STU, CLASS_STU_PLAN],
        origin: Origin { file: 1, line: 4 },
    }
}

fn subscription() -> Subscription {
    let slots = [
        ("class_id", Type::INT64),
        ("stu_id", Type::INT64),
        ("plan_id", Type::INT64),
        ("status_name", Type::Text.nullable()),
        ("stay", Type::Duration.nullable()),
        ("finished", Type::Bool.nullable()),
        ("updated", Type::Timestamp),
    ];
    let status = Expr::slot(SlotId(3), Type::Text.nullable());
    let submitted = Expr::text("已提交").widened(Type::Text.nullable());
    let publish = [("status_name", 3), ("plan_id", 2), ("stu_id", 1), ("class_id", 0), ("updated", 6)];
    Subscription {
        id: "homework_submitted".into(),
        name: "live.homework_submitted".into(),
        dimension: CLASS_STU_PLAN,
        tenant: TenantId(0),
        listen: vec![(Some("live_class_stu".into()), 0)],
        when: Some(Expr::binary(BinaryOperator::Equal, status, submitted, Type::Bool)),
        on: vec![SubscriptionEvent::Create, SubscriptionEvent::Binlog],
        publish: publish.map(|(name, slot)| (name.into(), SlotId(slot))).into(),
        slots: slots.map(|(name, ty)| Slot { name: name.into(), ty }).into(),
        to: Some(TopicId(1)),
        extra: None,
        guarantee: Guarantee::EffectivelyOnce,
        origin: Origin { file: 1, line: 18 },
    }
}

/// A message of the ingest, as the slides show it, with these parts of `arris_message`.
pub(crate) fn message(rest: &str) -> String {
    format!(
        r#"{{"version":"v1.0","arris_id":"{ARRIS_ID}","name":"直播班级学生","app_id":"0102","app_name":"学服","app_key":"k-2020","arris_message":{{{rest}}}}}"#
    )
}

/// Works on messages one after the other, from offset 1.
pub(crate) fn ingested(plan: &Plan, messages: &[String]) -> IngestOutput {
    use crate::{
        ingest::{Processor, Secret},
        run::stage::IngestProcessor,
    };
    let secret = |name: &str| if name == "XUEFU_APP_KEY" { Secret::Value("k-2020".into()) } else { Secret::Unset };
    let processor = Processor::new(plan, IngestId(0), &secret).unwrap();
    let mut batch = RawBatch::default();
    for (index, message) in messages.iter().enumerate() {
        let start = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(message.as_bytes());
        let end = batch.bytes.len() as u32;
        let offset = index as u64 + 1;
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
    let mut output = IngestOutput::default();
    let mut arena = bumpalo::Bump::new();
    for message in &batch.messages {
        processor.process(crate::stable::number("live_class_stu"), &batch, message, &arena, &mut output);
        arena.reset();
    }
    output
}

/// Values by table and key.
type StoredRows = BTreeMap<(StoreTable, Vec<u8>), Vec<u8>>;

/// A store in memory that remembers how many rows it was asked for.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pub rows: Mutex<StoredRows>,
    pub asked: Mutex<Vec<usize>>,
    /// Whether it says that its rows are brought to further places.
    pub spread: bool,
}

impl MemoryStore {
    /// The value of a row.
    pub(crate) fn row(&self, table: StoreTable, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.lock().unwrap().get(&(table, key.to_vec())).cloned()
    }

    /// All values of a table, in the order of their keys.
    pub(crate) fn values(&self, table: StoreTable) -> Vec<Vec<u8>> {
        let rows = self.rows.lock().unwrap();
        rows.iter().filter(|((of, _), _)| *of == table).map(|(_, value)| value.clone()).collect()
    }
}

impl Store for MemoryStore {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        assert!(keys.is_sorted(), "keys must come in order");
        self.asked.lock().unwrap().push(keys.len());
        for (index, key) in keys.iter().enumerate() {
            if let Some(row) = self.row(table, key) {
                found(index, &row);
            }
        }
        Ok(())
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        let rows = self.rows.lock().unwrap();
        let from = rows.range((table, prefix.to_vec())..);
        for ((_, key), value) in from.take_while(|((of, key), _)| *of == table && key.starts_with(prefix)) {
            if !row(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn is_spread(&self, _key: &[u8]) -> bool {
        self.spread
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        let mut rows = self.rows.lock().unwrap();
        for (table, changes) in batch.tables() {
            for (key, value) in changes.rows() {
                match value {
                    Some(value) => drop(rows.insert((table, key.to_vec()), value.to_vec())),
                    None => drop(rows.remove(&(table, key.to_vec()))),
                }
            }
        }
        Ok(())
    }
}
