//! What the decoder takes and refuses, table by table.

use bumpalo::Bump;
use nsf_plan::{Coerce, Encoding, Format, IntegerWidth, Literal, RecordField, SlotId, Type};

use super::*;
use crate::encode::json::write_value;

/// A field `name: type`, read from a member path with dots.
pub(super) fn field(path: &str, ty: Type) -> RecordField {
    RecordField {
        name: path.replace('.', "_"),
        path: if path.starts_with('$') { vec![path.into()] } else { path.split('.').map(str::to_owned).collect() },
        ty,
        default: None,
        used: true,
        renames: Vec::new(),
    }
}

pub(super) fn encoding(fields: Vec<RecordField>) -> Encoding {
    Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields }
}

/// A decoder with the layout of its fields, and what it makes of a message: its fields as one JSON list.
pub(super) struct Fixture {
    pub layout: Layout,
    pub decoder: Decoder,
    types: Vec<Type>,
}

impl Fixture {
    pub fn new(encoding: &Encoding) -> Self {
        Self::with(encoding, AbsentMember::Reject)
    }

    pub fn with(encoding: &Encoding, absent: AbsentMember) -> Self {
        let types: Vec<Type> = encoding.fields.iter().map(|field| field.ty.clone()).collect();
        let layout = Layout::of_types(types.iter());
        let targets: Vec<Target> =
            (0..types.len() as u32).map(|index| Target { field: index, slot: SlotId(index) }).collect();
        let decoder = Decoder::new(encoding, &targets, &layout, absent).unwrap();
        Self { layout, decoder, types }
    }

    pub fn read_with(&mut self, payload: Payload<'_>, meta: &MessageMeta<'_>) -> Result<String, String> {
        let arena = Bump::new();
        let frame = Frame::new(&self.layout);
        self.decoder
            .decode(payload, meta, &frame, &arena)
            .map_err(|fault| format!("{}: {}", fault.code.id(), fault.message))?;
        let mut out = Vec::new();
        for (index, ty) in self.types.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            let place = self.layout.place(SlotId(index as u32)).unwrap();
            write_value(ty, frame.get(place), &mut out);
        }
        Ok(String::from_utf8(out).unwrap())
    }

    pub fn read(&mut self, line: &str) -> Result<String, String> {
        self.read_with(Payload::Text(line), &MessageMeta::default())
    }
}

fn int(width: IntegerWidth) -> Type {
    Type::Integer(width)
}

/// Reads `{"v": TEXT}` as a field of a type.
fn one(ty: &Type, coerce: Coerce, text: &str) -> Result<String, String> {
    let mut encoding = encoding(vec![field("v", ty.clone())]);
    encoding.coerce = coerce;
    Fixture::new(&encoding).read(&format!("{{\"v\":{text}}}"))
}

