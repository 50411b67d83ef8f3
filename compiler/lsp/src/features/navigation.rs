//! From a name to what declares it, and from there to every place that names it.

use gen_lsp_types::{
    DefinitionParams, DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, Location, ReferenceParams,
};
use nsf_analysis::index::Use;
use nsf_analysis::project::module_name;
use nsf_diagnostics::{FileId, Span};
use nsf_syntax::ast::ItemKind;

use crate::view::Place;

/// What the name at a position means at an offset, each symbol once: a name alone may say both what is bound and to what.
fn named<'p>(place: &Place<'p>, offset: u32) -> Vec<&'p Use> {
    let index = &place.analysis.index;
    let mut uses: Vec<&Use> = Vec::new();
    for own in index.at(place.file, offset) {
        if !uses.iter().any(|other| index.root(other.symbol) == index.root(own.symbol)) {
            uses.push(own);
        }
    }
    // Of both, the value comes first: it is what a reader looks for.
    uses.sort_by_key(|own| own.label);
    uses
}

/// Where what is named is declared. A module's declaration is the start of its file.
pub(crate) fn definition(place: &Place<'_>, params: &DefinitionParams) -> Vec<Location> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let texts = place.texts();
    if let Some(module) = module_at(place, offset) {
        return texts.location(Span::at(0).in_file(module)).into_iter().collect();
    }
    let symbols = named(place, offset).into_iter().map(|own| own.symbol);
    let declared = symbols.flat_map(|symbol| place.analysis.index.declarations(symbol));
    declared.filter_map(|at| texts.location(at)).collect()
}

/// The file of the module that a `use` names at an offset.
fn module_at(place: &Place<'_>, offset: u32) -> Option<FileId> {
    let within = |span: Span| span.start <= offset && offset <= span.end;
    let item = place.view.tree().items.iter().find(|item| within(item.span))?;
    let ItemKind::Use(usage) = &item.kind else { return None };
    let path = usage.path.iter().map(|part| part.span).reduce(Span::to).filter(|span| within(*span))?;
    let module: String = path.text(place.view.text()).split_whitespace().collect();
    let mut files = place.analysis.sources.iter();
    files.find(|(_, source)| source.path.ends_with(".nsf") && module_name(&source.path) == module).map(|(file, _)| file)
}

/// Every place of the project that names what is named.
pub(crate) fn references(place: &Place<'_>, params: &ReferenceParams) -> Vec<Location> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let (texts, index) = (place.texts(), &place.analysis.index);
    let all = named(place, offset).into_iter().flat_map(|own| index.uses_of(own.symbol));
    let wanted = all.filter(|own| params.context.include_declaration || own.at != own.symbol);
    let mut places: Vec<_> = wanted.map(|own| own.at).collect();
    places.sort();
    places.dedup();
    places.into_iter().filter_map(|at| texts.location(at)).collect()
}

/// The places of the document that name what is named.
pub(crate) fn highlight(place: &Place<'_>, params: &DocumentHighlightParams) -> Vec<DocumentHighlight> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let index = &place.analysis.index;
    let mut places: Vec<(Span, bool)> = named(place, offset)
        .into_iter()
        .flat_map(|own| index.uses_of(own.symbol))
        .filter(|own| own.at.file == place.file)
        .map(|own| (own.at.span, own.at == own.symbol || own.label))
        .collect();
    places.sort();
    places.dedup_by_key(|(span, _)| *span);
    let kind = |writes| if writes { DocumentHighlightKind::Write } else { DocumentHighlightKind::Read };
    let marked = |(span, writes)| DocumentHighlight { range: place.view.range(span), kind: Some(kind(writes)) };
    places.into_iter().map(marked).collect()
}
