//! Words with a layout, where the client can show one.

use gen_lsp_types::{Documentation, MarkupContent, MarkupKind};
use smol_str::SmolStr;

use crate::client::Client;

/// A doc comment without what is there for tests alone; examples are shown as such.
pub(crate) fn docs(lines: &[SmolStr]) -> String {
    let mut text = String::new();
    let mut is_hostile = false;
    for line in lines {
        let line = line.trim_end();
        match line {
            "```hostile" => is_hostile = true,
            "```" if is_hostile => is_hostile = false,
            _ if is_hostile => {}
            "```example" => text.push_str("```nsf\n"),
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text.trim_end().to_owned()
}

/// Words with code in fences, as the client can show them.
pub(crate) fn content(markdown: &str, has_markdown: bool) -> MarkupContent {
    let kind = if has_markdown { MarkupKind::Markdown } else { MarkupKind::PlainText };
    let value = if has_markdown { markdown.to_owned() } else { plain(markdown) };
    MarkupContent { kind, value }
}

/// The docs of a proposal; none where there are none.
pub(crate) fn documentation(docs: &str, client: &Client) -> Option<Documentation> {
    (!docs.is_empty()).then(|| match client.formats_docs {
        true => Documentation::MarkupContent(content(docs, client.markdown_docs)),
        false => Documentation::String(plain(docs)),
    })
}

fn plain(markdown: &str) -> String {
    let lines = markdown.lines().filter(|line| !line.starts_with("```") && *line != "---");
    lines.collect::<Vec<_>>().join("\n").replace("**", "").trim().to_owned()
}
