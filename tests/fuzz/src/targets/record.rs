//! Records: JSON and CSV against a schema with every kind of type.

use std::cell::RefCell;

use bumpalo::Bump;
use nsf_engine::decode::{AbsentMember, Decoder, MessageMeta, Payload, Target, lines};
use nsf_engine::frame::{Frame, Layout};
use nsf_plan::{Coerce, Encoding, Format, IntegerWidth, RecordField, SlotId, Type};

/// Decoders as a stream has them: built once, given every message.
struct Schema {
    format: Format,
    layout: Layout,
    decoders: Vec<Decoder>,
}

thread_local! {
    static JSON: RefCell<Schema> = RefCell::new(Schema::new(Format::Json));
}

/// Every line of any bytes is decoded as JSON, and all of it as a CSV file, strictly and leniently. A refusal has words; the
/// same line gives the same the second time.
pub fn record(bytes: &[u8]) {
    JSON.with_borrow_mut(|schema| schema.read(bytes));
    // A header belongs to its file, so each file has decoders of its own.
    Schema::new(Format::Csv).read(bytes);
}

impl Schema {
    fn new(format: Format) -> Self {
        let fields = fields(format);
        let layout = Layout::of_types(fields.iter().map(|field| &field.ty));
        let targets = (0..fields.len() as u32).map(|index| Target { field: index, slot: SlotId(index) });
        let targets: Vec<Target> = targets.collect();
        let mut decoders = Vec::new();
        for (coerce, strict, absent) in
            [(Coerce::Strict, true, AbsentMember::Reject), (Coerce::Lenient, false, AbsentMember::Allow)]
        {
            let encoding = Encoding { format, coerce, strict, fields: fields.clone() };
            match Decoder::new(&encoding, &targets, &layout, absent) {
                Ok(decoder) => decoders.push(decoder),
                Err(_) => panic!("the schema of the target cannot be built"),
            }
        }
        Self { format, layout, decoders }
    }

    fn read(&mut self, bytes: &[u8]) {
        for decoder in &mut self.decoders {
            for line in lines(bytes) {
                if decoder.wants_header() {
                    if decoder.header(line).is_err() {
                        break;
                    }
                    continue;
                }
                let first = decode(decoder, line, &self.layout);
                let second = decode(decoder, line, &self.layout);
                assert_eq!(first, second, "the same line was read in two ways");
                if self.format == Format::Json && first.is_none() {
                    is_json(line.bytes());
                }
            }
        }
    }
}

/// Nothing is taken as JSON that is none.
fn is_json(bytes: &[u8]) {
    let other = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
    let deep = other.as_ref().err().is_some_and(|error| error.to_string().contains("recursion limit"));
    assert!(other.is_ok() || deep, "taken as JSON: {:?}", String::from_utf8_lossy(bytes));
}

/// The words of the refusal, if the line was refused.
fn decode(decoder: &mut Decoder, line: Payload<'_>, layout: &Layout) -> Option<String> {
    let arena = Bump::new();
    let frame = Frame::new(layout);
    let fault = decoder.decode(line, &MessageMeta::default(), &frame, &arena).err()?;
    assert!(!fault.message.is_empty(), "a refusal without words");
    Some(fault.message.to_string())
}

fn fields(format: Format) -> Vec<RecordField> {
    let mut types = vec![
        ("b", Type::Bool),
        ("i", Type::INT64),
        ("u", Type::Integer(IntegerWidth::UInt64)),
        ("s", Type::Integer(IntegerWidth::Int8)),
        ("f", Type::Float64),
        ("g", Type::Float32),
        ("d", Type::Decimal),
        ("t", Type::Text),
        ("at", Type::Timestamp),
        ("day", Type::Date),
        ("for", Type::Duration),
        ("j", Type::Json),
    ];
    if matches!(format, Format::Json) {
        types.push(("list", Type::List(Box::new(Type::INT64.nullable()))));
        types.push(("m.n.o", Type::Text));
        types.push(("m.p", Type::INT64));
    }
    let field = |(name, ty): (&str, Type)| RecordField {
        name: name.replace('.', "_"),
        path: name.split('.').map(str::to_owned).collect(),
        ty: ty.nullable(),
        default: None,
        used: true,
        renames: Vec::new(),
    };
    types.into_iter().map(field).collect()
}
