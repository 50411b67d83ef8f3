//! The metrics of a worker. All counts are of what is committed: they never go down while the process lives, also where a
//! fault makes work void or the worker is begun anew.
//!
//! | file | holds |
//! |---|---|
//! | `families` | the names |
//! | `page` | what was gathered, and its text form |
//! | `process` | what the system says of the process |

pub mod families;
pub mod page;
mod process;

use std::collections::BTreeMap;

use nsf_engine::{
    run::serve::status::Times,
    summary::{FlowSummary, RejectedSummary, SourceSummary, Summary},
};

use crate::board::{Board, Glance, Identity};
use page::Page;

/// The page of metrics.
pub fn page(board: &Board) -> Page {
    let mut page = Page::default();
    let glance = board.glance();
    let own = board.identity();
    identity(&mut page, &own, &glance);
    let reloads = board.reloads();
    page.many(&families::RELOADS, [(["taken"], reloads.taken), (["refused"], reloads.refused)]);
    let committed = board.status.committed();
    inputs(&mut page, &committed);
    rejected(&mut page, &committed);
    outputs(&mut page, &committed);
    partitions(&mut page, &glance);
    faults(&mut page, &glance);
    times(&mut page, &board.status.times());
    system(&mut page, &own);
    page
}

fn identity(page: &mut Page, own: &Identity, glance: &Glance) {
    page.many(&families::BUILD, [([own.version, &own.plan, &own.hash, &own.profile], 1)]);
    page.one(&families::READY, u8::from(glance.ready));
    page.one(&families::LIVE, u8::from(glance.live));
}

fn inputs(page: &mut Page, all: &Summary) {
    let sources = |count: fn(&SourceSummary) -> u64| {
        all.sources.iter().map(move |source| ([source.name.as_str()], count(source))).collect::<Vec<_>>()
    };
    page.many(&families::RECORDS, sources(|source| source.records));
    page.one(&families::BYTES, all.bytes);
    page.many(&families::REPEATED, sources(|source| source.repeated));
    page.many(&families::LATE, sources(|source| source.late));
    page.many(&families::FLOW_RECORDS, all.flows.iter().map(|flow| ([flow.name.as_str()], flow.records)));
    let dropped = |flow: &FlowSummary| {
        let reasons = flow.dropped.iter().map(|(reason, count)| (reason.clone(), *count));
        reasons.collect::<Vec<(String, u64)>>()
    };
    let dropped: Vec<(&str, String, u64)> = all
        .flows
        .iter()
        .flat_map(|flow| dropped(flow).into_iter().map(|(reason, count)| (flow.name.as_str(), reason, count)))
        .collect();
    page.many(&families::DROPPED, dropped.iter().map(|(flow, reason, count)| ([*flow, reason], *count)));
}

fn rejected(page: &mut Page, all: &Summary) {
    // A flow may have the name of a source; a sample must be there once.
    let mut counts: BTreeMap<[&str; 3], u64> = BTreeMap::new();
    let sources = all.sources.iter().map(|source| (&source.name, &source.rejected));
    let flows = all.flows.iter().map(|flow| (&flow.name, &flow.rejected));
    for (name, rejected) in sources.chain(flows) {
        for RejectedSummary { code, reason, count } in rejected {
            *counts.entry([name, code, reason]).or_default() += count;
        }
    }
    page.many(&families::REJECTED, counts);
}

fn outputs(page: &mut Page, all: &Summary) {
    // Two connectors may have topics of one name.
    let mut messages: BTreeMap<[&str; 1], u64> = BTreeMap::new();
    for output in &all.outputs {
        *messages.entry([&output.name]).or_default() += output.messages;
    }
    page.many(&families::MESSAGES, messages);
    page.many(&families::STATE_ROWS, all.states.iter().map(|state| ([state.name.as_str()], state.rows)));
    page.many(&families::DIMENSION_ROWS, all.dimensions.iter().map(|own| ([own.name.as_str()], own.rows)));
}

