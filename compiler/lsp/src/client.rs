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
    /// Whether it can tell of files that change outside of it.
    pub(crate) watches: bool,
}

impl Client {
    pub(crate) fn of(params: &lsp::InitializeParams) -> Self {
        let workspace = params.capabilities.workspace.as_ref();
        let watching = workspace.and_then(|own| own.did_change_watched_files.as_ref());
        Self {
            encoding: encoding(params),
            // No request for them is answered yet.
            pulls: false,
            watches: watching.and_then(|own| own.dynamic_registration) == Some(true),
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
