//! The requests: a line each, which says from what it is answered and by which feature.

use gen_lsp_types::Uri;
use lsp_server::{ErrorCode, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::features::{
    actions, completion, folding, formatting, hierarchy, hints, hover, lenses, links, navigation, pull, renaming,
    selection, signatures, symbols, tokens, workspace_symbols,
};
use crate::session::Session;
use crate::view::{Place, View};

/// Why a request has no answer.
pub(crate) type Refusal = (ErrorCode, String);

/// The answer to a request.
pub(crate) fn answer(session: &mut Session<'_>, request: Request) -> Result<Value, Refusal> {
    match request.method.as_str() {
        "callHierarchy/incomingCalls" => of_item(session, request, hierarchy::incoming),
        "callHierarchy/outgoingCalls" => of_item(session, request, hierarchy::outgoing),
        "textDocument/codeAction" => near(session, request, actions::actions),
        "textDocument/codeLens" => near(session, request, lenses::lenses),
        "textDocument/completion" => last(session, request, completion::complete),
        "textDocument/definition" => near(session, request, navigation::definition),
        "textDocument/diagnostic" => whole(session, request, pull::document),
        "textDocument/documentHighlight" => near(session, request, navigation::highlight),
        "textDocument/documentLink" => near(session, request, links::links),
        "textDocument/documentSymbol" => text(session, request, symbols::symbols),
        "textDocument/foldingRange" => text(session, request, folding::folds),
        "textDocument/formatting" => text(session, request, formatting::all),
        "textDocument/hover" => near(session, request, hover::hover),
        "textDocument/inlayHint" => near(session, request, hints::hints),
        "textDocument/onTypeFormatting" => text(session, request, formatting::typed),
        "textDocument/prepareCallHierarchy" => checked(session, request, hierarchy::prepare),
        "textDocument/prepareRename" => refusing(session, request, renaming::prepare),
        "textDocument/rangeFormatting" => text(session, request, formatting::range),
        "textDocument/references" => checked(session, request, navigation::references),
        "textDocument/rename" => refusing(session, request, renaming::rename),
        "textDocument/selectionRange" => text(session, request, selection::selections),
        "textDocument/semanticTokens/full" => near(session, request, tokens::all),
        "textDocument/semanticTokens/range" => near(session, request, tokens::range),
        "textDocument/signatureHelp" => last(session, request, signatures::help),
        "workspace/diagnostic" => whole(session, request, pull::workspace),
        "workspace/symbol" => whole(session, request, workspace_symbols::find),
        other => Err((ErrorCode::MethodNotFound, format!("nsfc does not know `{other}`"))),
    }
}

/// Answers from the text of a document and its tree. Nothing is checked, and there is no answer where it is not open.
fn text<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(View<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    let (uri, params) = read(request)?;
    value(session.view(&uri).map(|view| feature(view, &params)))
}

/// Answers from what is found in the project of a document, which is checked first where something has changed.
fn checked<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(&Place<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    session.settle();
    last(session, request, feature)
}

/// The same for what a document and the files that it uses tell enough of: in a large project it does not wait for the others.
fn near<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(&Place<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    let (uri, params) = read(request)?;
    session.settle_near(&uri);
    value(session.place_near(&uri).map(|place| feature(&place, &params)))
}

/// Answers about an item that was an answer before, in the whole project: the document is the item's.
fn of_item<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    mut request: Request,
    feature: fn(&Place<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    let uri = request.params.get("item").and_then(|item| item.get("uri")).cloned();
    if let (Some(params), Some(uri)) = (request.params.as_object_mut(), uri) {
        params.insert("textDocument".to_owned(), serde_json::json!({ "uri": uri }));
    }
    checked(session, request, feature)
}

/// The same for what can be refused, in a sentence for the user.
fn refusing<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(&Place<'_>, &P) -> Result<R, String>,
) -> Result<Value, Refusal> {
    session.settle();
    let (uri, params) = read(request)?;
    let answer = session.place(&uri).map(|place| feature(&place, &params)).transpose();
    value(answer.map_err(|words| (ErrorCode::RequestFailed, words))?)
}

/// Answers from what was last found in the project of a document: at once, and perhaps of an older text. What is found of a
/// place goes through [`Place::before`].
fn last<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(&Place<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    let (uri, params) = read(request)?;
    if session.place(&uri).is_none() {
        // Nothing was found yet: what was just opened is checked first.
        session.settle();
    }
    value(session.place(&uri).map(|place| feature(&place, &params)))
}

/// Answers from all that is known.
fn whole<P: DeserializeOwned, R: Serialize>(
    session: &mut Session<'_>,
    request: Request,
    feature: fn(&mut Session<'_>, &P) -> R,
) -> Result<Value, Refusal> {
    let Request { method, params, .. } = request;
    let params = serde_json::from_value(params)
        .map_err(|error| (ErrorCode::InvalidParams, format!("`{method}` cannot be read: {error}")))?;
    value(feature(session, &params))
}

/// The document that a request is about, and all that it says.
fn read<P: DeserializeOwned>(request: Request) -> Result<(Uri, P), Refusal> {
    let Request { method, params, .. } = request;
    let invalid = |error| (ErrorCode::InvalidParams, format!("`{method}` cannot be read: {error}"));
    let uri = params.get("textDocument").and_then(|document| document.get("uri")).unwrap_or(&Value::Null);
    let uri = Uri::deserialize(uri).map_err(invalid)?;
    Ok((uri, serde_json::from_value(params).map_err(invalid)?))
}

pub(crate) fn value(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer)
        .map_err(|error| (ErrorCode::InternalError, format!("an answer cannot be written: {error}")))
}