#[test]
fn scalars_are_read_by_their_type() {
    let record = Type::Record(vec![("a".into(), Type::INT64), ("b".into(), Type::Text.nullable())]);
    let cases: Vec<(Type, &str, &str)> = vec![
        (Type::Bool, "true", "true"),
        (Type::INT64, "-9223372036854775808", "-9223372036854775808"),
        (Type::INT64, "9223372036854775807", "9223372036854775807"),
        (Type::INT64, "1e3", "1000"),
        (Type::INT64, "12.0", "12"),
        (Type::INT64, "-0", "0"),
        (Type::INT64, "123456789012345", "123456789012345"),
        (Type::INT64, "1234567890123456", "1234567890123456"),
        (int(IntegerWidth::UInt64), "18446744073709551615", "18446744073709551615"),
        (int(IntegerWidth::Int8), "-128", "-128"),
        (Type::Float64, "1", "1.0"),
        (Type::Float64, "-0.0", "-0.0"),
        (Type::Float64, "99.95", "99.95"),
        (Type::Float64, "1e-7", "1e-7"),
        (Type::Float64, "9007199254740993", "9007199254740992.0"),
        (Type::Float64, "0.1234567890123456789", "0.12345678901234568"),
        (Type::Float32, "0.1", "0.1"),
        (Type::Decimal, "12.50", "12.50"),
        (Type::Text, r#""a\"\\\/\b\f\n\r\t\u73ed\uD83D\uDE00é""#, "\"a\\\"\\\\/\\b\\f\\n\\r\\t班\u{1F600}é\""),
        (Type::Bytes, r#""aGk=""#, r#""aGk=""#),
        (Type::Timestamp, r#""2023-05-21T08:00:00+08:00""#, r#""2023-05-21T00:00:00Z""#),
        (Type::Timestamp, "1684627200250", r#""2023-05-21T00:00:00.250Z""#),
        (Type::Date, r#""2023-05-21""#, r#""2023-05-21""#),
        (Type::Duration, "3000000", "3000000"),
        (Type::Duration, r#""50min""#, "3000000"),
        (Type::Json, r#" {"a" : [1, 2e5]} "#, r#"{"a" : [1, 2e5]}"#),
        (Type::Text.nullable(), "null", "null"),
        (Type::List(Box::new(Type::INT64)), "[ 3, 1, 3 ]", "[3,1,3]"),
        (Type::Set(Box::new(Type::INT64)), "[3, 1, 3]", "[1,3]"),
        (Type::List(Box::new(Type::Text.nullable())), "[]", "[]"),
        (
            Type::Map(Box::new(Type::INT64), Box::new(Type::Bool)),
            r#"{"2":true,"-1":false}"#,
            r#"{"-1":false,"2":true}"#,
        ),
        (
            Type::Map(Box::new(record.clone()), Box::new(Type::Bool)),
            r#"[[{"a":1},true]]"#,
            r#"[[{"a":1,"b":null},true]]"#,
        ),
        (record, r#"{"x":[{}],"b":"t","a":5}"#, r#"{"a":5,"b":"t"}"#),
        (Type::Link, r#"{"name":"n","url":"u"}"#, r#"{"name":"n","url":"u"}"#),
        (Type::Select(Box::new(Type::Text)), r#""已提交""#, r#""已提交""#),
    ];
    for (ty, text, wanted) in cases {
        assert_eq!(one(&ty, Coerce::Strict, text), Ok(wanted.to_owned()), "{ty} from {text}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_named_with_its_member() {
    let nested = Type::Map(Box::new(Type::Text), Box::new(Type::Record(vec![("start".into(), Type::Timestamp)])));
    let cases: Vec<(Type, &str, &str)> = vec![
        (Type::INT64, r#""12""#, "R0102: `v` must be an int64, but is the text `12`"),
        (Type::INT64, "1.5", "R0102: `v` must be an int64, but `1.5` is not a whole number"),
        (
            Type::INT64,
            "9223372036854775808",
            "R0102: `v` must be an int64, but `9223372036854775808` is outside -9223372036854775808 to 9223372036854775807",
        ),
        (int(IntegerWidth::Int8), "128", "R0102: `v` must be an int8, but `128` is outside -128 to 127"),
        (int(IntegerWidth::UInt8), "-1", "R0102: `v` must be a uint8, but `-1` is outside 0 to 255"),
        (Type::INT64, "true", "R0102: `v` must be an int64, but is `true`"),
        (Type::INT64, "null", "R0102: `v` must be an int64, but is null"),
        (Type::Float64, "1e400", "R0102: `v` must be a float64, but `1e400` is too large for one"),
        (Type::Float32, "1e39", "R0102: `v` must be a float32, but `1e39` is too large for one"),
        (Type::Text, "5", "R0102: `v` must be a text, but is the number `5`"),
        (Type::Text, "[5]", "R0102: `v` must be a text, but is a list"),
        (Type::Bool, "1", "R0102: `v` must be a bool, but is the number `1`"),
        (Type::Bytes, r#""?""#, "R0102: `v` must be a bytes, but is the text `?`"),
        (Type::Timestamp, r#""2023-05-21""#, "R0102: `v` must be a timestamp, but is the text `2023-05-21`"),
        (Type::Timestamp, r#""12345""#, "R0102: `v` must be a timestamp, but is the text `12345`"),
        (nested.clone(), r#"{"a":{"start":true}}"#, "R0102: `v[`a`].start` must be a timestamp, but is `true`"),
        (nested.clone(), r#"{"a":{}}"#, "R0102: `v[`a`].start` is missing"),
        (nested, r#"{"a":{"start":1},"a":{"start":1}}"#, "R0102: `v` has the same key twice"),
        (Type::List(Box::new(Type::INT64)), "[1,null]", "R0102: `v[1]` must be an int64, but is null"),
        (Type::List(Box::new(Type::INT64)), "1", "R0102: `v` must be a list<int64>, but is the number `1`"),
    ];
    for (ty, text, wanted) in cases {
        assert_eq!(one(&ty, Coerce::Strict, text), Err(wanted.to_owned()), "{ty} from {text}");
    }
}

#[test]
fn lenient_streams_convert_near_types_and_count_them() {
    let list = Type::List(Box::new(Type::INT64));
    for (ty, text, wanted, count) in [
        (Type::INT64, r#"" 12 ""#, "12", 1),
        (Type::Float64, r#""1.5""#, "1.5", 1),
        (Type::Decimal, r#""1.50""#, "1.50", 1),
        (Type::Timestamp, r#""1684627200250""#, r#""2023-05-21T00:00:00.250Z""#, 1),
        (list.clone(), "7", "[7]", 1),
        (list, r#"["7",8]"#, "[7,8]", 1),
        (Type::INT64, "12", "12", 0),
    ] {
        let mut encoding = encoding(vec![field("v", ty)]);
        encoding.coerce = Coerce::Lenient;
        let mut fixture = Fixture::new(&encoding);
        assert_eq!(fixture.read(&format!("{{\"v\":{text}}}")), Ok(wanted.to_owned()));
        let counted: u32 = fixture.decoder.conversions().iter().map(|(_, count)| count).sum();
        assert_eq!(counted, count, "{text}");
    }
    assert!(one(&Type::INT64, Coerce::Lenient, r#""twelve""#).is_err());
    assert!(one(&Type::Text, Coerce::Lenient, "12").is_err());
}

#[test]
fn what_is_not_a_json_object_is_malformed_with_its_place() {
    let mut fixture = Fixture::new(&encoding(vec![field("a", Type::INT64.nullable())]));
    for (line, wanted) in [
        ("", "the message is empty; a JSON object is due"),
        ("[1]", "the message is JSON, but not an object"),
        ("\u{feff}{}", "not valid JSON at byte 1: `\u{feff}` stands where a value is due"),
        (r#"{"a":1"#, "not valid JSON at byte 7: the text ends in the middle of a value"),
        (r#"{"a":1}}"#, "not valid JSON at byte 8: `}` stands where the end of the line is due"),
        (r#"{"a":1,}"#, "not valid JSON at byte 8: `}` stands where a member's name in quotes is due"),
        (r#"{"a" 1}"#, "not valid JSON at byte 6: `1` stands where `:` is due"),
        (r#"{"b":01}"#, "not valid JSON at byte 7: a number must not begin with a zero"),
        (r#"{"b":1.}"#, "not valid JSON at byte 8: `}` stands where a digit is due"),
        (r#"{"b":nul}"#, "not valid JSON at byte 6: `n` stands where a value is due"),
        (r#"{"b":"x"#, "not valid JSON at byte 6: the text that begins here is not closed"),
        (r#"{"b":"\x"}"#, "not valid JSON at byte 7: there is no such escape in JSON"),
        (r#"{"b":"\u12g4"}"#, "not valid JSON at byte 7: an escape `\\u` needs four hexadecimal digits"),
        (
            r#"{"b":"\ud800"}"#,
            "not valid JSON at byte 13: an escape `\\u` names half of a surrogate pair without the other half",
        ),
        ("{\"b\":\"a\tb\"}", "not valid JSON at byte 8: a control character stands in a text; it must be escaped"),
        (r#"{"b":[1,{"c":2]}"#, "not valid JSON at byte 15: `]` stands where `,` or `}` is due"),
    ] {
        assert_eq!(fixture.read(line), Err(format!("R0101: {wanted}")), "{line}");
    }
    let deep = format!("{{\"b\":{}{}}}", "[".repeat(129), "]".repeat(129));
    assert!(fixture.read(&deep).unwrap_err().contains("nested more than 128 deep"));
    let deep = format!("{{\"b\":{}{}}}", "[".repeat(128), "]".repeat(128));
    assert_eq!(fixture.read(&deep), Ok("null".into()));
    assert_eq!(
        fixture.read_with(Payload::Bytes(b"{\"b\":\"\xff\"}"), &MessageMeta::default()),
        Err("R0101: not valid UTF-8 at byte 7".into())
    );
}

#[test]
fn a_member_that_is_read_stands_once() {
    let mut fixture =
        Fixture::new(&encoding(vec![field("a", Type::INT64.nullable()), field("o.b", Type::INT64.nullable())]));
    assert_eq!(fixture.read(r#"{"x":1,"x":2,"a":3}"#), Ok("3 null".into()));
    assert_eq!(fixture.read(r#"{"a":1,"a":1}"#), Err("R0102: `a` is there twice".into()));
    assert_eq!(fixture.read(r#"{"a":1,"\u0061":1}"#), Err("R0102: `a` is there twice".into()));
    assert_eq!(fixture.read(r#"{"o":{},"o":{"b":1}}"#), Err("R0102: `o` is there twice".into()));
    assert_eq!(fixture.read(r#"{"o":{"b":1,"b":1}}"#), Err("R0102: `o.b` is there twice".into()));
    assert_eq!(fixture.read(r#"{"o":5}"#), Err("R0102: `o` must be an object".into()));
    assert_eq!(fixture.read(r#"{"o":null,"a":2}"#), Ok("2 null".into()));
}

#[test]
fn absent_members_are_null_or_defaults_or_refused() {
    let mut fields = vec![
        field("a", Type::INT64),
        field("b", Type::Text.nullable()),
        field("c", Type::Text),
        field("d", Type::INT64.nullable()),
    ];
    fields[2].default = Some(Literal::Text("none".into()));
    fields[3].default = Some(Literal::Integer(5));
    let mut fixture = Fixture::new(&encoding(fields.clone()));
    assert_eq!(fixture.read(r#"{"a":1}"#), Ok(r#"1 null "none" 5"#.into()));
    assert_eq!(fixture.read(r#"{"d":null,"b":null,"a":1}"#), Ok(r#"1 null "none" 5"#.into()));
    assert_eq!(fixture.read(r#"{"c":null,"a":1}"#), Err("R0102: `c` must be a text, but is null".into()));
    assert_eq!(fixture.read("{}"), Err("R0102: `a` is missing; it must be an int64".into()));
    let mut fixture = Fixture::with(&encoding(fields), AbsentMember::Allow);
    assert_eq!(fixture.read(r#"{"b":null}"#), Ok(r#"null null "none" 5"#.into()));
    let presence: Vec<Presence> = (0..3).map(|field| fixture.decoder.presence(field)).collect();
    assert_eq!(presence, [Presence::Absent, Presence::Null, Presence::Absent]);
    assert_eq!(fixture.read(r#"{"b":"x","a":2}"#).map(|_| fixture.decoder.presence(1)), Ok(Presence::Value));
}

#[test]
fn members_in_any_order_and_spacing_give_the_same_values() {
    let mut fixture =
        Fixture::new(&encoding(vec![field("a", Type::INT64), field("o.b", Type::Text), field("c", Type::Bool)]));
    let wanted = Ok(r#"1 "x" true"#.to_owned());
    for _ in 0..2 {
        for line in [
            r#"{"a":1,"o":{"b":"x"},"c":true}"#,
            r#"{"c":true,"o":{"b":"x"},"a":1}"#,
            r#"{ "a" : 1 , "o" : { "b" : "x" } , "c" : true }"#,
            "\t{\"a\":1,\r\n\"unread\":{\"a\":[{},[],\"]\"]},\"o\":{\"z\":0,\"b\":\"x\",\"y\":0},\"c\":true}  \r",
            r#"{"o":{"b":"x"},"a":1,"c":true}"#,
            r#"{"a":1,"\u006f":{"\u0062":"x"},"c":true}"#,
            r#"{"a_member_with_a_name_that_is_far_too_long_to_be_remembered":1,"a":1,"c":true,"o":{"b":"x"}}"#,
        ] {
            assert_eq!(fixture.read(line), wanted, "{line}");
        }
    }
}

#[test]
fn more_members_than_are_remembered_are_still_read() {
    let mut fixture = Fixture::new(&encoding(vec![field("last", Type::INT64)]));
    for start in [0, 200, 400] {
        let members: String = (start..start + 300).map(|index| format!("\"m{index}\":{index},")).collect();
        assert_eq!(fixture.read(&format!("{{{members}\"last\":7}}")), Ok("7".into()));
    }
}

#[test]
fn a_path_and_what_is_inside_it_can_both_be_read() {
    let fields = vec![
        field("o", Type::Json),
        field("o.a", Type::INT64),
        field("o", Type::Record(vec![("b".into(), Type::Bool)])),
    ];
    let mut fixture = Fixture::new(&encoding(fields));
    assert_eq!(fixture.read(r#"{"o":{"a":1,"b":true}}"#), Ok(r#"{"a":1,"b":true} 1 {"b":true}"#.into()));
}

#[test]
fn nested_members_are_read_under_other_names() {
    let segment = Type::Record(vec![("start".into(), Type::INT64)]);
    let mut renamed = field("v", Type::Record(vec![("seg".into(), Type::List(Box::new(segment)))]));
    renamed.renames =
        vec![(vec!["seg".into(), "start".into()], "begin-at".into()), (vec!["seg".into()], "Segments".into())];
    let mut fixture = Fixture::new(&encoding(vec![renamed]));
    assert_eq!(fixture.read(r#"{"v":{"Segments":[{"begin-at":5}]}}"#), Ok(r#"{"seg":[{"start":5}]}"#.into()));
}

#[test]
fn strict_streams_refuse_members_that_the_source_does_not_name() {
    let mut encoding = encoding(vec![field("a", Type::INT64.nullable()), field("o.b", Type::INT64.nullable())]);
    encoding.strict = true;
    let mut fixture = Fixture::new(&encoding);
    assert_eq!(fixture.read(r#"{"a":1,"o":{"b":2}}"#), Ok("1 2".into()));
    assert_eq!(
        fixture.read(r#"{"a":1,"o":{"c":2}}"#),
        Err("R0102: `o.c` is not a member that the source names, and the source is `strict`".into())
    );
}

#[test]
fn the_parts_of_a_message_are_fields_too() {
    let fields = vec![
        field("$key", Type::Text.nullable()),
        field("$key.id", Type::INT64.nullable()),
        field("$header.h", Type::INT64.nullable()),
        field("$topic", Type::Text),
        field("$partition", Type::Integer(IntegerWidth::Int32)),
        field("$offset", Type::INT64),
        field("$timestamp", Type::Timestamp.nullable()),
    ];
    let mut fixture = Fixture::new(&encoding(fields));
    let headers: [(&str, &[u8]); 1] = [("h", b"12")];
    let meta = MessageMeta {
        key: Some(br#"{"id":7}"#),
        headers: &headers,
        topic: "t",
        partition: 3,
        offset: 9,
        timestamp: Some(0),
    };
    assert_eq!(
        fixture.read_with(Payload::Text("{}"), &meta),
        Ok(r#""{\"id\":7}" 7 12 "t" 3 9 "1970-01-01T00:00:00Z""#.into())
    );
    assert_eq!(fixture.read("{}"), Ok(r#"null null null "" 0 0 null"#.into()));
    let meta = MessageMeta { headers: &[("h", b"x")], ..MessageMeta::default() };
    assert_eq!(
        fixture.read_with(Payload::Text("{}"), &meta),
        Err("R0102: `$header.h` must be an int64, but is the text `x`".into())
    );
}

#[test]
fn text_and_bytes_formats_take_the_whole_message() {
    let mut text = encoding(vec![field("line", Type::Text)]);
    text.format = Format::Text;
    assert_eq!(Fixture::new(&text).read("a \"line\"\r"), Ok(r#""a \"line\"""#.into()));
    let mut number = encoding(vec![field("line", Type::INT64)]);
    number.format = Format::Text;
    assert_eq!(Fixture::new(&number).read("12"), Ok("12".into()));
    let mut bytes = encoding(vec![field("body", Type::Bytes)]);
    bytes.format = Format::Bytes;
    assert_eq!(Fixture::new(&bytes).read_with(Payload::Bytes(b"\xff"), &MessageMeta::default()), Ok("\"/w==\"".into()));
}

#[test]
fn a_message_of_64_mebibytes_is_refused() {
    let mut fixture = Fixture::new(&encoding(vec![field("a", Type::INT64.nullable())]));
    let line = format!("{{\"b\":\"{}\"}}", "x".repeat(64 << 20));
    assert_eq!(fixture.read(&line), Err("R0101: the message is 64 MiB long or longer, which is the limit".into()));
}
