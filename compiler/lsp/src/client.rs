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
    /// Whether it shows the other places of a diagnostic.
    pub(crate) relates: bool,
    /// Whether it shows what could be left out in another way.
    pub(crate) tags: bool,
    /// Whether its outlines have names inside of names.
    pub(crate) nests: bool,
    /// Whether it takes edits as code actions. Older ones know commands alone, of which there are none.
    pub(crate) acts: bool,
    /// Whether it folds whole lines alone.
    pub(crate) folds_lines: bool,
    /// How many ranges it folds in a document.
    pub(crate) most_folds: usize,
    /// The process that has started the server.
    pub(crate) process: Option<u32>,
    /// Whether it takes texts with places to fill in.
    pub(crate) snippets: bool,
    /// Whether it shows Markdown beside proposals and signatures.
    pub(crate) markdown_docs: bool,
    /// Whether it knows that the docs of proposals have formats; else they are a plain text.
    pub(crate) formats_docs: bool,
    /// Whether it shows Markdown at a hover.
    pub(crate) markdown_hover: bool,
    /// Which hints the user wants.
    pub(crate) hints: Hints,
    /// The commands that it carries out itself, as `experimental.commands` of its capabilities names them.
    pub(crate) commands: Vec<String>,
}

impl Client {
    pub(crate) fn of(params: &lsp::InitializeParams) -> Self {
        let documents = params.capabilities.text_document.as_ref();
        let workspace = params.capabilities.workspace.as_ref();
        let outline = documents.and_then(|own| own.document_symbol.as_ref());
        let actions = documents.and_then(|own| own.code_action.as_ref());
        let folding = documents.and_then(|own| own.folding_range.as_ref());
        let watching = workspace.and_then(|own| own.did_change_watched_files.as_ref());
        let published = documents.and_then(|own| own.publish_diagnostics.as_ref());
        let published = published.map(|own| &own.diagnostics_capabilities);
        let pulled = documents.and_then(|own| own.diagnostic.as_ref());
        let shown = pulled.map(|own| &own.diagnostics_capabilities).or(published);
        let diagnostics = workspace.and_then(|own| own.diagnostics.as_ref());
        let items = documents.and_then(|own| own.completion.as_ref()).and_then(|own| own.completion_item.as_ref());
        let markdown = |formats: Option<&Vec<lsp::MarkupKind>>| {
            formats.is_some_and(|formats| formats.contains(&lsp::MarkupKind::Markdown))
        };
        let hover = documents.and_then(|own| own.hover.as_ref()).and_then(|own| own.content_format.as_ref());
        Self {
            snippets: items.and_then(|own| own.snippet_support) == Some(true),
            formats_docs: items.is_some_and(|own| own.documentation_format.is_some()),
            markdown_docs: markdown(items.and_then(|own| own.documentation_format.as_ref())),
            markdown_hover: markdown(hover),
            hints: params.initialization_options.as_ref().and_then(Hints::of).unwrap_or_default(),
            commands: commands(params),
            encoding: encoding(params),
            pulls: pulled.is_some(),
            refreshes: diagnostics.and_then(|own| own.refresh_support) == Some(true),
            watches: watching.and_then(|own| own.dynamic_registration) == Some(true),
            shows_pages: shown.and_then(|own| own.code_description_support) == Some(true),
            relates: shown.and_then(|own| own.related_information) == Some(true),
            tags: shown.is_some_and(|own| own.tag_support.is_some()),
            nests: outline.and_then(|own| own.hierarchical_document_symbol_support) == Some(true),
            acts: actions.is_some_and(|own| own.code_action_literal_support.is_some()),
            folds_lines: folding.and_then(|own| own.line_folding_only) == Some(true),
            most_folds: folding.and_then(|own| own.range_limit).map_or(usize::MAX, |most| most as usize),
            process: params.process_id.and_then(|id| u32::try_from(id).ok()),
        }
    }
}

/// The kinds of hints, each of which can be switched off: `{ "inlayHints": { "types": false } }` among the options with which the
/// client starts, or in its settings (there perhaps under `nsf`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hints {
    /// The types of what `calculate` and `let` make.
    pub(crate) types: bool,
    /// The fields that a step adds.
    pub(crate) records: bool,
    /// The keys and inputs that nobody wrote.
    pub(crate) bindings: bool,
    /// What holds for what an `expand` sends.
    pub(crate) guarantees: bool,
}

impl Default for Hints {
    fn default() -> Self {
        Self { types: true, records: true, bindings: true, guarantees: true }
    }
}

impl Hints {
    /// As some settings say, of which those that are not named are on; none where they say nothing of hints.
    pub(crate) fn of(settings: &serde_json::Value) -> Option<Self> {
        let own = settings.get("nsf").unwrap_or(settings).get("inlayHints")?;
        let is_on =
            |name: &str| own.as_bool() != Some(false) && own.get(name).and_then(|own| own.as_bool()) != Some(false);
        Some(Self {
            types: is_on("types"),
            records: is_on("records"),
            bindings: is_on("bindings"),
            guarantees: is_on("guarantees"),
        })
    }
}

fn commands(params: &lsp::InitializeParams) -> Vec<String> {
    let named = params.capabilities.experimental.as_ref().and_then(|own| own.get("commands")?.as_array());
    named.into_iter().flatten().filter_map(|own| Some(own.as_str()?.to_owned())).collect()
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
