//! Steps as people write them who come from other languages: keys and inputs under other names or without one, keys among
//! fields, one kind of step for another.

use nsf_diagnostics::{Applicability, Diagnostic, Location, Span, Suggestion, TextEdit, codes};
use nsf_plan::{DimensionId, HandleTarget, Type};
use nsf_syntax::ast::{
    self, Binding, ExpandMode, ExpandStep, ExprKind, ItemKind, Literal, Name, RecordEntry, SettingsKeyword,
};
use smol_str::SmolStr;

use super::pipeline::Builder;
use super::relation::show;
use super::{Checker, step_message as message};
use crate::names::{NameError, Resolution, item_word};

/// The one key or input that the one binding of an unknown name can be meant for.
pub(super) fn only_meant<'b>(bindings: &'b [Binding], names: &[&str]) -> Option<(&'b Binding, String)> {
    let is_known = |binding: &&Binding| names.contains(&binding.name.text.as_str());
    let mut unknown = bindings.iter().filter(|binding| !is_known(binding));
    let mut open = names.iter().filter(|name| !bindings.iter().any(|binding| binding.name.text == **name));
    let found = (unknown.next()?, (*open.next()?).to_owned());
    (unknown.next().is_none() && open.next().is_none()).then_some(found)
}

impl Checker<'_> {
    /// A binding of an unknown name, where one key or input alone can be meant.
    pub(super) fn report_meant_binding(
        &mut self,
        builder: &Builder,
        target: &str,
        binding: &Binding,
        meant: &str,
        what: &str,
    ) {
        let (name, location) = (&binding.name.text, self.at(builder.module, binding.name.span));
        let is_value = binding.value.is_none() && builder.scope.variable(name).is_some();
        let diagnostic = if is_value {
            let text = format!("the {what} is named: `{target}({meant}: {name})`");
            let before = Location { span: Span::at(location.span.start), ..location };
            Diagnostic::new(&codes::E0332, location, text).suggest(Suggestion::certain(
                format!("write `{meant}:`"),
                before,
                format!("{meant}: "),
            ))
        } else {
            let text = format!("`{target}` has no input `{name}`: its {what} is `{meant}`");
            Diagnostic::new(&codes::E0332, location, text).suggest(Suggestion::certain(
                format!("write `{meant}`"),
                location,
                meant,
            ))
        };
        self.diagnostics.push(diagnostic);
    }

    /// `-> (charge: fee)`, where `fee` is the output: reported, and the pairs as they are meant.
    pub(super) fn outputs_as_meant(
        &mut self,
        builder: &Builder,
        function: &ast::StepFunction,
        call: &ast::StepCall,
    ) -> Vec<(Name, Name)> {
        let is_output = |name: &Name| function.outputs.iter().any(|output| output.name.text == name.text);
        let mut pairs = call.outputs.clone();
        for (name, renamed) in &mut pairs {
            if is_output(name) || !is_output(renamed) {
                continue;
            }
            let whole = self.at(builder.module, name.span.to(renamed.span));
            let meant = format!("{}: {}", renamed.text, name.text);
            let location = self.at(builder.module, name.span);
            let text = format!("the output stands first, then its name here: `-> ({meant})`");
            let fix = Suggestion::certain(format!("write `{meant}`"), whole, meant);
            self.diagnostics.push(message::outputs(location, text).suggest(fix));
            std::mem::swap(name, renamed);
        }
        pairs
    }

    /// `save` of a dimension: reported, since its rows are written by `expand`.
    pub(super) fn is_saved_dimension(&mut self, builder: &Builder, save: &ast::SaveStep, step: &ast::Step) -> bool {
        let Resolution::Item(item) = self.names.lookup(builder.module, &save.state.text) else { return false };
        let declared = self.names.item(item);
        if !matches!(declared.kind, ItemKind::Dimension(_)) {
            return false;
        }
        let (name, location) = (&save.state.text, self.at(builder.module, save.state.span));
        let text = format!("`{name}` is a dimension, not a state: its rows are written by `expand {name} {{ … }}`");
        let mut diagnostic = Diagnostic::new(&codes::E0206, location, text)
            .secondary(self.names.location(item), format!("this {}", item_word(declared)));
        let keyword = self.at(builder.module, Span::new(step.span.start, step.span.start + 4));
        let are_fields = save.operations.iter().all(|operation| matches!(operation.kind, ast::SaveKind::Fields(_)));
        if are_fields && self.sources.text(keyword) == "save" {
            diagnostic = diagnostic.suggest(Suggestion::certain("write `expand`", keyword, "expand"));
        }
        self.used.insert(item);
        self.diagnostics.push(diagnostic);
        true
    }

    /// `save s { delete count }`: reported, since `delete` ends the whole value.
    pub(super) fn is_deleted_by_field(&mut self, builder: &Builder, save: &ast::SaveStep) -> bool {
        let behind = save.operations.windows(2).find_map(|two| match (&two[0].kind, &two[1].kind) {
            (ast::SaveKind::Delete, ast::SaveKind::Fields(bindings)) => match bindings.as_slice() {
                [Binding { name, value: None }] if builder.scope.variable(&name.text).is_none() => Some(name),
                _ => None,
            },
            _ => None,
        });
        let Some(name) = behind else { return false };
        let location = self.at(builder.module, name.span);
        let text = format!("`delete` ends the whole value; a field is set: `{} = …`", name.text);
        self.diagnostics.push(Diagnostic::new(&codes::E0204, location, text).label("nothing follows `delete`"));
        true
    }

    /// `save s { add page into pages }`: reported, since `insert` is what NSF says.
    pub(super) fn is_put_otherwise(&mut self, builder: &Builder, target: HandleTarget, save: &ast::SaveStep) -> bool {
        let bare = save.operations.iter().map_while(|operation| match &operation.kind {
            ast::SaveKind::Fields(bindings) => Some(bindings.iter().filter(|own| own.value.is_none())),
            _ => None,
        });
        let words: Vec<&Name> = bare.flatten().map(|own| &own.name).collect();
        let fields = self.row_fields(target);
        let has = |name: &Name| fields.iter().any(|field| field.name == name.text);
        let found = words.windows(4).find_map(|own| match own {
            [word, _, into, field] if !has(word) && matches!(&*into.text, "into" | "from" | "to") && has(field) => {
                Some((*word, *into))
            }
            _ => None,
        });
        let Some((word, into)) = found else { return false };
        let (meant, behind) = if into.text == "from" { ("remove", "from") } else { ("insert", "into") };
        let (location, place) = (self.at(builder.module, word.span), self.at(builder.module, into.span));
        let text = format!("no change of a state starts with `{}`", word.text);
        let edits = vec![
            TextEdit { location, replacement: meant.to_owned() },
            TextEdit { location: place, replacement: behind.to_owned() },
        ];
        self.diagnostics.push(
            Diagnostic::new(&codes::E0107, location, text)
                .label("a value gets into a set or list by `insert … into`, and out of it by `remove … from`")
                .suggest(Suggestion {
                    message: format!("write `{meant} … {behind}`"),
                    edits,
                    applicability: Applicability::Likely,
                }),
        );
        true
    }

    /// `expand delete` of a state: reported, since its values are deleted by `save`.
    pub(super) fn is_deleted_state(
        &mut self,
        builder: &Builder,
        expand: &ExpandStep,
        name: &Name,
        step: &ast::Step,
    ) -> bool {
        let Some(item) = self.state_named(builder.module, name).filter(|_| expand.mode == ExpandMode::Delete) else {
            return false;
        };
        let declared = self.names.item(item);
        let text = format!("`{}` is a state, not a dimension", name.text);
        let form = format!("save {} {{ delete }}", name.text);
        let location = self.at(builder.module, name.span);
        let whole = self.at(builder.module, step.span.to(name.span));
        let after = self.at(builder.module, Span::new(name.span.end, step.span.end));
        let keys = self.sources.text(after).trim().to_owned();
        let whole = Location { span: Span::new(whole.span.start, step.span.end), ..whole };
        let written = format!("save {}{keys} {{ delete }}", name.text);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0206, location, text)
                .secondary(self.names.location(item), format!("this {}", item_word(declared)))
                .help(format!("a state's value is deleted by `{form}`"))
                .suggest(Suggestion::likely(format!("write `{form}`"), whole, written)),
        );
        self.used.insert(item);
        true
    }

    /// The state that a name means.
    fn state_named(&self, module: u32, name: &Name) -> Option<crate::names::ItemRef> {
        let Resolution::Item(item) = self.names.lookup(module, &name.text) else { return None };
        let is_state =
            matches!(&self.names.item(item).kind, ItemKind::Settings(own) if own.keyword == SettingsKeyword::State);
        is_state.then_some(item)
    }

    /// A flow `from` a state: reported, since its values are read when they have ended.
    pub(super) fn is_state_as_stream(&mut self, module: u32, name: &Name) -> bool {
        let Some(item) = self.state_named(module, name) else { return false };
        let location = self.at(module, name.span);
        let error = NameError::WrongKind {
            name: name.text.to_string(),
            is: item_word(self.names.item(item)),
            expected: "a source, flow or subscription".to_owned(),
            location,
            declared: self.names.location(item),
        };
        let before = Location { span: Span::at(location.span.start), ..location };
        self.used.insert(item);
        self.diagnostics.push(
            error
                .diagnostic()
                .help("a flow reads the values of a state when they have ended: `from expired STATE`")
                .suggest(Suggestion::likely("write `expired`", before, "expired ")),
        );
        true
    }

    /// The entries of an expand that are keys of its dimension, which is reported; what they bind.
    pub(super) fn keys_among_fields(
        &mut self,
        builder: &Builder,
        dimension: DimensionId,
        expand: &ExpandStep,
        name: &Name,
        bound: Option<&[Binding]>,
    ) -> Vec<Binding> {
        let value = &self.program.dimensions[dimension.index()].value;
        let keys: Vec<String> = value.keys.iter().map(|(key, _)| key.clone()).collect();
        let fields: Vec<String> = value.fields.iter().map(|field| field.name.clone()).collect();
        let entries = expand.entries.as_deref().unwrap_or(&[]);
        let mut found = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let RecordEntry::Field { name: key, value, .. } = entry else { continue };
            if !keys.iter().any(|own| *own == key.text) || fields.iter().any(|own| *own == key.text) {
                continue;
            }
            let next = entries.get(index + 1).map(entry_start);
            let taken_out = self.entry_with_comma(builder.module, key, value.as_ref(), next);
            let location = self.at(builder.module, key.span);
            let is_same = value.as_ref().is_none_or(|value| value.kind == ExprKind::Name(key.text.clone()));
            if is_same {
                let text =
                    format!("`{}` is a key of `{}`, which is taken from the record already", key.text, name.text);
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0307, location, text)
                        .label("the braces hold fields alone")
                        .suggest(Suggestion::certain("take it out", taken_out, "")),
                );
            } else if let Some(value) = value {
                let written = self.sources.text(self.at(builder.module, value.span)).to_owned();
                let text =
                    format!("a key stands in parentheses: `expand {}({}: {written}) {{ … }}`", name.text, key.text);
                let mut diagnostic =
                    Diagnostic::new(&codes::E0307, location, text).label("the braces hold fields alone");
                if bound.is_none() {
                    let behind = self.at(builder.module, Span::at(name.span.end));
                    let binding = format!("({}: {written})", key.text);
                    diagnostic = diagnostic.suggest(Suggestion {
                        message: "put it there".to_owned(),
                        edits: vec![
                            TextEdit { location: behind, replacement: binding },
                            TextEdit { location: taken_out, replacement: String::new() },
                        ],
                        applicability: Applicability::Certain,
                    });
                }
                self.diagnostics.push(diagnostic);
            }
            found.push(Binding { name: key.clone(), value: value.clone() });
        }
        found
    }

    /// An entry with the comma and blanks behind it, or before it where it is the last.
    fn entry_with_comma(&self, module: u32, name: &Name, value: Option<&ast::Expr>, next: Option<u32>) -> Location {
        let end = value.map_or(name.span.end, |value| value.span.end);
        let Some(next) = next else {
            let file = self.at(module, name.span).file;
            let before =
                self.sources.get(file).map_or("", |file| file.text.get(..name.span.start as usize).unwrap_or(""));
            let start = before.trim_end().strip_suffix(',').map_or(name.span.start, |rest| rest.len() as u32);
            return self.at(module, Span::new(start, end));
        };
        self.at(module, Span::new(name.span.start, next))
    }

    /// `expand buyer { delete }`: reported.
    pub(super) fn is_delete_in_braces(
        &mut self,
        builder: &Builder,
        expand: &ExpandStep,
        name: &Name,
        step: &ast::Step,
    ) -> bool {
        let Some([RecordEntry::Field { name: word, value: None, .. }]) = expand.entries.as_deref() else {
            return false;
        };
        let dimension_has = |checker: &Self| match checker.names.lookup(builder.module, &name.text) {
            Resolution::Item(item) => match checker.globals.get(&item) {
                Some(super::Global::Dimension(id)) => {
                    checker.program.dimensions[id.index()].value.fields.iter().any(|field| field.name == word.text)
                }
                _ => false,
            },
            _ => false,
        };
        if word.text != "delete" || expand.mode != ExpandMode::Put || dimension_has(self) {
            return false;
        }
        let whole = self.at(builder.module, Span::new(name.span.start, step.span.end));
        let head = self.sources.text(whole).split('{').next().unwrap_or_default().trim_end().to_owned();
        let text = format!("a row is deleted by `expand delete {head}`");
        let location = self.at(builder.module, word.span);
        let fix = Suggestion::certain(format!("write `expand delete {head}`"), whole, format!("delete {head}"));
        self.diagnostics.push(Diagnostic::new(&codes::E0307, location, text).label("no field").suggest(fix));
        true
    }

    /// `expand buyer { orders: null }` of a field that is never null: reported.
    pub(super) fn is_cleared_by_null(
        &mut self,
        builder: &Builder,
        whole: Option<(&Name, Span)>,
        field: &Name,
        value: Option<&ast::Expr>,
        ty: &Type,
    ) -> bool {
        let Some(value) = value.filter(|value| value.kind == ExprKind::Literal(Literal::Null) && !ty.is_nullable())
        else {
            return false;
        };
        let location = self.at(builder.module, value.span);
        let text = format!("`{}` is {}, which is never null", field.text, show(ty));
        let mut diagnostic = Diagnostic::new(&codes::E0302, location, text);
        diagnostic = match whole {
            Some((name, place)) => {
                let form = format!("expand reset {} {{ {} }}", name.text, field.text);
                diagnostic.help(format!("a field is cleared by `{form}`")).suggest(Suggestion::likely(
                    format!("write `{form}`"),
                    self.at(builder.module, place),
                    form,
                ))
            }
            None => diagnostic
                .help(format!("a field is cleared by a step of its own: `expand reset … {{ {} }}`", field.text)),
        };
        self.diagnostics.push(diagnostic);
        true
    }

    /// What works on a state's field of a type, and what is meant by `+=` of a map.
    pub(super) fn works_instead(
        &self,
        builder: &Builder,
        diagnostic: Diagnostic,
        field: &Name,
        ty: &Type,
        operation: &str,
    ) -> Diagnostic {
        let name = &field.text;
        if let Type::Map(key, item) = ty {
            let counts = super::literal::zero(item).is_some();
            let fits = |own: &&super::unit::Variable| !own.local && builder.unit.ty(own.slot) == &**key;
            let own = || builder.scope.variables.iter().filter(fits);
            let single = |own: &&super::unit::Variable| name.strip_suffix('s') == Some(own.name.as_str());
            let meant: Option<SmolStr> = own().find(single).or_else(|| own().next()).map(|own| own.name.clone());
            let diagnostic = if counts {
                diagnostic.help(format!("an entry is counted by `{name}[…] += 1`, and set by `{name}[…] = …`"))
            } else {
                diagnostic.help(format!("an entry is set by `{name}[…] = …`"))
            };
            return match meant.filter(|_| counts && operation == "+=") {
                Some(meant) => {
                    let behind = self.at(builder.module, Span::at(field.span.end));
                    diagnostic.suggest(Suggestion::likely(
                        format!("write `{name}[{meant}] {operation}`"),
                        behind,
                        format!("[{meant}]"),
                    ))
                }
                None => diagnostic,
            };
        }
        let works = match ty.non_null() {
            Type::Set(_) | Type::List(_) | Type::Multi(_) => "`=`, `insert … into` and `remove … from`",
            own if super::literal::zero(own).is_some() => "`=`, `+=`, `-=`, `max=` and `min=`",
            own if super::relation::is_ordered(own) => "`=`, `max=` and `min=`",
            _ => "`=`",
        };
        diagnostic.help(format!("what works on it is {works}"))
    }
}

