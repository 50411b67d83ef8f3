//! Plans built by hand, for tests and measurements that need no compiler.
#![allow(dead_code, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use nsf_plan::{
    BinaryOperator, Block, Coerce, Encoding, Expr, ExprKind, Format, Guarantee, Handle, HandleId, HandleTarget, Input,
    InputSource, Late, Literal, MatchArm, OnError, Order, Origin, Pattern, Pipeline, Plan, PlanVersion, RecordField,
    SaveKind, SaveOperation, Slot, SlotId, Source, SourceId, SourceText, State, StateField, StateId, Step, StepKind,
    Table, TableId, Topic, TopicExpand, TopicId, Type, connector::Connector,
};

/// Where everything built here says that it is written.
pub const HERE: Origin = Origin { file: 0, line: 7 };

/// A plan without anything.
pub fn plan() -> Plan {
    Plan {
        version: PlanVersion::CURRENT,
        name: "built".into(),
        files: vec![SourceText { path: "built.nsf".into(), sha256: String::new() }],
        tenants: Vec::new(),
        mappings: Vec::new(),
        topics: Vec::new(),
        sources: Vec::new(),
        ingests: Vec::new(),
        tables: Vec::new(),
        states: Vec::new(),
        spaces: Vec::new(),
        primaries: Vec::new(),
        dimensions: Vec::new(),
        subscriptions: Vec::new(),
        pipelines: Vec::new(),
        monitors: Vec::new(),
    }
}

/// Adds a topic; gives its id.
pub fn topic(plan: &mut Plan, kind: &str, name: &str, read: bool, written: bool) -> TopicId {
    let connector = Connector { kind: kind.into(), name: name.into(), cluster: None };
    plan.topics.push(Topic { connector, read, written, internal: false });
    TopicId(plan.topics.len() as u32 - 1)
}

/// A field read from a path of members (`a.b`).
pub fn field(name: &str, path: &str, ty: Type) -> RecordField {
    let path = path.split('.').map(str::to_owned).collect();
    RecordField { name: name.into(), path, ty, default: None, used: true, renames: Vec::new() }
}

/// How fields are read strictly.
pub fn encoding(format: Format, fields: Vec<RecordField>) -> Encoding {
    Encoding { format, coerce: Coerce::Strict, strict: false, fields }
}

/// Adds a source; gives its id.
pub fn source(
    plan: &mut Plan,
    name: &str,
    from: TopicId,
    format: Format,
    fields: Vec<RecordField>,
    key: &[u32],
    time: Option<u32>,
) -> SourceId {
    plan.sources.push(Source {
        id: name.into(),
        name: name.into(),
        from,
        encoding: encoding(format, fields),
        key: key.to_vec(),
        time,
        late: None,
        late_else: Late::Drop,
        max_skew: 300_000,
        idle: None,
        retry: None,
        on_error: OnError::BlockLane,
        reject: None,
        origin: HERE,
    });
    SourceId(plan.sources.len() as u32 - 1)
}

/// Adds a state; gives its id.
pub fn state(plan: &mut Plan, name: &str, keys: &[(&str, Type)], fields: &[(&str, Type, Literal)]) -> StateId {
    plan.states.push(State {
        id: name.into(),
        name: name.into(),
        keys: keys.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect(),
        store: None,
        keep: None,
        closes: None,
        order: Order::Flow,
        fields: fields
            .iter()
            .map(|(name, ty, default)| StateField {
                name: (*name).into(),
                ty: ty.clone(),
                default: default.clone(),
                stored_as: None,
            })
            .collect(),
        marks: false,
        origin: HERE,
    });
    StateId(plan.states.len() as u32 - 1)
}

/// Adds a table; gives its id.
pub fn table(
    plan: &mut Plan,
    name: &str,
    from: TopicId,
    format: Format,
    fields: Vec<RecordField>,
    key: &[u32],
) -> TableId {
    let encoding = encoding(format, fields);
    plan.tables.push(Table { name: name.into(), from, encoding, key: key.to_vec(), cache: None, origin: HERE });
    TableId(plan.tables.len() as u32 - 1)
}

