//! Calls of steps: the words for what they take, and what is left of one that failed.

use nsf_plan::Missing;
use nsf_syntax::ast::{FunctionKind, LoadElse, StepCall, StepFunction};

use super::pipeline::Builder;

/// What a load does when there is no row; a drop without a reason is counted by "plan_info unknown", after what it loads.
pub(super) fn missing(call: &StepCall) -> Missing {
    match &call.otherwise {
        None => Missing::Null,
        Some(LoadElse::Reject(reason)) => Missing::Reject(reason.value.to_string()),
        Some(LoadElse::Drop(_, Some(reason))) => Missing::Drop(reason.value.to_string()),
        Some(LoadElse::Drop(_, None)) => Missing::Drop(format!("{} unknown", call.name.text)),
    }
}

pub(super) const fn keyword(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Verify => "verify",
        FunctionKind::Load => "load",
        FunctionKind::Calculate => "calculate",
        FunctionKind::Save => "save",
        FunctionKind::Expand => "expand",
    }
}

pub(super) const fn takes(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Verify => "a verify function or checks in braces",
        FunctionKind::Load => "a state, table, dimension or load function",
        FunctionKind::Calculate => "a calculate function or assignments in braces",
        FunctionKind::Save => "a save function, or a state with operations in braces",
        FunctionKind::Expand => "an expand function, or a dimension or topic with members in braces",
    }
}

pub(super) const fn takes_word(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Verify => "verify function",
        FunctionKind::Load => "state, table, dimension or load function",
        FunctionKind::Calculate => "calculate function",
        FunctionKind::Save => "save function",
        FunctionKind::Expand => "expand function or dimension",
    }
}

/// Fields that a call would have made and could not: what reads them later has nothing to report.
pub(super) fn fail_outputs(builder: &mut Builder, function: &StepFunction, call: &StepCall) {
    for output in &function.outputs {
        let renamed = call.outputs.iter().find(|(name, _)| name.text == output.name.text);
        builder.scope.fail(&renamed.map_or(&output.name, |(_, renamed)| renamed).text);
    }
}
