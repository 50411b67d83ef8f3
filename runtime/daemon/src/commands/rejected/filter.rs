//! Which rejected records are meant.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use super::read::Found;

/// What a record must be to be meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Its code.
    pub code: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// When it was rejected at the earliest.
    pub since: Option<Since>,
    /// Its id; any where none is named.
    pub ids: Vec<String>,
}

/// The earliest moment, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since(i64);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment.as_millisecond()));
        }
        let wrong = || "a moment such as 2026-01-31T12:00:00Z, or a while such as 90min, 2h or 3d".to_owned();
        // Days are no exact unit to a calendar; here each has 24 hours.
        let while_ago = match text.strip_suffix('d').map(str::parse::<i64>) {
            Some(Ok(days)) => days.checked_mul(24).and_then(SignedDuration::try_from_hours),
            _ => text.parse::<SignedDuration>().ok(),
        };
        let moment =
            while_ago.filter(|span| !span.is_negative()).and_then(|span| Timestamp::now().checked_sub(span).ok());
        moment.map(|moment| Self(moment.as_millisecond())).ok_or_else(wrong)
    }
}

impl Filter {
    /// Whether nothing is asked of a record.
    pub fn is_empty(&self) -> bool {
        self.code.is_none() && self.source.is_none() && self.since.is_none() && self.ids.is_empty()
    }

    /// Whether a record is meant.
    pub fn wants(&self, found: &Found) -> bool {
        let record = &found.record;
        self.code.as_ref().is_none_or(|code| code.eq_ignore_ascii_case(&record.code))
            && self.source.as_ref().is_none_or(|source| is_named(&record.source, source))
            && self.since.is_none_or(|since| found.time.is_none_or(|time| time >= since.0))
            && (self.ids.is_empty() || self.ids.contains(&found.id()))
    }
}

/// Whether a name is what is asked for: whole, or without its module.
fn is_named(name: &str, asked: &str) -> bool {
    name == asked || name.strip_suffix(asked).is_some_and(|before| before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_whiles_are_read() {
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Since(1_000)));
        let ago = |text: &str| Timestamp::now().as_millisecond() - text.parse::<Since>().unwrap().0;
        for (text, seconds) in [("90min", 5_400), ("2h", 7_200), ("3d", 259_200), ("10s", 10)] {
            let difference = ago(text) - seconds * 1_000;
            assert!(difference.abs() < 5_000, "{text}: {difference}");
        }
        for wrong in ["", "yesterday", "-2h", "99999999999999999d", "5"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sources_are_named_with_and_without_their_module() {
        assert!(is_named("bank.movement", "movement") && is_named("movement", "movement"));
        assert!(!is_named("bank.movement", "ovement") && !is_named("movement", "bank.movement"));
    }
}