/// The names in an expression that are read as values.
pub(super) fn names_in(expr: &ast::Expr) -> Vec<(SmolStr, Span)> {
    let mut expr = expr.clone();
    let mut found = Vec::new();
    fn look(expr: &mut ast::Expr, found: &mut Vec<(SmolStr, Span)>) {
        match &mut expr.kind {
            ExprKind::Name(name) => found.push((name.clone(), expr.span)),
            ExprKind::Call { arguments, .. } => arguments.iter_mut().for_each(|own| look(&mut own.value, found)),
            _ => super::test_items::for_each_child(expr, &mut |child| look(child, found)),
        }
    }
    look(&mut expr, &mut found);
    found
}

fn entry_start(entry: &RecordEntry) -> u32 {
    match entry {
        RecordEntry::Field { name, .. } => name.span.start,
        RecordEntry::Spread(value) => value.span.start.saturating_sub(3),
    }
}

impl super::expression::Expressions<'_, '_> {
    /// `row.exists()` of a loaded row: reported, since `exists` is no function.
    pub(super) fn is_exists_called(
        &mut self,
        object: &ast::Expr,
        name: &Name,
        arguments: &[ast::Argument],
        span: Span,
    ) -> bool {
        let ExprKind::Name(owner) = &object.kind else { return false };
        if name.text != "exists" || !arguments.is_empty() || self.scope.row(owner).is_none() {
            return false;
        }
        let location = self.at(name.span);
        let brackets = self.at(Span::new(name.span.end, span.end));
        let text = format!("`exists` is no function: `{owner}.exists`");
        let fix = Suggestion::certain("take the parentheses out", brackets, "");
        self.report(Diagnostic::new(&codes::E0204, location, text).label("whether the row is there").suggest(fix));
        true
    }
}
