//! Numbers, durations and moments in other words.

use nsf_analysis::json::date;
use nsf_diagnostics::FileId;
use nsf_syntax::ast::{ExprKind, ItemKind, Literal};

use crate::known::Known;

/// The parts of a duration, largest first.
const UNITS: [(i64, &str); 5] =
    [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"), (1, "millisecond")];

/// What a literal is, where its text does not say all.
pub(super) fn of(text: &str, known: Known<'_>) -> Option<String> {
    let parse = nsf_syntax::parse(FileId(0), &format!("const x = {text}\n"));
    let ItemKind::Const(constant) = &parse.file.items.first()?.kind else { return None };
    let ExprKind::Literal(literal) = &constant.value.kind else { return None };
    match literal {
        Literal::Duration(milliseconds) => {
            Some(format!("{}: {milliseconds} milliseconds", duration_words(*milliseconds)))
        }
        Literal::Timestamp(milliseconds) => {
            let mut forms = vec![format!("{} in UTC", timestamp(*milliseconds, 0))];
            let written = offset_of(text);
            if written != 0 {
                forms.push(format!("{} as written", timestamp(*milliseconds, written)));
            }
            forms.extend(zones(known, text).map(|own| format!("{} at {}", timestamp(*milliseconds, own), zone(own))));
            forms.push(format!("{milliseconds} milliseconds since 1970"));
            Some(forms.join("\n\n"))
        }
        Literal::Date(days) => {
            let names = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
            let name = names.get(days.rem_euclid(7) as usize)?;
            Some(format!("{name}, {}", date(i64::from(*days))))
        }
        Literal::Number(written) => {
            if let Some(percent) = written.strip_suffix('%') {
                let value: f64 = percent.replace('_', "").parse().ok()?;
                return Some(format!("{}", value / 100.0));
            }
            let hexadecimal = written.strip_prefix("0x")?;
            let value = i128::from_str_radix(&hexadecimal.replace('_', ""), 16).ok()?;
            Some(value.to_string())
        }
        _ => None,
    }
}

/// `1 hour 30 minutes`.
pub(super) fn duration_words(milliseconds: i64) -> String {
    let mut left = milliseconds;
    let mut parts = Vec::new();
    for (size, name) in UNITS {
        let count = left / size;
        left %= size;
        if count != 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "no time".to_owned() } else { parts.join(" ") }
}

/// The offset of a moment as written, in minutes.
fn offset_of(text: &str) -> i64 {
    let Some((_, time)) = text.split_once('T') else { return 0 };
    let Some(at) = time.rfind(['+', '-']) else { return 0 };
    let (sign, rest) = time.split_at(at);
    let _ = sign;
    let minutes = |text: &str| {
        let (hours, minutes) = text.get(1..)?.split_once(':')?;
        Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
    };
    let minutes = minutes(rest).unwrap_or(0);
    if rest.starts_with('-') { -minutes } else { minutes }
}

/// Other offsets that the file writes.
fn zones<'a>(known: Known<'a>, own: &str) -> impl Iterator<Item = i64> + use<'a> {
    let text = known.analysis.sources.get(known.file).map(|source| &*source.text).unwrap_or_default();
    let mut found: Vec<i64> = Vec::new();
    for word in text.split('@').skip(1).take(1000) {
        let end = word.find(|c: char| !(c.is_ascii_digit() || "T:+-.Z".contains(c))).unwrap_or(word.len());
        let offset = offset_of(&word[..end]);
        if offset != 0 && offset != offset_of(own) && !found.contains(&offset) {
            found.push(offset);
        }
    }
    found.into_iter()
}

fn zone(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn timestamp(milliseconds: i64, offset: i64) -> String {
    let there = milliseconds + offset * 60_000;
    let rest = there.rem_euclid(86_400_000);
    let (hours, minutes, seconds, parts) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    let fraction = if parts == 0 { String::new() } else { format!(".{parts:03}") };
    let end = if offset == 0 { "Z".to_owned() } else { zone(offset) };
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}{fraction}{end}", date(there.div_euclid(86_400_000)))
}
