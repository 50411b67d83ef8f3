//! What a program reads and writes, with input that its tests give.

use nsf_analysis::Analysis;
use nsf_plan::{Plan, TestFeedTarget};
use serde::Serialize;

/// What the page shows of a program.
#[derive(Debug, Default, Serialize)]
pub struct Sample {
    inputs: Vec<Input>,
    outputs: Vec<Output>,
}

/// A stream or table that is read.
#[derive(Debug, Serialize)]
struct Input {
    name: String,
    /// "source", "ingest", "table".
    kind: &'static str,
    /// A line a record.
    text: String,
}

/// Something that is written or kept.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// "topic", "dimension", "state", "rejected".
    pub kind: &'static str,
}

/// What a checked program reads and writes. Of one with errors nothing is known.
pub fn of(analysis: &Analysis, plan: &Plan) -> Sample {
    let tests = || analysis.dag.tests.iter().map(|test| &test.value);
    let given = |target: TestFeedTarget| {
        let feeds = tests().flat_map(|test| &test.given).filter(|feed| feed.to == target);
        feeds.flat_map(|feed| &feed.messages).map(|message| format!("{message}\n")).collect()
    };
    let mut inputs = Vec::new();
    for (index, source) in plan.sources.iter().enumerate().filter(|(_, source)| is_outer(plan, source.from)) {
        let text = given(TestFeedTarget::Source(nsf_plan::SourceId(index as u32)));
        inputs.push(Input { name: source.name.clone(), kind: "source", text });
    }
    for (index, ingest) in plan.ingests.iter().enumerate() {
        let text = given(TestFeedTarget::Ingest(nsf_plan::IngestId(index as u32)));
        inputs.push(Input { name: ingest.name.clone(), kind: "ingest", text });
    }
    for (index, table) in plan.tables.iter().enumerate() {
        let id = nsf_plan::TableId(index as u32);
        inputs.push(Input {
            name: table.name.clone(),
            kind: "table",
            text: nsf_analysis::samples::table_rows(&analysis.dag, id),
        });
    }
    Sample { inputs, outputs: outputs(plan) }
}

fn is_outer(plan: &Plan, topic: nsf_plan::TopicId) -> bool {
    plan.topics.get(topic.index()).is_none_or(|topic| !topic.internal)
}

/// All that a run of a program may write.
pub fn outputs(plan: &Plan) -> Vec<Output> {
    let topics = plan.topics.iter().filter(|topic| topic.written && !topic.internal);
    let topics = topics.map(|topic| Output { name: topic.connector.name.clone(), kind: "topic" });
    let dimensions = plan.dimensions.iter().map(|own| Output { name: own.name.clone(), kind: "dimension" });
    let states = plan.states.iter().filter(|state| !state.marks);
    let states = states.map(|state| Output { name: state.name.clone(), kind: "state" });
    let rejected = std::iter::once(Output { name: "rejected".to_owned(), kind: "rejected" });
    topics.chain(dimensions).chain(states).chain(rejected).collect()
}
