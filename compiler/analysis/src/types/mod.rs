//! Types: from trees and names to the typed program.
//!
//! Heads first (types, storage, streams), then bodies (functions, ingests, subscriptions, flows, tests), so that
//! nothing depends on the order of items or files. An item that could not be understood is noted as broken; uses of it
//! stay silent.

mod argument;
mod broken;
mod call;
mod call_mistake;
mod call_step;
mod call_words;
mod composite;
mod connector;
mod cut;
mod expand;
mod expression;
mod flow;
pub mod fold;
pub mod foreign;
mod ingest;
mod item_types;
mod library;
pub mod literal;
mod made_elsewhere;
mod matching;
mod meant;
mod message;
mod monitor;
mod operator;
mod pipeline;
mod place;
mod platform;
pub mod relation;
mod save;
mod setting_habit;
mod setting_message;
mod settings;
mod states;
mod step_function_items;
mod step_habit;
mod step_message;
mod steps;
mod storage;
mod streams;
mod subscription;
mod test_habit;
mod test_items;
mod test_published;
mod trace;
mod types_of;
mod unfolding;
mod unit;
mod unknown;

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::{Diagnostic, Location, SourceMap, Span};
use nsf_plan::{
    DimensionId, Expr, ExprKind, HandleTarget, IngestId, MappingId, Origin, SourceId, SpaceId, StateId, SubscriptionId,
    TableId, TenantId, Type,
};
use nsf_syntax::ast::ItemKind;

pub use library::{Bindings, Library, Signature, SignatureParameter, SignatureType, type_text};
pub use place::RowField;

use unfolding::{TooMuch, Unfolding};

use trace::Trace;

use crate::index::Index;
use crate::model::{Definition, ModuleFile, Program};
use crate::names::{ItemRef, NameError, Names, item_name, item_word};

/// What an item became in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Global {
    /// A tenant.
    Tenant(TenantId),
    /// A mapping.
    Mapping(MappingId),
    /// A source.
    Source(SourceId),
    /// An ingest.
    Ingest(IngestId),
    /// A table.
    Table(TableId),
    /// A state.
    State(StateId),
    /// A space.
    Space(SpaceId),
    /// A primary.
    Primary(u32),
    /// A dimension.
    Dimension(DimensionId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// A flow, by its index in `Program::flows`.
    Flow(u32),
}

/// The pass.
pub struct Checker<'a> {
    /// Names.
    pub names: &'a Names<'a>,
    /// Texts.
    pub sources: &'a SourceMap,
    /// Built-ins.
    pub library: &'a Library,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The result.
    pub program: Program,
    /// What items became.
    pub globals: HashMap<ItemRef, Global>,
    /// Items that something names.
    pub used: HashSet<ItemRef>,
    /// Items being unfolded, against recursion.
    entered: Vec<ItemRef>,
    /// What the call at hand has become.
    calls: Unfolding,
    /// What the type at hand has become.
    aliases: Unfolding,
    /// Whether one that became too much was reported.
    told_unfolded: bool,
    /// Items that are defined by themselves, reported already.
    circular: HashSet<ItemRef>,
    /// Fields of merged streams and, for each, a stream that has it.
    of_one_stream: Vec<(smol_str::SmolStr, String)>,
    /// The step at hand: its module and place.
    step_at: Option<(u32, Span)>,
    /// What subscriptions listen to of one writer.
    listened: Vec<subscription::Listened>,
    /// Topics by connector.
    topics: HashMap<nsf_plan::connector::Connector, nsf_plan::TopicId>,
    /// Module of the standard library or the project: index of its file in `Program::files`.
    file_index: Vec<u32>,
    /// Keys of states whose types the first step that binds them gives.
    open_keys: HashSet<(StateId, usize)>,
    /// Ids in use of steps, pipelines, marks and internal sources, for numbering repeats.
    ids: HashMap<String, u32>,
    /// Dimensions by their sorted primaries, and by their codes.
    by_primaries: HashMap<Vec<String>, DimensionId>,
    by_code: HashMap<u32, DimensionId>,
    /// Primaries by their numbers.
    by_number: HashMap<u32, usize>,
    /// Fields that could not be understood, by what they belong to.
    broken_fields: HashMap<Global, Vec<smol_str::SmolStr>>,
    /// Members of the messages that the project sends to each topic; known once flows and subscriptions are.
    published: HashMap<nsf_plan::TopicId, Vec<test_published::Member>>,
    /// Names that nothing declares or makes, by the module that misses them; each is reported once.
    missed: HashSet<(u32, smol_str::SmolStr)>,
    /// What is noted for editors, where they ask.
    trace: Option<Box<Trace>>,
    /// Whether somebody still waits for the result.
    goes_on: &'a dyn Fn() -> bool,
}

