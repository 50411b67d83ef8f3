//! Names that mean nothing where they stand: what is said of them, and what was probably meant.

use nsf_diagnostics::{Applicability, Diagnostic, Location, Span, Suggestion, TextEdit, closest, codes};
use nsf_plan::{Expr, Type};
use nsf_syntax::ast::{self, ItemKind, Name};
use smol_str::SmolStr;

use super::expression::Expressions;
use super::foreign::{self, Meant};
use super::message;
use crate::names::{NameError, Resolution};

/// A name that was known in a part of the flow that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The name.
    pub name: SmolStr,
    /// Where it was made.
    pub made: Location,
    /// What knew it: "`each`", "its `calculate` step".
    pub within: &'static str,
}

/// What other languages call the record.
const RECORD: [&str; 11] = ["this", "self", "root", "record", "row", "event", "msg", "message", "input", "it", "data"];

impl Expressions<'_, '_> {
    /// Reports a name that nothing here has.
    pub(super) fn unknown_name(&mut self, name: &str, span: Span, hint: Option<&Type>) {
        let location = self.at(span);
        if let Some(meant) = foreign::value(name) {
            return self.report(message::foreign(location, "value", name, meant));
        }
        if self.has_ended(name, location) || self.is_member_alone(name, span) {
            return;
        }
        let constants = self.checker.names.visible(self.module, |item| matches!(item.kind, ItemKind::Const(_)));
        let near = closest(name, self.scope.names().chain(constants)).map(str::to_owned);
        let declares = |item: &ast::Item| matches!(&item.kind, ItemKind::Const(constant) if constant.name.text == name);
        let elsewhere = self.checker.names.declared_elsewhere(name);
        let module = elsewhere.filter(|module| module.ast.items.iter().any(declares)).map(|module| module.name.clone());
        let is_alone = near.is_none() && module.is_none();
        // Where it is made it may be misspelt as well.
        let is_made = near
            .as_ref()
            .is_some_and(|near| self.scope.variable(near).is_some_and(|own| own.made.is_some() && !own.local));
        let unknown = NameError::Unknown { what: "field".to_owned(), name: name.to_owned(), near, module, location };
        let mut diagnostic = unknown.diagnostic();
        if is_made {
            diagnostic.suggestions.iter_mut().for_each(|own| own.applicability = Applicability::Likely);
        }
        if is_alone && self.is_made_elsewhere(name, span) {
            return;
        }
        if is_alone {
            diagnostic = self.knows_inputs_alone(diagnostic, name, span);
        }
        if let Some(maker) = self.checker.maker_of(self.module, name) {
            diagnostic = diagnostic.help(format!("{maker} would make it: put that step before this one"));
        } else if is_alone && hint.is_some_and(|hint| *hint.non_null() == Type::Text) {
            let text = format!("\"{name}\"");
            diagnostic = diagnostic.suggest(Suggestion::likely("write it as a text", location, text));
        }
        self.report(diagnostic);
    }

    /// A name of an `each` or `let` that is over.
    fn has_ended(&mut self, name: &str, location: Location) -> bool {
        let Some(ended) = self.unit.ended.iter().rev().find(|ended| ended.name == name).cloned() else { return false };
        let diagnostic = Diagnostic::new(&codes::E0204, location, format!("there is no field `{name}` here"))
            .label(format!("`{name}` is known only inside of {}", ended.within))
            .secondary(ended.made, "made here");
        let word = Span::new(ended.made.span.start.saturating_sub(4), ended.made.span.start).in_file(ended.made.file);
        let diagnostic = if self.checker.sources.text(word) == "let " {
            diagnostic.suggest(Suggestion::likely("make it a field: leave `let` out", word, ""))
        } else {
            diagnostic
        };
        self.report(diagnostic);
        true
    }

    /// A member of an element or of a loaded row, named without what it belongs to.
    fn is_member_alone(&mut self, name: &str, span: Span) -> bool {
        let has = |ty: &Type| matches!(ty, Type::Record(fields) if fields.iter().any(|(field, _)| field == name));
        let locals = self.scope.variables.iter().filter(|own| own.local && has(self.unit.ty(own.slot)));
        let owners: Vec<SmolStr> = locals.map(|own| own.name.clone()).collect();
        let is_local = !owners.is_empty();
        let owners = if is_local { owners } else { self.rows_with(name) };
        let [owner] = owners.as_slice() else { return false };
        let location = self.at(span);
        let meant = format!("{owner}.{name}");
        let written = if self.is_shorthand(span) { format!("{name}: {meant}") } else { meant.clone() };
        let diagnostic = Diagnostic::new(&codes::E0204, location, format!("there is no field `{name}` here"))
            .label(format!("`{owner}` has one: `{meant}`"));
        let message = format!("write `{written}`");
        self.report(diagnostic.suggest(if is_local {
            Suggestion::certain(message, location, written)
        } else {
            Suggestion::likely(message, location, written)
        }));
        true
    }

    /// The loaded rows that have a field.
    fn rows_with(&self, name: &str) -> Vec<SmolStr> {
        let has = |row: &&super::unit::RowBinding| {
            let target = self.unit.handles[row.handle.index()].target;
            self.checker.row_fields(target).iter().any(|field| field.name == name && !field.ty.is_nullable())
        };
        self.scope.rows.iter().filter(|row| !row.nullable).filter(has).map(|row| row.name.clone()).collect()
    }

