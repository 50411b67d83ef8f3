//! The graph in Mermaid.

use std::fmt::Write;

use nsf_diagnostics::Severity;

use super::step::Family;
use super::view::{View, ViewNode};

/// The graph in Mermaid.
#[must_use]
pub fn mermaid(view: &View) -> String {
    let mut out = String::from("flowchart LR\n");
    // Writing to a text cannot fail.
    let _ = write(&mut out, view);
    out
}

fn write(out: &mut String, view: &View) -> std::fmt::Result {
    for (number, cluster) in view.clusters.iter().enumerate() {
        writeln!(out, "  subgraph c{}[\"{}\"]", number + 1, escaped(&cluster.flow))?;
        for position in &cluster.nodes {
            node(out, "    ", *position, &view.nodes[*position])?;
        }
        out.push_str("  end\n");
    }
    for (position, value) in view.nodes.iter().enumerate().filter(|(_, node)| node.cluster.is_none()) {
        node(out, "  ", position, value)?;
    }
    for edge in &view.edges {
        writeln!(out, "  n{} -->|\"{}\"| n{}", edge.from, escaped(&edge.label()), edge.to)?;
    }
    for family in Family::ALL {
        class(out, view, family.word(), &format!("fill:{},color:#000", family.pale()), |node| {
            Family::of(node.kind) == Some(family)
        })?;
    }
    class(out, view, "warning", "stroke:#b7791f,stroke-width:3px", |node| node.severity() == Some(Severity::Warning))?;
    class(out, view, "error", "stroke:#c0392b,stroke-width:3px", |node| node.severity() == Some(Severity::Error))
}

/// A class of nodes with its style, if there is such a node.
fn class(
    out: &mut String,
    view: &View,
    name: &str,
    style: &str,
    belongs: impl Fn(&ViewNode) -> bool,
) -> std::fmt::Result {
    let nodes = view.nodes.iter().enumerate().filter(|(_, node)| belongs(node));
    let nodes: Vec<String> = nodes.map(|(position, _)| format!("n{position}")).collect();
    if nodes.is_empty() {
        return Ok(());
    }
    writeln!(out, "  classDef {name} {style}\n  class {} {name}", nodes.join(","))
}

fn node(out: &mut String, indent: &str, position: usize, node: &ViewNode) -> std::fmt::Result {
    let (open, close) = match node.kind {
        "topic" => (">", "]"),
        "state" | "marks" | "space" | "dimension" => ("[(", ")]"),
        "source" | "ingest" | "subscription" | "flow" => ("([", "])"),
        _ => Family::of(node.kind).map_or(("[", "]"), Family::mermaid_shape),
    };
    writeln!(out, "{indent}n{position}{open}\"{}\"{close}", escaped(&node.title()))
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
