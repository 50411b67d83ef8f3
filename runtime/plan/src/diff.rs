//! What a deployment of a plan keeps, migrates and loses of what another plan has stored, sent and told.
//!
//! Parts are compared by what stands for them outside of the program, which no rename in it changes: sources and states by
//! their ids, dimensions by their codes, fields of dimensions by their numbers and those of states by the names under which they
//! are stored, outputs by their places, rejections by flow, code and reason. Whether stored values of a state can be read is
//! asked of [`crate::evolution`], as the runtime does.

mod dimensions;
mod outputs;
mod states;
mod streams;

use serde::{Deserialize, Serialize};

use crate::{Origin, Plan, Topic, document};

/// The version of [`PlanDiff`] as data.
pub const VERSION: u32 = 1;

/// Two plans, part by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDiff {
    /// [`VERSION`].
    pub version: u32,
    /// The plan that runs.
    pub old: Side,
    /// The plan that is to run.
    pub new: Side,
    /// Their parts: each kind in the order of [`PartKind`], those of the new plan before those that only the old one has.
    pub parts: Vec<Part>,
}

/// One of two plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The project's name.
    pub name: String,
    /// The plan's hash.
    pub hash: String,
}

/// A part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its name, module in front.
    pub name: String,
    /// Its name in the old plan, where that was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What is another about it; of a part that is gone, what that means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Where it was written, as `path:line`: in the new plan's files, of a part that is gone in the old one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The kinds of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// A typed stream.
    Source,
    /// A stream of the ingest protocol.
    Ingest,
    /// Keyed state.
    State,
    /// What a `unique` remembers.
    Unique,
    /// A combination of primaries.
    Dimension,
    /// A field of a state, a dimension, or of an output's messages.
    Field,
    /// A flow.
    Flow,
    /// A subscription.
    Subscription,
    /// A topic or other place that is written.
    Output,
    /// A reason for which a flow rejects records, and its code.
    RejectedCode,
}

impl PartKind {
    /// As it is written: `rejected-code`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Ingest => "ingest",
            Self::State => "state",
            Self::Unique => "unique",
            Self::Dimension => "dimension",
            Self::Field => "field",
            Self::Flow => "flow",
            Self::Subscription => "subscription",
            Self::Output => "output",
            Self::RejectedCode => "rejected-code",
        }
    }
}

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Something of it is lost.
    Lost,
    /// What is stored is brought over, or it goes on in another way; nothing is lost.
    Migrated,
    /// It has another name, and goes on.
    Renamed,
    /// Only the new plan has it.
    New,
    /// It is as it was.
    Kept,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Migrated => "migrated",
            Self::Renamed => "renamed",
            Self::New => "new",
            Self::Kept => "kept",
        }
    }

    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Migrated, Self::Renamed, Self::New, Self::Kept];
}

/// Something that is another about a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whether something is lost by it.
    pub loss: bool,
    /// What: `int32 → int64`.
    pub what: String,
    /// What it means for what runs.
    pub means: String,
    /// What to do where that is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Change {
    fn loss(what: impl Into<String>, means: impl Into<String>, help: impl Into<String>) -> Self {
        Self { loss: true, what: what.into(), means: means.into(), help: Some(help.into()) }
    }

    fn migrated(what: impl Into<String>, means: impl Into<String>) -> Self {
        Self { loss: false, what: what.into(), means: means.into(), help: None }
    }
}

/// The change of a part that is not there any more.
const GONE: &str = "it is gone";

impl PlanDiff {
    /// Compares plans.
    #[must_use]
    pub fn between(old: &Plan, new: &Plan) -> Self {
        let mut found = Found { old, new, parts: Vec::new() };
        found.sources();
        found.ingests();
        found.states();
        found.dimensions();
        found.flows();
        found.subscriptions();
        found.outputs();
        found.rejected_codes();
        let Found { mut parts, .. } = found;
        // Fields come up with what has them.
        parts.sort_by_key(|part| part.kind);
        let side = |plan: &Plan| Side { name: plan.name.clone(), hash: document::hash(plan) };
        Self { version: VERSION, old: side(old), new: side(new), parts }
    }

    /// Parts of a verdict.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.verdict == verdict)
    }
}

impl Part {
    /// Kind and name: `state shop.totals`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.kind.word(), self.name)
    }

    /// Whether only the old plan has it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.changes.first().is_some_and(|change| change.what == GONE)
    }
}

struct Found<'p> {
    old: &'p Plan,
    new: &'p Plan,
    parts: Vec<Part>,
}

/// One part as both plans have it.
struct Both<'n> {
    kind: PartKind,
    name: &'n str,
    was: &'n str,
    place: Option<Origin>,
}

impl Found<'_> {
    /// A part that only the new plan has.
    fn new_part(&mut self, kind: PartKind, name: &str, place: Option<Origin>) {
        let place = place.map(|origin| self.new.place(origin));
        self.push(kind, name, None, Verdict::New, Vec::new(), place);
    }

    /// A part that only the old plan has.
    fn gone(&mut self, kind: PartKind, name: &str, place: Option<Origin>, means: &str, help: &str) {
        let place = place.map(|origin| self.old.place(origin));
        self.push(kind, name, None, Verdict::Lost, vec![Change::loss(GONE, means, help)], place);
    }

    /// A part that both have.
    fn both(&mut self, Both { kind, name, was, place }: Both<'_>, changes: Vec<Change>) {
        let was = (was != name).then(|| was.to_owned());
        let verdict = if changes.iter().any(|change| change.loss) {
            Verdict::Lost
        } else if !changes.is_empty() {
            Verdict::Migrated
        } else if was.is_some() {
            Verdict::Renamed
        } else {
            Verdict::Kept
        };
        let place = place.map(|origin| self.new.place(origin));
        self.push(kind, name, was, verdict, changes, place);
    }

    fn push(
        &mut self,
        kind: PartKind,
        name: &str,
        was: Option<String>,
        verdict: Verdict,
        changes: Vec<Change>,
        place: Option<String>,
    ) {
        self.parts.push(Part { kind, name: name.to_owned(), was, verdict, changes, place });
    }
}

/// `kafka("orders")`, with the cluster where it names one.
#[must_use]
pub fn topic_words(topic: &Topic) -> String {
    let connector = &topic.connector;
    let argument = if connector.name.is_empty() { String::new() } else { format!("(\"{}\")", connector.name) };
    match &connector.cluster {
        Some(cluster) => format!("{}{argument} on `{cluster}`", connector.kind),
        None => format!("{}{argument}", connector.kind),
    }
}

/// `2d`, `1h30min`.
fn duration(milliseconds: i64) -> String {
    const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = milliseconds;
    let mut text = String::new();
    for (unit, size) in UNITS {
        if rest / size > 0 {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