/// A pipeline under construction over all fields of a source.
pub struct Flow {
    pub pipeline: Pipeline,
}

impl Flow {
    /// A flow whose first slots are the source's fields.
    pub fn from_source(plan: &Plan, name: &str, source: SourceId) -> Self {
        let own = &plan.sources[source.index()];
        let slots: Vec<Slot> =
            own.encoding.fields.iter().map(|field| Slot { name: field.name.clone(), ty: field.ty.clone() }).collect();
        let fields = (0..slots.len() as u32).map(|at| (at, SlotId(at))).collect();
        Self {
            pipeline: Pipeline {
                id: name.into(),
                name: name.into(),
                inputs: vec![Input { from: InputSource::Source(source), fields, record: None }],
                slots,
                handles: Vec::new(),
                body: Block::default(),
                key: own.key.iter().map(|at| SlotId(*at)).collect(),
                stateful: false,
                origin: HERE,
            },
        }
    }

    /// A new slot.
    pub fn slot(&mut self, name: &str, ty: Type) -> SlotId {
        self.pipeline.slots.push(Slot { name: name.into(), ty });
        SlotId(self.pipeline.slots.len() as u32 - 1)
    }

    /// The value of a slot, by name.
    pub fn get(&self, name: &str) -> Expr {
        let at = self.pipeline.slots.iter().rposition(|slot| slot.name == name).expect("the slot is there");
        expr(ExprKind::Slot(SlotId(at as u32)), self.pipeline.slots[at].ty.clone())
    }

    /// A row.
    pub fn handle(&mut self, name: &str, target: HandleTarget, keys: Vec<Expr>) -> HandleId {
        self.pipeline.handles.push(Handle { name: name.into(), target, keys });
        HandleId(self.pipeline.handles.len() as u32 - 1)
    }

    /// Makes a step.
    pub fn make(&self, kind: StepKind, number: usize) -> Step {
        Step {
            id: format!("{}/{number}", self.pipeline.name),
            kind,
            origin: Origin { file: 0, line: 10 + number as u32 },
        }
    }

    /// Adds a step.
    pub fn step(&mut self, kind: StepKind) -> &mut Self {
        let step = self.make(kind, self.pipeline.body.steps.len());
        self.pipeline.body.steps.push(step);
        self
    }

    /// `let name = value`; gives the slot.
    pub fn assign(&mut self, name: &str, value: Expr) -> SlotId {
        let slot = self.slot(name, value.ty.clone());
        self.step(StepKind::Assign { slot, value });
        slot
    }

    /// `drop when condition "reason"`.
    pub fn drop_when(&mut self, condition: Expr, reason: &str) -> &mut Self {
        self.step(StepKind::Drop { condition, reason: reason.into() })
    }

    /// `reject when condition "reason"`.
    pub fn reject_when(&mut self, condition: Expr, reason: &str) -> &mut Self {
        self.step(StepKind::Reject { condition, reason: reason.into() })
    }

    /// `save` with operations.
    pub fn save(&mut self, handle: HandleId, kinds: Vec<SaveKind>) -> &mut Self {
        let operations = kinds.into_iter().map(|kind| SaveOperation { kind, origin: HERE }).collect();
        self.pipeline.stateful = true;
        self.step(StepKind::Save { handle, operations })
    }

    /// `expand` of a record to a topic.
    pub fn expand(&mut self, topic: TopicId, members: Vec<(&str, Expr)>) -> &mut Self {
        let kind = StepKind::ExpandTopic(TopicExpand {
            topic,
            key: None,
            message: record(members),
            guarantee: Guarantee::ExactlyOnce,
        });
        self.step(kind)
    }

    /// Puts the flow into the plan.
    pub fn add(self, plan: &mut Plan) {
        plan.pipelines.push(self.pipeline);
    }
}

pub fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, origin: Some(HERE) }
}

pub fn record(members: Vec<(&str, Expr)>) -> Expr {
    let ty = Type::Record(members.iter().map(|(name, value)| ((*name).to_owned(), value.ty.clone())).collect());
    expr(ExprKind::Record(members.into_iter().map(|(_, value)| value).collect()), ty)
}

