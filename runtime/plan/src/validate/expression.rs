//! Checks of expressions: each node against its operands, its scope and its type.

use super::{
    Checker, Scope,
    fit::{an, bare, element, fits, is_number, widens},
};
use crate::{BinaryOperator, Expr, ExprKind, HandleId, HandleTarget, Literal, MatchArm, SlotId, Type};

impl<'plan> Checker<'plan> {
    /// Checks an expression that is a condition.
    pub(super) fn condition(&mut self, scope: Scope<'plan>, expression: &'plan Expr) {
        self.condition_type(&expression.ty);
        self.expression(scope, expression);
    }

    /// Checks an expression that goes to a place of a type; `place` names it.
    pub(super) fn value_for(&mut self, scope: Scope<'plan>, expression: &'plan Expr, place: &str, ty: &Type) {
        self.goes_to(expression, place, ty);
        self.expression(scope, expression);
    }

    /// Checks an expression and all in it.
    pub(super) fn expression(&mut self, scope: Scope<'plan>, expression: &'plan Expr) {
        let before = self.origin;
        if expression.depth() > Expr::MAX_DEPTH {
            return self.problem(format!("an expression is nested more than {} deep", Expr::MAX_DEPTH));
        }
        if matches!(expression.kind, ExprKind::Lambda(..)) {
            self.problem("a function `(a) => e` stands outside a call");
        }
        for node in expression.operands_first() {
            self.origin = node.origin.or(before);
            self.type_depth(&node.ty);
            self.node(scope, node);
        }
        self.origin = before;
    }

    fn node(&mut self, scope: Scope<'plan>, node: &Expr) {
        if !matches!(node.kind, ExprKind::Call(..))
            && node.children().iter().any(|child| matches!(child.kind, ExprKind::Lambda(..)))
        {
            self.problem("a function `(a) => e` stands outside a call");
        }
        match &node.kind {
            ExprKind::Literal(value) => self.literal(value, &node.ty),
            ExprKind::Slot(slot) => {
                if let Some(ty) = self.slot(scope, *slot) {
                    self.result(node, "the slot", ty);
                }
            }
            ExprKind::Loaded(handle, field) => {
                if let Some(ty) = self.loaded_field(scope, *handle, *field) {
                    self.result(node, "the field of the row", ty);
                }
            }
            ExprKind::Exists(handle) => {
                self.index("row", handle.0, scope.handles.len());
                self.result(node, "`exists`", &Type::Bool);
            }
            ExprKind::Now => self.result(node, "`now()`", &Type::Timestamp),
            ExprKind::Reject(_) => {}
            ExprKind::Binary(operator, left, right) => self.binary(node, *operator, left, right),
            ExprKind::Match(slot, arms) => self.arms(scope, node, *slot, arms),
            ExprKind::Let(slot, value, body) => {
                if let Some(ty) = self.slot(scope, *slot) {
                    self.goes_to(value, "a local name", ty);
                }
                self.result(node, "the body", &body.ty);
            }
            ExprKind::Lambda(slots, _) => {
                for slot in slots {
                    self.slot(scope, *slot);
                }
            }
            ExprKind::Call(function, _) => {
                if function.is_empty() {
                    self.problem("a call names no function");
                }
            }
            ExprKind::Mapping(mapping, operand) => {
                self.index("mapping", mapping.0, self.plan.mappings.len());
                if let Some(mapping) = self.plan.mapping(*mapping)
                    && element(&operand.ty).is_none()
                {
                    self.goes_to(operand, "the mapping", &mapping.from);
                }
            }
            ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Join(_) => self.made(node),
            ExprKind::Field(object, field) => self.member(node, object, *field),
            ExprKind::Index(object, at) => self.indexed(node, object, at),
            ExprKind::Not(_)
            | ExprKind::IsNull(_)
            | ExprKind::Negate(_)
            | ExprKind::Coalesce(..)
            | ExprKind::Catch(..)
            | ExprKind::If(..)
            | ExprKind::Widen(_)
            | ExprKind::NonNull(_) => self.plain(node),
        }
    }

