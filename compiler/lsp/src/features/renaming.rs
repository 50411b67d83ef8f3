//! Another name for a thing, in all files. What would break is refused, with what that is.

use std::collections::BTreeMap;

use gen_lsp_types::{PrepareRenameParams, PrepareRenamePlaceholder, RenameParams, TextEdit, Uri, WorkspaceEdit};
use nsf_analysis::rename;

use crate::view::Place;

/// The name that would be changed.
///
/// # Errors
/// Why there is none, in a sentence for the user.
pub(crate) fn prepare(place: &Place<'_>, params: &PrepareRenameParams) -> Result<PrepareRenamePlaceholder, String> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let own = rename::prepare(place.analysis, place.file, offset).map_err(|refusal| refusal.0)?;
    let placeholder = own.at.span.text(place.view.text()).to_owned();
    Ok(PrepareRenamePlaceholder { range: place.view.range(own.at.span), placeholder })
}

/// The edits of all files.
///
/// # Errors
/// Why it cannot be done, in a sentence for the user.
pub(crate) fn rename(place: &Place<'_>, params: &RenameParams) -> Result<WorkspaceEdit, String> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let edits = rename::rename(place.analysis, place.file, offset, &params.new_name).map_err(|refusal| refusal.0)?;
    let texts = place.texts();
    let mut changes: BTreeMap<String, (Uri, Vec<TextEdit>)> = BTreeMap::new();
    for edit in edits {
        let Some(location) = texts.location(edit.location) else { continue };
        let own = changes.entry(location.uri.to_string()).or_insert_with(|| (location.uri.clone(), Vec::new()));
        own.1.push(TextEdit { range: location.range, new_text: edit.replacement });
    }
    let changes = changes.into_values().collect();
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}
