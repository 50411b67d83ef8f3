//! Signature help: the parameters of what is called around the cursor, and which one is being written.

use gen_lsp_types::{
    self as lsp, ActiveParameter, Documentation, ParameterInformation, ParameterInformationLabel, SignatureHelp,
    SignatureInformation,
};
use nsf_analysis::LIBRARY;
use nsf_analysis::types::type_text;
use nsf_plan::Type;
use nsf_plan::connector::descriptor;
use nsf_syntax::ast::ItemKind;

use crate::features::completion::context::{Context, Inside};
use crate::features::completion::frames::{Frame, Kind};
use crate::features::completion::scope_at;
use crate::infer::{Found, Infer};
use crate::known::Known;
use crate::markup;
use crate::signature;
use crate::view::Place;

/// What is called around the cursor.
pub(crate) fn help(place: &Place<'_>, params: &lsp::SignatureHelpParams) -> Option<SignatureHelp> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let context = Context::of(place.view.text(), offset);
    if context.inside == Inside::Nothing {
        return None;
    }
    let known = Known { analysis: place.analysis, file: place.file };
    let depth = context.frames.iter().rposition(|frame| matches!(frame.kind, Kind::Arguments | Kind::Bindings))?;
    let frame = context.frames[depth];
    let inner = Context { frames: context.frames[..=depth].to_vec(), ..context };
    let infer = Infer { known, scope: scope_at(place, known, &inner) };
    let call = Call { place, infer, context: &inner, frame };
    let (signatures, active) = call.signatures()?;
    Some(SignatureHelp { signatures, active_signature: Some(active as u32), active_parameter: None })
}

struct Call<'c, 's> {
    place: &'c Place<'s>,
    infer: Infer<'s>,
    context: &'c Context<'c>,
    frame: Frame,
}

impl Call<'_, '_> {
    fn signatures(&self) -> Option<(Vec<SignatureInformation>, usize)> {
        let name = self.context.at(self.frame.open.checked_sub(1)?);
        let is_method = self.frame.open >= 2 && matches!(self.context.at(self.frame.open - 2), "." | "?.");
        let place = self.context.place_in_list() + usize::from(is_method);
        if self.frame.kind == Kind::Bindings {
            return Some((vec![self.step(name)?], 0));
        }
        if let Some(own) = descriptor(name) {
            let is_sent_to = self.context.outer().kind == Kind::Steps;
            let parameters = signature::connector_parameters(own, is_sent_to);
            let active = self.named(&parameters).unwrap_or(place);
            return Some((vec![self.information(own.name, &parameters, "", own.summary, active)], 0));
        }
        if let Some(named) = self.infer.known.item(name) {
            let docs = markup::docs(&named.item.docs);
            let found = match &named.item.kind {
                ItemKind::Function(own) => {
                    let result = format!(" -> {}", type_text(&own.result));
                    Some(self.information(name, &signature::parameters(&own.parameters), &result, &docs, place))
                }
                ItemKind::Mapping(own) => {
                    let parameters = vec![format!("value: {}", type_text(&own.from))];
                    Some(self.information(name, &parameters, &format!(" -> {}", type_text(&own.to)), &docs, place))
                }
                _ => None,
            };
            if let Some(found) = found {
                return Some((vec![found], 0));
            }
        }
        self.builtin(name, place, is_method)
    }

    /// The forms of a built-in; the one that takes what is written is the active one.
    fn builtin(&self, name: &str, place: usize, is_method: bool) -> Option<(Vec<SignatureInformation>, usize)> {
        let forms = LIBRARY.functions.get(name)?;
        let given = self.given(is_method);
        let takes = |form: &&nsf_analysis::types::Signature| {
            let mut bindings = nsf_analysis::types::Bindings::default();
            form.parameters.len() > place
                && form.parameters.iter().zip(&given).all(|(parameter, ty)| match ty {
                    Some(ty) => parameter.ty.bind(ty, &mut bindings, false),
                    None => true,
                })
        };
        let active = forms.iter().position(|form| takes(&form)).unwrap_or(0);
        let information = forms.iter().map(|form| {
            let fails = if form.fallible { " fails" } else { "" };
            let result = format!(" -> {}{fails}", form.result);
            self.information(name, &signature::builtin_parameters(form), &result, &markup::docs(&form.docs), place)
        });
        Some((information.collect(), active))
    }

