//! What a run did, for a person to read.

use nsf_engine::summary::{FlowSummary, RejectedSummary, SourceSummary, StoredSummary, Summary};

use crate::numbers::{count, counted, rate, seconds, table};
use crate::output::{Output, Style};

/// The whole summary.
pub fn render(project: &str, summary: &Summary, output: &Output) -> String {
    let mut text = headline(project, summary, output);
    let rows = rows(summary);
    if !rows.is_empty() && !summary.unchanged {
        text.push('\n');
        text.push_str(&table(&rows, "  "));
    }
    if summary.rejected > 0 {
        let (was, it) = if summary.rejected == 1 { ("was", "it") } else { ("were", "them") };
        let rejected = counted(summary.rejected, "record");
        text.push_str(&format!("\n{rejected} {was} rejected; `--output rejected=-` shows {it} with the reasons\n"));
    }
    for note in &summary.notes {
        text.push_str(&format!("\nnote: {note}\n"));
    }
    text
}

/// The summary as one line of JSON, version 1 of the form: members may be added, none is renamed or removed.
pub fn json(project: &str, summary: &Summary) -> String {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        version: u32,
        project: &'a str,
        #[serde(flatten)]
        summary: &'a Summary,
    }
    // Nothing in a summary can fail to be written as JSON.
    let mut text = serde_json::to_string(&Line { version: 1, project, summary }).unwrap_or_default();
    text.push('\n');
    text
}

fn headline(project: &str, summary: &Summary, output: &Output) -> String {
    let name = output.paint(project, Style::Heading);
    if summary.unchanged {
        return format!("{name}: nothing new since the last run, nothing was changed\n");
    }
    let mut text = format!(
        "{name}: {} in {} ({}/s), {}",
        counted(summary.records, "record"),
        seconds(summary.seconds),
        rate(summary.rate),
        counted(summary.commits, "commit"),
    );
    if summary.stopped {
        text.push_str("; stopped before the inputs ended, the next run goes on from here");
    }
    text.push('\n');
    text
}

fn rows(summary: &Summary) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in &summary.tables {
        let replaced =
            if table.replaced > 0 { format!("{} given again", count(table.replaced)) } else { String::new() };
        rows.push(vec!["table".to_owned(), table.name.clone(), counted(table.rows, "row"), replaced]);
    }
    summary.sources.iter().for_each(|source| source_rows(source, &mut rows));
    summary.flows.iter().for_each(|flow| flow_rows(flow, &mut rows));
    summary.dimensions.iter().for_each(|stored| rows.push(stored_row("dimension", stored)));
    summary.states.iter().for_each(|stored| rows.push(stored_row("state", stored)));
    for sent in &summary.outputs {
        let published = format!("{} published", counted(sent.messages, "message"));
        rows.push(vec!["output".to_owned(), sent.name.clone(), published]);
    }
    rows
}

fn source_rows(source: &SourceSummary, rows: &mut Vec<Vec<String>>) {
    let from = source.resumed_from.map(|offset| format!("from offset {}", count(offset))).unwrap_or_default();
    rows.push(vec!["source".to_owned(), source.name.clone(), counted(source.records, "record"), from]);
    if source.repeated > 0 {
        rows.push(detail("known", source.repeated, "taken in by an earlier run"));
    }
    if source.late > 0 {
        rows.push(detail("dropped", source.late, "late"));
    }
    rows.extend(source.rejected.iter().map(rejected));
    for (field, conversions) in &source.coerced {
        rows.push(detail("converted", *conversions, field));
    }
}

fn flow_rows(flow: &FlowSummary, rows: &mut Vec<Vec<String>>) {
    rows.push(vec!["flow".to_owned(), flow.name.clone(), counted(flow.records, "record")]);
    rows.extend(flow.dropped.iter().map(|(reason, number)| detail("dropped", *number, reason)));
    rows.extend(flow.rejected.iter().map(rejected));
}

fn rejected(rejected: &RejectedSummary) -> Vec<String> {
    detail("rejected", rejected.count, &rejected.reason)
}

fn stored_row(kind: &str, stored: &StoredSummary) -> Vec<String> {
    vec![kind.to_owned(), stored.name.clone(), counted(stored.rows, "write")]
}

/// A line below the thing that it belongs to.
fn detail(word: &str, number: u64, what: &str) -> Vec<String> {
    vec![String::new(), format!("  {} {word}", count(number)), what.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up_by_source_flow_and_output() {
        let rule = RejectedSummary { code: "rule".to_owned(), reason: "no amount".to_owned(), count: 1 };
        let flow = FlowSummary {
            name: "shop.spending".to_owned(),
            records: 1234,
            dropped: [("sent again".to_owned(), 2)].into(),
            rejected: vec![rule],
        };
        let source = SourceSummary {
            name: "shop.order".to_owned(),
            records: 1234,
            resumed_from: Some(10),
            ..SourceSummary::default()
        };
        let summary = Summary {
            sources: vec![source],
            flows: vec![flow],
            dimensions: vec![StoredSummary { name: "shop.customer".to_owned(), rows: 7 }],
            records: 1234,
            rejected: 1,
            commits: 1,
            seconds: 0.25,
            rate: 4936.0,
            ..Summary::default()
        };
        let expected = "\
shop: 1,234 records in 0.25 s (4,940/s), 1 commit

  source     shop.order     1,234 records  from offset 10
  flow       shop.spending  1,234 records
               2 dropped    sent again
               1 rejected   no amount
  dimension  shop.customer  7 writes

1 record was rejected; `--output rejected=-` shows it with the reasons
";
        assert_eq!(render("shop", &summary, &Output::of_process()), expected);
    }

    #[test]
    fn a_run_without_news_says_so() {
        let summary = Summary { unchanged: true, ..Summary::default() };
        let text = render("shop", &summary, &Output::of_process());
        assert!(text.starts_with("shop: nothing new since the last run, nothing was changed\n"));
    }
}
