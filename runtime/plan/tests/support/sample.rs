//! A valid plan with every kind of step, and the small one of the README.

use nsf_plan::{
    BinaryOperator, Block, Coerce, Dimension, DimensionExpand, DimensionField, DimensionId, Encoding, Expr, ExprKind,
    Format, Guarantee, Handle, HandleId, HandleTarget, Ingest, IngestAssignment, IngestMember, Input, InputSource,
    Late, Literal, Missing, OnError, Order, Origin, Pipeline, Plan, RecordField, SaveKind, SaveOperation, Slot, SlotId,
    Source, SourceId, SourceText, State, StateField, StateId, Step, StepKind, Tenant, TenantId, Topic, TopicExpand,
    TopicId, Type, connector::Connector,
};

fn at(line: u32) -> Origin {
    Origin { file: 0, line }
}

fn field(name: &str, ty: Type) -> RecordField {
    RecordField { name: name.into(), path: vec![name.into()], ty, default: None, used: true, renames: Vec::new() }
}

fn topic(kind: &str, name: &str, read: bool) -> Topic {
    Topic { connector: Connector::new(kind, name), read, written: !read, internal: false }
}

fn slot(name: &str, ty: Type) -> Slot {
    Slot { name: name.into(), ty }
}

fn stu_id() -> Expr {
    Expr::slot(SlotId(0), Type::INT64)
}

fn score() -> Expr {
    Expr::slot(SlotId(1), Type::Float64.nullable())
}

fn known_score() -> Expr {
    score().known()
}

/// A source, a check and a message: what the README shows.
pub fn small() -> Plan {
    let mut plan = Plan::new("grades");
    plan.files.push(SourceText {
        path: "grades.nsf".into(),
        sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into(),
    });
    plan.topics = vec![topic("kafka", "scores", true), topic("stdout", "", false)];
    plan.sources.push(Source {
        id: "score".into(),
        name: "score".into(),
        from: TopicId(0),
        encoding: Encoding {
            format: Format::Json,
            coerce: Coerce::Strict,
            strict: false,
            fields: vec![field("stu_id", Type::INT64), field("score", Type::Float64.nullable())],
        },
        key: vec![0],
        time: None,
        late: None,
        late_else: Late::Drop,
        max_skew: 300_000,
        idle: None,
        retry: None,
        on_error: OnError::BlockLane,
        reject: None,
        origin: at(1),
    });
    let message = Expr::new(ExprKind::Record(vec![stu_id()]), Type::record([("stu_id", Type::INT64)]));
    let steps = vec![
        Step::new(
            "passed/verify.1",
            StepKind::Require { condition: Expr::negated(Expr::is_null(score())).at(at(9)), reason: "no score".into() },
            at(9),
        ),
        Step::new(
            "passed/expand.2",
            StepKind::ExpandTopic(TopicExpand {
                topic: TopicId(1),
                key: None,
                message,
                guarantee: Guarantee::AtLeastOnce,
            }),
            at(10),
        ),
    ];
    plan.pipelines.push(Pipeline {
        id: "passed".into(),
        name: "passed".into(),
        inputs: vec![Input {
            from: InputSource::Source(SourceId(0)),
            fields: vec![(0, SlotId(0)), (1, SlotId(1))],
            record: None,
        }],
        slots: vec![slot("stu_id", Type::INT64), slot("score", Type::Float64.nullable())],
        handles: Vec::new(),
        body: steps.into(),
        key: Vec::new(),
        stateful: false,
        origin: at(8),
    });
    plan
}

fn states() -> Vec<State> {
    let state = |id: &str, keys: Vec<(String, Type)>, fields: Vec<StateField>, marks: bool| State {
        id: id.into(),
        name: id.into(),
        keys,
        store: None,
        keep: Some(86_400_000),
        closes: None,
        order: Order::Flow,
        fields,
        marks,
        origin: at(20),
    };
    let mut totals = state(
        "totals",
        vec![("stu_id".into(), Type::INT64), ("day".into(), Type::Timestamp)],
        vec![
            StateField { name: "total".into(), ty: Type::Float64, default: Literal::Float(0.0), stored_as: None },
            StateField {
                name: "by_name".into(),
                ty: Type::map(Type::Text, Type::INT64),
                default: Literal::Map(Vec::new()),
                stored_as: None,
            },
            StateField {
                name: "seen".into(),
                ty: Type::set(Type::INT64),
                default: Literal::List(Vec::new()),
                stored_as: Some("met".into()),
            },
        ],
        false,
    );
    totals.closes = Some(Expr::binary(
        BinaryOperator::Add,
        Expr::slot(SlotId(1), Type::Timestamp),
        Expr::literal(Literal::Integer(3_600_000), Type::Duration),
        Type::Timestamp,
    ));
    let marks = state(
        "passed/unique.1",
        vec![("stu_id".into(), Type::INT64)],
        vec![StateField { name: "at".into(), ty: Type::Timestamp, default: Literal::Integer(0), stored_as: None }],
        true,
    );
    vec![totals, marks]
}

