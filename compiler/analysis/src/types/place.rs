//! Names and members in expressions: fields of the record, loaded rows, constants, raw members of an ingest.

use nsf_diagnostics::{Location, Span, Suggestion, closest};
use nsf_plan::{Expr, ExprKind, HandleTarget, Literal, Type};
use nsf_syntax::ast::{self, ItemKind, Name, SettingsKeyword};

use super::expression::Expressions;
use super::message;
use super::unit::{Path, RowBinding, Scope};
use crate::names::{ItemRef, NameError, Resolution, item_word};

impl Expressions<'_, '_> {
    /// A bare name.
    pub(super) fn name(&mut self, name: &str, span: Span, hint: Option<&Type>) -> Option<Expr> {
        if let Some(variable) = self.scope.variable(name) {
            let slot = variable.slot;
            let expr = self.make(ExprKind::Slot(slot), self.unit.ty(slot).clone(), span);
            let read = self.read(expr);
            let symbol = self.unit.symbol(slot);
            self.checker.refer(self.module, span, symbol, Some(&read.ty));
            return Some(read);
        }
        if self.scope.row(name).is_some() {
            return self.row_as_value(name, span);
        }
        if self.scope.is_broken(name) {
            return None;
        }
        if self.raw.is_some() {
            return self.raw_member(name, span, hint);
        }
        if let Some(stream) = self.stream_of(name) {
            self.report_of_one_stream(name, span, &stream);
            self.scope.fail(name);
            return None;
        }
        match self.checker.names.lookup(self.module, name) {
            Resolution::Item(item) => self.item(item, name, span, hint),
            Resolution::Ambiguous(first, second) => {
                let error = self.checker.ambiguous(name, first, second, self.at(span));
                self.report(error);
                None
            }
            Resolution::Unreadable => None,
            Resolution::Module(_) | Resolution::Unknown => {
                self.unknown_name(name, span, hint);
                // What is not made, or misspelt where it is made, is missed once.
                self.scope.fail(name);
                self.checker.miss(self.module, name);
                None
            }
        }
    }

    /// The stream that alone has a field, of those that are merged.
    fn stream_of(&self, name: &str) -> Option<String> {
        let mut streams = self.checker.of_one_stream.iter().filter(|(field, _)| field == name);
        let (_, stream) = streams.next()?;
        let is_record = self.scope.variable(stream).is_some_and(|variable| variable.local);
        (streams.next().is_none() && is_record).then(|| stream.clone())
    }

    fn report_of_one_stream(&mut self, name: &str, span: Span, stream: &str) {
        let location = self.at(span);
        let meant = format!("{stream}?.{name}");
        // A member alone is named like the field.
        let is_member = self.checker.sources.get(location.file).is_some_and(|file| {
            let before = file.text.get(..span.start as usize).unwrap_or_default().trim_end();
            let behind = file.text.get(span.end as usize..).unwrap_or_default().trim_start();
            before.ends_with(['{', ',']) && behind.starts_with([',', '}'])
        });
        let written = if is_member { format!("{name}: {meant}") } else { meant.clone() };
        self.report(
            nsf_diagnostics::Diagnostic::new(
                &nsf_diagnostics::codes::E0204,
                location,
                format!("`{name}` is a field of `{stream}` alone: `{meant}`"),
            )
            .note("a merged flow has the fields that all its streams share; a stream's record is null when the record came from another")
            .suggest(Suggestion::likely(format!("write `{written}`"), location, written)),
        );
    }

    /// A row that no step has loaded; a load above the step is offered where its keys are fields.
    fn not_loaded(&mut self, span: Span, what: &str, name: &str, item: ItemRef) {
        let location = self.at(span);
        let mut diagnostic = message::not_loaded(location, what, name);
        if let Some(alias) = self.loaded_as(item) {
            diagnostic.message = format!("{what} `{name}` was loaded as `{alias}`");
            diagnostic.notes.clear();
            let fix = Suggestion::certain(format!("write `{alias}`"), location, alias.as_str());
            return self.report(diagnostic.suggest(fix));
        }
        let target = self.checker.row_target(item).filter(|target| matches!(target, HandleTarget::State(_)));
        let has_keys = target.is_some_and(|target| {
            self.checker.row_keys(target).iter().all(|(key, _)| self.scope.variable(key).is_some())
        });
        if let Some((module, step)) = self.checker.step_at
            && module == self.module
            && has_keys
        {
            let at = self.checker.at(module, Span::at(step.start));
            let before = self.checker.sources.get(at.file).and_then(|file| {
                let line = file.line_span(file.line_index(step.start));
                file.text.get(line.start as usize..step.start as usize)
            });
            let between = match before {
                Some(blanks) if blanks.trim().is_empty() => format!("\n{blanks}"),
                _ => "  ".to_owned(),
            };
            diagnostic = diagnostic.suggest(Suggestion::likely(
                format!("insert `load {name}`"),
                at,
                format!("load {name}{between}"),
            ));
        }
        self.report(diagnostic);
    }

