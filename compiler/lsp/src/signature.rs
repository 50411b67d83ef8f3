//! Declarations in short: what stands before the body.

use nsf_analysis::types::{Signature, type_text};
use nsf_diagnostics::SourceText;
use nsf_plan::connector::Descriptor;
use nsf_syntax::ast::{FunctionKind, Item, ItemKind, Parameter, StepFunction};

/// `name: T`, each.
pub(crate) fn parameters(all: &[Parameter]) -> Vec<String> {
    all.iter().map(|own| format!("{}: {}", own.name.text, type_text(&own.ty))).collect()
}

/// The parameters of a built-in; one that may be left out has its default.
pub(crate) fn builtin_parameters(own: &Signature) -> Vec<String> {
    own.parameters
        .iter()
        .map(|parameter| match &parameter.default {
            None => format!("{}: {}", parameter.name, parameter.ty),
            Some(_) => format!("{}: {} = …", parameter.name, parameter.ty),
        })
        .collect()
}

/// `upper(s: text) -> text`.
pub(crate) fn builtin(own: &Signature) -> String {
    let fails = if own.fallible { " fails" } else { "" };
    format!("{}({}) -> {}{fails}", own.name, builtin_parameters(own).join(", "), own.result)
}

/// `calculate tax(amount: int64) -> (gross: int64)`.
pub(crate) fn step_function(own: &StepFunction) -> String {
    let mut text = format!("{} {}({})", keyword(own.kind), own.name.text, parameters(&own.inputs).join(", "));
    if let Some(target) = &own.target {
        let word = if own.kind == FunctionKind::Load { "from" } else { "into" };
        text.push_str(&format!(" {word} {}", target.text));
    }
    if !own.outputs.is_empty() {
        text.push_str(&format!(" -> ({})", parameters(&own.outputs).join(", ")));
    }
    text
}

pub(crate) const fn keyword(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Verify => "verify",
        FunctionKind::Load => "load",
        FunctionKind::Calculate => "calculate",
        FunctionKind::Save => "save",
        FunctionKind::Expand => "expand",
    }
}

/// The arguments of a connector.
pub(crate) fn connector_parameters(own: &Descriptor, is_sent_to: bool) -> Vec<String> {
    let mut parameters: Vec<String> =
        own.argument.map(|what| format!("{}: text", what.replace(' ', "_"))).into_iter().collect();
    if own.argument.is_some() {
        if own.keyed && is_sent_to {
            parameters.push("key: value".to_owned());
        }
        parameters.push("cluster: text".to_owned());
    }
    parameters
}

/// The head of an item: all before its body; of a short one all.
pub(crate) fn declaration(item: &Item, text: &SourceText) -> String {
    match &item.kind {
        ItemKind::Function(own) => {
            format!("fn {}({}) -> {}", own.name.text, parameters(&own.parameters).join(", "), type_text(&own.result))
        }
        ItemKind::StepFunction(own) => step_function(own),
        ItemKind::Mapping(own) => {
            format!("mapping {}: {} -> {}", own.name.text, type_text(&own.from), type_text(&own.to))
        }
        _ => {
            let whole = item.span.text(text);
            let is_short = whole.len() <= 200 && whole.lines().count() <= 12;
            if is_short { whole.to_owned() } else { head(whole) }
        }
    }
}

/// The first line, without the brace that opens a body.
pub(crate) fn head(whole: &str) -> String {
    let line = whole.lines().next().unwrap_or_default();
    line.trim_end().trim_end_matches('{').trim_end().to_owned()
}
