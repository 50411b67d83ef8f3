//! Completion: what may stand at the cursor, the likeliest first.
//!
//! | file | holds |
//! |---|---|
//! | `context`, `frames` | where the cursor stands, from the tokens before it |
//! | `items` | what stands in column 0, heads of items, types, `use` |
//! | `settings` | settings of items and their values |
//! | `steps`, `bodies` | steps, and what stands in their brackets |
//! | `expressions`, `expected` | values: names in scope, members, functions, by the type that is due |
//! | `tests` | the clauses of tests |
//! | `candidate` | what is proposed, and in which order |

mod bodies;
mod candidate;
pub(crate) mod context;
mod expected;
mod expressions;
pub(crate) mod frames;
mod items;
mod settings;
mod steps;
mod tests;

use std::cell::Cell;

use gen_lsp_types::{self as lsp, CompletionItemKind};
use nsf_analysis::index::ScopeName;
use nsf_plan::HandleTarget;
use nsf_syntax::ast::{Item, ItemKind, SettingsKeyword};

use self::candidate::{Candidate, Rank};
use self::context::{Context, Inside};
use self::frames::Kind;
use crate::infer::Infer;
use crate::known::{Known, Named, RowField};
use crate::signature;
use crate::view::Place;

/// What may stand at the cursor.
pub(crate) fn complete(place: &Place<'_>, params: &lsp::CompletionParams) -> lsp::CompletionList {
    let offset = place.view.offset(params.text_document_position_params.position);
    let context = Context::of(place.view.text(), offset);
    let known = Known { analysis: place.analysis, file: place.file };
    let scope = scope_at(place, known, &context);
    let completion = Completion { known, scope, context: &context, is_part: Cell::new(false) };
    let mut found = completion.all();
    found.sort_by_key(|own| own.rank);
    let mut seen = std::collections::HashSet::new();
    found.retain(|own| seen.insert(own.label.clone()));
    let range = place.view.range(context.word);
    let items = found.into_iter().enumerate().map(|(order, own)| own.item(place.view, range, order)).collect();
    lsp::CompletionList { is_incomplete: completion.is_part.get(), items, ..lsp::CompletionList::default() }
}

/// How many items are proposed that need a `use`.
const ELSEWHERE: usize = 100;

/// Whether a name has the letters that were typed, in their order.
fn may_become(name: &str, typed: &str) -> bool {
    let mut letters = name.chars().map(|letter| letter.to_ascii_lowercase());
    typed.chars().all(|typed| letters.any(|letter| letter == typed.to_ascii_lowercase()))
}

/// What is in scope for the statement at the cursor.
pub(crate) fn scope_at<'s>(place: &Place<'s>, known: Known<'s>, context: &Context<'_>) -> &'s [ScopeName] {
    let start = context.frames.iter().rev().find(|frame| {
        matches!(frame.kind, Kind::Steps | Kind::Assignments | Kind::Settings)
            || (frame.kind == Kind::Head && matches!(context.keyword(), "fn" | "const"))
            || (matches!(frame.kind, Kind::Checks | Kind::Operations) && context.keyword() != "flow")
    });
    let Some(frame) = start else { return &[] };
    // An item that was just begun is not known yet.
    let item = context.tokens.first().map(|token| place.before(token.span.start));
    let is_known = item.is_some_and(|item| known.item_around(item).is_some_and(|own| own.span.start == item));
    if !is_known {
        return &[];
    }
    let is_new = context.frame().open == frame.open && context.begins();
    let token = context.tokens.get(frame.statement).filter(|_| !is_new);
    let start = token.map_or(context.word.start, |token| token.span.start);
    known.scope(place.before(start), place.before(context.word.start))
}

/// A sentence on a word that starts an item, a step or a check; none on others.
pub(crate) fn word_docs(word: &str) -> Option<&'static str> {
    items::docs(word).or_else(|| steps::docs(word))
}

/// A sentence on a step or a check.
pub(crate) fn step_docs(word: &str) -> Option<&'static str> {
    steps::docs(word)
}

/// A sentence on a setting of an item.
pub(crate) fn setting_docs(keyword: &str, name: &str) -> Option<&'static str> {
    settings::settings_of(keyword).iter().find(|(own, ..)| *own == name).map(|(_, docs, _)| *docs)
}

/// A sentence on a built-in type.
pub(crate) fn type_docs(name: &str) -> Option<&'static str> {
    items::type_docs(name)
}

