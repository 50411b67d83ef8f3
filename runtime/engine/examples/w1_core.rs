//! The core of the benchmark's workload W1, without the machinery of a run: decode, two conditions, three computed
//! fields, encode. `cargo run --release -p nsf-engine --example w1_core INPUT [OUTPUT]` prints thousand records per CPU
//! second; the output has the same lines as the hand-written program in `bench/`.

use std::{
    error::Error,
    fs::File,
    io::{Read, Write},
    time::{Duration, Instant},
};

use bumpalo::Bump;
use nsf_engine::{
    decode::{AbsentMember, Decoder, MessageMeta, Target, lines},
    expression::{Assignment, Condition, Message, Scope},
    frame::{Context, Frame, Layout, NoRows},
};
use nsf_plan::{
    BinaryOperator, Coerce, Encoding, Expr, ExprKind, Format, Literal, MatchArm, Pattern, Plan, PlanVersion,
    RecordField, Slot, SlotId, Type,
};

fn plan() -> Plan {
    Plan {
        version: PlanVersion::CURRENT,
        name: "w1".into(),
        files: Vec::new(),
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

const FIELDS: [(&str, &[&str], Type); 8] = [
    ("cmd", &["arris_message", "cmd"], Type::Text),
    ("class_id", &["arris_message", "fields", "class_id"], Type::INT64),
    ("stu_id", &["arris_message", "fields", "stu_id"], Type::INT64),
    ("plan_id", &["arris_message", "fields", "plan_id"], Type::INT64),
    ("class_name", &["arris_message", "fields", "class_name"], Type::Text),
    ("duration", &["arris_message", "fields", "duration"], Type::INT64),
    ("score", &["arris_message", "fields", "score"], Type::Float64),
    ("status", &["arris_message", "fields", "status"], Type::Text),
];

fn slot(index: u32, ty: Type) -> Expr {
    Expr { kind: ExprKind::Slot(SlotId(index)), ty, origin: None }
}

fn literal(literal: Literal, ty: Type) -> Expr {
    Expr { kind: ExprKind::Literal(literal), ty, origin: None }
}

fn binary(operator: BinaryOperator, left: Expr, right: Expr, ty: Type) -> Expr {
    Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty, origin: None }
}

/// The job, built as the runtime builds it from a plan.
struct Job {
    layout: Layout,
    decoder: Decoder,
    wanted: [Condition; 2],
    computed: Vec<Assignment>,
    message: Message,
}

fn job() -> Result<Job, Box<dyn Error>> {
    let mut slots: Vec<Slot> =
        FIELDS.iter().map(|(name, _, ty)| Slot { name: (*name).into(), ty: ty.clone() }).collect();
    for (name, ty) in [("status_number", Type::INT64), ("minutes", Type::Float64), ("is_finished", Type::Bool)] {
        slots.push(Slot { name: name.into(), ty });
    }
    let fields = FIELDS.iter().map(|(name, path, ty)| RecordField {
        name: (*name).into(),
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        ty: ty.clone(),
        default: None,
        used: true,
        renames: Vec::new(),
    });
    let encoding = Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields: fields.collect() };
    let targets: Vec<Target> = (0..8).map(|index| Target { field: index, slot: SlotId(index) }).collect();
    let layout = Layout::new(&slots);
    let decoder = Decoder::new(&encoding, &targets, &layout, AbsentMember::Reject)?;
    let plan = plan();
    let scope = Scope { plan: &plan, slots: &slots, layout: &layout, handles: &[] };
    let text = |text: &str| literal(Literal::Text(text.into()), Type::Text);
    let number = |number: i64| literal(Literal::Integer(number), Type::INT64);
    let command = |name| binary(BinaryOperator::Equal, slot(0, Type::Text), text(name), Type::Bool);
    let wanted = [
        scope.condition(&binary(BinaryOperator::Or, command("create"), command("update"), Type::Bool))?,
        scope.condition(&binary(BinaryOperator::Greater, slot(5, Type::INT64), number(0), Type::Bool))?,
    ];
    let arm = |name: &str, value: i64| MatchArm {
        patterns: vec![Pattern { low: Literal::Text(name.into()), high: None }],
        guard: None,
        value: number(value),
    };
    let mut arms = vec![arm("0", 0), arm("1", 1), arm("2", 2), arm("3", 3)];
    let reject = Expr { kind: ExprKind::Reject("status".into()), ty: Type::INT64, origin: None };
    arms.push(MatchArm { patterns: Vec::new(), guard: None, value: reject });
    let status = Expr { kind: ExprKind::Match(SlotId(7), arms), ty: Type::INT64, origin: None };
    let minutes = binary(BinaryOperator::Divide, slot(5, Type::INT64), number(60), Type::Float64);
    let finished = binary(BinaryOperator::GreaterEqual, slot(5, Type::INT64), number(30), Type::Bool);
    let computed = vec![
        scope.assignment(SlotId(8), &status)?,
        scope.assignment(SlotId(9), &minutes)?,
        scope.assignment(SlotId(10), &finished)?,
    ];
    let output = [
        ("class", 1),
        ("stu_id", 2),
        ("plan_id", 3),
        ("class_name", 4),
        ("score", 6),
        ("status", 8),
        ("minutes", 9),
        ("is_finished", 10),
    ];
    let ty = |index: u32| slots[index as usize].ty.clone();
    let members = output.iter().map(|(_, index)| slot(*index, ty(*index))).collect();
    let record = Type::Record(output.iter().map(|(name, index)| ((*name).to_owned(), ty(*index))).collect());
    let message = scope.message(&Expr { kind: ExprKind::Record(members), ty: record, origin: None })?;
    Ok(Job { layout, decoder, wanted, computed, message })
}

