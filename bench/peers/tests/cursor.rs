//! The cursor takes and refuses the same lines as serde_json, whatever is done to them.

use peers::cursor::Cursor;
use workload::random::Random;
use workload::records::{SEED, write_records};

fn cursor_takes(line: &str) -> bool {
    let mut cursor = Cursor::new(line);
    cursor.skip().and_then(|()| cursor.end()).is_some()
}

fn serde_takes(line: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

#[test]
fn lines_are_judged_as_serde_json_judges_them() {
    let lines = [
        r#"{}"#,
        r#" { "a" : [ ] } "#,
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a"}"#,
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":1.}"#,
        r#"{"a":1.5e+7}"#,
        r#"{"a":1e}"#,
        r#"{"a":tru}"#,
        r#"{"a":nullx}"#,
        r#"{"a":"\q"}"#,
        r#"{"a":"\u12"}"#,
        r#"{"a":"\u00e9"}"#,
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"a tab\t in a text that is longer than one block of sixteen bytes\"}",
        r#"{"a":"cut"#,
        r#"[1,2"#,
        r#"[1,,2]"#,
        r#"{} {}"#,
        "",
    ];
    for line in lines {
        assert_eq!(cursor_takes(line), serde_takes(line), "{line}");
    }
}

#[test]
fn a_lone_surrogate_is_refused_and_a_pair_is_taken() {
    assert!(!cursor_takes(r#"{"a":"\ud83d"}"#));
    assert!(!cursor_takes(r#"{"a":"\ude00"}"#));
    assert!(!cursor_takes(r#"{"a":"\ud83dx"}"#));
    assert!(cursor_takes(r#"{"a":"\ud83d\ude00"}"#));
}

#[test]
fn nesting_beyond_the_limit_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(cursor_takes(&nested(100)));
    assert!(!cursor_takes(&nested(10_000)));
}

#[test]
fn damaged_records_are_judged_as_serde_json_judges_them() {
    let mut bytes = Vec::new();
    write_records(&mut bytes, 200, SEED).expect("memory does not fail");
    let text = String::from_utf8(bytes).expect("the generator writes UTF-8");
    let mut random = Random::new(7);
    let mut refused = 0;
    for line in text.lines() {
        assert!(cursor_takes(line), "{line}");
        for _ in 0..200 {
            let mut damaged = line.as_bytes().to_vec();
            let place = random.below(damaged.len() as u64) as usize;
            match random.below(3) {
                0 => damaged.truncate(place),
                1 => drop(damaged.remove(place)),
                _ => damaged[place] = b"\"\\{}[]:,0-e.tn \t\x01"[random.below(17) as usize],
            }
            let Ok(damaged) = String::from_utf8(damaged) else { continue };
            assert_eq!(cursor_takes(&damaged), serde_takes(&damaged), "{damaged}");
            refused += u32::from(!cursor_takes(&damaged));
        }
    }
    assert!(refused > 10_000, "only {refused} damaged lines were refused");
}
