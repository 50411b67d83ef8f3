//! What is said of a name that declares something, or names it.

use nsf_analysis::LIBRARY;
use nsf_analysis::index::{SymbolKind, Use};
use nsf_analysis::names::item_word;
use nsf_analysis::types::type_text;
use nsf_diagnostics::{Location, Span};
use nsf_plan::{HandleTarget, Literal, State};
use nsf_syntax::ast::{Item, ItemKind};

use super::{Hovered, code_and};
use crate::declared::Declared;
use crate::{markup, signature};

impl Hovered<'_, '_> {
    pub(super) fn symbol(&self, offset: u32) -> Option<(Span, String)> {
        let index = &self.known.analysis.index;
        // The name of a field says more than that of the key it is bound to.
        let own = index.at(self.known.file, offset).max_by_key(|own| own.ty.is_some())?;
        Some((own.at.span, self.of(own)?))
    }

    fn of(&self, own: &Use) -> Option<String> {
        let name = self.known.analysis.sources.text(own.symbol);
        let Some(declared) = self.known.declared(own.symbol) else { return builtin(name) };
        Some(match declared {
            Declared::Item(item) => self.item(item, own.symbol),
            Declared::Field(item, field) => {
                let mut code = format!("{name}: {}", type_text(&field.ty));
                if let Some(from) = &field.from {
                    code.push_str(&format!(" from \"{}\"", from.value));
                }
                if let Some(default) = &field.default {
                    code.push_str(&format!(" = {}", self.text(default.span.in_file(own.symbol.file))));
                }
                let owner = format!("field of {}", owner(item));
                code_and(&code, &[self.narrowed(own), owner, markup::docs(&field.docs)])
            }
            Declared::DimensionField(item, field) => {
                let mut code = format!("{name}: {}", type_text(&field.ty));
                if let Some(label) = &field.label {
                    code.push_str(&format!(" \"{}\"", label.value));
                }
                if field.derived.is_some() {
                    code.push_str(" derived");
                }
                let facts = self.dimension_field(own.symbol);
                let owner = format!("field of {}", owner(item));
                code_and(&code, &[self.narrowed(own), owner, facts, markup::docs(&field.docs)])
            }
            Declared::Parameter(item, parameter) => {
                let word = match self.known.analysis.index.symbol(own.symbol).map(|symbol| symbol.kind) {
                    Some(SymbolKind::Output) => "output",
                    _ => "input",
                };
                let code = format!("{name}: {}", type_text(&parameter.ty));
                code_and(&code, &[self.narrowed(own), format!("{word} of {}", owner(item))])
            }
            Declared::Inner(item) => self.inner(own, name, item)?,
        })
    }

    fn item(&self, item: &Item, at: Location) -> String {
        let code = self
            .known
            .analysis
            .sources
            .get(at.file)
            .map(|source| signature::declaration(item, &source.text))
            .unwrap_or_default();
        let module = self.known.module(at.file);
        let from = if at.file == self.known.file { String::new() } else { format!("{} of {module}", item_word(item)) };
        code_and(&code, &[from, self.facts(item, at), markup::docs(&item.docs)])
    }

    /// What an item became.
    fn facts(&self, item: &Item, at: Location) -> String {
        let dag = &self.known.analysis.dag;
        if let ItemKind::Flow(flow) = &item.kind {
            let from: Vec<&str> = flow.from.iter().map(|name| name.text.as_str()).collect();
            return format!("reads {}; {} steps", from.join(", "), flow.body.steps.len());
        }
        match self.known.row_at(at) {
            Some(HandleTarget::State(id)) => dag.state(id).map(|own| state(&own.value)).unwrap_or_default(),
            Some(HandleTarget::Table(id)) => {
                let keys = self.known.row(HandleTarget::Table(id)).into_iter().filter(|own| own.is_key);
                let keys: Vec<String> = keys.map(|own| format!("{}: {}", own.name, own.ty)).collect();
                let from = dag.table(id).and_then(|own| self.connection_of(own.value.from));
                join(&[format!("a row by {}", keys.join(", ")), from.unwrap_or_default()])
            }
            Some(HandleTarget::Dimension(id)) => {
                let row = self.known.row(HandleTarget::Dimension(id));
                let fields: Vec<String> =
                    row.iter().filter(|own| !own.is_key).map(|own| format!("{}: {}", own.name, own.ty)).collect();
                join(&[format!("fields: {}", fields.join(", "))])
            }
            None => self.stream(at).unwrap_or_default(),
        }
    }

    fn stream(&self, at: Location) -> Option<String> {
        let dag = &self.known.analysis.dag;
        let sources = (0..dag.index.sources.len() as u32).filter_map(|id| dag.source(nsf_plan::SourceId(id)));
        let source = sources.into_iter().find(|own| own.name == at);
        let ingests = (0..dag.index.ingests.len() as u32).filter_map(|id| dag.ingest(nsf_plan::IngestId(id)));
        let topic = match source {
            Some(source) => source.value.from,
            None => ingests.into_iter().find(|own| own.name == at)?.value.from,
        };
        self.connection_of(topic)
    }

    /// Where a topic is, in words.
    fn connection_of(&self, topic: nsf_plan::TopicId) -> Option<String> {
        let connector = &self.known.analysis.dag.topic(topic)?.value.connector;
        let summary = nsf_plan::connector::descriptor(&connector.kind).map_or("", |own| own.summary);
        let name = if connector.name.is_empty() {
            connector.kind.clone()
        } else {
            format!("{} `{}`", connector.kind, connector.name)
        };
        let at = self.place.connection(&connector.kind, connector.cluster.as_deref());
        Some(join(&[format!("{name}: {summary}"), at.unwrap_or_default()]))
    }