impl Job {
    /// Works on one buffer of whole lines.
    fn batch(&mut self, buffer: &[u8], arena: &Bump, out: &mut Vec<u8>, counts: &mut [u64; 3]) {
        let frame = Frame::new(&self.layout);
        let context = Context { frame: &frame, arena, rows: &NoRows };
        let meta = MessageMeta::default();
        for line in lines(buffer) {
            counts[0] += 1;
            let start = out.len();
            let done = self.decoder.decode(line, &meta, &frame, arena).and_then(|()| {
                for condition in &self.wanted {
                    if !condition.holds(&context)? {
                        return Ok(false);
                    }
                }
                for assignment in &self.computed {
                    assignment.run(&context)?;
                }
                self.message.write(&context, out)?;
                Ok(true)
            });
            match done {
                Ok(true) => {
                    out.push(b'\n');
                    counts[1] += 1;
                }
                Ok(false) => out.truncate(start),
                Err(_) => {
                    out.truncate(start);
                    counts[2] += 1;
                }
            }
        }
    }
}

/// Processor time of this process, from the kernel's tables.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().ok_or("usage: w1_core INPUT [OUTPUT]")?;
    let mut file = File::open(input)?;
    let mut output = arguments.next().map(File::create).transpose()?;
    let mut job = job()?;
    let mut arena = Bump::new();
    let (mut buffer, mut filled) = (vec![0; 1 << 20], 0);
    let (mut out, mut counts) = (Vec::new(), [0; 3]);
    let begun = Instant::now();
    loop {
        let read = file.read(&mut buffer[filled..])?;
        filled += read;
        let end = if read == 0 { filled } else { memchr::memrchr(b'\n', &buffer[..filled]).map_or(0, |at| at + 1) };
        arena.reset();
        job.batch(&buffer[..end], &arena, &mut out, &mut counts);
        if let Some(output) = &mut output {
            output.write_all(&out)?;
        }
        out.clear();
        if read == 0 {
            break;
        }
        buffer.copy_within(end..filled, 0);
        filled -= end;
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
    }
    let time = processor_time().unwrap_or_else(|| begun.elapsed());
    let rate = counts[0] as f64 / 1000.0 / time.as_secs_f64();
    println!(
        "read {} written {} rejected {}: {rate:.0} thousand records per CPU second",
        counts[0], counts[1], counts[2]
    );
    Ok(())
}
