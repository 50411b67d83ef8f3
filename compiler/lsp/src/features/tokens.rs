//! What names, numbers and addresses are, for editors that colour by meaning: as their position in the tree says it, and where it
//! says too little, as what they name. Words and comments are left to the editor's grammar.

use std::collections::HashMap;

use gen_lsp_types::{
    SemanticToken, SemanticTokenModifiers, SemanticTokenTypes, SemanticTokens, SemanticTokensLegend,
    SemanticTokensParams, SemanticTokensRangeParams,
};
use nsf_analysis::index::SymbolKind;
use nsf_diagnostics::{Location, Span};
use nsf_syntax::ast::{ExprKind, ItemKind, Literal, SettingsKeyword};
use nsf_syntax::walk::{NameKind, PartKind, walk};

use crate::known::Known;
use crate::position;
use crate::view::{Place, View};

/// The kinds in the order in which they are numbered.
const KINDS: [SemanticTokenTypes; 14] = [
    SemanticTokenTypes::Namespace,
    SemanticTokenTypes::Type,
    SemanticTokenTypes::Class,
    SemanticTokenTypes::Enum,
    SemanticTokenTypes::Interface,
    SemanticTokenTypes::Struct,
    SemanticTokenTypes::TypeParameter,
    SemanticTokenTypes::Parameter,
    SemanticTokenTypes::Variable,
    SemanticTokenTypes::Property,
    SemanticTokenTypes::Event,
    SemanticTokenTypes::Function,
    SemanticTokenTypes::Number,
    SemanticTokenTypes::Label,
];

/// Bits of the modifiers, in the order of the legend.
const DECLARATION: u32 = 1;
const READONLY: u32 = 2;

/// The names of kinds and modifiers.
pub(crate) fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: KINDS.iter().map(name).collect(),
        token_modifiers: [SemanticTokenModifiers::Declaration, SemanticTokenModifiers::Readonly]
            .iter()
            .map(name)
            .collect(),
    }
}

fn name(own: &impl serde::Serialize) -> String {
    serde_json::to_value(own).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Those of a document.
pub(crate) fn all(place: &Place<'_>, _: &SemanticTokensParams) -> SemanticTokens {
    within(place, Span::new(0, place.view.text().len() as u32))
}

/// Those of a range.
pub(crate) fn range(place: &Place<'_>, params: &SemanticTokensRangeParams) -> SemanticTokens {
    within(place, place.view.span(params.range))
}

/// What the names of the project mean.
struct Meanings<'p> {
    place: &'p Place<'p>,
    items: HashMap<Location, NameKind>,
}

impl<'p> Meanings<'p> {
    fn of(place: &'p Place<'p>) -> Self {
        let known = Known { analysis: place.analysis, file: place.file };
        let items = known.items().filter_map(|own| Some((own.location(), of_item(&own.item.kind)?))).collect();
        Self { place, items }
    }

    /// The kind of a name of which the position says too little.
    fn kind(&self, span: Span) -> Option<NameKind> {
        let index = &self.place.analysis.index;
        let own = index.at(self.place.file, span.start).find(|own| !own.label && own.at.span == span)?;
        Some(match index.symbol(own.symbol)?.kind {
            SymbolKind::Item => *self.items.get(&own.symbol)?,
            SymbolKind::Parameter => NameKind::Parameter,
            SymbolKind::Local | SymbolKind::Row => NameKind::Local,
            SymbolKind::Label => NameKind::Label,
            SymbolKind::Alias => NameKind::Module,
            _ => NameKind::Field,
        })
    }
}

const fn of_item(kind: &ItemKind) -> Option<NameKind> {
    Some(match kind {
        ItemKind::Const(_) => NameKind::Constant,
        ItemKind::Type(_) => NameKind::Type,
        ItemKind::Function(_) | ItemKind::Builtin(_) | ItemKind::StepFunction(_) => NameKind::Function,
        ItemKind::Mapping(_) => NameKind::Mapping,
        ItemKind::Primary(_) => NameKind::Field,
        ItemKind::Dimension(_) => NameKind::Dimension,
        ItemKind::Flow(_) => NameKind::Flow,
        ItemKind::Settings(own) => match own.keyword {
            SettingsKeyword::Tenant | SettingsKeyword::Space => NameKind::Space,
            SettingsKeyword::Source | SettingsKeyword::Ingest | SettingsKeyword::Subscription => NameKind::Stream,
            SettingsKeyword::Table | SettingsKeyword::State => NameKind::Store,
            SettingsKeyword::Monitor => NameKind::Monitor,
        },
        ItemKind::Error { .. } | ItemKind::Use(_) | ItemKind::Fields(_) | ItemKind::Test(_) => return None,
    })
}

