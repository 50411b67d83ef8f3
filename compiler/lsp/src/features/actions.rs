//! Code actions: refactorings, and quick fixes, which are those that come with a diagnostic, all certain ones of a file at once, and allowing a warning.

use gen_lsp_types::{self as lsp, CodeAction, CodeActionKind};
use nsf_analysis::{check_parsed, rename};
use nsf_diagnostics::{Applicability, Diagnostic, Severity, Span, Suggestion, certain_fixes};

use crate::convert::Texts;
use crate::features::refactor;
use crate::near::LARGE;
use crate::view::{Place, View};

/// What can be done about what is found in a range of a document.
pub(crate) fn actions(place: &Place<'_>, params: &lsp::CodeActionParams) -> Vec<CodeAction> {
    if !place.view.client.acts {
        return Vec::new();
    }
    let asked = place.view.span(params.range);
    let texts = place.texts();
    let mut actions = Vec::new();
    let here = place.analysis.diagnostics.iter().filter(|own| own.location().file == place.file);
    for own in here.clone().filter(|own| meets(own.location().span, asked)) {
        let told = texts.diagnostic(own);
        for fix in &own.suggestions {
            let certain = fix.applicability == Applicability::Certain;
            let edit = texts.edit(fix);
            actions.extend(edit.map(|edit| fixing(&fix.message, edit, told.clone(), certain)));
        }
        if own.severity() == Severity::Warning {
            let allowing = allow(own, place.view).and_then(|fix| Some((texts.edit(&fix)?, fix)));
            actions.extend(allowing.map(|(edit, fix)| fixing(&fix.message, edit, told.clone(), false)));
        }
    }
    actions.extend(all(here, texts));
    actions.extend(around(place, |place| refactor::actions(place, asked)));
    if let Some(only) = &params.context.only {
        actions.retain(|own| own.kind.as_ref().is_some_and(|kind| only.iter().any(|wanted| is_of(kind, wanted))));
    }
    actions
}

/// Gives what a refactoring is to look at: it checks what comes out of it, so in a large project that is the file with what it uses
/// and with what uses it.
fn around(place: &Place<'_>, act: impl Fn(&Place<'_>) -> Vec<CodeAction>) -> Vec<CodeAction> {
    let all = rename::edited(place.analysis, &[]);
    let path = place.analysis.sources.get(place.file).map(|source| source.path.as_str());
    let part = path.filter(|_| all.size() > LARGE).and_then(|path| Some((path, all.part_around(path, LARGE)?)));
    let Some((path, part)) = part else { return act(place) };
    let analysis = check_parsed(&part);
    let file = analysis.sources.iter().find(|(_, source)| source.path == path).map(|(file, _)| file);
    file.map(|file| act(&Place { analysis: &analysis, file, ..*place })).unwrap_or_default()
}

fn fixing(title: &str, edit: lsp::WorkspaceEdit, told: Option<lsp::Diagnostic>, certain: bool) -> CodeAction {
    CodeAction {
        title: title.to_owned(),
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: told.map(|told| vec![told]),
        is_preferred: certain.then_some(true),
        edit: Some(edit),
        ..CodeAction::default()
    }
}

/// All that is certain, where there is more than one.
fn all<'d>(here: impl Iterator<Item = &'d Diagnostic>, texts: Texts<'_>) -> Option<CodeAction> {
    let fixes = certain_fixes(here);
    let edits = fixes.iter().flat_map(|fix| &fix.edits).cloned().collect();
    let message = format!("mend all that is certain ({})", fixes.len());
    let fix = Suggestion { message, edits, applicability: Applicability::Certain };
    let edit = (fixes.len() > 1).then(|| texts.edit(&fix)).flatten()?;
    Some(CodeAction {
        title: fix.message,
        kind: Some(CodeActionKind::SourceFixAll),
        edit: Some(edit),
        ..CodeAction::default()
    })
}

/// The comment that allows a warning, above the item that it is in.
fn allow(own: &Diagnostic, view: View<'_>) -> Option<Suggestion> {
    let at = own.location();
    let mut items = view.tree().items.iter();
    let item = items.find(|item| item.span.start <= at.span.start && at.span.end <= item.span.end)?;
    let message = format!("allow `{}` in this item", own.code.slug);
    let place = Span::new(item.span.start, item.span.start).in_file(at.file);
    Some(Suggestion::likely(message, place, format!("// nsfc: allow {}\n", own.code.slug)))
}

/// Whether two ranges share a place; a cursor at the end of a word is in it.
const fn meets(one: Span, other: Span) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// Whether a kind of action is the one that is wanted, or one of it: `refactor.inline` is a `refactor`.
fn is_of(kind: &CodeActionKind, wanted: &CodeActionKind) -> bool {
    let name = |kind: &CodeActionKind| serde_json::to_value(kind).ok().and_then(|own| own.as_str().map(str::to_owned));
    match (name(kind), name(wanted)) {
        (Some(kind), Some(wanted)) => {
            kind == wanted || kind.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('.'))
        }
        _ => false,
    }
}
