//! The items of a document, for outlines and breadcrumbs.

use gen_lsp_types::{
    BaseSymbolInformation, DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Location, SymbolInformation,
    SymbolKind, Uri,
};
use nsf_diagnostics::Span;
use nsf_syntax::ast::{FunctionKind, Item, ItemKind, Name, SettingValue, SettingsKeyword};

use crate::view::View;

/// The items with the fields that they declare; one behind the other for a client that knows no names inside of names.
pub(crate) fn symbols(view: View<'_>, params: &DocumentSymbolParams) -> DocumentSymbolResponse {
    let symbols = outline(view);
    if view.client.nests {
        return symbols.into();
    }
    let mut flat = Vec::new();
    flatten(symbols, None, &params.text_document.uri, &mut flat);
    flat.into()
}

#[allow(deprecated, reason = "the field is part of the protocol's form")]
fn flatten(symbols: Vec<DocumentSymbol>, inside: Option<&str>, uri: &Uri, flat: &mut Vec<SymbolInformation>) {
    for own in symbols {
        flat.push(SymbolInformation {
            deprecated: None,
            location: Location { uri: uri.clone(), range: own.range },
            base_symbol_information: BaseSymbolInformation {
                name: own.name.clone(),
                kind: own.kind,
                tags: None,
                container_name: inside.map(str::to_owned),
            },
        });
        flatten(own.children.unwrap_or_default(), Some(&own.name), uri, flat);
    }
}

/// The items of any text with the fields that they declare.
pub(crate) fn outline(view: View<'_>) -> Vec<DocumentSymbol> {
    let outline = Outline { view };
    view.tree().items.iter().filter_map(|item| outline.item(item)).collect()
}

struct Outline<'s> {
    view: View<'s>,
}

impl Outline<'_> {
    fn item(&self, item: &Item) -> Option<DocumentSymbol> {
        let own = |name: &Name, kind, detail: &str, children| self.symbol(name, item.span, kind, detail, children);
        Some(match &item.kind {
            ItemKind::Use(_) | ItemKind::Error { .. } => return None,
            ItemKind::Const(one) => own(&one.name, SymbolKind::Constant, "const", Vec::new()),
            ItemKind::Type(one) => own(&one.name, SymbolKind::Struct, "type", Vec::new()),
            ItemKind::Function(one) => own(&one.name, SymbolKind::Function, "fn", Vec::new()),
            ItemKind::Builtin(one) => own(&one.name, SymbolKind::Function, "builtin fn", Vec::new()),
            ItemKind::Mapping(one) => own(&one.name, SymbolKind::Enum, "mapping", Vec::new()),
            ItemKind::Primary(one) => own(&one.name, SymbolKind::Key, "primary", Vec::new()),
            ItemKind::Dimension(one) => own(&one.name, SymbolKind::Class, "dimension", Vec::new()),
            ItemKind::Fields(one) => {
                let field = |field: &nsf_syntax::ast::DimensionField| {
                    self.symbol(&field.name, field.span, SymbolKind::Field, "", Vec::new())
                };
                own(&one.dimension, SymbolKind::Class, "fields", one.fields.iter().map(field).collect())
            }
            ItemKind::Settings(one) => {
                let (kind, detail) = settings(one.keyword);
                let fields = one.settings.iter().filter_map(|setting| match &setting.value {
                    SettingValue::Fields(fields) => Some(fields),
                    _ => None,
                });
                let field = |field: &nsf_syntax::ast::FieldDeclaration| {
                    self.symbol(&field.name, field.name.span, SymbolKind::Field, "", Vec::new())
                };
                own(&one.name, kind, detail, fields.flatten().map(field).collect())
            }
            ItemKind::StepFunction(one) => {
                let detail = match one.kind {
                    FunctionKind::Verify => "verify",
                    FunctionKind::Load => "load",
                    FunctionKind::Calculate => "calculate",
                    FunctionKind::Save => "save",
                    FunctionKind::Expand => "expand",
                };
                own(&one.name, SymbolKind::Function, detail, Vec::new())
            }
            ItemKind::Flow(one) => own(&one.name, SymbolKind::Event, "flow", Vec::new()),
            ItemKind::Test(one) => {
                let name = one.title.span.text(self.view.text()).trim_matches('"').to_owned();
                self.named(name, one.title.span, item.span, SymbolKind::Method, "test", Vec::new())
            }
        })
    }

    fn symbol(
        &self,
        name: &Name,
        span: Span,
        kind: SymbolKind,
        detail: &str,
        children: Vec<DocumentSymbol>,
    ) -> DocumentSymbol {
        self.named(name.text.to_string(), name.span, span, kind, detail, children)
    }

    #[allow(deprecated, reason = "the field is part of the protocol's form")]
    fn named(
        &self,
        name: String,
        at: Span,
        whole: Span,
        kind: SymbolKind,
        detail: &str,
        children: Vec<DocumentSymbol>,
    ) -> DocumentSymbol {
        DocumentSymbol {
            // Editors show nothing at all where one has no name.
            name: if name.is_empty() { "?".to_owned() } else { name },
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
            kind,
            tags: None,
            deprecated: None,
            range: self.view.range(whole.to(at)),
            selection_range: self.view.range(at),
            children: (!children.is_empty()).then_some(children),
        }
    }
}

const fn settings(keyword: SettingsKeyword) -> (SymbolKind, &'static str) {
    match keyword {
        SettingsKeyword::Tenant => (SymbolKind::Namespace, "tenant"),
        SettingsKeyword::Space => (SymbolKind::Namespace, "space"),
        SettingsKeyword::Source => (SymbolKind::Interface, "source"),
        SettingsKeyword::Table => (SymbolKind::Array, "table"),
        SettingsKeyword::Ingest => (SymbolKind::Interface, "ingest"),
        SettingsKeyword::Subscription => (SymbolKind::Interface, "subscription"),
        SettingsKeyword::State => (SymbolKind::Object, "state"),
        SettingsKeyword::Monitor => (SymbolKind::Event, "monitor"),
    }
}
