//! `save`: operations on a state's value.

use nsf_diagnostics::{Diagnostic, Suggestion, closest, codes};
use nsf_plan as plan;
use nsf_plan::{HandleId, HandleTarget, SaveKind, Step, StepKind, Type};
use nsf_syntax::ast::{self, Binding, Name, SaveOperation, SaveOperator, SaveStep, SettingsKeyword};

use super::pipeline::Builder;
use super::steps::{add_handle, bare};
use super::{Checker, Global, literal, message as words, relation, step_message as message};

impl Checker<'_> {
    pub(super) fn save_step(
        &mut self,
        builder: &mut Builder,
        save: &SaveStep,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        if self.is_saved_dimension(builder, save, step) {
            return;
        }
        let Some(Global::State(id)) = self.named_settings(builder.module, &save.state, SettingsKeyword::State) else {
            return;
        };
        let target = HandleTarget::State(id);
        let handle = self.saved_row(builder, target, save);
        let mut place = self.place(builder.module, step.span, save.state.span, "save");
        let mut operations = Vec::with_capacity(save.operations.len());
        let mut complete = true;
        if self.is_deleted_by_field(builder, save) || self.is_put_otherwise(builder, target, save) {
            return;
        }
        for operation in &save.operations {
            place.parts.push(self.at(builder.module, operation.span));
            match self.operation(builder, target, operation) {
                Some(kinds) => {
                    let origin = self.origin(builder.module, operation.span);
                    operations.extend(kinds.into_iter().map(|kind| plan::SaveOperation { kind, origin }));
                }
                None => complete = false,
            }
        }
        let Some(handle) = handle else { return };
        if !complete {
            return;
        }
        builder.stateful = true;
        // A save may change what was known of the row's fields, under whichever name it was loaded.
        let rows: Vec<HandleId> = builder
            .scope
            .rows
            .iter()
            .filter(|row| builder.unit.handles[row.handle.index()].target == target)
            .map(|row| row.handle)
            .collect();
        builder.scope.known.retain(|path| !rows.iter().any(|row| path.in_row(*row)));
        let made =
            self.step(builder, &format!("save.{}", save.state.text), StepKind::Save { handle, operations }, place);
        steps.push(made);
    }

    /// The row that is saved: the loaded one where the keys are the same, else one of its own.
    fn saved_row(&mut self, builder: &mut Builder, target: HandleTarget, save: &SaveStep) -> Option<HandleId> {
        let keys = self.bind_keys(builder, target, &save.state, save.keys.as_deref())?;
        let same = |handle: &plan::Handle| {
            handle.target == target
                && handle.keys.len() == keys.len()
                && handle.keys.iter().zip(&keys).all(|(left, right)| left.kind == right.kind)
        };
        let loaded = builder.scope.rows.iter().rev().map(|row| row.handle);
        let found = loaded.into_iter().find(|handle| same(&builder.unit.handles[handle.index()]));
        Some(found.unwrap_or_else(|| add_handle(builder, &save.state.text, target, keys)))
    }

    fn operation(
        &mut self,
        builder: &mut Builder,
        target: HandleTarget,
        operation: &SaveOperation,
    ) -> Option<Vec<SaveKind>> {
        match &operation.kind {
            ast::SaveKind::Error => None,
            ast::SaveKind::Delete => Some(vec![SaveKind::Delete]),
            ast::SaveKind::Fields(bindings) => {
                let kinds: Vec<Option<SaveKind>> =
                    bindings.iter().map(|binding| self.set_field(builder, target, binding)).collect();
                kinds.into_iter().collect()
            }
            ast::SaveKind::Assign { field, key, operator, value } => {
                if self.is_misspelt_operator(builder, target, field)
                    || self.is_added_to_itself(builder, field, *operator, value)
                {
                    return None;
                }
                let (index, ty) = self.state_field(builder, target, field)?;
                let kind = match key {
                    Some(key) => self.entry(builder, field, index, &ty, key, *operator, value)?,
                    None => self.assign_field(builder, field, index, &ty, *operator, value)?,
                };
                Some(vec![kind])
            }
            ast::SaveKind::Insert(value, field) => {
                let (index, ty) = self.state_field(builder, target, field)?;
                let (Type::Set(item) | Type::List(item) | Type::Multi(item)) = &ty else {
                    return self.wrong_operation(builder, "insert … into", field, &ty);
                };
                let value = builder.expressions(self).check(value, item)?;
                Some(vec![SaveKind::Insert { field: index, value }])
            }
            ast::SaveKind::Remove(value, field) => {
                let (index, ty) = self.state_field(builder, target, field)?;
                let (Type::Set(item) | Type::List(item) | Type::Map(item, _) | Type::Multi(item)) = &ty else {
                    return self.wrong_operation(builder, "remove … from", field, &ty);
                };
                let value = builder.expressions(self).check(value, item)?;
                Some(vec![SaveKind::Remove { field: index, value }])
            }
        }
    }

    /// `seconds mx= seconds`: a misspelt operator was read as another field. Says whether it is that.
    fn is_misspelt_operator(&mut self, builder: &Builder, target: HandleTarget, name: &Name) -> bool {
        if self.row_fields(target).iter().any(|field| field.name == name.text) {
            return false;
        }
        let Some(near) = closest(&name.text, ["max", "min"]) else { return false };
        let location = self.at(builder.module, name.span);
        let Some(text) = self.sources.get(location.file).map(|file| &*file.text) else { return false };
        let before = text.get(..name.span.start as usize).unwrap_or("").trim_end_matches([' ', '\t']);
        let follows_name = before.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == ']');
        let is_joined = text.get(name.span.end as usize..).is_some_and(|behind| behind.starts_with('='));
        if !follows_name || !is_joined {
            return false;
        }
        let title = format!("`{}=` is no operator", name.text);
        self.diagnostics.push(
            Diagnostic::new(&codes::E0101, location, title)
                .label(format!("`{near}=` is near it"))
                .note("a field of a state is changed by `=`, `+=`, `-=`, `max=` and `min=`")
                .suggest(Suggestion::certain(format!("write `{near}=`"), location, near)),
        );
        true
    }

    /// `total = total + amount`: on the right the field of the state is none of the record. Says whether it is that.
    fn is_added_to_itself(
        &mut self,
        builder: &Builder,
        field: &Name,
        operator: SaveOperator,
        value: &ast::Expr,
    ) -> bool {
        use ast::BinaryOperator::{Add, Subtract};
        let ast::ExprKind::Binary(sign @ (Add | Subtract), _, left, right) = &value.kind else { return false };
        let is_it = matches!(&left.kind, ast::ExprKind::Name(name) if *name == field.text);
        if operator != SaveOperator::Set || !is_it || builder.scope.variable(&field.text).is_some() {
            return false;
        }
        let location = self.at(builder.module, left.span);
        let whole = self.at(builder.module, field.span.to(value.span));
        let sign = if *sign == Add { "+=" } else { "-=" };
        let meant = format!("{} {sign} {}", field.text, self.sources.text(self.at(builder.module, right.span)));
        self.diagnostics.push(
            Diagnostic::new(&codes::E0204, location, format!("there is no field `{}` here", field.text))
                .label("on the right stand the fields of the record")
                .note(format!("what is stored is changed by `{sign}`"))
                .suggest(Suggestion::certain(format!("write `{meant}`"), whole, meant)),
        );
        true
    }

    fn set_field(&mut self, builder: &mut Builder, target: HandleTarget, binding: &Binding) -> Option<SaveKind> {
        let (field, ty) = self.state_field(builder, target, &binding.name)?;
        let shorthand = bare(&binding.name.text, binding.name.span);
        let value = builder.expressions(self).check(binding.value.as_ref().unwrap_or(&shorthand), &ty)?;
        Some(SaveKind::Set { field, value })
    }

    fn state_field(&mut self, builder: &Builder, target: HandleTarget, name: &Name) -> Option<(u32, Type)> {
        let fields = self.row_fields(target);
        let symbol = self.field_of_row(target, &name.text);
        self.refer_label(builder.module, name.span, symbol, None);
        if let Some(index) = fields.iter().position(|field| field.name == name.text) {
            return Some((index as u32, fields[index].ty.clone()));
        }
        if self.is_broken_row_field(target, &name.text) {
            return None;
        }
        let near = closest(&name.text, fields.iter().map(|field| field.name.as_str())).map(str::to_owned);
        let location = self.at(builder.module, name.span);
        let owner = match target {
            HandleTarget::State(id) => {
                let name = &self.program.states[id.index()].value.name;
                format!("state `{}`", name.rsplit('.').next().unwrap_or(name))
            }
            _ => "the row".to_owned(),
        };
        let is_near = near.is_some();
        let diagnostic = words::no_field(location, &name.text, &owner, near);
        let all: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
        self.diagnostics.push(if is_near {
            diagnostic
        } else {
            diagnostic.note(format!("its fields are {}", all.join(", ")))
        });
        None
    }

    fn wrong_operation<T>(&mut self, builder: &Builder, operation: &str, field: &Name, ty: &Type) -> Option<T> {
        let location = self.at(builder.module, field.span);
        let diagnostic = message::save_operation(location, operation, &field.text, ty);
        let diagnostic = self.works_instead(builder, diagnostic, field, ty, operation);
        self.diagnostics.push(diagnostic);
        None
    }

    /// Something is added to a set as a number is.
    fn insert_is_meant<T>(
        &mut self,
        builder: &mut Builder,
        operation: &str,
        field: &Name,
        ty: &Type,
        value: &ast::Expr,
    ) -> Option<T> {
        let location = self.at(builder.module, field.span);
        let whole = self.at(builder.module, field.span.to(value.span));
        let text = builder.expressions(self).text(value.span);
        let word = if operation == "+=" { ("insert", "into") } else { ("remove", "from") };
        let meant = format!("{} {text} {} {}", word.0, word.1, field.text);
        let mut diagnostic = message::save_operation(location, operation, &field.text, ty);
        if let Type::Set(_) = ty.non_null() {
            diagnostic =
                diagnostic.suggest(nsf_diagnostics::Suggestion::certain(format!("write `{meant}`"), whole, meant));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn assign_field(
        &mut self,
        builder: &mut Builder,
        name: &Name,
        field: u32,
        ty: &Type,
        operator: SaveOperator,
        value: &ast::Expr,
    ) -> Option<SaveKind> {
        let inner = ty.non_null();
        match operator {
            SaveOperator::Set => {
                let value = builder.expressions(self).check(value, ty)?;
                Some(SaveKind::Set { field, value })
            }
            SaveOperator::Add | SaveOperator::Subtract => {
                let symbol = if operator == SaveOperator::Add { "+=" } else { "-=" };
                if let Type::Set(_) | Type::List(_) = inner {
                    return self.insert_is_meant(builder, symbol, name, ty, value);
                }
                if literal::zero(inner).is_none() {
                    return self.wrong_operation(builder, symbol, name, ty);
                }
                let value = builder.expressions(self).check(value, inner)?;
                Some(match operator {
                    SaveOperator::Add => SaveKind::Add { field, value },
                    _ => SaveKind::Subtract { field, value },
                })
            }
            SaveOperator::Max | SaveOperator::Min => {
                let symbol = if operator == SaveOperator::Max { "max=" } else { "min=" };
                if !relation::is_ordered(inner) {
                    return self.wrong_operation(builder, symbol, name, ty);
                }
                let value = builder.expressions(self).check(value, inner)?;
                Some(match operator {
                    SaveOperator::Max => SaveKind::Max { field, value },
                    _ => SaveKind::Min { field, value },
                })
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn entry(
        &mut self,
        builder: &mut Builder,
        name: &Name,
        field: u32,
        ty: &Type,
        key: &ast::Expr,
        operator: SaveOperator,
        value: &ast::Expr,
    ) -> Option<SaveKind> {
        let (key_type, item) = match ty {
            Type::Map(key, item) => ((**key).clone(), (**item).clone()),
            Type::List(item) => (Type::INT64, (**item).clone()),
            _ => return self.wrong_operation(builder, "[…] =", name, ty),
        };
        let key = builder.expressions(self).check(key, &key_type);
        let value = builder.expressions(self).check(value, &item)?;
        let key = key?;
        match operator {
            SaveOperator::Set => Some(SaveKind::SetEntry { field, key, value }),
            SaveOperator::Add if literal::zero(&item).is_some() && matches!(ty, Type::Map(..)) => {
                Some(SaveKind::AddEntry { field, key, value })
            }
            SaveOperator::Add => self.wrong_operation(builder, "[…] +=", name, ty),
            SaveOperator::Subtract => self.wrong_operation(builder, "[…] -=", name, ty),
            SaveOperator::Max => self.wrong_operation(builder, "[…] max=", name, ty),
            SaveOperator::Min => self.wrong_operation(builder, "[…] min=", name, ty),
        }
    }
}
