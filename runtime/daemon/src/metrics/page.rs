//! The text form of metrics that Prometheus reads, version 0.0.4.

use std::fmt::{Display, Write as _};

use nsf_engine::run::serve::durations::{BOUNDS, Counted};

use super::families::{Family, Kind};

/// Longest value of a label, in characters: reasons are the program's own words, and may be long.
const LONGEST: usize = 200;

/// A page of metrics. Writing to a text cannot fail, so that no result is looked at here.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Writes one number without labels.
    pub fn one(&mut self, family: &Family, value: impl Display) {
        self.many(family, [([], value)]);
    }

    /// Writes numbers by the values of the family's labels. A family of which there is nothing is written all the same, so
    /// that whoever reads the page sees that it exists.
    pub fn many<'v, const N: usize, V: Display>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = ([&'v str; N], V)>,
    ) {
        debug_assert_eq!(family.labels.len(), N, "{}", family.name);
        self.head(family);
        for (values, value) in samples {
            self.sample(family.name, "", family.labels.iter().copied().zip(values), value);
        }
    }

    /// Writes a histogram.
    pub fn histogram(&mut self, family: &Family, counted: &Counted) {
        debug_assert_eq!(family.kind, Kind::Histogram, "{}", family.name);
        self.head(family);
        let mut below = 0;
        for (bound, count) in BOUNDS.iter().zip(&counted.counts) {
            below += count;
            let bound = bound.to_string();
            self.sample(family.name, "_bucket", [("le", bound.as_str())].into_iter(), below);
        }
        let total = counted.total();
        self.sample(family.name, "_bucket", [("le", "+Inf")].into_iter(), total);
        self.sample(family.name, "_sum", std::iter::empty(), counted.seconds);
        self.sample(family.name, "_count", std::iter::empty(), total);
    }

    fn head(&mut self, family: &Family) {
        let Family { name, kind, help, .. } = family;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
    }

    fn sample<'l>(
        &mut self,
        name: &str,
        suffix: &str,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        value: impl Display,
    ) {
        let _ = write!(self.text, "{name}{suffix}");
        let mut open = '{';
        for (label, value) in labels {
            let _ = write!(self.text, "{open}{label}=\"");
            escape(value, &mut self.text);
            self.text.push('"');
            open = ',';
        }
        let close = if open == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{close} {value}");
    }
}

/// Appends a label's value: what would end it early is escaped, and what a reader cannot see is not let through.
fn escape(value: &str, text: &mut String) {
    for (at, character) in value.chars().enumerate() {
        if at == LONGEST {
            text.push('…');
            return;
        }
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            control if control.is_control() => text.push('\u{FFFD}'),
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
        let mut long = String::new();
        escape(&"x".repeat(1_000), &mut long);
        assert_eq!(long.chars().count(), LONGEST + 1);
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