fn steps() -> Vec<Step> {
    let text = |value: &str| Expr::text(value);
    let set = |kind| SaveOperation { kind, origin: at(31) };
    let one = || Expr::literal(Literal::Integer(1), Type::INT64);
    let expand = DimensionExpand {
        dimension: DimensionId(0),
        keys: vec![stu_id()],
        fields: vec![(0, Expr::coalesce(score(), Expr::literal(Literal::Float(0.5), Type::Float64)))],
        delete: false,
        reset: false,
        guarantee: Guarantee::ExactlyOnce,
    };
    let kinds = vec![
        StepKind::Unique { values: vec![stu_id()], within: 5, reason: "sent again".into(), marks: StateId(1) },
        StepKind::Load { handle: HandleId(0), missing: Missing::Null },
        StepKind::Assign {
            slot: SlotId(2),
            value: Expr::new(ExprKind::List(vec![stu_id(), one()]), Type::list(Type::INT64)),
        },
        StepKind::Save {
            handle: HandleId(0),
            operations: vec![
                set(SaveKind::Add { field: 0, value: known_score() }),
                set(SaveKind::AddEntry { field: 1, key: text("a"), value: one() }),
                set(SaveKind::Insert { field: 2, value: stu_id() }),
                set(SaveKind::Remove { field: 1, value: text("b") }),
            ],
        },
        StepKind::When {
            arms: vec![(
                Expr::exists(HandleId(0)),
                vec![Step::new("all/when.1/jump.1", StepKind::Jump { condition: None, target: 6 }, at(40))].into(),
            )],
            otherwise: Block::default(),
        },
        StepKind::Each {
            slot: SlotId(3),
            list: Expr::slot(SlotId(2), Type::list(Type::INT64)),
            body: vec![Step::new("all/each.1/stop.1", StepKind::Stop { condition: Some(Expr::bool(true)) }, at(41))]
                .into(),
        },
        StepKind::ExpandDimension(expand),
        StepKind::Flow { name: "reader".into(), body: Block::default() },
    ];
    let step = |(index, kind)| Step::new(format!("all/step.{index}"), kind, at(30));
    kinds.into_iter().enumerate().map(step).collect()
}

/// `map { score = double(score) }`, with a local name in the slot that the members leave free.
fn ingest() -> Ingest {
    let member = |name: &str, ty, slot| IngestMember { name: name.into(), ty, slot: SlotId(slot) };
    let local = || Expr::slot(SlotId(1), Type::Float64);
    let sum = Expr::binary(BinaryOperator::Add, local(), local(), Type::Float64);
    let value = Expr::bind(SlotId(1), Expr::slot(SlotId(2), Type::Float64), sum);
    Ingest {
        id: "scores_in".into(),
        name: "scores_in".into(),
        arris_id: "1".into(),
        tenant: TenantId(0),
        from: TopicId(0),
        coerce: Coerce::Lenient,
        max_skew: 300_000,
        retry: None,
        on_error: OnError::BlockLane,
        reject: None,
        members: vec![member("stu_id", Type::INT64, 0), member("score", Type::Float64, 2)],
        slots: vec![slot("local", Type::Float64)],
        keys: vec![("stu_id".into(), stu_id())],
        assignments: vec![IngestAssignment {
            dimension: DimensionId(0),
            field: 0,
            value,
            reads: vec![1],
            origin: at(51),
        }],
        accept: vec![DimensionId(0)],
        origin: at(50),
    }
}

/// Every kind of step, state and dimension.
pub fn whole() -> Plan {
    let mut plan = small();
    plan.states = states();
    plan.dimensions.push(Dimension {
        name: "student".into(),
        code: 101,
        keys: vec![("stu_id".into(), Type::INT64)],
        spaces: Vec::new(),
        fields: vec![DimensionField {
            name: "score".into(),
            ty: Type::Float64,
            id: 10_100_000_000_001,
            label: Some("成绩".into()),
            derived: true,
            empty: Some(Literal::Float(0.0)),
        }],
        label: None,
        origin: at(5),
    });
    plan.tenants.push(Tenant { name: "school".into(), app_id: "app".into(), app_key: None, zone: "UTC".into() });
    plan.ingests.push(ingest());
    let first = plan.pipelines[0].clone();
    plan.pipelines.push(Pipeline {
        id: "all".into(),
        name: "all".into(),
        slots: vec![
            first.slots[0].clone(),
            first.slots[1].clone(),
            slot("ids", Type::list(Type::INT64)),
            slot("id", Type::INT64),
        ],
        handles: vec![Handle {
            name: "totals".into(),
            target: HandleTarget::State(StateId(0)),
            keys: vec![stu_id(), Expr::new(ExprKind::Now, Type::Timestamp)],
        }],
        body: steps().into(),
        key: vec![SlotId(0)],
        stateful: true,
        ..first
    });
    plan
}
