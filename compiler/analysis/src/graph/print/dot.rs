//! The graph in DOT, for Graphviz.

use std::fmt::Write;

use nsf_diagnostics::Severity;
use nsf_plan::Guarantee;

use super::step::Family;
use super::view::{Found, View, ViewNode};

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
    for (number, cluster) in view.clusters.iter().enumerate() {
        writeln!(out, "  subgraph cluster_{} {{\n    label={};", number + 1, quoted(&cluster.flow))?;
        for position in &cluster.nodes {
            node(out, "    ", *position, &view.nodes[*position])?;
        }
        out.push_str("  }\n");
    }
    for (position, value) in view.nodes.iter().enumerate().filter(|(_, node)| node.cluster.is_none()) {
        node(out, "  ", position, value)?;
    }
    for edge in &view.edges {
        let style = if edge.guarantee == Some(Guarantee::MayDiffer) { ", style=dashed" } else { "" };
        writeln!(out, "  n{} -> n{} [label={}{style}];", edge.from, edge.to, quoted(&edge.label()))?;
    }
    Ok(())
}

fn node(out: &mut String, indent: &str, position: usize, node: &ViewNode) -> std::fmt::Result {
    write!(out, "{indent}n{position} [label={}, shape={}", quoted(&node.title()), shape(node))?;
    if let Some(family) = Family::of(node.kind) {
        write!(out, ", style=filled, fillcolor=\"{}\"", family.pale())?;
    }
    if let Some(severity) = node.severity() {
        let color = if severity == Severity::Error { "#c0392b" } else { "#b7791f" };
        let lines: Vec<String> = node.found.iter().map(Found::line).collect();
        write!(out, ", color=\"{color}\", penwidth=3, tooltip={}", quoted(&lines.join("\n")))?;
    }
    out.push_str("];\n");
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
        _ => Family::of(node.kind).map_or("box", Family::dot_shape),
    }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
