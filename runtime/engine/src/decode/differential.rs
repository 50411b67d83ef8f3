//! The decoder against serde_json on mutated lines: both take the same texts and read the same values.

use nsf_plan::Type;
use serde_json::Value as Json;

use super::tests::{Fixture, encoding, field};

/// How many lines one run tries; `NSF_MUTATIONS` asks for more.
fn rounds() -> u64 {
    std::env::var("NSF_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(30_000)
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const SEEDS: [&str; 6] = [
    r#"{"version":"1.0","m":{"time":1684540800005,"cmd":"update","fields":{"n":30012,"f":99.5,"t":"初三 \"x\" \u73ed\t","device":{"model":"iPad11,3","ip":"10.2.3.4"},"tags":["live",true,null,-0.5e+3],"j":{"a":[1,2]}}},"end":[]}"#,
    r#"{"m":{"fields":{"n":-7,"f":1e-3,"t":"","j":null}}}"#,
    r#"{ "m" : { "fields" : { "n" : 12.0 , "f" : 5 , "t" : "\ud83d\ude00" , "j" : "x" } } }"#,
    r#"{"m":{"fields":{"t":"0123456789abcdef0123456789abcdef","f":123456789.123456789,"n":123456789012345678,"j":0}}}"#,
    r#"{"x":[[],{},[{}],{"a":{"b":[0,1e5,""]}}],"m":{"fields":{"n":0,"f":0.1,"t":"t","j":[]}},"y":false}"#,
    r#"{"m":{"fields":{"n":1,"n2":2,"f":3.25,"t":"a\\","j":{}}}}"#,
];

const PIECES: [&str; 30] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "0",
    "9",
    "-",
    ".",
    "e",
    "E",
    "+",
    "null",
    "true",
    "\\u",
    "\\ud800",
    "\\udc00",
    " ",
    "\t",
    "\u{1}",
    "é",
    "班",
    "\u{1F600}",
    "00",
    "1e400",
    "\"n\":1,",
    "\"n\"",
];

fn mutate(random: &mut Random, line: &mut String) {
    for _ in 0..=random.below(3) {
        let boundaries: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        let at = boundaries[random.below(boundaries.len())];
        match random.below(4) {
            0 => line.insert_str(at, PIECES[random.below(PIECES.len())]),
            1 => line.truncate(at),
            2 => {
                let later = boundaries.iter().filter(|there| **there > at).nth(random.below(8));
                line.replace_range(at..later.copied().unwrap_or(line.len()), "");
            }
            _ => {
                if let Some(next) = boundaries.iter().find(|next| **next > at) {
                    line.replace_range(at..*next, PIECES[random.below(PIECES.len())]);
                }
            }
        }
    }
}

/// Whether a text is JSON; none for one with a number that serde_json cannot hold, of which it reads no value.
fn is_json(line: &str) -> Result<Option<Json>, ()> {
    match serde_json::from_str::<Json>(line) {
        Ok(json) => Ok(Some(json)),
        Err(error) if error.to_string().starts_with("number out of range") => {
            serde_json::from_str::<serde::de::IgnoredAny>(line).map(|_| None).map_err(|_| ())
        }
        Err(_) => Err(()),
    }
}

#[test]
fn mutated_lines_are_read_as_serde_json_reads_them() {
    let fields = vec![
        field("m.fields.n", Type::INT64.nullable()),
        field("m.fields.f", Type::Float64.nullable()),
        field("m.fields.t", Type::Text.nullable()),
        field("m.fields.j", Type::Json.nullable()),
    ];
    let mut fixture = Fixture::new(&encoding(fields));
    let mut random = Random(0x2023_0520_1234_5678);
    let (mut taken, mut refused) = (0_u64, 0_u64);
    for round in 0..rounds() {
        let mut line = SEEDS[random.below(SEEDS.len())].to_owned();
        if round % 16 != 0 {
            mutate(&mut random, &mut line);
        }
        let ours = fixture.read(&line);
        match (is_json(&line), ours) {
            (Ok(Some(json)), Ok(ours)) => {
                taken += 1;
                if let Json::Object(_) = json {
                    compare(&ours, &json, &line);
                } else {
                    panic!("not an object was taken: {line}");
                }
            }
            (Ok(None), Ok(_)) => taken += 1,
            (Ok(json), Err(message)) => {
                refused += 1;
                assert!(may_refuse(&line, json.as_ref(), &message), "{message}\n{line}");
            }
            (Err(()), Ok(ours)) => panic!("not JSON, but read as {ours}: {line}"),
            (Err(()), Err(_)) => refused += 1,
        }
    }
    assert!(taken > rounds() / 20 && refused > rounds() / 4, "{taken} taken, {refused} refused");
}

/// Compares the fields as read with what serde_json read.
fn compare(ours: &str, json: &Json, line: &str) {
    let fields = &json["m"]["fields"];
    let ours: Vec<Json> = serde_json::Deserializer::from_str(ours).into_iter().map(|value| value.unwrap()).collect();
    let [number, float, text, raw] = ours.as_slice() else { panic!("four fields: {ours:?}") };
    if let Some(value) = number.as_i64() {
        let same = fields["n"].as_i64() == Some(value) || fields["n"].as_f64() == Some(value as f64);
        assert!(same, "{value}: {line}");
    } else {
        assert_eq!(number, &fields["n"], "{line}");
    }
    match (float.as_f64(), fields["f"].as_f64()) {
        // serde_json is not exact in the last place without a feature of its own.
        (Some(ours), Some(theirs)) => assert!((ours - theirs).abs() <= theirs.abs() * 1e-15, "{ours} {theirs}: {line}"),
        (ours, theirs) => assert_eq!(ours, theirs, "{line}"),
    }
    assert_eq!(text, &fields["t"], "{line}");
    assert_eq!(raw, &fields["j"], "{line}");
}

#[test]
fn floats_are_read_exactly() {
    let mut fixture = Fixture::new(&encoding(vec![field("f", Type::Float64)]));
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..rounds() {
        let digits = random.below(10) as u32;
        let whole = random.below(10_usize.pow(digits));
        let places = random.below(18);
        let fraction: String = (0..places).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
        let point = if places > 0 { "." } else { "" };
        let exponent = match random.below(4) {
            0 => format!("e{}", random.below(40)),
            1 => format!("E-{}", random.below(340)),
            _ => String::new(),
        };
        let sign = ["", "-"][random.below(2)];
        let text = format!("{sign}{whole}{point}{fraction}{exponent}");
        let ours = fixture.read(&format!("{{\"f\":{text}}}")).unwrap();
        assert_eq!(ours.parse::<f64>().unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }
}

/// Whether the decoder may refuse what is JSON: a value of another type, or a member twice.
fn may_refuse(line: &str, json: Option<&Json>, message: &str) -> bool {
    // Of a repeated member serde_json keeps the last, which says nothing about the first.
    let repeated =
        ["\"m\"", "\"fields\"", "\"n\"", "\"f\"", "\"t\"", "\"j\""].iter().any(|name| line.matches(name).count() > 1);
    if message.ends_with("is there twice") || (repeated && message.starts_with("R0102")) {
        return true;
    }
    let Some(json) = json else { return true };
    if message == "R0101: the message is JSON, but not an object" {
        return !json.is_object();
    }
    let fields = &json["m"]["fields"];
    let plain = (fields["n"].is_null() || fields["n"].is_i64())
        && (fields["f"].is_null() || fields["f"].is_number())
        && (fields["t"].is_null() || fields["t"].is_string())
        && (json["m"].is_null() || json["m"].is_object())
        && (fields.is_null() || fields.is_object());
    message.starts_with("R0102") && !plain
}
