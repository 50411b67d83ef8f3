//! Calls: built-ins by their signatures, functions of the program unfolded, mappings, lambdas as arguments.

use nsf_diagnostics::Span;
use nsf_plan::{Expr, ExprKind, Literal, Type};
use nsf_syntax::ast::{self, Argument, ItemKind};

use super::argument::{count, is_name, takes_null, waits_for_type, written_fits};
use super::call_mistake::step_for_function;
use super::expression::Expressions;
use super::library::{Bindings, Signature, SignatureType};
use super::message;
use super::unit::Scope;
use crate::index::SymbolKind;
use crate::names::{ItemRef, NameError, Resolution, item_word};

/// An argument: typed already where its type does not depend on the parameter's.
pub(super) enum Given<'e> {
    /// Typed.
    Typed(Expr, Span),
    /// To be typed when the parameter's type is known: lambdas, and literals that take their place's type.
    Written(&'e ast::Expr),
}

impl Given<'_> {
    /// Where it stands.
    fn span(&self) -> Span {
        match self {
            Self::Typed(_, span) => *span,
            Self::Written(written) => written.span,
        }
    }

    /// Its type, where it is known.
    pub(super) fn ty(&self) -> Option<&Type> {
        match self {
            Self::Typed(expr, _) => Some(&expr.ty),
            Self::Written(_) => None,
        }
    }
}

impl Expressions<'_, '_> {
    pub(super) fn call(
        &mut self,
        function: &ast::Expr,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        match &function.kind {
            ast::ExprKind::Name(name) => self.call_named(self.module, name, function.span, None, arguments, span, hint),
            ast::ExprKind::Member { object, name, optional } => {
                if let ast::ExprKind::Name(owner) = &object.kind
                    && self.scope.variable(owner).is_none()
                    && self.scope.row(owner).is_none()
                    && let Resolution::Module(module) = self.checker.names.lookup(self.module, owner)
                {
                    self.checker.refer_to_alias(self.module, owner, object.span);
                    return self.call_named(module, &name.text, name.span, None, arguments, span, hint);
                }
                if self.is_exists_called(object, name, arguments, span) {
                    return None;
                }
                let receiver = self.infer(object, None)?;
                if *optional && receiver.ty.is_nullable() {
                    return self.optional_call(receiver, object.span, name, arguments, span, hint);
                }
                let receiver = Some((receiver, object.span));
                self.call_named(self.module, &name.text, name.span, receiver, arguments, span, hint)
            }
            _ => {
                let location = self.at(function.span);
                let diagnostic = message::no_overload(location, &self.text(function.span), &[], &[]);
                self.report(diagnostic);
                None
            }
        }
    }

    /// `x?.f(a)`: null when `x` is null.
    fn optional_call(
        &mut self,
        receiver: Expr,
        at: Span,
        name: &ast::Name,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let slot = self.unit.slot(&name.text, receiver.ty.clone());
        let read = self.make(ExprKind::Slot(slot), receiver.ty.clone(), at);
        let inner_type = receiver.ty.non_null().clone();
        let inner = self.make(ExprKind::NonNull(Box::new(read.clone())), inner_type, at);
        let result = self.call_named(self.module, &name.text, name.span, Some((inner, at)), arguments, span, hint)?;
        let ty = result.ty.clone().nullable();
        let result = if result.ty.is_nullable() {
            result
        } else {
            self.make(ExprKind::Widen(Box::new(result)), ty.clone(), span)
        };
        let test = self.make(ExprKind::IsNull(Box::new(read)), Type::Bool, at);
        let null = self.make(ExprKind::Literal(Literal::Null), ty.clone(), span);
        let body = self.make(ExprKind::If(Box::new(test), Box::new(null), Box::new(result)), ty.clone(), span);
        Some(self.make(ExprKind::Let(slot, Box::new(receiver), Box::new(body)), ty, span))
    }