/// What is proposed at a cursor.
pub(crate) struct Completion<'c, 's> {
    known: Known<'s>,
    context: &'c Context<'c>,
    scope: &'s [ScopeName],
    /// Whether there is more than is proposed.
    is_part: Cell<bool>,
}

impl<'s> Completion<'_, 's> {
    fn all(&self) -> Vec<Candidate> {
        match self.context.inside {
            Inside::Nothing => Vec::new(),
            Inside::Text(_) => self.in_text(),
            Inside::Code => self.in_code(),
        }
    }

    fn in_code(&self) -> Vec<Candidate> {
        let context = self.context;
        let start = context.word.start as usize;
        if start == 0 || context.text.as_bytes().get(start - 1) == Some(&b'\n') {
            return items::all();
        }
        let kind = context.frame().kind;
        let is_path = matches!(kind, Kind::Map | Kind::Settings | Kind::Head) && !context.follows_operand();
        let after_dot = matches!(context.before(0), "." | "?.");
        if after_dot && !(is_path && self.has_own_dots()) {
            return self.members();
        }
        match kind {
            Kind::Head => self.head(),
            Kind::UseNames => self.names_of_module(),
            Kind::Keys => self.keys(),
            Kind::Settings | Kind::FieldSettings => self.setting(),
            Kind::Parameters | Kind::Fields | Kind::DimensionFields => self.declared_field(),
            Kind::Map => self.mapped(),
            Kind::MappingArms => self.mapping_arm(),
            Kind::Steps => self.step(),
            Kind::Checks => self.check(),
            Kind::Assignments => self.assignment(),
            Kind::Operations => self.operation(),
            Kind::Entries => self.entry(),
            Kind::Clauses => self.clause(),
            Kind::Row => self.row_of_test(),
            Kind::Bindings => self.binding(),
            Kind::Outputs => self.outputs(),
            Kind::Arguments => self.argument(),
            Kind::Arms => self.arm(),
            Kind::Index | Kind::Record | Kind::List | Kind::Paren => self.expression(),
        }
    }

    /// Whether a dot here is no member's: of a path, or between a dimension and its field.
    fn has_own_dots(&self) -> bool {
        let context = self.context;
        context.keyword() == "use"
            || context.frame().kind == Kind::Map
            || (context.keyword() == "subscription" && context.at(context.statement()) == "listen")
    }

    fn infer(&self) -> Infer<'s> {
        Infer { known: self.known, scope: self.scope }
    }

    /// The items of some kinds that the file sees, then others whose names the word may become, up to a number: who works in a
    /// large project looks for few of its items.
    fn items(&self, is_due: impl Fn(&ItemKind) -> bool) -> Vec<Named<'s>> {
        let seen = self.known.seen();
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for own in self.known.items().filter(|own| is_due(&own.item.kind)) {
            if seen.contains(&own.file) {
                found.push(own);
            } else if others.len() < ELSEWHERE && may_become(&own.name.text, self.context.typed) {
                others.push(own);
            } else {
                self.is_part.set(true);
            }
        }
        found.append(&mut others);
        found
    }

    /// The items of some kinds as proposals.
    fn named(&self, kind: CompletionItemKind, rank: Rank, is_due: impl Fn(&ItemKind) -> bool) -> Vec<Candidate> {
        let items = self.items(is_due).into_iter();
        items
            .map(|own| {
                let mut candidate = self.candidate_of(&own, rank);
                candidate.kind = kind;
                candidate
            })
            .collect()
    }

    /// An item as a proposal; one that is not in use brings its `use` along.
    fn candidate_of(&self, own: &Named<'_>, rank: Rank) -> Candidate {
        let kind = match &own.item.kind {
            ItemKind::Const(_) => CompletionItemKind::Constant,
            ItemKind::Type(_) => CompletionItemKind::Struct,
            ItemKind::Function(_) | ItemKind::StepFunction(_) | ItemKind::Builtin(_) => CompletionItemKind::Function,
            ItemKind::Mapping(_) => CompletionItemKind::Enum,
            ItemKind::Dimension(_) | ItemKind::Fields(_) => CompletionItemKind::Class,
            ItemKind::Primary(_) => CompletionItemKind::Field,
            ItemKind::Flow(_) => CompletionItemKind::Event,
            _ => CompletionItemKind::Module,
        };
        Candidate::new(own.name.text.as_str(), kind, rank)
            .detail(self.detail(own.item, own.file))
            .docs(&own.item.docs)
            .import(self.known.import_of(own))
    }

    fn detail(&self, item: &Item, file: nsf_diagnostics::FileId) -> String {
        match &item.kind {
            ItemKind::Function(_) | ItemKind::StepFunction(_) | ItemKind::Mapping(_) => {
                let text = self.known.analysis.sources.get(file);
                text.map(|source| signature::declaration(item, &source.text)).unwrap_or_default()
            }
            _ => {
                let text = self.known.analysis.sources.get(file);
                text.map(|source| signature::head(item.span.text(&source.text))).unwrap_or_default()
            }
        }
    }

    fn settings_items(&self, keywords: &[SettingsKeyword]) -> Vec<Candidate> {
        self.named(CompletionItemKind::Module, Rank::Due, |kind| match kind {
            ItemKind::Settings(own) => keywords.contains(&own.keyword),
            _ => false,
        })
    }

    fn dimensions(&self) -> Vec<Candidate> {
        let mut found = self.named(CompletionItemKind::Class, Rank::Due, |kind| matches!(kind, ItemKind::Dimension(_)));
        found.retain(|own| !self.is_written(&own.label));
        found
    }

    fn flows(&self) -> Vec<Candidate> {
        let own = self.context.at(1);
        let is_flow = |kind: &ItemKind| matches!(kind, ItemKind::Flow(flow) if flow.name.text != own);
        self.named(CompletionItemKind::Event, Rank::Near, is_flow)
    }

    /// The keys of a dimension or state.
    fn keys(&self) -> Vec<Candidate> {
        let mut found = self.named(CompletionItemKind::Field, Rank::Due, |kind| matches!(kind, ItemKind::Primary(_)));
        if self.context.keyword() == "state" {
            for own in self.known.seen().into_iter().flat_map(|file| self.known.items_of(file)) {
                let fields = self.stream_fields(&own).into_iter().flatten();
                found.extend(fields.map(|(name, ty)| {
                    let detail = format!("{ty}, {}", own.name.text);
                    Candidate::new(name, CompletionItemKind::Field, Rank::Near).detail(detail)
                }));
            }
        }
        found.retain(|own| !self.is_written(&own.label));
        found
    }

    /// The fields of a source, by its item.
    fn stream_fields(&self, own: &Named<'_>) -> Option<Vec<(String, String)>> {
        let dag = &self.known.analysis.dag;
        let mut sources = (0..dag.index.sources.len() as u32).filter_map(|id| dag.source(nsf_plan::SourceId(id)));
        let source = sources.find(|source| source.name == own.location())?;
        let fields = source.value.encoding.fields.iter();
        Some(fields.map(|field| (field.name.clone(), field.ty.to_string())).collect())
    }

    fn row_field(&self, own: &RowField, target: HandleTarget) -> Candidate {
        let owner = self.known.row_item(target);
        let name = owner.map(|at| self.known.analysis.sources.text(at)).unwrap_or_default();
        let word = if own.is_key { "key of " } else { "" };
        Candidate::new(own.name.as_str(), CompletionItemKind::Field, Rank::Due)
            .detail(format!("{}, {word}{name}", own.ty))
            .docs(owner.map(|at| self.known.field_docs(at, &own.name)).unwrap_or_default())
    }

    /// The names that stand in the first argument of a connector.
    fn in_text(&self) -> Vec<Candidate> {
        let context = self.context;
        let kind = context.before(1);
        if context.before(0) != "(" || !context::is_connector(kind) {
            return Vec::new();
        }
        let dag = &self.known.analysis.dag;
        let topics = (0..dag.index.topics.len() as u32).filter_map(|id| dag.topic(nsf_plan::TopicId(id)));
        let topics = topics.filter(|own| own.value.connector.kind == kind && !own.value.internal);
        topics
            .filter(|own| !own.value.connector.name.is_empty())
            .map(|own| {
                let uses = match (own.value.read, own.value.written) {
                    (true, true) => "read and written",
                    (true, false) => "read",
                    _ => "written",
                };
                Candidate::new(own.value.connector.name.as_str(), CompletionItemKind::Value, Rank::Due)
                    .detail(format!("{kind}, {uses} by this project"))
            })
            .collect()
    }
}