    /// The forms that only look at the types of their operands.
    fn plain(&mut self, node: &Expr) {
        match &node.kind {
            ExprKind::Not(operand) => {
                self.goes_to(operand, "`not`", &Type::Bool);
                self.result(node, "`not`", &Type::Bool);
            }
            ExprKind::IsNull(_) => self.result(node, "a comparison with null", &Type::Bool),
            ExprKind::Negate(operand) => {
                if !is_number(&operand.ty) && *bare(&operand.ty) != Type::Duration {
                    self.problem(format!("`-` stands before {}", an(&operand.ty)));
                }
                self.result(node, "`-`", &operand.ty);
            }
            ExprKind::Coalesce(left, right) | ExprKind::Catch(left, right) => {
                self.result(node, "the first value", &left.ty);
                self.result(node, "the second value", &right.ty);
            }
            ExprKind::If(condition, then, otherwise) => {
                self.condition_type(&condition.ty);
                self.result(node, "the value of `then`", &then.ty);
                self.result(node, "the value of `else`", &otherwise.ty);
            }
            ExprKind::Widen(operand) if !widens(&operand.ty, &node.ty) => {
                self.problem(format!("{} is widened to {}", an(&operand.ty), an(&node.ty)));
            }
            ExprKind::NonNull(operand) => self.result(node, "the value", &operand.ty),
            _ => {}
        }
    }

    /// Checks a constant against its type.
    pub(super) fn literal(&mut self, value: &Literal, ty: &Type) {
        if value.depth() > Literal::MAX_DEPTH {
            self.problem(format!("a constant is nested more than {} deep", Literal::MAX_DEPTH));
        } else if !value.is_of(ty) {
            self.problem(format!("a constant is not {}", an(ty)));
        }
    }