    /// The types of the arguments before the cursor, the receiver's first.
    fn given(&self, is_method: bool) -> Vec<Option<Type>> {
        let context = self.context;
        let ty = |text: &str| self.infer.text(text).and_then(Found::ty);
        let mut given = Vec::new();
        if is_method {
            given.push(self.frame.open.checked_sub(3).and_then(|end| context.operand_before(end)).and_then(ty));
        }
        let (mut depth, mut start) = (0_usize, self.frame.open + 1);
        for index in self.frame.open + 1..context.tokens.len() {
            match context.at(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    let spans = (context.tokens.get(start), context.tokens.get(index - 1));
                    let text = match spans {
                        (Some(first), Some(last)) => first.span.to(last.span).text(context.text),
                        _ => "",
                    };
                    given.push(ty(text));
                    start = index + 1;
                }
                _ => {}
            }
        }
        given
    }

    /// The inputs of the step function, or the keys of the row, that a step names.
    fn step(&self, name: &str) -> Option<SignatureInformation> {
        let context = self.context;
        let start = context.outer().statement;
        let start = if context.at(start + 1) == ":" { start + 2 } else { start };
        let keyword = context.at(start);
        let named = self.infer.known.item(name)?;
        let docs = markup::docs(&named.item.docs);
        let (parameters, result) = match &named.item.kind {
            ItemKind::StepFunction(own) => {
                let outputs = signature::parameters(&own.outputs);
                let result = if outputs.is_empty() { String::new() } else { format!(" -> ({})", outputs.join(", ")) };
                (signature::parameters(&own.inputs), result)
            }
            _ => {
                let row = self.infer.known.row(self.infer.known.row_at(named.location())?);
                let keys = row.into_iter().filter(|own| own.is_key);
                (keys.map(|own| format!("{}: {}", own.name, own.ty)).collect(), String::new())
            }
        };
        let active = self.named(&parameters).unwrap_or_else(|| {
            // Inputs are bound by name: the next one is the first that is not.
            let is_written = |parameter: &String| {
                let own = parameter.split(':').next().unwrap_or_default();
                (self.frame.open + 1..context.tokens.len()).any(|index| context.at(index) == own)
            };
            parameters.iter().position(|parameter| !is_written(parameter)).unwrap_or(parameters.len())
        });
        Some(self.information(&format!("{keyword} {name}"), &parameters, &result, &docs, active))
    }

    /// The parameter whose name is written before the cursor.
    fn named(&self, parameters: &[String]) -> Option<usize> {
        let context = self.context;
        let first = context.at(self.frame.statement);
        let is_bound = context.at(self.frame.statement + 1) == ":";
        let is_own = |parameter: &String| parameter.split(':').next() == Some(first);
        is_bound.then(|| parameters.iter().position(is_own))?
    }

    fn information(
        &self,
        name: &str,
        parameters: &[String],
        result: &str,
        docs: &str,
        active: usize,
    ) -> SignatureInformation {
        let docs = (!docs.is_empty()).then(|| markup::content(docs, self.place.view.client.markdown_docs));
        let information = |label: &String| ParameterInformation {
            label: ParameterInformationLabel::String(label.clone()),
            documentation: None,
        };
        SignatureInformation {
            label: format!("{name}({}){result}", parameters.join(", ")),
            documentation: docs.map(Documentation::MarkupContent),
            parameters: Some(parameters.iter().map(information).collect()),
            active_parameter: Some(ActiveParameter::Int(active as u32)),
        }
    }
}
