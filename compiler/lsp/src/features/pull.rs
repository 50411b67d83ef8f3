//! Diagnostics for clients that ask for them. What is found is named, so that a client that has it already is told so.

use std::collections::BTreeMap;

use gen_lsp_types::{self as lsp, Uri};

use crate::project::Told;
use crate::session::Session;

/// Of a document. What its project says of other files is asked for with those.
pub(crate) fn document(
    session: &mut Session<'_>,
    params: &lsp::DocumentDiagnosticParams,
) -> lsp::DocumentDiagnosticReport {
    session.settle_near(&params.text_document.uri);
    let told = session.told(&params.text_document.uri);
    let before = params.previous_result_id.as_deref();
    match report(told, before) {
        Ok(full) => {
            lsp::RelatedFullDocumentDiagnosticReport { related_documents: None, full_document_diagnostic_report: full }
                .into()
        }
        Err(unchanged) => lsp::RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: unchanged,
        }
        .into(),
    }
}

/// Of every project: of those that something is open of, and of those in the folders that the client works in.
pub(crate) fn workspace(
    session: &mut Session<'_>,
    params: &lsp::WorkspaceDiagnosticParams,
) -> lsp::WorkspaceDiagnosticReport {
    session.discover();
    session.settle();
    let mut before: BTreeMap<&Uri, &str> =
        params.previous_result_ids.iter().map(|own| (&own.uri, own.value.as_str())).collect();
    let mut items = Vec::new();
    for (uri, told) in session.all_told() {
        items.push(row(uri.clone(), told.version, report(Some(told), before.remove(&uri))));
    }
    // Of what has gone since nothing is to be said any more.
    items.extend(before.into_keys().map(|uri| row(uri.clone(), None, report(None, None))));
    lsp::WorkspaceDiagnosticReport { items }
}

/// What is to be said of a file; the other where the client has it.
fn report(
    told: Option<&Told>,
    before: Option<&str>,
) -> Result<lsp::FullDocumentDiagnosticReport, lsp::UnchangedDocumentDiagnosticReport> {
    let Some(told) = told else {
        return Ok(lsp::FullDocumentDiagnosticReport { result_id: None, items: Vec::new() });
    };
    let id = told.id.to_string();
    if before == Some(id.as_str()) {
        return Err(lsp::UnchangedDocumentDiagnosticReport { result_id: id });
    }
    Ok(lsp::FullDocumentDiagnosticReport { result_id: Some(id), items: told.diagnostics.clone() })
}

fn row(
    uri: Uri,
    version: Option<i32>,
    report: Result<lsp::FullDocumentDiagnosticReport, lsp::UnchangedDocumentDiagnosticReport>,
) -> lsp::WorkspaceDocumentDiagnosticReport {
    match report {
        Ok(full) => {
            lsp::WorkspaceFullDocumentDiagnosticReport { uri, version, full_document_diagnostic_report: full }.into()
        }
        Err(unchanged) => lsp::WorkspaceUnchangedDocumentDiagnosticReport {
            uri,
            version,
            unchanged_document_diagnostic_report: unchanged,
        }
        .into(),
    }
}