    /// The type of a slot that is there.
    pub(super) fn slot(&mut self, scope: Scope<'plan>, slot: SlotId) -> Option<&'plan Type> {
        self.index("slot", slot.0, scope.slots.len());
        scope.slots.get(slot.index()).map(|slot| &slot.ty)
    }

    /// The type of a row's field that is there.
    fn loaded_field(&mut self, scope: Scope<'plan>, handle: HandleId, field: u32) -> Option<&'plan Type> {
        self.index("row", handle.0, scope.handles.len());
        // A row of something that is not there is reported at the row.
        let types = self.row_types(scope.handles.get(handle.index())?.target)?;
        self.index("field", field, types.len());
        types.get(field as usize).copied()
    }

    /// The types of the fields of a state, table or dimension that is there.
    pub(super) fn row_types(&self, target: HandleTarget) -> Option<Vec<&'plan Type>> {
        let plan = self.plan;
        Some(match target {
            HandleTarget::State(state) => {
                plan.states.get(state.index())?.fields.iter().map(|field| &field.ty).collect()
            }
            HandleTarget::Table(table) => {
                plan.tables.get(table.index())?.encoding.fields.iter().map(|field| &field.ty).collect()
            }
            HandleTarget::Dimension(dimension) => {
                plan.dimensions.get(dimension.index())?.fields.iter().map(|field| &field.ty).collect()
            }
        })
    }

    fn binary(&mut self, node: &Expr, operator: BinaryOperator, left: &Expr, right: &Expr) {
        use BinaryOperator::{
            Add, And, Divide, Equal, Greater, GreaterEqual, In, Less, LessEqual, Multiply, NotEqual, NotIn, Or, Range,
            Remainder, Subtract,
        };
        match operator {
            And | Or => {
                self.goes_to(left, "`and` or `or`", &Type::Bool);
                self.goes_to(right, "`and` or `or`", &Type::Bool);
                self.result(node, "`and` or `or`", &Type::Bool);
            }
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => {
                self.goes_to(right, "a comparison with the other side", &left.ty);
                self.result(node, "a comparison", &Type::Bool);
            }
            In | NotIn => {
                let place = match bare(&right.ty) {
                    Type::Map(key, _) => Some(&**key),
                    Type::Text => Some(&Type::Text),
                    other => element(other),
                };
                match place {
                    Some(place) => self.goes_to(left, "`in`", place),
                    None => self.problem(format!("`in` looks into {}", an(&right.ty))),
                }
                self.result(node, "`in`", &Type::Bool);
            }
            Range => {
                if element(&node.ty).is_none() {
                    self.problem(format!("a range is {}", an(&node.ty)));
                }
            }
            Add | Subtract | Multiply | Divide | Remainder => {
                if is_number(&left.ty) && is_number(&right.ty) {
                    self.goes_to(right, "an operation with the other side", &left.ty);
                }
                for side in [left, right] {
                    if matches!(
                        bare(&side.ty),
                        Type::Bool | Type::Json | Type::Record(_) | Type::Link | Type::Attachment
                    ) {
                        self.problem(format!("{} is reckoned with", an(&side.ty)));
                    }
                }
            }
        }
    }

    fn arms(&mut self, scope: Scope<'plan>, node: &Expr, slot: SlotId, arms: &[MatchArm]) {
        let subject = self.slot(scope, slot);
        if arms.is_empty() {
            self.problem("a `match` has no arms");
        }
        for arm in arms {
            if let Some(guard) = &arm.guard {
                self.condition_type(&guard.ty);
            }
            self.result(node, "the value of an arm", &arm.value.ty);
            let ends = arm.patterns.iter().flat_map(|pattern| [Some(&pattern.low), pattern.high.as_ref()]);
            for (end, subject) in ends.flatten().zip(std::iter::repeat(subject)) {
                if let Some(ty) = subject {
                    self.literal(end, ty);
                }
            }
        }
    }

    /// Lists, records and joined texts.
    fn made(&mut self, node: &Expr) {
        match (&node.kind, bare(&node.ty)) {
            (ExprKind::List(items), Type::List(ty) | Type::Set(ty) | Type::Multi(ty)) => {
                items.iter().for_each(|item| self.goes_to(item, "the list", ty));
            }
            (ExprKind::Record(values), Type::Record(members)) if values.len() == members.len() => {
                for (value, (name, ty)) in values.iter().zip(members) {
                    self.goes_to(value, &format!("the member `{name}`"), ty);
                }
            }
            (ExprKind::Record(values), Type::Link | Type::Attachment) if values.len() == 2 => {
                values.iter().for_each(|value| self.goes_to(value, "a name or URL", &Type::Text));
            }
            (ExprKind::Join(parts), Type::Text) => {
                parts.iter().for_each(|part| self.goes_to(part, "a text", &Type::Text));
            }
            (_, ty) => self.problem(format!("a list, record or text is made that is no `{ty}`")),
        }
    }

    fn member(&mut self, node: &Expr, object: &Expr, field: u32) {
        match bare(&object.ty) {
            Type::Record(members) => match members.get(field as usize) {
                Some((name, ty)) => self.result(node, &format!("the member `{name}`"), ty),
                None => self.index("member", field, members.len()),
            },
            Type::Link | Type::Attachment => self.index("member", field, 2),
            other => self.problem(format!("a member is read of {}", an(other))),
        }
    }

    fn indexed(&mut self, node: &Expr, object: &Expr, at: &Expr) {
        match bare(&object.ty) {
            Type::List(item) => {
                if !matches!(bare(&at.ty), Type::Integer(_)) {
                    self.problem(format!("a list is indexed by {}", an(&at.ty)));
                }
                self.result(node, "the element", item);
            }
            Type::Map(key, value) => {
                self.goes_to(at, "the key of a map", key);
                self.result(node, "the entry", value);
            }
            other => self.problem(format!("{} is indexed", an(other))),
        }
    }

    /// Reports an expression whose type does not fit the place it goes to.
    pub(super) fn goes_to(&mut self, expression: &Expr, place: &str, ty: &Type) {
        if !fits(&expression.ty, ty) {
            self.problem(format!("{} goes to {place}, where {} is due", an(&expression.ty), an(ty)));
        }
    }

    /// Reports a node whose type is not that of what it gives.
    fn result(&mut self, node: &Expr, what: &str, ty: &Type) {
        if !fits(ty, &node.ty) {
            self.problem(format!("{what} is {} and is taken for {}", an(ty), an(&node.ty)));
        }
    }
}
