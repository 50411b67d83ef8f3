//! What fuzzing asserts of any bytes: shared by the seeded mutations of the test command and by cargo-fuzz.

use bumpalo::Bump;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::FileId;
use nsf_engine::decode::{AbsentMember, Decoder, MessageMeta, Payload, Target};
use nsf_engine::frame::{Frame, Layout};
use nsf_plan::{Coerce, Encoding, Format, IntegerWidth, Plan, RecordField, SlotId, Type, document};

/// The parser takes any bytes, and every mistake that it names lies in the text.
pub fn parser(bytes: &[u8]) {
    let parse = nsf_syntax::parse_bytes(FileId(0), bytes);
    drop(parse);
}

/// What is formatted once does not change when it is formatted again, and reads without a mistake.
pub fn formatter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(once) = nsf_syntax::format::format_text(text) else { return };
    let twice = nsf_syntax::format::format_text(&once);
    assert!(twice.as_ref() == Ok(&once), "formatted again, it is another text:\n{text}\n----\n{once}\n----\n{twice:?}");
}

/// The passes take any text; what they let pass can be lowered, written and read again.
pub fn passes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = InputFile { path: "fuzzed.nsf".to_owned(), text: text.to_owned() };
    let analysis = nsf_analysis::check(&ProjectInput { name: "fuzzed".to_owned(), files: vec![file], lock: None });
    if analysis.has_errors() {
        return;
    }
    let plan = nsf_analysis::lower::lower(&analysis.dag, &analysis.sources);
    let written = document::to_yaml(&plan);
    let read = document::load(written.as_bytes());
    assert!(read.is_ok(), "the plan of a program without mistakes is refused: {:?}\n{text}", read.err());
}

/// The plan decoder takes any bytes; what it takes, it writes and takes again.
pub fn plan(bytes: &[u8]) {
    let Ok(plan) = document::load(bytes) else { return };
    assert!(document::load(document::to_yaml(&plan).as_bytes()).is_ok(), "a plan that was read cannot be read again");
}

/// A plan whose hash is right whatever it says: what contradicts itself is found, and nothing is written that cannot be
/// read.
pub fn plan_behind_the_hash(bytes: &[u8]) {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    if plan.problems().is_empty() {
        let read = document::load(document::to_yaml(&plan).as_bytes());
        assert!(read.is_ok(), "a plan without problems is refused: {:?}", read.err());
    }
}

fn encoding(format: Format, coerce: Coerce) -> Encoding {
    let field = |path: &str, ty: Type| RecordField {
        name: path.replace('.', "_"),
        path: path.split('.').map(str::to_owned).collect(),
        ty,
        default: None,
        used: true,
        renames: Vec::new(),
    };
    let fields = vec![
        field("a", Type::Text),
        field("b.c", Type::Nullable(Box::new(Type::Integer(IntegerWidth::Int64)))),
        field("d", Type::Nullable(Box::new(Type::List(Box::new(Type::Float64))))),
        field("e", Type::Nullable(Box::new(Type::Json))),
        field("f", Type::Nullable(Box::new(Type::Decimal))),
        field("g", Type::Nullable(Box::new(Type::Timestamp))),
    ];
    let fields = if format == Format::Csv {
        fields.into_iter().filter(|field| !matches!(field.name.as_str(), "b_c" | "d" | "e")).collect()
    } else {
        fields
    };
    Encoding { format, coerce, strict: false, fields }
}

/// The record decoder takes any bytes as JSON and as CSV, and takes nothing as JSON that is none.
pub fn record(bytes: &[u8]) {
    for (format, coerce) in
        [(Format::Json, Coerce::Strict), (Format::Json, Coerce::Lenient), (Format::Csv, Coerce::Strict)]
    {
        let json = format == Format::Json;
        let encoding = encoding(format, coerce);
        let types: Vec<Type> = encoding.fields.iter().map(|field| field.ty.clone()).collect();
        let layout = Layout::of_types(types.iter());
        let targets: Vec<Target> =
            (0..types.len() as u32).map(|index| Target { field: index, slot: SlotId(index) }).collect();
        let Ok(mut decoder) = Decoder::new(&encoding, &targets, &layout, AbsentMember::Reject) else {
            panic!("the decoder of the fuzzed record cannot be built")
        };
        if decoder.wants_header() {
            let _ = decoder.header(Payload::Text("a,f,g"));
        }
        let arena = Bump::new();
        let frame = Frame::new(&layout);
        let payload = std::str::from_utf8(bytes).map_or(Payload::Bytes(bytes), Payload::Text);
        let taken = decoder.decode(payload, &MessageMeta::default(), &frame, &arena).is_ok();
        if json && taken {
            let other = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
            let deep = other.as_ref().err().is_some_and(|error| error.to_string().contains("recursion limit"));
            assert!(other.is_ok() || deep, "taken as JSON: {:?}", String::from_utf8_lossy(bytes));
        }
    }
}
