//! Types as written in a module, and the items that are types, constants and functions.

use nsf_diagnostics::{Diagnostic, Span, Suggestion, closest, codes};
use nsf_plan::Type;
use nsf_syntax::ast::{FieldDeclaration, ItemKind, Name, Parameter, TypeExpr, TypeExprKind};

use super::expression::Expressions;
use super::item_types::{GENERIC, generic, names, simple_name};
use super::unit::{Scope, Unit};
use super::{Checker, message, relation};
use crate::index::SymbolKind;
use crate::names::{NameError, Resolution, item_word};

impl Checker<'_> {
    /// The type that was written; none where a mistake was reported.
    pub fn type_of(&mut self, module: u32, ty: &TypeExpr) -> Option<Type> {
        if !self.aliases.descend(Type::MAX_DEPTH, self.told_unfolded) {
            return None;
        }
        let found = self.type_here(module, ty);
        self.aliases.ascend();
        found
    }

    fn type_here(&mut self, module: u32, ty: &TypeExpr) -> Option<Type> {
        match &ty.kind {
            TypeExprKind::Error => None,
            TypeExprKind::Named(name, arguments) => self.named_type(module, name, arguments, ty.span),
            TypeExprKind::Nullable(inner) => Some(self.type_of(module, inner)?.nullable()),
            TypeExprKind::Record(fields) => {
                let members = self.record_type(module, fields)?;
                self.declare_form(module, fields, &members);
                Some(Type::Record(members))
            }
            TypeExprKind::Function(..) => {
                let location = self.at(module, ty.span);
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0316, location, "a function cannot be a value here")
                        .note("function values stand only as arguments of built-in functions"),
                );
                None
            }
        }
    }

    fn record_type(&mut self, module: u32, fields: &[FieldDeclaration]) -> Option<Vec<(String, Type)>> {
        let mut members: Vec<(String, Type)> = Vec::with_capacity(fields.len());
        let mut complete = true;
        for field in fields {
            if members.iter().any(|(name, _)| *name == field.name.text) {
                let first = fields.iter().find(|other| other.name.text == field.name.text);
                let earlier = self.at(module, first.map_or(field.name.span, |first| first.name.span));
                let location = self.at(module, field.name.span);
                self.diagnostics.push(message::member_twice(location, &field.name.text, earlier));
                complete = false;
                continue;
            }
            match self.type_of(module, &field.ty) {
                Some(ty) => members.push((field.name.text.to_string(), ty)),
                None => complete = false,
            }
        }
        complete.then_some(members)
    }

    fn named_type(&mut self, module: u32, name: &Name, arguments: &[TypeExpr], span: Span) -> Option<Type> {
        if let Some((_, count)) = GENERIC.iter().find(|(generic, _)| *generic == name.text) {
            return self.generic_type(module, name, arguments, *count, span);
        }
        if let Some(ty) = simple_name(&name.text) {
            if !arguments.is_empty() {
                let location = self.at(module, span);
                self.diagnostics.push(Diagnostic::new(
                    &codes::E0316,
                    location,
                    format!("`{}` takes no type in angle brackets", name.text),
                ));
                return None;
            }
            return Some(ty);
        }
        if let ([inner], "Option" | "Optional" | "Nullable" | "Maybe") = (arguments, name.text.as_str())
            && matches!(self.names.lookup(module, &name.text), Resolution::Unknown)
        {
            let meant = format!("{}?", self.sources.text(self.at(module, inner.span)));
            let fix = Suggestion::certain(format!("write `{meant}`"), self.at(module, span), meant);
            let location = self.at(module, name.span);
            let title = format!("there is no type `{}` here", name.text);
            let diagnostic = Diagnostic::new(&codes::E0204, location, title).label("a value or null: `T?`");
            self.diagnostics.push(diagnostic.suggest(fix));
            return None;
        }
        match self.names.lookup(module, &name.text) {
            Resolution::Item(item) => {
                self.used.insert(item);
                self.refer_to_item(module, name.span, item);
                let declared = self.names.item(item);
                let location = self.at(module, name.span);
                let ItemKind::Type(alias) = &declared.kind else {
                    let error = NameError::WrongKind {
                        name: name.text.to_string(),
                        is: item_word(declared),
                        expected: "a type".to_owned(),
                        location,
                        declared: self.names.location(item),
                    };
                    self.diagnostics.push(error.diagnostic());
                    return None;
                };
                let outermost = self.aliases.begin();
                if !self.aliases.may_go_on(self.told_unfolded) || !self.enter(item, "type", &name.text, location) {
                    self.aliases.end();
                    return None;
                }
                let reported = self.diagnostics.len();
                let ty = self.type_of(item.module, &alias.ty);
                self.forget(reported);
                self.leave(item);
                self.aliases.end();
                let too_much = self.aliases.too_much(self.told_unfolded);
                if let (true, Some(why)) = (outermost, too_much) {
                    self.report_unfolded(location, "type", &name.text, why);
                    return None;
                }
                ty
            }
            Resolution::Unreadable => None,
            _ => {
                let own = self.names.visible(module, |item| matches!(item.kind, ItemKind::Type(_)));
                let mut candidates: Vec<&str> = own.collect();
                for builtin in names() {
                    candidates.push(builtin);
                }
                let location = self.at(module, name.span);
                let is_own = self.names.declared_elsewhere(&name.text).is_some();
                if let Some(meant) = super::foreign::type_name(&name.text).filter(|_| !is_own) {
                    self.diagnostics.push(message::foreign(location, "type", &name.text, meant));
                    return None;
                }
                let near = closest(&name.text, candidates).map(str::to_owned);
                let error = NameError::Unknown {
                    what: "type".to_owned(),
                    name: name.text.to_string(),
                    near,
                    module: None,
                    location,
                };
                self.diagnostics.push(error.diagnostic());
                None
            }
        }
    }

    fn generic_type(
        &mut self,
        module: u32,
        name: &Name,
        arguments: &[TypeExpr],
        count: usize,
        span: Span,
    ) -> Option<Type> {
        if arguments.len() != count {
            let location = self.at(module, span);
            let form = if count == 2 { "<K, V>" } else { "<T>" };
            self.diagnostics.push(Diagnostic::new(
                &codes::E0316,
                location,
                format!("`{}` is written `{}{form}`", name.text, name.text),
            ));
            return None;
        }
        let types: Vec<Option<Type>> = arguments.iter().map(|argument| self.type_of(module, argument)).collect();
        let types: Vec<Type> = types.into_iter().collect::<Option<_>>()?;
        let needs_key = matches!(name.text.as_str(), "set" | "map");
        if needs_key && !relation::is_key(&types[0]) {
            let location = self.at(module, arguments[0].span);
            let what = if name.text == "map" { "the key of a map" } else { "an element of a set" };
            self.diagnostics.push(message::not_a_key(location, &types[0], what));
            return None;
        }
        generic(&name.text, types)
    }

    /// Checks every `type` item once, where it stands.
    pub(super) fn type_items(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Type(_))) {
            let ItemKind::Type(alias) = &self.names.item(item).kind else { continue };
            let location = self.at(item.module, alias.name.span);
            if self.enter(item, "type", &alias.name.text, location) {
                self.type_of(item.module, &alias.ty);
                self.leave(item);
            }
        }
    }

    /// Checks every `const` item once, where it stands.
    pub(super) fn constant_items(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Const(_))) {
            let ItemKind::Const(constant) = &self.names.item(item).kind else { continue };
            let location = self.at(item.module, constant.name.span);
            if !self.enter(item, "constant", &constant.name.text, location) {
                continue;
            }
            let declared = constant.ty.as_ref().map(|ty| self.type_of(item.module, ty));
            let (mut unit, mut scope) = (Unit::default(), Scope::default());
            let mut expressions =
                Expressions { checker: self, unit: &mut unit, scope: &mut scope, module: item.module, raw: None };
            let value = match declared {
                Some(Some(ty)) => expressions.check(&constant.value, &ty),
                Some(None) => None,
                None => expressions.infer(&constant.value, None),
            };
            if value.is_some_and(|value| super::unknown::is_of_the_record(&value)) {
                let location = self.at(item.module, constant.value.span);
                self.diagnostics.push(message::not_constant(location, "the value of a `const`").help(
                    "`now()` is the time of the record at hand: use it in a step, or in a `fn` that is given it",
                ));
            }
            self.leave(item);
        }
    }

    /// Reports inputs, outputs or parameters of one name.
    pub(super) fn no_name_twice(&mut self, module: u32, what: &str, parameters: &[Parameter]) {
        for (index, parameter) in parameters.iter().enumerate() {
            let name = &parameter.name;
            if let Some(first) = parameters.iter().take(index).find(|other| other.name.text == name.text) {
                let (location, earlier) = (self.at(module, name.span), self.at(module, first.name.span));
                let title = format!("{what} `{}` is declared twice", name.text);
                let diagnostic = Diagnostic::new(&codes::E0515, location, title);
                self.diagnostics.push(diagnostic.secondary(earlier, "first declared here"));
            }
        }
    }

    /// Checks every `fn` item once, where it stands.
    pub(super) fn function_items(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::Function(_))) {
            let ItemKind::Function(function) = &self.names.item(item).kind else { continue };
            let location = self.at(item.module, function.name.span);
            if !self.enter(item, "function", &function.name.text, location) {
                continue;
            }
            let (mut unit, mut scope) = (Unit::default(), Scope::default());
            let mut complete = true;
            self.no_name_twice(item.module, "parameter", &function.parameters);
            for parameter in &function.parameters {
                match self.type_of(item.module, &parameter.ty) {
                    Some(ty) => {
                        let slot = unit.slot(&parameter.name.text, ty);
                        let at = self.at(item.module, parameter.name.span);
                        self.make(&mut unit, slot, at, SymbolKind::Parameter);
                        scope.add(parameter.name.text.clone(), slot, None, true);
                    }
                    None => complete = false,
                }
            }
            let result = self.type_of(item.module, &function.result);
            self.trace_scope(item.module, function.body.span, &scope, &unit);
            if let (true, Some(result)) = (complete, result) {
                let mut expressions =
                    Expressions { checker: self, unit: &mut unit, scope: &mut scope, module: item.module, raw: None };
                expressions.check(&function.body, &result);
            }
            self.leave(item);
        }
    }
}