    #[allow(clippy::too_many_arguments)]
    fn call_named(
        &mut self,
        module: u32,
        name: &str,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let labelled = arguments.iter().find_map(|own| Some((own.label.as_ref()?, own.value.span)));
        if let Some((label, value)) = labelled {
            let location = self.at(label.span);
            self.report(
                nsf_diagnostics::Diagnostic::new(
                    &nsf_diagnostics::codes::E0318,
                    location,
                    format!("`{name}` takes its arguments by their order, without names"),
                )
                .suggest(nsf_diagnostics::Suggestion::likely(
                    "leave the name out",
                    self.at(Span::new(label.span.start, value.start)),
                    "",
                )),
            );
            return None;
        }
        if name == "now" && receiver.is_none() && arguments.is_empty() {
            return Some(self.make(ExprKind::Now, Type::Timestamp, span));
        }
        let found = if module == self.module {
            self.checker.names.lookup(module, name)
        } else {
            self.checker.names.lookup_in(module, name)
        };
        match found {
            Resolution::Item(item) => self.call_item(item, name, at, receiver, arguments, span),
            Resolution::Ambiguous(first, second) => {
                let error = self.checker.ambiguous(name, first, second, self.at(at));
                self.report(error);
                None
            }
            Resolution::Unreadable => {
                self.arguments_alone(receiver.is_some(), arguments);
                None
            }
            _ => self.call_library(name, at, receiver, arguments, span, hint),
        }
    }

    /// Checks arguments whose function is not known, for their own mistakes.
    fn arguments_alone(&mut self, _receiver: bool, arguments: &[Argument]) {
        for argument in arguments {
            if !matches!(argument.value.kind, ast::ExprKind::Lambda(..) | ast::ExprKind::Literal(_)) {
                self.infer(&argument.value, None);
            }
        }
    }