fn partitions(page: &mut Page, glance: &Glance) {
    let numbers: Vec<String> = glance.partitions.iter().map(|own| own.view.partition.to_string()).collect();
    let all = || {
        let named = glance.partitions.iter().zip(&numbers);
        named.map(|(own, number)| (own, [own.view.stream.as_str(), own.view.topic.as_str(), number.as_str()]))
    };
    page.many(&families::POSITION, all().map(|(own, labels)| (labels, own.view.position)));
    page.many(&families::LAG, all().filter_map(|(own, labels)| Some((labels, own.lag?))));
    page.many(&families::READING, all().map(|(own, labels)| (labels, u8::from(own.view.reading))));
}

fn faults(page: &mut Page, glance: &Glance) {
    page.one(&families::LANES, glance.lanes.len());
    page.one(&families::LANES_OPEN, glance.lanes.iter().filter(|open| **open).count());
    let counters = &glance.counters;
    page.one(&families::LANES_LOST, counters.lanes_lost);
    page.one(&families::IN_DOUBT, counters.saves_in_doubt);
    page.one(&families::CONFLICTS, counters.row_conflicts);
    page.one(&families::ROLLBACKS, counters.rollbacks);
    page.one(&families::ROLLED_BACK, counters.rolled_back_messages);
    page.one(&families::COMMITS, counters.commits);
    page.one(&families::COMMIT_AGE, counters.commit_seconds);
}

fn times(page: &mut Page, times: &Times) {
    page.histogram(&families::ROUND_SECONDS, &times.rounds);
    page.histogram(&families::FLUSH_SECONDS, &times.flushes);
    page.histogram(&families::SAVE_SECONDS, &times.saves);
    page.histogram(&families::COMMIT_SECONDS, &times.commits);
}

fn system(page: &mut Page, identity: &Identity) {
    page.one(&families::START, identity.started);
    let number = |value: Option<u64>| value.map(|value| ([], value));
    page.many(&families::RESIDENT, number(process::resident()));
    page.many(&families::FILES, number(process::open_files()));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nsf_engine::run::StopHandle;
    use nsf_plan::Plan;

    use super::*;

    /// Of each metric its kind and its labels.
    type Names = BTreeMap<String, (String, String)>;

    fn of_code() -> Names {
        let family = |family: &&families::Family| {
            (family.name.to_owned(), (family.kind.name().to_owned(), family.labels.join(", ")))
        };
        families::ALL.iter().map(family).collect()
    }

    /// The tables of the page for people.
    fn of_document() -> Names {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/METRICS.md")).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let named = rows.map(|row| {
            let cells: Vec<String> = cells(row);
            (cells[0].clone(), (cells[1].clone(), cells[2].clone()))
        });
        named.collect()
    }

    #[test]
    fn the_document_names_every_metric_and_no_other() {
        assert_eq!(of_document(), of_code());
    }

    #[test]
    fn the_page_gives_every_metric_once_and_no_other() {
        let board = Board::new(&Plan::new("shop"), "prod", StopHandle::default());
        let text = super::page(&board).into_text();
        let mut kinds: Vec<(String, String)> = Vec::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            kinds.push((name.to_owned(), kind.to_owned()));
        }
        let wanted: Vec<(String, String)> =
            families::ALL.iter().map(|family| (family.name.to_owned(), family.kind.name().to_owned())).collect();
        assert_eq!(kinds, wanted, "{text}");
    }

    #[test]
    fn a_flow_with_the_name_of_its_source_gives_no_sample_twice() {
        let of = |count| vec![RejectedSummary { code: "R0101".into(), reason: "no amount".into(), count }];
        let all = Summary {
            sources: vec![SourceSummary { name: "a".into(), rejected: of(1), ..SourceSummary::default() }],
            flows: vec![FlowSummary { name: "a".into(), rejected: of(2), ..FlowSummary::default() }],
            ..Summary::default()
        };
        let mut page = Page::default();
        rejected(&mut page, &all);
        let text = page.into_text();
        assert!(text.ends_with("{by=\"a\",code=\"R0101\",reason=\"no amount\"} 3\n"), "{text}");
    }
}
