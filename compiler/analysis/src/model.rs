//! The typed program: what the types pass gives to the graph.
//!
//! Its parts are the plan's own data, each with the place where it was written. What could not be understood is left
//! out or is there in part; [`Program::complete`] says whether everything was understood.

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::{FileId, Location};
use nsf_plan as plan;

/// A part of the plan with its places.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The part.
    pub value: T,
    /// Its name.
    pub name: Location,
    /// The whole item.
    pub item: Location,
}

/// A file of the project.
#[derive(Clone, Debug)]
pub struct ModuleFile {
    /// Where its text is.
    pub file: FileId,
    /// `classroom.fields`.
    pub module: String,
    /// Relative path with `/`.
    pub path: String,
}

/// The typed program. The vectors are indexed by the plan's ids.
#[derive(Debug, Default)]
pub struct Program {
    /// The project's name.
    pub project: String,
    /// The files; `plan::Origin::file` points here.
    pub files: Vec<ModuleFile>,
    /// `tenant` items.
    pub tenants: Vec<Placed<plan::Tenant>>,
    /// `mapping` items.
    pub mappings: Vec<Placed<plan::Mapping>>,
    /// Every connector that is named as a stream, table or sink, once; the place is its first use.
    pub topics: Vec<Placed<plan::Topic>>,
    /// `source` items, then the internal sources of `repartition by`.
    pub sources: Vec<Placed<plan::Source>>,
    /// `ingest` items.
    pub ingests: Vec<Placed<plan::Ingest>>,
    /// `table` items.
    pub tables: Vec<Placed<plan::Table>>,
    /// `state` items, then the marks of `unique`.
    pub states: Vec<Placed<plan::State>>,
    /// `space` items.
    pub spaces: Vec<Placed<plan::Space>>,
    /// `primary` items.
    pub primaries: Vec<Placed<plan::Primary>>,
    /// `dimension` items. Field ids are 0 until the lock file has given numbers.
    pub dimensions: Vec<Placed<plan::Dimension>>,
    /// For each dimension, the places of its fields and the numbers written for them.
    pub dimension_fields: Vec<Vec<FieldPlace>>,
    /// `subscription` items.
    pub subscriptions: Vec<Placed<plan::Subscription>>,
    /// Pipelines: root flows with the flows that read them nested, and the parts after `repartition by`.
    pub pipelines: Vec<Placed<plan::Pipeline>>,
    /// Every `flow` item: full name, place, pipeline it runs in, ids of its outermost steps.
    pub flows: Vec<FlowInfo>,
    /// `monitor` items.
    pub monitors: Vec<Placed<plan::MonitorPlan>>,
    /// Place of each step by its id.
    pub steps: HashMap<String, StepPlace>,
    /// `test` items.
    pub tests: Vec<Placed<plan::TestCase>>,
    /// Names of states that say `keep: forever`.
    pub kept_forever: HashSet<String>,
    /// Ids of sources, ingests and subscriptions that say `loop: allowed`.
    pub loops_allowed: HashSet<String>,
    /// Ids of sources whose keys could not be understood.
    pub unclear_keys: HashSet<String>,
    /// Functions, types, constants and the like, and whether something uses them.
    pub definitions: Vec<Definition>,
    /// Whether every item was understood; a plan is lowered only then.
    pub complete: bool,
}

/// A field of a dimension.
#[derive(Clone, Copy, Debug)]
pub struct FieldPlace {
    /// Its name.
    pub name: Location,
    /// The whole declaration.
    pub item: Location,
    /// `#n` as written.
    pub number: Option<u32>,
    /// End of the type, where `#n` is inserted by a fix.
    pub after_type: Location,
}

/// A `flow` item.
#[derive(Clone, Debug)]
pub struct FlowInfo {
    /// Its name, module in front.
    pub name: String,
    /// The name's place.
    pub location: Location,
    /// The whole item.
    pub item: Location,
    /// The pipeline it starts in.
    pub pipeline: Option<plan::PipelineId>,
    /// Ids of its outermost steps in order, over all its pipelines.
    pub steps: Vec<String>,
}

/// Where a step is and what the proofs need beside the plan.
#[derive(Clone, Debug)]
pub struct StepPlace {
    /// The whole step.
    pub location: Location,
    /// The state, dimension, topic or function that it names.
    pub target: Location,
    /// Places of a save's operations, of a calculate's names, of an expand's members.
    pub parts: Vec<Location>,
    /// The keyword as written: `verify`, `load`, …
    pub keyword: &'static str,
}

/// A named thing that may be unused.
#[derive(Clone, Debug)]
pub struct Definition {
    /// `const`, `type`, `fn`, `verify function`, `mapping`, `source`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The name's place.
    pub location: Location,
    /// The whole item.
    pub item: Location,
    /// Whether anything names it.
    pub used: bool,
}