/// What types are of.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    /// The project's name.
    pub project: &'a str,
    /// Names.
    pub names: &'a Names<'a>,
    /// Texts.
    pub sources: &'a SourceMap,
    /// Built-ins.
    pub library: &'a Library,
}

/// Types a program. For editors it notes what names mean; else the index is empty. What comes once `goes_on` has said no is of
/// no use.
#[must_use]
pub fn check<'a>(
    Texts { project, names, sources, library }: Texts<'a>,
    indexed: bool,
    goes_on: &'a dyn Fn() -> bool,
) -> (Program, Vec<Diagnostic>, Index) {
    let mut checker = Checker {
        names,
        sources,
        library,
        diagnostics: Vec::new(),
        program: Program { project: project.to_owned(), ..Program::default() },
        globals: HashMap::new(),
        used: HashSet::new(),
        entered: Vec::new(),
        calls: Unfolding::default(),
        aliases: Unfolding::default(),
        told_unfolded: false,
        circular: HashSet::new(),
        of_one_stream: Vec::new(),
        step_at: None,
        listened: Vec::new(),
        topics: HashMap::new(),
        file_index: Vec::new(),
        open_keys: HashSet::new(),
        ids: HashMap::new(),
        by_primaries: HashMap::new(),
        by_code: HashMap::new(),
        by_number: HashMap::new(),
        broken_fields: HashMap::new(),
        published: HashMap::new(),
        missed: HashSet::new(),
        trace: None,
        goes_on,
    };
    if indexed {
        checker.begin_trace();
    }
    checker.list_files();
    checker.heads();
    checker.bodies();
    checker.definitions();
    let errors = checker.diagnostics.iter().any(|diagnostic| diagnostic.severity() == nsf_diagnostics::Severity::Error);
    checker.program.complete = !errors;
    let index = checker.trace.take().map(|trace| trace.into_index()).unwrap_or_default();
    (checker.program, checker.diagnostics, index)
}

impl<'a> Checker<'a> {
    fn list_files(&mut self) {
        for module in &self.names.modules {
            self.file_index.push(self.program.files.len() as u32);
            if !module.standard {
                self.program.files.push(ModuleFile {
                    file: module.file,
                    module: module.name.clone(),
                    path: module.path.clone(),
                });
            }
        }
    }

    /// Every item of the project that `accept` takes, in order.
    fn items(&self, accept: impl Fn(&ItemKind) -> bool) -> Vec<ItemRef> {
        let mut found = Vec::new();
        for (module, content) in self.names.modules.iter().enumerate().filter(|(_, module)| !module.standard) {
            for (item, declared) in content.ast.items.iter().enumerate() {
                if accept(&declared.kind) {
                    found.push(ItemRef { module: module as u32, item: item as u32 });
                }
            }
        }
        found
    }

    fn heads(&mut self) {
        self.run(&[
            Self::type_items,
            Self::tenants,
            Self::mappings,
            Self::spaces,
            Self::primaries,
            Self::dimensions,
            Self::fields,
            Self::states,
            Self::stream_heads,
        ]);
    }

    fn bodies(&mut self) {
        self.run(&[
            Self::constant_items,
            Self::function_items,
            Self::ingests,
            Self::subscription_bodies,
            Self::flows,
            Self::listened_writers,
            Self::step_function_items,
            Self::closings,
            Self::monitors,
            Self::tests,
        ]);
    }