    /// The built-in function that a member without brackets means, here or in another language: one that takes the value alone.
    fn function_of_one(&self, name: &str) -> Option<String> {
        let functions = &self.checker.library.functions;
        let takes_one =
            |name: &str| functions.get(name).is_some_and(|forms| forms.iter().any(|form| form.required() == 1));
        if takes_one(name) {
            return Some(name.to_owned());
        }
        match super::foreign::function(name) {
            Some(super::foreign::Meant::Named(meant)) if takes_one(meant) => Some(meant.to_owned()),
            _ => None,
        }
    }

    /// An item named in an expression: a constant is its value; a row must be loaded first.
    fn item(&mut self, item: ItemRef, name: &str, span: Span, hint: Option<&Type>) -> Option<Expr> {
        self.checker.used.insert(item);
        self.checker.refer_to_item(self.module, span, item);
        let declared = self.checker.names.item(item);
        match &declared.kind {
            ItemKind::Const(_) => self.constant(item, hint, span),
            ItemKind::Dimension(_) | ItemKind::Settings(_) if self.checker.is_row_item(item) => {
                self.not_loaded(span, item_word(declared), name, item);
                None
            }
            // What could not be understood was reported.
            ItemKind::Settings(own) if matches!(own.keyword, SettingsKeyword::State | SettingsKeyword::Table) => None,
            ItemKind::Dimension(_) => None,
            ItemKind::Settings(_) => {
                self.unknown_name(name, span, hint);
                self.scope.fail(name);
                None
            }
            _ => {
                let error = NameError::WrongKind {
                    name: name.to_owned(),
                    is: item_word(declared),
                    expected: "a field or constant".to_owned(),
                    location: self.at(span),
                    declared: self.checker.names.location(item),
                };
                self.report(error.diagnostic());
                None
            }
        }
    }

    /// The value of a constant, typed anew where it is used.
    fn constant(&mut self, item: ItemRef, hint: Option<&Type>, span: Span) -> Option<Expr> {
        let ItemKind::Const(constant) = &self.checker.names.item(item).kind else { return None };
        let location = self.at(span);
        let outermost = self.checker.calls.begin();
        if !self.checker.may_unfold() || !self.checker.enter(item, "constant", &constant.name.text, location) {
            self.checker.calls.end();
            return None;
        }
        let declared = constant.ty.as_ref().map(|ty| self.checker.type_of(item.module, ty));
        let mut scope = Scope::default();
        let reported = self.checker.diagnostics.len();
        let mut inner = Expressions {
            checker: &mut *self.checker,
            unit: &mut *self.unit,
            scope: &mut scope,
            module: item.module,
            raw: None,
        };
        let value = match &declared {
            Some(Some(ty)) => inner.check(&constant.value, ty),
            Some(None) => None,
            None => inner.infer(&constant.value, hint),
        };
        // The constant's own mistakes were reported when the constant itself was checked.
        self.checker.forget(reported);
        self.checker.leave(item);
        self.checker.calls.end();
        if let (true, Some(why)) = (outermost, self.checker.too_much_unfolded()) {
            self.checker.report_unfolded(location, "constant", &constant.name.text, why);
            return None;
        }
        let value = value?;
        let folded = super::fold::fold(&value);
        Some(folded.unwrap_or(value))
    }