fn within(place: &Place<'_>, asked: Span) -> SemanticTokens {
    let (view, meanings) = (place.view, Meanings::of(place));
    let mut found: Vec<(Span, SemanticTokenTypes, u32)> = Vec::new();
    walk(view.tree(), &mut |part| {
        let kind = match part.kind {
            PartKind::Name(kind, declares) => {
                let modifiers = if declares { DECLARATION } else { 0 };
                let meant = match kind {
                    NameKind::Item | NameKind::Value => meanings.kind(part.span).unwrap_or(kind),
                    kind => kind,
                };
                kind_of(meant).map(|(kind, more)| (kind, modifiers | more))
            }
            PartKind::Address => Some((SemanticTokenTypes::Event, 0)),
            PartKind::Expression(expr) => match &expr.kind {
                ExprKind::Literal(
                    Literal::Number(_) | Literal::Duration(_) | Literal::Timestamp(_) | Literal::Date(_),
                ) => Some((SemanticTokenTypes::Number, 0)),
                _ => None,
            },
            _ => None,
        };
        if let Some((kind, modifiers)) = kind
            && part.span.start < asked.end
            && asked.start < part.span.end
        {
            found.push((part.span, kind, modifiers));
        }
    });
    found.sort_by_key(|(span, ..)| span.start);
    found.dedup_by_key(|(span, ..)| span.start);
    SemanticTokens { result_id: None, data: encoded(view, &found) }
}

/// Kind and modifiers of a name; none where its position says too little.
fn kind_of(kind: NameKind) -> Option<(SemanticTokenTypes, u32)> {
    Some(match kind {
        NameKind::Module | NameKind::Space => (SemanticTokenTypes::Namespace, 0),
        NameKind::Constant => (SemanticTokenTypes::Variable, READONLY),
        NameKind::Type => (SemanticTokenTypes::Type, 0),
        NameKind::TypeParameter => (SemanticTokenTypes::TypeParameter, 0),
        NameKind::Function | NameKind::Flow => (SemanticTokenTypes::Function, 0),
        NameKind::Mapping => (SemanticTokenTypes::Enum, 0),
        NameKind::Dimension => (SemanticTokenTypes::Class, 0),
        NameKind::Stream => (SemanticTokenTypes::Interface, 0),
        NameKind::Store => (SemanticTokenTypes::Struct, 0),
        NameKind::Monitor => (SemanticTokenTypes::Event, 0),
        NameKind::Field => (SemanticTokenTypes::Property, 0),
        NameKind::Parameter => (SemanticTokenTypes::Parameter, 0),
        NameKind::Local | NameKind::Value => (SemanticTokenTypes::Variable, 0),
        NameKind::Label => (SemanticTokenTypes::Label, 0),
        NameKind::Item | NameKind::Setting | NameKind::Word => return None,
    })
}

/// Each place as the protocol has it: counted from the one before. A place over several lines is one a line.
fn encoded(view: View<'_>, found: &[(Span, SemanticTokenTypes, u32)]) -> Vec<SemanticToken> {
    let text = view.text();
    let (mut line, mut start) = (0, 0);
    let mut data = Vec::with_capacity(found.len());
    for (span, kind, modifiers) in found {
        let Some(number) = KINDS.iter().position(|own| own == kind) else { continue };
        for row in text.line_index(span.start)..=text.line_index(span.end) {
            let whole = text.line_span(row);
            let part = Span::new(span.start.max(whole.start), span.end.min(whole.end).max(span.start));
            let at = position::range(text, part, view.client.encoding);
            if at.start == at.end {
                continue;
            }
            let delta_line = at.start.line - line;
            data.push(SemanticToken {
                delta_line,
                delta_start: if delta_line == 0 { at.start.character - start } else { at.start.character },
                length: at.end.character - at.start.character,
                token_type: number as u32,
                token_modifiers_bitset: *modifiers,
            });
            (line, start) = (at.start.line, at.start.character);
        }
    }
    data
}
