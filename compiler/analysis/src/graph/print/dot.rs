//! The graph in DOT, for Graphviz.

use std::fmt::Write;

use super::view::{View, ViewNode};

/// The graph in DOT.
#[must_use]
pub fn dot(view: &View) -> String {
    let mut out = String::from(
        "digraph nsf {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    // Writing to a text cannot fail.
    let _ = write(&mut out, view);
    out.push_str("}\n");
    out
}

fn write(out: &mut String, view: &View) -> std::fmt::Result {
    let mut cluster: Option<(&str, usize)> = None;
    let mut clusters = 0;
    for (position, node) in view.nodes.iter().enumerate() {
        let flow = node.flow.as_deref();
        if cluster.map(|(name, _)| name) != flow {
            if cluster.is_some() {
                out.push_str("  }\n");
            }
            cluster = flow.map(|name| (name, clusters));
            if let Some(name) = flow {
                clusters += 1;
                writeln!(out, "  subgraph cluster_{clusters} {{\n    label={};", quoted(name))?;
            }
        }
        let indent = if flow.is_some() { "    " } else { "  " };
        let label = if flow.is_some() && node.kind != "flow" {
            node.label.clone()
        } else {
            format!("{} {}", node.kind, node.label)
        };
        writeln!(out, "{indent}n{position} [label={}, shape={}];", quoted(&label), shape(node))?;
    }
    if cluster.is_some() {
        out.push_str("  }\n");
    }
    for edge in &view.edges {
        writeln!(out, "  n{} -> n{} [label={}];", edge.from, edge.to, quoted(&edge.label()))?;
    }
    Ok(())
}

fn shape(node: &ViewNode) -> &'static str {
    match node.kind {
        "topic" => "cds",
        "state" | "marks" | "space" => "cylinder",
        "dimension" => "folder",
        "table" => "note",
        "subscription" | "ingest" => "component",
        "flow" => "oval",
        _ => "box",
    }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