    fn run(&mut self, passes: &[fn(&mut Self)]) {
        for pass in passes {
            if self.goes_on() {
                pass(self);
            }
        }
    }

    /// Whether somebody still waits for the result. Passes that take long ask before each item.
    fn goes_on(&self) -> bool {
        (self.goes_on)()
    }

    /// Places an origin.
    #[must_use]
    pub fn origin(&self, module: u32, span: Span) -> Origin {
        let content = &self.names.modules[module as usize];
        let line = self.sources.get(content.file).map_or(0, |file| file.line_index(span.start) as u32 + 1);
        let file = self.file_index.get(module as usize).copied().unwrap_or(0);
        Origin { file: if content.standard { 0 } else { file }, line }
    }

    /// The place of a span in a module.
    #[must_use]
    pub fn at(&self, module: u32, span: Span) -> Location {
        span.in_file(self.names.modules[module as usize].file)
    }

    /// Begins unfolding an item; reports and refuses where it is being unfolded already.
    pub fn enter(&mut self, item: ItemRef, what: &str, name: &str, at: Location) -> bool {
        if self.entered.contains(&item) {
            // One circle is one mistake, however many of its items are looked at.
            if !self.circular.contains(&item) {
                self.diagnostics.push(message::recursive(at, what, name));
            }
            self.circular.extend(self.entered.iter().copied());
            return false;
        }
        self.entered.push(item);
        true
    }

    /// Takes back what was reported since `count`: mistakes that are reported where they stand. A circle is reported
    /// where it is met, so it stays.
    pub(super) fn forget(&mut self, count: usize) {
        let later = self.diagnostics.split_off(count.min(self.diagnostics.len()));
        self.diagnostics.extend(later.into_iter().filter(|found| found.code.id == "E0312"));
    }

    /// Notes a name that nothing declares or makes; says whether it is the first time. What is met while something is
    /// unfolded is not noted: it is reported where it stands, which may be later.
    pub(super) fn miss(&mut self, module: u32, name: &str) -> bool {
        let key = (module, name.into());
        if self.calls.is_open() { !self.missed.contains(&key) } else { self.missed.insert(key) }
    }

    /// Whether the call or constant at hand has not become too much.
    pub(super) const fn may_unfold(&self) -> bool {
        self.calls.may_go_on(self.told_unfolded)
    }

    /// How the call or constant at hand became too much, where it did.
    pub(super) const fn too_much_unfolded(&self) -> Option<TooMuch> {
        self.calls.too_much(self.told_unfolded)
    }

    /// Reports a name that became too much: the first of the program, which is mostly the cause of others.
    pub(super) fn report_unfolded(&mut self, location: Location, what: &str, name: &str, why: TooMuch) {
        if !std::mem::replace(&mut self.told_unfolded, true) {
            self.diagnostics.push(message::too_much_unfolded(location, what, name, why));
        }
    }

    /// Ends unfolding an item.
    pub fn leave(&mut self, item: ItemRef) {
        self.entered.retain(|entered| *entered != item);
    }

    /// A mapping's id and types.
    #[must_use]
    pub fn mapping(&self, item: ItemRef) -> Option<(MappingId, Type, Type)> {
        let Global::Mapping(id) = *self.globals.get(&item)? else { return None };
        let mapping = &self.program.mappings[id.index()].value;
        Some((id, mapping.from.clone(), mapping.to.clone()))
    }

    /// Whether an item is one whose rows are loaded.
    #[must_use]
    pub fn is_row_item(&self, item: ItemRef) -> bool {
        matches!(self.globals.get(&item), Some(Global::State(_) | Global::Table(_) | Global::Dimension(_)))
    }

