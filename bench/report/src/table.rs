//! The rows of the report, on the terminal and in README.md.

use std::fmt;

/// How a row ended.
pub enum Verdict {
    /// The bar is met.
    Pass,
    /// It is not.
    Fail,
    /// It was not measured, and why.
    NotShown(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, sink: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => sink.write_str("pass"),
            Self::Fail => sink.write_str("**FAIL**"),
            Self::NotShown(why) => write!(sink, "NOT SHOWN: {why}"),
        }
    }
}

/// One measure of the table.
pub struct Row {
    /// What is measured.
    pub measure: String,
    /// What it should be.
    pub bar: String,
    /// What it is.
    pub measured: String,
    /// How it ended.
    pub verdict: Verdict,
}

impl Row {
    /// A row that was measured, and whether its bar is met.
    pub fn judged(measure: &str, bar: &str, measured: String, met: bool) -> Self {
        let verdict = if met { Verdict::Pass } else { Verdict::Fail };
        Self { measure: measure.to_string(), bar: bar.to_string(), measured, verdict }
    }

    /// A row that could not be measured.
    pub fn not_shown(measure: &str, bar: &str, why: impl Into<String>) -> Self {
        let verdict = Verdict::NotShown(why.into().replace('|', "/"));
        Self { measure: measure.to_string(), bar: bar.to_string(), measured: String::new(), verdict }
    }
}

/// A Markdown table with columns padded to one width.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count(), 3]).max().unwrap_or(3)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
    let mut text = line(header.to_vec());
    text += &line(rule.iter().map(String::as_str).collect());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// The table of bars.
pub fn bars(rows: &[Row]) -> String {
    let cells = rows
        .iter()
        .map(|row| vec![row.measure.clone(), row.bar.clone(), row.measured.clone(), row.verdict.to_string()]);
    markdown(&["measure", "bar", "measured", "verdict"], &cells.collect::<Vec<_>>())
}