    /// A loaded row by its name alone: only to ask whether it is there.
    fn row_as_value(&mut self, name: &str, span: Span) -> Option<Expr> {
        let row = self.scope.row(name)?.clone();
        self.checker.refer(self.module, span, row.symbol, None);
        let fields = self.checker.row_fields(self.unit.handles[row.handle.index()].target);
        let ty = Type::Record(fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect());
        let values = fields
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let expr = self.make(ExprKind::Loaded(row.handle, index as u32), field.ty.clone(), span);
                with_empty(expr, field.empty.as_ref())
            })
            .collect();
        let record = self.make(ExprKind::Record(values), ty.clone(), span);
        if !row.nullable || self.scope.known.contains(&Path::Row(row.handle)) {
            return Some(record);
        }
        let there = self.make(ExprKind::Exists(row.handle), Type::Bool, span);
        let ty = ty.nullable();
        let null = self.make(ExprKind::Literal(Literal::Null), ty.clone(), span);
        let record = Expr { ty: ty.clone(), origin: record.origin, kind: ExprKind::Widen(Box::new(record)) };
        Some(self.make(ExprKind::If(Box::new(there), Box::new(record), Box::new(null)), ty, span))
    }

    /// `object.name` and `object?.name`.
    pub(super) fn member(
        &mut self,
        object: &ast::Expr,
        name: &Name,
        optional: bool,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        if let ast::ExprKind::Name(owner) = &object.kind
            && self.scope.variable(owner).is_none()
        {
            if let Some(row) = self.scope.row(owner).cloned() {
                self.checker.refer(self.module, object.span, row.symbol, None);
                return self.row_field(&row, name, optional, span);
            }
            if self.scope.is_broken(owner) {
                return None;
            }
            match self.checker.names.lookup(self.module, owner) {
                Resolution::Module(module) => {
                    self.checker.refer_to_alias(self.module, owner, object.span);
                    return self.module_constant(module, name, hint, span);
                }
                Resolution::Item(item) if self.checker.is_row_item(item) => {
                    self.checker.used.insert(item);
                    let word = item_word(self.checker.names.item(item));
                    self.not_loaded(object.span, word, owner, item);
                    return None;
                }
                _ => {}
            }
        }
        if let ast::ExprKind::Name(owner) = &object.kind
            && self.is_unknown_owner(owner, object.span, name)
        {
            return None;
        }
        let object_expr = self.infer(object, None)?;
        self.member_of(object_expr, object.span, name, optional, span)
    }

    fn module_constant(&mut self, module: u32, name: &Name, hint: Option<&Type>, span: Span) -> Option<Expr> {
        match self.checker.names.lookup_in(module, &name.text) {
            // Its place is that of the name alone, not of the module in front.
            Resolution::Item(item) => {
                self.item(item, &name.text, name.span, hint).map(|value| Expr { origin: self.origin(span), ..value })
            }
            Resolution::Unreadable => None,
            _ => {
                let there = self.checker.names.modules[module as usize].name.clone();
                let location = self.at(name.span);
                let error = NameError::NotInModule { name: name.text.to_string(), module: there, near: None, location };
                self.report(error.diagnostic());
                None
            }
        }
    }

    fn member_of(&mut self, object: Expr, at: Span, name: &Name, optional: bool, span: Span) -> Option<Expr> {
        let nullable = object.ty.is_nullable();
        // A member of JSON that is not there is null, and so are its members.
        if nullable && !optional && *object.ty.non_null() != Type::Json {
            let (location, text) = (self.at(at), self.text(at));
            let diagnostic = message::may_be_null(location, &text, &object.ty);
            let help = format!("`{text}?.{}` is null when `{text}` is", name.text);
            self.report(diagnostic.help(help));
            return None;
        }
        let found = match object.ty.non_null() {
            Type::Record(fields) => {
                fields.iter().position(|(field, _)| *field == name.text).map(|index| (index, fields[index].1.clone()))
            }
            Type::Link | Type::Attachment => {
                ["name", "url"].iter().position(|field| *field == name.text).map(|index| (index, Type::Text))
            }
            Type::Json => {
                let key = self.make(ExprKind::Literal(Literal::Text(name.text.to_string())), Type::Text, name.span);
                return self.builtin_call("get", vec![(object, at), (key, name.span)], span);
            }
            _ => None,
        };
        let Some((index, ty)) = found else {
            // A stream's record lacks the fields that could not be understood.
            if matches!(Path::of(&object), Some(Path::Slot(_))) && self.scope.is_broken(&name.text) {
                return None;
            }
            let names: Vec<String> = match object.ty.non_null() {
                Type::Record(fields) => fields.iter().map(|(field, _)| field.clone()).collect(),
                Type::Link | Type::Attachment => vec!["name".to_owned(), "url".to_owned()],
                _ => Vec::new(),
            };
            let location = self.at(name.span);
            if names.is_empty()
                && let Some(function) = self.function_of_one(&name.text)
            {
                self.report(message::function_as_member(location, &name.text, object.ty.non_null(), &function, false));
                return None;
            }
            let near = nsf_diagnostics::closest_of(&name.text, &names);
            self.report(message::no_member(location, &name.text, object.ty.non_null(), near));
            return None;
        };
        let ty = if nullable { ty.nullable() } else { ty };
        let symbol = self.member_symbol(&object, index, &name.text);
        let expr = self.make(ExprKind::Field(Box::new(object), index as u32), ty, span);
        let read = self.read(expr);
        self.checker.refer(self.module, name.span, symbol, Some(&read.ty));
        Some(read)
    }

    /// What declares a member: the field of a stream, where the object is a stream's record, or the member of a record type.
    fn member_symbol(&self, object: &Expr, index: usize, name: &str) -> Option<Location> {
        let stream = match Path::of(object) {
            Some(Path::Slot(slot)) => self.unit.symbol(slot),
            _ => None,
        };
        let own = stream.and_then(|stream| self.checker.field_of(stream, name));
        let Type::Record(fields) = object.ty.non_null() else { return None };
        own.or_else(|| self.checker.member_of_form(fields, index))
    }

    /// A field of a loaded row, or `exists`.
    fn row_field(&mut self, row: &RowBinding, name: &Name, optional: bool, span: Span) -> Option<Expr> {
        let target = self.unit.handles[row.handle.index()].target;
        let fields = self.checker.row_fields(target);
        let Some(index) = fields.iter().position(|field| field.name == name.text) else {
            if name.text == "exists" {
                return Some(self.make(ExprKind::Exists(row.handle), Type::Bool, span));
            }
            if let Some(key) = self.row_key(row, &name.text) {
                let symbol = self.checker.field_of_row(target, &name.text);
                self.checker.refer(self.module, name.span, symbol, Some(&key.ty));
                return Some(key);
            }
            if self.checker.is_broken_row_field(target, &name.text) {
                return None;
            }
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).chain(["exists"]).collect();
            let near = closest(&name.text, names).map(str::to_owned);
            // In a test a row is bound to a name of its own; what the writer calls it is the handle's.
            let owner = format!("{} `{}`", row_word(target), self.unit.handles[row.handle.index()].name);
            let location = self.at(name.span);
            self.report(message::no_field(location, &name.text, &owner, near));
            return None;
        };
        let field = &fields[index];
        let missing = row.nullable && !self.scope.known.contains(&Path::Row(row.handle));
        if missing && !optional {
            let location = self.at(span);
            let ty = field.ty.clone().nullable();
            let diagnostic = message::may_be_null(location, &row.name, &ty)
                .secondary(row.loaded, format!("`{}` is null when there is no such row", row.name))
                .help(format!("or say what happens then: `load {} else reject \"…\"`", row.name));
            self.report(diagnostic);
            return None;
        }
        let ty = if missing { field.ty.clone().nullable() } else { field.ty.clone() };
        let expr = self.make(ExprKind::Loaded(row.handle, index as u32), ty, span);
        let empty = if missing { None } else { field.empty.clone() };
        let expr = self.read(expr);
        let expr = if expr.ty.is_nullable() { with_empty(expr, empty.as_ref()) } else { expr };
        let symbol = self.checker.field_of_row(target, &name.text);
        self.checker.refer(self.module, name.span, symbol, Some(&expr.ty));
        Some(expr)
    }

    fn row_key(&self, row: &RowBinding, name: &str) -> Option<Expr> {
        let handle = &self.unit.handles[row.handle.index()];
        let index = self.checker.row_keys(handle.target).iter().position(|(key, _)| key == name)?;
        handle.keys.get(index).cloned()
    }
}

/// "state", "table", "dimension".
#[must_use]
pub fn row_word(target: HandleTarget) -> &'static str {
    match target {
        HandleTarget::State(_) => "state",
        HandleTarget::Table(_) => "table",
        HandleTarget::Dimension(_) => "dimension",
    }
}

/// A dimension's field with its `empty` in place of null.
fn with_empty(expr: Expr, empty: Option<&Literal>) -> Expr {
    let Some(empty) = empty else { return expr };
    let (ty, origin) = (expr.ty.non_null().clone(), expr.origin);
    let value = Expr { kind: ExprKind::Literal(empty.clone()), ty: ty.clone(), origin };
    Expr { kind: ExprKind::Coalesce(Box::new(expr), Box::new(value)), ty, origin }
}

/// A field of a row that can be loaded.
#[derive(Clone, Debug)]
pub struct RowField {
    /// Its name.
    pub name: String,
    /// Its type as read: `T?` for a dimension's field.
    pub ty: Type,
    /// What is read in place of null.
    pub empty: Option<Literal>,
}