    /// The fields of a row that can be loaded.
    #[must_use]
    pub fn row_fields(&self, target: HandleTarget) -> Vec<RowField> {
        let plain = |name: &str, ty: &Type| RowField { name: name.to_owned(), ty: ty.clone(), empty: None };
        match target {
            HandleTarget::State(id) => {
                self.program.states[id.index()].value.fields.iter().map(|field| plain(&field.name, &field.ty)).collect()
            }
            HandleTarget::Table(id) => {
                let fields = &self.program.tables[id.index()].value.encoding.fields;
                fields.iter().map(|field| plain(&field.name, &field.ty)).collect()
            }
            HandleTarget::Dimension(id) => self.program.dimensions[id.index()]
                .value
                .fields
                .iter()
                .map(|field| RowField {
                    name: field.name.clone(),
                    ty: field.ty.clone().nullable(),
                    empty: field.empty.clone(),
                })
                .collect(),
        }
    }

    /// The keys of a row that can be loaded.
    #[must_use]
    pub fn row_keys(&self, target: HandleTarget) -> Vec<(String, Type)> {
        match target {
            HandleTarget::State(id) => self.program.states[id.index()].value.keys.clone(),
            HandleTarget::Table(id) => {
                let table = &self.program.tables[id.index()].value;
                let field = |index: &u32| table.encoding.fields.get(*index as usize);
                table.key.iter().filter_map(field).map(|field| (field.name.clone(), field.ty.clone())).collect()
            }
            HandleTarget::Dimension(id) => self.program.dimensions[id.index()].value.keys.clone(),
        }
    }

    /// Whether it is an access or a call that fails where it finds nothing, for which a writer may expect null.
    #[must_use]
    pub fn fails_without_value(&self, expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Index(..) | ExprKind::Call(..)) && self.node_may_fail(expr)
    }

    /// Whether an expression may fail, so that its record would be rejected.
    #[must_use]
    pub fn may_fail(&self, expr: &Expr) -> bool {
        let mut fails = false;
        expr.walk(&mut |part| fails |= self.node_may_fail(part));
        fails
    }

    /// Whether the outermost operation may fail.
    #[must_use]
    pub fn node_may_fail(&self, expr: &Expr) -> bool {
        use nsf_plan::BinaryOperator as B;
        match &expr.kind {
            ExprKind::Binary(operator, ..) => {
                matches!(operator, B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder)
            }
            ExprKind::Negate(_) | ExprKind::Reject(_) => true,
            ExprKind::Index(object, _) => matches!(object.ty.non_null(), Type::List(_)),
            ExprKind::Mapping(id, _) => {
                let mapping = self.program.mappings.get(id.index());
                mapping.is_some_and(|mapping| mapping.value.otherwise == nsf_plan::MappingElse::Reject)
            }
            ExprKind::Call(signature, _) => self.library.signature(signature).is_some_and(|found| found.fallible),
            _ => false,
        }
    }

    /// The diagnostic of a name that two imports bring in.
    #[must_use]
    pub fn ambiguous(&self, name: &str, first: ItemRef, second: ItemRef, location: Location) -> Diagnostic {
        NameError::Ambiguous {
            name: name.to_owned(),
            candidates: [self.names.full_name(first), self.names.full_name(second)],
            location,
            declared: [self.names.location(first), self.names.location(second)],
        }
        .diagnostic()
    }

    /// Words for the function that makes a field of a name, for "a step before would make it".
    #[must_use]
    pub fn maker_of(&self, module: u32, field: &str) -> Option<String> {
        let own = &self.names.modules[module as usize];
        own.ast.items.iter().find_map(|item| match &item.kind {
            ItemKind::StepFunction(function) if function.outputs.iter().any(|output| output.name.text == field) => {
                Some(format!("`{}`", function.name.text))
            }
            _ => None,
        })
    }

    /// Notes every named thing and whether something uses it.
    fn definitions(&mut self) {
        for item in self.items(|kind| !matches!(kind, ItemKind::Use(_) | ItemKind::Fields(_) | ItemKind::Error { .. }))
        {
            let declared = self.names.item(item);
            let Some(name) = item_name(declared) else { continue };
            self.program.definitions.push(Definition {
                kind: item_word(declared),
                name: name.text.to_string(),
                location: self.at(item.module, name.span),
                item: self.at(item.module, declared.span),
                used: self.used.contains(&item),
            });
        }
    }
}
