//! Calls of built-ins that no form takes: what is wrong with the arguments, and what was probably meant.

use nsf_diagnostics::{Applicability, Diagnostic, Span, Suggestion, TextEdit, codes};
use nsf_plan::Type;
use nsf_syntax::ast;

use super::argument::count;
use super::call::Given;
use super::expression::Expressions;
use super::library::{Bindings, Signature, SignatureType};
use super::{message, unknown};

impl Expressions<'_, '_> {
    /// Says what is wrong with arguments that none of some forms takes; none where one form alone will say it itself.
    pub(super) fn call_mistake(
        &self,
        name: &str,
        at: Span,
        given: &[Given<'_>],
        forms: &[&Signature],
        all: &[Signature],
    ) -> Option<Diagnostic> {
        let known = || self.swapped_arguments(name, at, given, forms);
        let known = known().or_else(|| self.lambda_parameters(name, given, forms));
        let known = known.or_else(|| self.lacking_argument(name, at, given, all));
        if known.is_some() || forms.len() == 1 {
            return known;
        }
        let null = given.iter().find_map(|argument| match argument {
            Given::Typed(expr, at) if expr.ty.is_nullable() => Some((&expr.ty, *at)),
            _ => None,
        });
        if let Some((ty, at)) = null {
            return Some(message::may_be_null(self.at(at), &self.text(at), ty));
        }
        let types: Vec<Type> = given.iter().filter_map(Given::ty).cloned().collect();
        let forms: Vec<String> = forms.iter().map(|signature| signature.show()).collect();
        Some(message::no_overload(self.at(at), name, &types, &forms))
    }

    /// Two arguments that fit the other way round.
    fn swapped_arguments(&self, name: &str, at: Span, given: &[Given<'_>], forms: &[&Signature]) -> Option<Diagnostic> {
        let [Given::Typed(first, first_at), Given::Typed(second, second_at)] = given else { return None };
        let turned = [Given::Typed(second.clone(), *second_at), Given::Typed(first.clone(), *first_at)];
        let form = forms.iter().find(|form| self.fits(form, &turned, false))?;
        let place = |span: Span| (self.at(span), self.text(span));
        let edits = unknown::swapped(place(*first_at), place(*second_at));
        let types = [first.ty.clone(), second.ty.clone()];
        let diagnostic = message::no_overload(self.at(at), name, &types, &[form.show()]);
        let fix = Suggestion {
            message: "put them in the other order".to_owned(),
            edits,
            applicability: Applicability::Certain,
        };
        Some(diagnostic.suggest(fix))
    }

    /// A lambda with more or fewer parameters than it is given.
    fn lambda_parameters(&self, name: &str, given: &[Given<'_>], forms: &[&Signature]) -> Option<Diagnostic> {
        let (place, lambda, names) = given.iter().enumerate().find_map(|(place, argument)| match argument {
            Given::Written(written) => match &written.kind {
                ast::ExprKind::Lambda(names, _) => Some((place, written.span, names.len())),
                _ => None,
            },
            Given::Typed(..) => None,
        })?;
        let without: Vec<&Given<'_>> = given.iter().take(place).collect();
        let takes = forms.iter().find_map(|form| {
            let mut bindings = Bindings::new();
            let mut before = without.iter().zip(&form.parameters);
            let fits = before.all(|(argument, parameter)| {
                argument.ty().is_some_and(|ty| parameter.ty.bind(ty, &mut bindings, false))
            });
            match &form.parameters.get(place)?.ty {
                SignatureType::Function(parameters, _) if fits => Some(parameters.len()),
                _ => None,
            }
        })?;
        if takes == names {
            return None;
        }
        let words = |count: usize| if count == 1 { "one parameter".to_owned() } else { format!("{count} parameters") };
        let title =
            format!("the function that `{name}` calls takes {}, and this one has {}", words(takes), words(names));
        let diagnostic = Diagnostic::new(&codes::E0305, self.at(lambda), title);
        Some(if takes == 1 && names == 2 {
            diagnostic.help("`indexed(…)` gives elements together with their index")
        } else {
            diagnostic
        })
    }

    /// A form that takes these arguments and one more.
    fn lacking_argument(&self, name: &str, at: Span, given: &[Given<'_>], all: &[Signature]) -> Option<Diagnostic> {
        let [Given::Typed(value, value_at)] = given else { return None };
        let longer = all.iter().find(|form| {
            let mut bindings = Bindings::new();
            form.required() == 2
                && form.parameters.first().is_some_and(|own| own.ty.bind(&value.ty, &mut bindings, true))
        })?;
        let lacking = &longer.parameters.get(1)?.name;
        let diagnostic = Diagnostic::new(
            &codes::E0305,
            self.at(at),
            format!("`{name}` of a `{}` needs {lacking}, too: a second argument", value.ty),
        );
        let example = if lacking == "zone" { "\"Europe/Berlin\"".to_owned() } else { "…".to_owned() };
        Some(diagnostic.help(format!("as in `{name}({}, {example})`", self.text(*value_at))))
    }

    /// `lines.sum(line => line.price)`: what is summed is taken out of the elements first.
    pub(super) fn wrong_count(
        &self,
        name: &str,
        at: Span,
        span: Span,
        given: &[Given<'_>],
        all: &[Signature],
    ) -> Diagnostic {
        let least = all.iter().map(Signature::required).min().unwrap_or(0);
        let most = all.iter().map(|signature| signature.parameters.len()).max().unwrap_or(0);
        let forms: Vec<String> = all.iter().take(3).map(|form| format!("`{}`", form.show())).collect();
        let diagnostic = message::argument_count(self.at(at), name, given.len(), &count(least, most))
            .note(format!("it takes {}", forms.join(" or ")));
        let [Given::Typed(list, list_at), Given::Written(written)] = given else { return diagnostic };
        let is_lambda = matches!(&written.kind, ast::ExprKind::Lambda(names, _) if names.len() == 1);
        let is_method = list_at.end < at.start && at.start < span.end;
        let is_list = matches!(list.ty, Type::List(_) | Type::Set(_));
        if !matches!(name, "sum" | "min" | "max" | "avg") || !is_lambda || !is_method || !is_list {
            return diagnostic;
        }
        let end = self.text(Span::new(written.span.end, written.span.end + 1));
        if end != ")" {
            return diagnostic;
        }
        let behind = Span::at(written.span.end + 1);
        let edit = |span: Span, replacement: String| TextEdit { location: self.at(span), replacement };
        let applicability = if matches!(name, "sum" | "avg") { Applicability::Certain } else { Applicability::Likely };
        diagnostic.suggest(Suggestion {
            message: format!("write `map(…).{name}()`"),
            edits: vec![edit(at, "map".to_owned()), edit(behind, format!(".{name}()"))],
            applicability,
        })
    }
}

/// What is written instead of a call of a step in an expression. `kind` is `calculate function` and the like.
pub(super) fn step_for_function(name: &str, kind: &str, function: &ast::StepFunction) -> String {
    let word = kind.split(' ').next().unwrap_or(kind);
    let made: Vec<String> = function.outputs.iter().map(|own| format!("`{}`", own.name.text)).collect();
    let step = format!("it is a step: write `{word} {name}` on a line of its own");
    match made.as_slice() {
        [] => step,
        _ => format!("{step} before, and read what it makes: {}", made.join(", ")),
    }
}