    fn dimension_field(&self, at: Location) -> String {
        let dag = &self.known.analysis.dag;
        let ids = (0..dag.index.dimensions.len() as u32).map(nsf_plan::DimensionId);
        let found = ids.filter_map(|id| dag.dimension(id)).find_map(|own| {
            let index = own.fields.iter().position(|field| field.name == at)?;
            let part = own.part.value.fields.get(index)?;
            let written = own.fields.get(index)?.number.is_some();
            Some((part.id, written, part.empty.is_some()))
        });
        let Some((id, written, has_empty)) = found else { return String::new() };
        let number = match (id, written) {
            (0, _) => "no number yet: `nsfc check --fix` gives it one".to_owned(),
            (id, true) => format!("field id {id}"),
            (id, false) => format!("field id {id}, of nsf.lock"),
        };
        let empty = if has_empty { "has a value for readers while it is empty" } else { "" };
        join(&[number, empty.to_owned()])
    }

    pub(super) fn field_number(&self, at: Span) -> Option<String> {
        let index = &self.known.analysis.index;
        // The name that the number is of stands before it.
        let before = index.in_file(self.known.file).filter(|own| own.at.span.end <= at.start && own.at == own.symbol);
        let facts = self.dimension_field(before.last()?.at);
        (!facts.is_empty()).then_some(facts)
    }

    /// What is declared in the body of an item.
    fn inner(&self, own: &Use, name: &str, item: &Item) -> Option<String> {
        let symbol = self.known.analysis.index.symbol(own.symbol)?;
        let ty = own.ty.as_ref().or(symbol.ty.as_ref()).map(ToString::to_string);
        let typed = ty.map_or_else(|| name.to_owned(), |ty| format!("{name}: {ty}"));
        Some(match symbol.kind {
            SymbolKind::Local => code_and(&format!("let {typed}"), &[format!("local to a step of {}", owner(item))]),
            SymbolKind::Field => code_and(&typed, &[self.narrowed(own), format!("made in {}", owner(item))]),
            SymbolKind::Row => code_and(&format!("as {name}"), &[format!("a row that is loaded in {}", owner(item))]),
            SymbolKind::Label => code_and(&format!("{name}:"), &["a label that steps above jump to".to_owned()]),
            SymbolKind::Alias => code_and(&format!("as {name}"), &["another name of a module".to_owned()]),
            SymbolKind::Member => code_and(&typed, &["member of a record".to_owned()]),
            SymbolKind::StateKey => code_and(&typed, &[format!("key of {}", owner(item))]),
            _ => code_and(&typed, &[owner(item)]),
        })
    }

    /// The type here, where it is another one than was declared.
    fn narrowed(&self, own: &Use) -> String {
        let declared = self.known.analysis.index.symbol(own.symbol).and_then(|symbol| symbol.ty.as_ref());
        match (&own.ty, declared) {
            (Some(here), Some(declared)) if here != declared => format!("here `{here}`"),
            (Some(here), None) => format!("here `{here}`"),
            _ => String::new(),
        }
    }

    pub(super) fn text(&self, at: Location) -> &str {
        self.known.analysis.sources.text(at)
    }
}

fn join(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n\n")
}

pub(super) fn owner(item: &Item) -> String {
    let name = match &item.kind {
        ItemKind::Fields(own) => return format!("dimension {}", own.dimension.text),
        _ => nsf_analysis::names::item_name(item).map(|name| name.text.as_str()).unwrap_or_default(),
    };
    format!("{} {name}", item_word(item))
}

fn builtin(name: &str) -> Option<String> {
    let forms = LIBRARY.functions.get(name)?;
    let code: Vec<String> = forms.iter().map(signature::builtin).collect();
    let first = forms.first()?;
    let fails = if forms.iter().any(|own| own.fallible) {
        "It may fail: what nothing catches rejects the record.".to_owned()
    } else {
        String::new()
    };
    Some(code_and(&code.join("\n"), &[markup::docs(&first.docs), fails, format!("of {}", first.module)]))
}

fn state(own: &State) -> String {
    let named = |(name, ty): &(String, nsf_plan::Type)| format!("{name}: {ty}");
    let keys: Vec<String> = own.keys.iter().map(named).collect();
    let fields: Vec<String> =
        own.fields.iter().map(|own| format!("{}: {}{}", own.name, own.ty, default(&own.default))).collect();
    let keep = match (own.keep, &own.closes) {
        (Some(keep), _) => format!("kept for {} after its last save", super::literals::duration_words(keep)),
        (None, Some(_)) => "ends when its window closes".to_owned(),
        (None, None) => "kept for ever".to_owned(),
    };
    let store = own
        .store
        .as_ref()
        .map_or("the profile's default store".to_owned(), |own| format!("{} `{}`", own.kind, own.name));
    join(&[
        format!("key: `{}`", keys.join(", ")),
        format!("value: `{{ {} }}`", fields.join(", ")),
        format!("{keep}; stored in {store}"),
    ])
}

fn default(literal: &Literal) -> String {
    match literal {
        Literal::Integer(value) => format!(" = {value}"),
        Literal::Bool(value) => format!(" = {value}"),
        Literal::Text(value) => format!(" = \"{value}\""),
        _ => String::new(),
    }
}
