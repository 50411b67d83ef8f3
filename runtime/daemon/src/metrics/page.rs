//! The text form of metrics that Prometheus reads, version 0.0.4.

use std::fmt::{Display, Write as _};

use nsf_engine::run::serve::durations::{BOUNDS, Counted};

use super::families::{Family, Kind};

/// Longest value of a label, in characters: reasons are the program's own words, and may be long.
const LONGEST: usize = 200;

/// A page of metrics.
#[derive(Default)]
pub struct Page {
    entries: Vec<Entry>,
}

/// A metric with what there is of it.
pub struct Entry {
    /// The metric.
    pub family: &'static Family,
    /// Its numbers.
    pub points: Points,
}

/// The numbers of a metric.
pub enum Points {
    /// By the values of the labels.
    Numbers(Vec<(Vec<String>, String)>),
    /// How often something took how long.
    Histogram(Counted),
}

impl Page {
    /// The metrics in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The text. Writing to a text cannot fail, so that no result is looked at here.
    pub fn into_text(self) -> String {
        let mut text = String::new();
        self.entries.iter().for_each(|entry| entry.write(&mut text));
        text
    }

    /// Takes one number without labels.
    pub fn one(&mut self, family: &'static Family, value: impl Display) {
        self.many(family, [([], value)]);
    }

    /// Takes numbers by the values of the family's labels. A family of which there is nothing is taken all the same, so that
    /// whoever reads the page sees that it exists.
    pub fn many<'v, const N: usize, V: Display>(
        &mut self,
        family: &'static Family,
        samples: impl IntoIterator<Item = ([&'v str; N], V)>,
    ) {
        debug_assert_eq!(family.labels.len(), N, "{}", family.name);
        let number = |(values, value): ([&str; N], V)| (values.map(shortened).into(), value.to_string());
        let points = Points::Numbers(samples.into_iter().map(number).collect());
        self.entries.push(Entry { family, points });
    }

    /// Takes a histogram.
    pub fn histogram(&mut self, family: &'static Family, counted: &Counted) {
        debug_assert_eq!(family.kind, Kind::Histogram, "{}", family.name);
        self.entries.push(Entry { family, points: Points::Histogram(counted.clone()) });
    }
}

/// A label's value: not longer than may be, and without what a reader cannot see.
fn shortened(value: &str) -> String {
    let seen = |character: char| if character.is_control() && character != '\n' { '\u{FFFD}' } else { character };
    let mut text: String = value.chars().take(LONGEST).map(seen).collect();
    if value.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

impl Entry {
    fn write(&self, text: &mut String) {
        let Family { name, kind, help, labels } = self.family;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
        match &self.points {
            Points::Numbers(numbers) => {
                for (values, value) in numbers {
                    let values = values.iter().map(String::as_str);
                    sample(text, name, "", labels.iter().copied().zip(values), value);
                }
            }
            Points::Histogram(counted) => {
                let mut below = 0;
                for (bound, count) in BOUNDS.iter().zip(&counted.counts) {
                    below += count;
                    let bound = bound.to_string();
                    sample(text, name, "_bucket", [("le", bound.as_str())].into_iter(), below);
                }
                let total = counted.total();
                sample(text, name, "_bucket", [("le", "+Inf")].into_iter(), total);
                sample(text, name, "_sum", std::iter::empty(), counted.seconds);
                sample(text, name, "_count", std::iter::empty(), total);
            }
        }
    }
}

fn sample<'l>(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: impl Iterator<Item = (&'l str, &'l str)>,
    value: impl Display,
) {
    let _ = write!(text, "{name}{suffix}");
    let mut open = '{';
    for (label, value) in labels {
        let _ = write!(text, "{open}{label}=\"");
        escape(value, text);
        text.push('"');
        open = ',';
    }
    let close = if open == ',' { "}" } else { "" };
    let _ = writeln!(text, "{close} {value}");
}

/// Appends a label's value: what would end it early is escaped.
fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nsf_engine::run::serve::durations::Durations;

    use super::*;
    use crate::metrics::families;

    #[test]
    fn values_of_labels_stay_inside_their_quotes() {
        let mut page = Page::default();
        page.many(&families::DROPPED, [(["a\"} 1\nevil 2", "\\ \u{7} ü"], 3)]);
        let line = page.into_text().lines().nth(2).unwrap().to_owned();
        assert_eq!(line, "nsflow_dropped_records_total{flow=\"a\\\"} 1\\nevil 2\",reason=\"\\\\ \u{FFFD} ü\"} 3");
        assert_eq!(shortened(&"x".repeat(1_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let durations = Durations::default();
        durations.add(Duration::from_millis(1));
        durations.add(Duration::from_secs(100));
        let mut page = Page::default();
        page.histogram(&families::ROUND_SECONDS, &durations.counted());
        let text = page.into_text();
        assert!(text.contains("nsflow_round_seconds_bucket{le=\"0.001\"} 1\n"), "{text}");
        assert!(text.contains("nsflow_round_seconds_bucket{le=\"30\"} 1\n"), "{text}");
        assert!(text.contains("nsflow_round_seconds_bucket{le=\"+Inf\"} 2\n"), "{text}");
        assert!(text.ends_with("nsflow_round_seconds_sum 100.001\nnsflow_round_seconds_count 2\n"), "{text}");
    }
}