    fn call_item(
        &mut self,
        item: ItemRef,
        name: &str,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Expr> {
        self.checker.used.insert(item);
        self.checker.refer_to_item(self.module, at, item);
        let declared = self.checker.names.item(item);
        match &declared.kind {
            ItemKind::Function(function) => self.unfold(item, function, at, receiver, arguments, span),
            ItemKind::Mapping(_) => self.apply_mapping(item, name, at, receiver, arguments, span),
            ItemKind::Builtin(builtin) => {
                let name = builtin.name.text.clone();
                self.call_library_of(&name, None, at, receiver, arguments, span, None)
            }
            _ => {
                let error = NameError::WrongKind {
                    name: name.to_owned(),
                    is: item_word(declared),
                    expected: "a function".to_owned(),
                    location: self.at(at),
                    declared: self.checker.names.location(item),
                };
                let diagnostic = error.diagnostic();
                let how = match &declared.kind {
                    ItemKind::StepFunction(function) => Some(step_for_function(name, item_word(declared), function)),
                    _ if self.checker.is_row_item(item) => Some(format!(
                        "rows are read so in tests alone: write `load {name}` as a step before, and read its fields, as in `{name}.…`"
                    )),
                    _ => None,
                };
                self.report(match how {
                    Some(how) => diagnostic.help(how),
                    None => diagnostic,
                });
                None
            }
        }
    }

    /// A function of the program: its parameters become slots, its body stands in place of the call.
    fn unfold(
        &mut self,
        item: ItemRef,
        function: &ast::Function,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Expr> {
        let given = arguments.len() + usize::from(receiver.is_some());
        let location = self.at(at);
        if given != function.parameters.len() {
            let takes = count(function.parameters.len(), function.parameters.len());
            self.report(message::argument_count(location, &function.name.text, given, &takes));
            return None;
        }
        let types: Vec<Option<Type>> =
            function.parameters.iter().map(|parameter| self.checker.type_of(item.module, &parameter.ty)).collect();
        let types: Vec<Type> = types.into_iter().collect::<Option<_>>()?;
        let mut values = Vec::with_capacity(given);
        let mut types_left = types.iter();
        if let Some((receiver, at)) = receiver
            && let Some(ty) = types_left.next()
        {
            values.push(self.coerce(receiver, ty, at));
        }
        for (argument, ty) in arguments.iter().zip(types_left) {
            values.push(self.check(&argument.value, ty));
        }
        let values: Vec<Expr> = values.into_iter().collect::<Option<_>>()?;
        let result = self.checker.type_of(item.module, &function.result)?;
        let outermost = self.checker.calls.begin();
        if !self.checker.may_unfold() || !self.checker.enter(item, "function", &function.name.text, location) {
            self.checker.calls.end();
            return None;
        }
        let mut scope = Scope::default();
        let mut slots = Vec::with_capacity(values.len());
        for (parameter, ty) in function.parameters.iter().zip(&types) {
            let slot = self.unit.slot(&parameter.name.text, ty.clone());
            scope.add(parameter.name.text.clone(), slot, None, true);
            slots.push(slot);
        }
        let reported = self.checker.diagnostics.len();
        let mut inner = Expressions {
            checker: &mut *self.checker,
            unit: &mut *self.unit,
            scope: &mut scope,
            module: item.module,
            raw: None,
        };
        let body = inner.check(&function.body, &result);
        self.checker.forget(reported);
        self.checker.leave(item);
        self.checker.calls.end();
        if let (true, Some(why)) = (outermost, self.checker.too_much_unfolded()) {
            self.checker.report_unfolded(location, "call of", &function.name.text, why);
            return None;
        }
        let mut expr = body?;
        for (slot, value) in slots.into_iter().zip(values).rev() {
            let ty = expr.ty.clone();
            expr = self.make(ExprKind::Let(slot, Box::new(value), Box::new(expr)), ty, span);
        }
        Some(expr)
    }

    fn apply_mapping(
        &mut self,
        item: ItemRef,
        name: &str,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Expr> {
        let given = arguments.len() + usize::from(receiver.is_some());
        if given != 1 {
            let location = self.at(at);
            self.report(message::argument_count(location, name, given, "one argument"));
            return None;
        }
        let (id, from, to) = self.checker.mapping(item)?;
        let value = match receiver {
            Some((receiver, at)) => receiver_value(self, receiver, at, &from)?,
            None => {
                let argument = &arguments[0].value;
                let value = self.infer(argument, Some(&from))?;
                receiver_value(self, value, argument.span, &from)?
            }
        };
        let ty = if value.ty.is_nullable() { to.nullable() } else { to };
        Some(self.make(ExprKind::Mapping(id, Box::new(value)), ty, span))
    }

    /// A call of a built-in with typed arguments.
    pub(super) fn builtin_call(&mut self, name: &str, arguments: Vec<(Expr, Span)>, span: Span) -> Option<Expr> {
        let given = arguments.into_iter().map(|(expr, at)| Given::Typed(expr, at)).collect();
        self.resolve_overload(name, None, given, span, span, None)
    }

    fn call_library(
        &mut self,
        name: &str,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        self.call_library_of(name, None, at, receiver, arguments, span, hint)
    }

    #[allow(clippy::too_many_arguments)]
    fn call_library_of(
        &mut self,
        name: &str,
        module: Option<&str>,
        at: Span,
        receiver: Option<(Expr, Span)>,
        arguments: &[Argument],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        if !self.checker.library.functions.contains_key(name) {
            let operands: Vec<Span> =
                receiver.iter().map(|(_, at)| *at).chain(arguments.iter().map(|own| own.value.span)).collect();
            self.unknown_function(name, at, &operands, span);
            self.arguments_alone(receiver.is_some(), arguments);
            return None;
        }
        self.checker.refer_to_builtin(self.module, at, name, None);
        let several = self.checker.library.functions.get(name).is_some_and(|forms| forms.len() > 1);
        let mut given = Vec::with_capacity(arguments.len() + 1);
        given.extend(receiver.map(|(expr, at)| Given::Typed(expr, at)));
        let mut complete = true;
        for argument in arguments {
            // Where there are several forms, the elements of a list say which one is meant.
            let list = matches!(&argument.value.kind, ast::ExprKind::List(items) if !items.is_empty());
            let tells = list && several && !self.takes_set(name, given.len());
            if (waits_for_type(&argument.value) && !tells) || (self.raw.is_some() && is_name(&argument.value)) {
                given.push(Given::Written(&argument.value));
                continue;
            }
            match self.infer(&argument.value, None) {
                Some(expr) => given.push(Given::Typed(expr, argument.value.span)),
                None => complete = false,
            }
        }
        if !complete {
            return None;
        }
        self.resolve_overload(name, module, given, at, span, hint)
    }

    /// Whether a form of a built-in takes a set in a place: a list literal may be one there.
    fn takes_set(&self, name: &str, place: usize) -> bool {
        let forms = self.checker.library.functions.get(name).into_iter().flatten();
        forms
            .filter_map(|form| form.parameters.get(place))
            .any(|parameter| matches!(&parameter.ty, SignatureType::Set(_) | SignatureType::Known(Type::Set(_))))
    }

    /// Chooses the form of a built-in that takes the arguments: an exact one before one that widens.
    fn resolve_overload(
        &mut self,
        name: &str,
        module: Option<&str>,
        given: Vec<Given<'_>>,
        at: Span,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let Some(all) = self.checker.library.functions.get(name) else {
            self.unknown_function(name, at, &[], span);
            return None;
        };
        let all: Vec<Signature> =
            all.iter().filter(|signature| module.is_none_or(|module| signature.module == module)).cloned().collect();
        let count_fits =
            |signature: &&Signature| signature.required() <= given.len() && given.len() <= signature.parameters.len();
        let forms: Vec<&Signature> = all.iter().filter(count_fits).collect();
        if forms.is_empty() {
            let diagnostic = self.wrong_count(name, at, span, &given, &all);
            self.report(diagnostic);
            return None;
        }
        let fits = |exact: bool| forms.iter().copied().find(|signature| self.fits(signature, &given, exact));
        let fitting = fits(true).or_else(|| fits(false));
        if fitting.is_none()
            && let Some(mistake) = self.call_mistake(name, at, &given, &forms, &all)
        {
            self.report(mistake);
            return None;
        }
        let signature = fitting.or(forms.first().copied())?;
        let signature = signature.clone();
        self.apply(&signature, given, at, span, hint)
    }

    pub(super) fn fits(&self, signature: &Signature, given: &[Given<'_>], exact: bool) -> bool {
        let mut bindings = Bindings::new();
        let typed = given.iter().zip(&signature.parameters).all(|(argument, parameter)| match argument {
            Given::Typed(expr, _) => {
                let null = expr.ty.is_nullable() && !takes_null(&parameter.ty, signature);
                !null && parameter.ty.bind(&expr.ty, &mut bindings, exact)
            }
            Given::Written(expr) => written_fits(expr, &parameter.ty, exact),
        });
        typed && signature.classes_hold(&bindings)
    }

    /// Types what waits, binds the variables, and makes the call.
    fn apply(
        &mut self,
        signature: &Signature,
        given: Vec<Given<'_>>,
        at: Span,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let mut bindings = Bindings::new();
        for (argument, parameter) in given.iter().zip(&signature.parameters) {
            if let Given::Typed(expr, _) = argument {
                parameter.ty.bind(&expr.ty, &mut bindings, false);
            }
        }
        if let (Some(hint), SignatureType::Variable(name)) = (hint, &signature.result)
            && !bindings.contains_key(name)
        {
            bindings.insert(name.clone(), hint.clone());
        }
        let mut values = Vec::with_capacity(signature.parameters.len());
        let mut complete = true;
        let spans: Vec<Span> = given.iter().map(Given::span).collect();
        let mut given = given.into_iter();
        for parameter in &signature.parameters {
            let value = match given.next() {
                Some(Given::Typed(expr, at)) => match parameter.ty.resolve(&bindings) {
                    Some(ty) => self.coerce(expr, &ty, at),
                    None => Some(expr),
                },
                Some(Given::Written(expr)) => self.written(expr, &parameter.ty, &mut bindings),
                None => self.default_argument(parameter.default.as_ref(), &parameter.ty, &bindings),
            };
            match value {
                Some(value) => values.push(value),
                None => complete = false,
            }
        }
        if !complete {
            return None;
        }
        if !signature.classes_hold(&bindings) {
            let location = self.at(at);
            let types: Vec<Type> = values.iter().map(|value| value.ty.clone()).collect();
            self.report(message::no_overload(location, &signature.name, &types, &[signature.show()]));
            return None;
        }
        let Some(ty) = signature.result.resolve(&bindings) else {
            let location = self.at(span);
            self.report(message::unknown_type(location, &format!("the result of `{}`", signature.name)));
            return None;
        };
        self.check_pattern(signature, &values, &spans);
        Some(self.make(ExprKind::Call(signature.canonical.clone(), values), ty, span))
    }

    /// Regular expressions are checked when the program is compiled.
    fn check_pattern(&mut self, signature: &Signature, values: &[Expr], spans: &[Span]) {
        let position = signature.parameters.iter().position(|parameter| parameter.name == "pattern");
        let Some(value) = position.and_then(|position| values.get(position)) else { return };
        let Some(span) = position.and_then(|position| spans.get(position)) else { return };
        if let ExprKind::Literal(Literal::Text(pattern)) = &value.kind
            && let Err(error) = regex::Regex::new(pattern)
        {
            // Inside of its quotes, where it has some.
            let text = self.text(*span);
            let quotes = |sign: char| matches!(sign, '"' | '#');
            let front = text.len() - text.strip_prefix('r').unwrap_or(&text).trim_start_matches(quotes).len();
            let back = text.len() - text.trim_end_matches(quotes).len();
            let is_text = text.trim_start_matches('r').starts_with(quotes) && front + back < text.len();
            let inner = Span::new(span.start + front as u32, span.end - back as u32);
            let location = self.at(if is_text { inner } else { *span });
            let why = error.to_string();
            let why = why.lines().last().unwrap_or("it cannot be read").trim_start_matches("error: ").to_owned();
            self.report(message::bad_pattern(location, &why));
        }
    }

    fn written(&mut self, expr: &ast::Expr, parameter: &SignatureType, bindings: &mut Bindings) -> Option<Expr> {
        if let (ast::ExprKind::Lambda(names, body), SignatureType::Function(parameters, result)) =
            (&expr.kind, parameter)
        {
            return self.lambda(names, body, parameters, result, bindings, expr.span);
        }
        match parameter.resolve(bindings) {
            Some(ty) => self.check(expr, &ty),
            None => {
                let value = self.infer(expr, None)?;
                if parameter.bind(&value.ty, bindings, false) {
                    return Some(value);
                }
                let location = self.at(expr.span);
                self.report(message::no_overload(location, "this function", std::slice::from_ref(&value.ty), &[]));
                None
            }
        }
    }

    fn lambda(
        &mut self,
        names: &[ast::Name],
        body: &ast::Expr,
        parameters: &[SignatureType],
        result: &SignatureType,
        bindings: &mut Bindings,
        span: Span,
    ) -> Option<Expr> {
        if names.len() != parameters.len() {
            let location = self.at(span);
            let takes = count(parameters.len(), parameters.len());
            self.report(message::argument_count(location, "the function that is due here", names.len(), &takes));
            return None;
        }
        let depth = self.scope.variables.len();
        let mut slots = Vec::with_capacity(names.len());
        for (name, parameter) in names.iter().zip(parameters) {
            let ty = parameter.resolve(bindings)?;
            let slot = self.unit.slot(&name.text, ty);
            let made = self.at(name.span);
            self.checker.make(self.unit, slot, made, SymbolKind::Local);
            self.scope.add(name.text.clone(), slot, Some(made), true);
            slots.push(slot);
        }
        self.checker.trace_scope(self.module, body.span, self.scope, self.unit);
        let raw = self.raw.take();
        let wanted = result.resolve(bindings);
        let value = match &wanted {
            Some(ty) => self.check(body, ty),
            None => self.infer(body, None),
        };
        self.raw = raw;
        self.scope.variables.truncate(depth);
        let value = value?;
        if wanted.is_none() {
            result.bind(&value.ty, bindings, false);
        }
        let ty = value.ty.clone();
        Some(self.make(ExprKind::Lambda(slots, Box::new(value)), ty, span))
    }

    fn default_argument(
        &mut self,
        default: Option<&ast::Expr>,
        parameter: &SignatureType,
        bindings: &Bindings,
    ) -> Option<Expr> {
        let ty = parameter.resolve(bindings)?;
        let mut scope = Scope::default();
        let mut inner = Expressions {
            checker: &mut *self.checker,
            unit: &mut *self.unit,
            scope: &mut scope,
            module: self.module,
            raw: None,
        };
        inner.check(default?, &ty)
    }
}

fn receiver_value(expressions: &mut Expressions<'_, '_>, value: Expr, at: Span, from: &Type) -> Option<Expr> {
    let wanted = if value.ty.is_nullable() { from.clone().nullable() } else { from.clone() };
    expressions.coerce(value, &wanted, at)
}
