//! Code lenses: what can be done with a test or a flow, above it. What a client cannot carry out is not offered; the number of places
//! that may reject records is said to every client, since it says something by itself.

use gen_lsp_types as lsp;
use gen_lsp_types::{CodeLens, Command};
use nsf_analysis::rejections::places_of;
use nsf_diagnostics::Span;
use nsf_syntax::ast::ItemKind;
use serde_json::json;

use crate::view::Place;

/// The lenses of a document.
pub(crate) fn lenses(place: &Place<'_>, _: &lsp::CodeLensParams) -> Vec<CodeLens> {
    let Some(uri) = place.texts().uri(place.file) else { return Vec::new() };
    let uri = uri.to_string();
    let lens = |at: Span, title: String, command: &str, arguments: Vec<serde_json::Value>| CodeLens {
        range: place.view.range(at),
        command: Some(Command { title, tooltip: None, command: command.to_owned(), arguments: Some(arguments) }),
        data: None,
    };
    let can = |command: &str| place.view.client.commands.iter().any(|own| own == command);
    let mut found = Vec::new();
    for item in &place.view.tree().items {
        match &item.kind {
            ItemKind::Test(test) if can("nsf.runTest") => {
                let arguments = vec![json!(uri), json!(test.title.value)];
                found.push(lens(test.title.span, "Run test".to_owned(), "nsf.runTest", arguments));
            }
            ItemKind::Flow(flow) => {
                if can("nsf.showGraph") {
                    let arguments = vec![json!(uri), json!(flow.name.text)];
                    found.push(lens(flow.name.span, "Show graph".to_owned(), "nsf.showGraph", arguments));
                }
                let places = rejections(place, flow.name.span);
                let title = match places.len() {
                    0 => continue,
                    1 => "1 place may reject records".to_owned(),
                    count => format!("{count} places may reject records"),
                };
                let command = if can("nsf.showRejections") { "nsf.showRejections" } else { "" };
                let arguments = vec![json!(uri), json!(flow.name.text), json!(places)];
                found.push(lens(flow.name.span, title, command, arguments));
            }
            _ => {}
        }
    }
    found
}

/// Where a flow may reject a record, and why.
fn rejections(place: &Place<'_>, name: Span) -> Vec<serde_json::Value> {
    let dag = &place.analysis.dag;
    let at = name.in_file(place.file);
    let Some(info) = dag.flows.iter().find(|own| own.location == at) else { return Vec::new() };
    let flows =
        dag.pipelines().filter(|(_, flow)| flow.part.name == at || info.pipeline.is_some()).map(|(_, flow)| flow);
    let all = flows.flat_map(|flow| places_of(dag, flow)).filter(|own| own.of == info.name);
    let mut found: Vec<_> = all.collect();
    found.sort();
    found.dedup();
    let one = |own: nsf_analysis::rejections::Place| {
        let path = dag.files.get(own.origin.0 as usize).map(|file| file.path.clone())?;
        Some(json!({ "path": path, "line": own.origin.1, "what": own.what }))
    };
    found.into_iter().filter_map(one).collect()
}
