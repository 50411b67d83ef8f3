//! The type that is due at the cursor.

use nsf_analysis::LIBRARY;
use nsf_plan::Type;
use nsf_syntax::ast::ItemKind;

use super::Completion;
use super::context::is_connector;
use super::frames::Kind;
use crate::infer::Found;

impl Completion<'_, '_> {
    /// The type that is due; none where any may stand.
    pub(super) fn expected(&self) -> Option<Type> {
        let context = self.context;
        let before = context.before(0);
        match before {
            "and" | "or" | "not" | "require" | "when" => return Some(Type::Bool),
            "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" => {
                let left = context.operand_before(context.tokens.len().checked_sub(2)?)?;
                return Some(self.infer().text(left)?.ty()?.non_null().clone());
            }
            "if" if context.frame().kind != Kind::Arms => return Some(Type::Bool),
            _ => {}
        }
        let name = || context.tokens.len().checked_sub(2).map(|index| context.at(index));
        match context.frame().kind {
            Kind::Arguments if matches!(before, "(" | ",") => self.expected_argument(),
            Kind::Bindings if before == ":" => {
                let name = name()?;
                self.inputs().into_iter().find(|(own, ..)| own == name).map(|(_, ty, _)| ty)
            }
            Kind::Entries if before == ":" => {
                let name = name()?;
                self.expanded_fields().into_iter().find(|(own, _)| own.label == name).map(|(_, ty)| ty)
            }
            Kind::Assignments if before == "=" => self.assigned(name()?),
            Kind::Operations if matches!(before, "=" | "+=" | "-=") => {
                let name = context.at(context.statement());
                let ty = self.known.row(self.saved()?).into_iter().find(|own| own.name == name)?.ty;
                match ty {
                    Type::Map(_, value) if context.at(context.statement() + 1) == "[" => Some(*value),
                    other => Some(other),
                }
            }
            _ => None,
        }
    }

    /// The type of what `calculate` makes: an output of the function at hand, or a field that is there.
    fn assigned(&self, name: &str) -> Option<Type> {
        if let Some(ItemKind::StepFunction(function)) = self.known.item(self.context.at(1)).map(|own| &own.item.kind)
            && self.context.keyword() != "flow"
            && let Some(output) = function.outputs.iter().find(|own| own.name.text == name)
        {
            return self.known.ty(&output.ty);
        }
        self.infer().text(name)?.ty()
    }

    fn expected_argument(&self) -> Option<Type> {
        let context = self.context;
        let open = context.frame().open;
        let name = context.at(open.checked_sub(1)?);
        if is_connector(name) {
            return None;
        }
        let is_method = open >= 2 && matches!(context.at(open - 2), "." | "?.");
        let place = context.place_in_list() + usize::from(is_method);
        match self.known.item(name).map(|own| &own.item.kind) {
            Some(ItemKind::Function(function)) => return self.known.ty(&function.parameters.get(place)?.ty),
            Some(ItemKind::Mapping(mapping)) => return self.known.ty(&mapping.from),
            _ => {}
        }
        let forms = LIBRARY.functions.get(name)?;
        let mut bindings = nsf_analysis::types::Bindings::default();
        if is_method
            && let Some(Found::Value(ty)) =
                context.operand_before(open.checked_sub(3)?).and_then(|text| self.infer().text(text))
            && let Some(form) = forms
                .iter()
                .find(|form| form.parameters.first().is_some_and(|own| own.ty.bind(&ty, &mut bindings, false)))
        {
            return form.parameters.get(place)?.ty.resolve(&bindings);
        }
        let mut types: Vec<Type> =
            forms.iter().filter_map(|form| form.parameters.get(place)?.ty.resolve(&bindings)).collect();
        types.dedup();
        // Where forms differ, any of them may be meant.
        if types.len() == 1 { types.pop() } else { None }
    }
}