    /// Whether a name stands alone between the commas of a record: `{ a, b }`.
    fn is_shorthand(&self, span: Span) -> bool {
        let file = self.at(span).file;
        let Some(text) = self.checker.sources.get(file).map(|file| &*file.text) else { return false };
        let before = text.get(..span.start as usize).unwrap_or("").trim_end();
        let behind = text.get(span.end as usize..).unwrap_or("").trim_start();
        if !before.ends_with(['{', ',']) || !behind.starts_with(['}', ',']) {
            return false;
        }
        let mut depth = 0_i32;
        for sign in before.chars().rev() {
            match sign {
                ')' | ']' | '}' => depth += 1,
                '(' | '[' | '{' if depth > 0 => depth -= 1,
                '(' | '[' => return false,
                '{' => return true,
                _ => {}
            }
        }
        false
    }

    /// A member of something that is not there: the record itself, or another name of an element. Says whether it was reported.
    pub(super) fn is_unknown_owner(&mut self, owner: &str, at: Span, member: &Name) -> bool {
        let names = &self.checker.names;
        let is_known =
            self.scope.variable(owner).is_some() || self.scope.row(owner).is_some() || self.scope.is_broken(owner);
        if is_known || self.raw.is_some() || !matches!(names.lookup(self.module, owner), Resolution::Unknown) {
            return false;
        }
        let location = self.at(at);
        let is_field = self.scope.variable(&member.text).is_some_and(|own| !own.local);
        if RECORD.contains(&owner) && is_field {
            let prefix = self.at(Span::new(at.start, member.span.start));
            let diagnostic = Diagnostic::new(&codes::E0204, location, format!("there is no field `{owner}` here"))
                .label("the fields of the record are named alone")
                .suggest(Suggestion::certain(format!("write `{}`", member.text), prefix, ""));
            self.report(diagnostic);
            return true;
        }
        let has =
            |ty: &Type| matches!(ty, Type::Record(fields) if fields.iter().any(|(field, _)| *field == member.text));
        let locals = self.scope.variables.iter().filter(|own| own.local && has(self.unit.ty(own.slot)));
        let owners: Vec<SmolStr> = locals.map(|own| own.name.clone()).collect();
        let [meant] = owners.as_slice() else { return false };
        if self.unit.ended.iter().any(|ended| ended.name == owner) {
            return false;
        }
        let diagnostic = Diagnostic::new(&codes::E0204, location, format!("there is no field `{owner}` here"))
            .label(format!("`{meant}` has a member `{}`", member.text))
            .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant.as_str()));
        self.report(diagnostic);
        true
    }

    /// Reports a function that is not there; `operands` are its arguments as written, `span` the whole call.
    pub(super) fn unknown_function(&mut self, name: &str, at: Span, operands: &[Span], span: Span) {
        let library = self.checker.library.functions.keys().map(SmolStr::as_str);
        let is_function = |item: &ast::Item| matches!(item.kind, ItemKind::Function(_) | ItemKind::Mapping(_));
        let own = self.checker.names.visible(self.module, is_function);
        let near = closest(name, library.chain(own)).map(str::to_owned);
        let module = self.checker.names.declared_elsewhere(name).map(|module| module.name.clone());
        let location = self.at(at);
        // What another module declares is meant, and is not in use yet.
        match foreign::function(name).filter(|_| module.is_none()) {
            Some(Meant::Named(meant)) => return self.report(message::foreign(location, "function", name, meant)),
            Some(Meant::Said(how)) => {
                let operands: Vec<String> = operands.iter().map(|own| self.text(*own)).collect();
                let mut diagnostic = message::foreign_function(location, name, how);
                if let Some(meant) =
                    foreign::said(name, &operands).filter(|_| span.start <= at.start && at.end < span.end)
                {
                    diagnostic.notes.clear();
                    diagnostic =
                        diagnostic.suggest(Suggestion::certain(format!("write `{meant}`"), self.at(span), meant));
                }
                return self.report(diagnostic);
            }
            None => {}
        }
        let error = NameError::Unknown { what: "function".to_owned(), name: name.to_owned(), near, module, location };
        self.report(error.diagnostic());
    }

    /// A row under the name of its item, where it was loaded under another.
    pub(super) fn loaded_as(&self, item: crate::names::ItemRef) -> Option<SmolStr> {
        let target = self.checker.row_target(item)?;
        let is_it = |row: &&super::unit::RowBinding| self.unit.handles[row.handle.index()].target == target;
        self.scope.rows.iter().rev().find(is_it).map(|row| row.name.clone())
    }
}

/// The arguments of a call in another order, as edits of their places.
pub(super) fn swapped(first: (Location, String), second: (Location, String)) -> Vec<TextEdit> {
    vec![TextEdit { location: first.0, replacement: second.1 }, TextEdit { location: second.0, replacement: first.1 }]
}

/// Whether the value of an expression is another for each record, or each time it is computed.
pub(super) fn is_of_the_record(value: &Expr) -> bool {
    let mut found = false;
    value.walk(&mut |part| {
        found |= match &part.kind {
            nsf_plan::ExprKind::Now => true,
            nsf_plan::ExprKind::Call(name, _) => name.contains("clock") || name.contains("random"),
            _ => false,
        };
    });
    found
}
