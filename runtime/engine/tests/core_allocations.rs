//! A record that is decoded, tested, computed over and encoded allocates nothing once the first ones have shown what the
//! stream looks like: shown by an allocator that counts.

use std::{
    alloc::{GlobalAlloc, Layout as Memory, System},
    sync::atomic::{AtomicU64, Ordering},
};

use bumpalo::Bump;
use nsf_engine::{
    decode::{AbsentMember, Decoder, MessageMeta, Target, lines},
    expression::Scope,
    frame::{Context, Frame, Layout, NoRows},
};
use nsf_plan::{
    BinaryOperator, Coerce, Encoding, Expr, ExprKind, Format, Literal, Plan, PlanVersion, RecordField, Slot, SlotId,
    Type,
};

static COUNT: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        // SAFETY: the pointer came from `alloc` above with this layout.
        unsafe { System.dealloc(pointer, memory) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, memory: Memory, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above with this layout.
        unsafe { System.realloc(pointer, memory, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn plan() -> Plan {
    Plan {
        version: PlanVersion::CURRENT,
        name: String::new(),
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

fn slot(index: u32, ty: Type) -> Expr {
    Expr { kind: ExprKind::Slot(SlotId(index)), ty, origin: None }
}

fn binary(operator: BinaryOperator, left: Expr, right: i64, ty: Type) -> Expr {
    let right = Expr { kind: ExprKind::Literal(Literal::Integer(right)), ty: Type::INT64, origin: None };
    Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty, origin: None }
}

/// So many lines as the benchmark's, with texts that have escapes among them.
fn input(count: usize) -> String {
    (0..count)
        .map(|at| {
            format!(
                r#"{{"version":"1.0","m":{{"cmd":"update","fields":{{"id":{at},"name":"班 \"{at}\"","x":{{"a":[{at}]}},"duration":{},"score":{}.5}}}}}}{}"#,
                at * 7,
                at % 100,
                '\n'
            )
        })
        .collect()
}

#[test]
fn a_record_allocates_nothing_in_steady_state() {
    let types = [Type::INT64, Type::Text, Type::INT64, Type::Float64, Type::Float64];
    let names = ["id", "name", "duration", "score", "minutes"];
    let slots: Vec<Slot> =
        names.iter().zip(&types).map(|(name, ty)| Slot { name: (*name).into(), ty: ty.clone() }).collect();
    let fields = slots.iter().take(4).map(|slot| RecordField {
        name: slot.name.clone(),
        path: vec!["m".into(), "fields".into(), slot.name.clone()],
        ty: slot.ty.clone(),
        default: None,
        used: true,
        renames: Vec::new(),
    });
    let encoding = Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields: fields.collect() };
    let targets: Vec<Target> = (0..4).map(|index| Target { field: index, slot: SlotId(index) }).collect();
    let layout = Layout::new(&slots);
    let plan = plan();
    let scope = Scope { plan: &plan, slots: &slots, layout: &layout, handles: &[] };
    let mut decoder = Decoder::new(&encoding, &targets, &layout, AbsentMember::Reject).unwrap();
    let wanted = scope.condition(&binary(BinaryOperator::GreaterEqual, slot(2, Type::INT64), 0, Type::Bool)).unwrap();
    let minutes = binary(BinaryOperator::Divide, slot(2, Type::INT64), 60, Type::Float64);
    let minutes = scope.assignment(SlotId(4), &minutes).unwrap();
    let members = (0..5).map(|index| slot(index, types[index as usize].clone())).collect();
    let record = Type::Record(names.iter().zip(&types).map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect());
    let message = scope.message(&Expr { kind: ExprKind::Record(members), ty: record, origin: None }).unwrap();

    let input = input(4_000);
    let (mut out, mut arena) = (Vec::new(), Bump::new());
    let mut counts = Vec::new();
    for _ in 0..3 {
        arena.reset();
        out.clear();
        let frame = Frame::new(&layout);
        let context = Context { frame: &frame, arena: &arena, rows: &NoRows };
        let before = COUNT.load(Ordering::Relaxed);
        for line in lines(input.as_bytes()) {
            decoder.decode(line, &MessageMeta::default(), &frame, &arena).unwrap();
            assert!(wanted.holds(&context).unwrap());
            minutes.run(&context).unwrap();
            message.write(&context, &mut out).unwrap();
            out.push(b'\n');
        }
        counts.push(COUNT.load(Ordering::Relaxed) - before);
    }
    let first = out.split(|byte| *byte == b'\n').next().unwrap();
    assert_eq!(String::from_utf8_lossy(first), r#"{"id":0,"name":"班 \"0\"","duration":0,"score":0.5,"minutes":0.0}"#);
    assert_eq!(counts[2], 0, "allocations of the three rounds: {counts:?}");
}
