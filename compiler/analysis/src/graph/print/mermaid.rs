//! The graph in Mermaid.

use std::fmt::Write;

use super::view::View;

/// The graph in Mermaid.
#[must_use]
pub fn mermaid(view: &View) -> String {
    let mut out = String::from("flowchart LR\n");
    // Writing to a text cannot fail.
    let _ = write(&mut out, view);
    out
}

fn write(out: &mut String, view: &View) -> std::fmt::Result {
    let mut cluster: Option<&str> = None;
    let mut clusters = 0;
    for (position, node) in view.nodes.iter().enumerate() {
        let flow = node.flow.as_deref();
        if cluster != flow {
            if cluster.is_some() {
                out.push_str("  end\n");
            }
            cluster = flow;
            if let Some(name) = flow {
                clusters += 1;
                writeln!(out, "  subgraph c{clusters}[\"{}\"]", escaped(name))?;
            }
        }
        let indent = if flow.is_some() { "    " } else { "  " };
        let (open, close) = match node.kind {
            "topic" => (">", "]"),
            "state" | "marks" | "space" | "dimension" => ("[(", ")]"),
            "source" | "ingest" | "subscription" | "flow" => ("([", "])"),
            _ => ("[", "]"),
        };
        let label = if flow.is_some() && node.kind != "flow" {
            node.label.clone()
        } else {
            format!("{} {}", node.kind, node.label)
        };
        writeln!(out, "{indent}n{position}{open}\"{}\"{close}", escaped(&label))?;
    }
    if cluster.is_some() {
        out.push_str("  end\n");
    }
    for edge in &view.edges {
        writeln!(out, "  n{} -->|\"{}\"| n{}", edge.from, escaped(&edge.label()), edge.to)?;
    }
    Ok(())
}

/// A text in quotes, with Mermaid's codes for signs that mean something there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' => {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "#{};", character as u32);
            }
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
