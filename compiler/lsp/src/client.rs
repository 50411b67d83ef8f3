//! What the client can do.

use std::path::PathBuf;

use gen_lsp_types as lsp;

use crate::convert::path_of;
use crate::position::Encoding;

/// What the client has said of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    pub(crate) encoding: Encoding,
    /// Whether it asks for diagnostics. It is then not told of them unasked: it would show them twice.
    pub(crate) pulls: bool,
    /// Whether it can be told that it should ask again.
    pub(crate) refreshes: bool,
    /// Whether it can tell of files that change outside of it.
    pub(crate) watches: bool,
    /// Whether it shows a link from a diagnostic to its page.
    pub(crate) shows_pages: bool,
    /// Whether it folds whole lines alone.
    pub(crate) folds_lines: bool,
    /// How many ranges it folds in a document.
    pub(crate) most_folds: usize,
    /// The process that has started the server.
    pub(crate) process: Option<u32>,
}

impl Client {
    pub(crate) fn of(params: &lsp::InitializeParams) -> Self {
        let documents = params.capabilities.text_document.as_ref();
        let workspace = params.capabilities.workspace.as_ref();
        let folding = documents.and_then(|own| own.folding_range.as_ref());
        let watching = workspace.and_then(|own| own.did_change_watched_files.as_ref());
        let published = documents.and_then(|own| own.publish_diagnostics.as_ref());
        let published = published.map(|own| &own.diagnostics_capabilities);
        let pulled = documents.and_then(|own| own.diagnostic.as_ref());
        let shown = pulled.map(|own| &own.diagnostics_capabilities).or(published);
        let diagnostics = workspace.and_then(|own| own.diagnostics.as_ref());
        Self {
            encoding: encoding(params),
            pulls: pulled.is_some(),
            refreshes: diagnostics.and_then(|own| own.refresh_support) == Some(true),
            watches: watching.and_then(|own| own.dynamic_registration) == Some(true),
            shows_pages: shown.and_then(|own| own.code_description_support) == Some(true),
            folds_lines: folding.and_then(|own| own.line_folding_only) == Some(true),
            most_folds: folding.and_then(|own| own.range_limit).map_or(usize::MAX, |most| most as usize),
            process: params.process_id.and_then(|id| u32::try_from(id).ok()),
        }
    }
}

/// UTF-8 where the client can, since texts are; else what every client knows.
fn encoding(params: &lsp::InitializeParams) -> Encoding {
    let offered = params.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_ref());
    match offered {
        Some(offered) if offered.contains(&lsp::PositionEncodingKind::UTF8) => Encoding::Utf8,
        _ => Encoding::Utf16,
    }
}

/// The folders that the client works in.
pub(crate) fn folders(params: &lsp::InitializeParams) -> Vec<PathBuf> {
    match &params.workspace_folders_initialize_params.workspace_folders {
        Some(lsp::WorkspaceFolders::WorkspaceFolderList(folders)) => {
            folders.iter().filter_map(|folder| path_of(&folder.uri)).collect()
        }
        // Clients from before there were several say it so.
        #[allow(deprecated, reason = "older clients say nothing else")]
        _ => params.root_uri.as_ref().and_then(path_of).into_iter().collect(),
    }
}
