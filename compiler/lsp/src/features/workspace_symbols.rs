//! The items of all files, found by parts of their names.

use gen_lsp_types::{self as lsp, DocumentSymbol};
use nsf_analysis::project::module_name;

use super::symbols;
use crate::session::Session;
use crate::view::View;

/// How many are given at most: nobody reads more, and who types on is answered again.
const MOST: usize = 1000;

/// The items and fields whose names have the letters of the query in their order, the best first.
pub(crate) fn find(session: &mut Session<'_>, params: &lsp::WorkspaceSymbolParams) -> Vec<lsp::WorkspaceSymbol> {
    session.discover();
    session.settle();
    let query: Vec<char> = params.query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let mut found: Vec<(u32, lsp::WorkspaceSymbol)> = Vec::new();
    for (analysis, texts) in session.analyses() {
        for ((file, source), parsed) in analysis.sources.iter().zip(&analysis.files) {
            let Some(uri) = texts.uri(file) else { continue };
            let add = |symbol: DocumentSymbol, container: &str, found: &mut Vec<_>| {
                let Some(cost) = cost(&symbol.name, &query) else { return };
                let location = lsp::Location { uri: uri.clone(), range: symbol.selection_range };
                found.push((cost, shown(symbol, container, location)));
            };
            let module = module_name(&source.path);
            for mut item in symbols::outline(View::of(&session.client, parsed)) {
                let fields = item.children.take().unwrap_or_default();
                let name = item.name.clone();
                add(item, &module, &mut found);
                fields.into_iter().for_each(|field| add(field, &name, &mut found));
            }
        }
    }
    found.sort_by(|(cost, one), (other_cost, other)| {
        let (one, other) = (&one.base_symbol_information, &other.base_symbol_information);
        cost.cmp(other_cost).then_with(|| one.name.cmp(&other.name))
    });
    found.truncate(MOST);
    found.into_iter().map(|(_, symbol)| symbol).collect()
}

fn shown(symbol: DocumentSymbol, container: &str, location: lsp::Location) -> lsp::WorkspaceSymbol {
    lsp::WorkspaceSymbol {
        location: location.into(),
        data: None,
        base_symbol_information: lsp::BaseSymbolInformation {
            name: symbol.name,
            kind: symbol.kind,
            tags: None,
            container_name: Some(container.to_owned()),
        },
    }
}

/// How far a name is from a query: what is left out within it counts, at the start of a word the least. None where the letters of
/// the query are not all there in their order.
fn cost(name: &str, query: &[char]) -> Option<u32> {
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let mut at = 0;
    let mut cost = 0;
    for (index, letter) in query.iter().enumerate() {
        let next = at + name.get(at..)?.iter().position(|own| own == letter)?;
        let starts_word = next == 0 || name.get(next - 1) == Some(&'_');
        cost += if next == at && index > 0 {
            0
        } else if starts_word {
            1
        } else {
            2 + (next - at) as u32
        };
        at = next + 1;
    }
    Some(cost * 64 + (name.len() - at).min(63) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearer_comes_first() {
        let query: Vec<char> = "pd".chars().collect();
        let mut names =
            ["spend", "plan_duration", "pd", "stay", "pads", "dp"].map(|name| (cost(name, &query), name)).to_vec();
        names.retain(|(cost, _)| cost.is_some());
        names.sort();
        assert_eq!(names.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["pd", "plan_duration", "pads", "spend"]);
        assert!(cost("anything", &[]).is_some(), "nothing asked for is in all");
    }
}
