//! Links from the paths of `use` to the files of the project.

use gen_lsp_types::{DocumentLink, DocumentLinkParams};
use nsf_analysis::project::module_name;
use nsf_diagnostics::Span;
use nsf_syntax::ast::ItemKind;

use crate::view::Place;

/// A link for each `use` of a module that is a file.
pub(crate) fn links(place: &Place<'_>, _: &DocumentLinkParams) -> Vec<DocumentLink> {
    let texts = place.texts();
    let uses = place.view.tree().items.iter().filter_map(|item| match &item.kind {
        ItemKind::Use(own) => Some(own),
        _ => None,
    });
    uses.filter_map(|own| {
        let path = own.module();
        let span = own.path.iter().map(|part| part.span).reduce(Span::to)?;
        let mut sources = place.analysis.sources.iter();
        let (file, source) = sources.find(|(_, source)| module_name(&source.path) == path)?;
        Some(DocumentLink {
            range: place.view.range(span),
            target: Some(texts.uri(file)?),
            tooltip: Some(format!("open {}", source.path)),
            data: None,
        })
    })
    .collect()
}