pub fn text(value: &str) -> Expr {
    expr(ExprKind::Literal(Literal::Text(value.into())), Type::Text)
}

pub fn number(value: i64) -> Expr {
    expr(ExprKind::Literal(Literal::Integer(value)), Type::INT64)
}

pub fn binary(operator: BinaryOperator, left: Expr, right: Expr, ty: Type) -> Expr {
    expr(ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty)
}

pub fn equal(left: Expr, right: Expr) -> Expr {
    binary(BinaryOperator::Equal, left, right, Type::Bool)
}

pub fn not(value: Expr) -> Expr {
    expr(ExprKind::Not(Box::new(value)), Type::Bool)
}

pub fn loaded(handle: HandleId, field: u32, ty: Type) -> Expr {
    expr(ExprKind::Loaded(handle, field), ty)
}

/// Workload W1; with `sum` also the running sum of W2.
pub fn workload(sum: bool) -> Plan {
    let mut plan = plan();
    let input = topic(&mut plan, "kafka", "w1", true, false);
    let out = topic(&mut plan, "kafka", "out", false, true);
    let member = |name: &str| format!("arris_message.fields.{name}");
    let fields = vec![
        field("cmd", "arris_message.cmd", Type::Text),
        field("class", &member("class_id"), Type::INT64),
        field("stu_id", &member("stu_id"), Type::INT64),
        field("plan_id", &member("plan_id"), Type::INT64),
        field("class_name", &member("class_name"), Type::Text),
        field("duration", &member("duration"), Type::INT64),
        field("score", &member("score"), Type::Float64),
        field("status_text", &member("status"), Type::Text),
    ];
    let key: &[u32] = if sum { &[2] } else { &[] };
    let feed = source(&mut plan, "class_feed", input, Format::Json, fields, key, None);
    let running = sum.then(|| {
        let keys = [("stu_id", Type::INT64), ("plan_id", Type::INT64)];
        state(&mut plan, "running", &keys, &[("total", Type::INT64, Literal::Integer(0))])
    });
    let mut flow = Flow::from_source(&plan, "class_rows", feed);
    let command = |flow: &Flow, name| equal(flow.get("cmd"), text(name));
    let either = binary(BinaryOperator::Or, command(&flow, "create"), command(&flow, "update"), Type::Bool);
    flow.drop_when(not(either), "neither create nor update");
    let none = binary(BinaryOperator::LessEqual, flow.get("duration"), number(0), Type::Bool);
    flow.drop_when(none, "no duration");
    // The compiler calls a function here; a match keeps this independent of the library.
    let arm = |name: &str, value: i64| MatchArm {
        patterns: vec![Pattern { low: Literal::Text(name.into()), high: None }],
        guard: None,
        value: number(value),
    };
    let mut arms: Vec<MatchArm> = (0..10).map(|value| arm(&value.to_string(), value)).collect();
    let unknown = expr(ExprKind::Reject("the status is unknown".into()), Type::INT64);
    arms.push(MatchArm { patterns: Vec::new(), guard: None, value: unknown });
    flow.assign("status", expr(ExprKind::Match(SlotId(7), arms), Type::INT64));
    let minutes = binary(BinaryOperator::Divide, flow.get("duration"), number(60), Type::Float64);
    flow.assign("minutes", minutes);
    let finished = binary(BinaryOperator::GreaterEqual, flow.get("duration"), number(30), Type::Bool);
    flow.assign("is_finished", finished);
    let names = ["class", "stu_id", "plan_id", "class_name", "score", "status", "minutes", "is_finished"];
    let mut members: Vec<(&str, Expr)> = names.iter().map(|name| (*name, flow.get(name))).collect();
    if let Some(running) = running {
        let keys = vec![flow.get("stu_id"), flow.get("plan_id")];
        let handle = flow.handle("running", HandleTarget::State(running), keys);
        let value = flow.get("duration");
        flow.save(handle, vec![SaveKind::Add { field: 0, value }]);
        flow.step(StepKind::Load { handle, missing: nsf_plan::Missing::Null });
        members.push(("total", loaded(handle, 0, Type::INT64)));
    }
    flow.expand(out, members);
    flow.add(&mut plan);
    plan
}

/// A flow that passes numbered messages on: `{"n":1}` in, `{"n":1,"twice":2}` out; drops every seventh, rejects every
/// eleventh.
pub fn passing() -> Plan {
    let mut plan = plan();
    let input = topic(&mut plan, "kafka", "in", true, false);
    let out = topic(&mut plan, "kafka", "out", false, true);
    let numbers = source(&mut plan, "numbers", input, Format::Json, vec![field("n", "n", Type::INT64)], &[], None);
    let mut flow = Flow::from_source(&plan, "pass", numbers);
    let divides = |flow: &Flow, by: i64| {
        let rest = binary(BinaryOperator::Remainder, flow.get("n"), number(by), Type::INT64);
        equal(rest, number(0))
    };
    let (seventh, eleventh) = (divides(&flow, 7), divides(&flow, 11));
    flow.drop_when(seventh, "a seventh");
    flow.reject_when(eleventh, "an eleventh");
    let twice = binary(BinaryOperator::Multiply, flow.get("n"), number(2), Type::INT64);
    flow.assign("twice", twice);
    let members = vec![("n", flow.get("n")), ("twice", flow.get("twice"))];
    flow.expand(out, members);
    flow.add(&mut plan);
    plan
}

/// Numbered messages.
pub fn numbered(numbers: impl Iterator<Item = u64>) -> String {
    numbers.map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// What [`passing`] gives for them.
pub fn passed(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.filter(|n| n % 7 != 0 && n % 11 != 0).map(|n| format!("{{\"n\":{n},\"twice\":{}}}", n * 2)).collect()
}

/// A flow with state over `{"k":…,"v":…,"t":…}`: keeps the sum, the count, the greatest and a map of the last value by
/// `t` for each key; publishes them; a record whose `v` is 13 is rejected and one whose `v` is 14 dropped, both after
/// its save.
pub fn summing() -> Plan {
    let mut plan = plan();
    let input = topic(&mut plan, "kafka", "in", true, false);
    let out = topic(&mut plan, "kafka", "out", false, true);
    let fields = vec![field("k", "k", Type::Text), field("v", "v", Type::INT64), field("t", "t", Type::INT64)];
    let feed = source(&mut plan, "feed", input, Format::Json, fields, &[0], None);
    let map = Type::Map(Box::new(Type::INT64), Box::new(Type::INT64));
    let zero = || Literal::Integer(0);
    let sums = state(
        &mut plan,
        "sums",
        &[("k", Type::Text)],
        &[
            ("total", Type::INT64, zero()),
            ("count", Type::INT64, zero()),
            ("greatest", Type::INT64.nullable(), Literal::Null),
            ("last", map, Literal::Map(Vec::new())),
        ],
    );
    let mut flow = Flow::from_source(&plan, "sum", feed);
    let key = flow.get("k");
    let handle = flow.handle("sums", HandleTarget::State(sums), vec![key]);
    let (v, t) = (flow.get("v"), flow.get("t"));
    let kinds = vec![
        SaveKind::Add { field: 0, value: v.clone() },
        SaveKind::Add { field: 1, value: number(1) },
        SaveKind::Max { field: 2, value: v.clone() },
        SaveKind::SetEntry { field: 3, key: t, value: v.clone() },
    ];
    flow.save(handle, kinds);
    flow.reject_when(equal(v.clone(), number(13)), "thirteen");
    flow.drop_when(equal(v, number(14)), "fourteen");
    flow.step(StepKind::Load { handle, missing: nsf_plan::Missing::Null });
    let members = vec![
        ("k", flow.get("k")),
        ("total", loaded(handle, 0, Type::INT64)),
        ("count", loaded(handle, 1, Type::INT64)),
    ];
    flow.expand(out, members);
    flow.add(&mut plan);
    plan
}

/// Records for [`summing`], always the same for a seed.
pub fn sum_records(count: u64, keys: u64, seed: u64) -> String {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let record = |_| {
        let (k, v, t) = (next() % keys, next() % 40, next() % 10);
        format!("{{\"k\":\"key {k}\",\"v\":{v},\"t\":{t}}}\n")
    };
    (0..count).map(record).collect()
}
