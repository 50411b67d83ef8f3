//! The type of an expression that was perhaps never checked: what stands before a dot that was just typed. It knows less than
//! the types' pass, and says nothing where it does not know.

use nsf_analysis::LIBRARY;
use nsf_analysis::index::{ScopeName, ScopeValue};
use nsf_analysis::types::{Bindings, Signature};
use nsf_diagnostics::FileId;
use nsf_plan::{HandleTarget, Type};
use nsf_syntax::ast::{Argument, BinaryOperator, Const, Expr, ExprKind, ItemKind, Literal, RecordEntry, UnaryOperator};

use crate::known::Known;

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Value(Type),
    Row(HandleTarget),
}

impl Found {
    pub(crate) fn ty(self) -> Option<Type> {
        match self {
            Self::Value(ty) => Some(ty),
            Self::Row(_) => None,
        }
    }
}

/// What is seen from an expression.
#[derive(Clone, Copy)]
pub(crate) struct Infer<'a> {
    pub(crate) known: Known<'a>,
    pub(crate) scope: &'a [ScopeName],
}

impl Infer<'_> {
    /// What a text is, read as an expression.
    pub(crate) fn text(self, text: &str) -> Option<Found> {
        let parse = nsf_syntax::parse(FileId(0), &format!("const x = {text}\n"));
        match &parse.file.items.first()?.kind {
            ItemKind::Const(constant) => self.expr(&constant.value),
            _ => None,
        }
    }

    pub(crate) fn expr(self, expr: &Expr) -> Option<Found> {
        let value = |ty: Type| Some(Found::Value(ty));
        let ty = |expr: &Expr| self.expr(expr).and_then(Found::ty);
        match &expr.kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Literal(literal) => value(literal_type(literal)?),
            ExprKind::Interpolation(_) => value(Type::Text),
            ExprKind::Unary(UnaryOperator::Not, _) => value(Type::Bool),
            ExprKind::Unary(UnaryOperator::Negate, inner) | ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Catch(first, _) => self.expr(first),
            ExprKind::Binary(operator, _, left, right) => value(binary(*operator, ty(left)?, ty(right))?),
            ExprKind::Member { object, name, optional } => {
                let object = self.expr(object)?;
                let (_, ty) = self.members(&object).into_iter().find(|(own, _)| *own == *name.text)?;
                value(if *optional { ty.nullable() } else { ty })
            }
            ExprKind::Index(object, _) => match ty(object)?.non_null() {
                Type::List(item) => value((**item).clone()),
                Type::Map(_, item) => value((**item).clone().nullable()),
                _ => None,
            },
            ExprKind::Call { function, arguments } => match &function.kind {
                // In tests a dimension or state is called with its keys.
                ExprKind::Name(name) if self.known.row_named(name).is_some() => {
                    self.known.row_named(name).map(Found::Row)
                }
                _ => value(self.call(function, arguments)?),
            },
            ExprKind::If(_, then, otherwise) => self.expr(then).or_else(|| self.expr(otherwise)),
            ExprKind::Match(_, arms) => arms.iter().find_map(|arm| self.expr(&arm.value)),
            ExprKind::List(items) => value(Type::List(Box::new(ty(items.first()?)?))),
            ExprKind::Record(entries) => value(Type::Record(self.record(entries)?)),
            ExprKind::Lambda(..) | ExprKind::Reject(_) | ExprKind::Error => None,
        }
    }

    fn name(self, name: &str) -> Option<Found> {
        if let Some(own) = self.scope.iter().find(|own| own.name == name) {
            return Some(match &own.value {
                ScopeValue::Value(ty) => Found::Value(ty.clone()),
                ScopeValue::Row(target, _) => Found::Row(*target),
            });
        }
        match &self.known.item(name)?.item.kind {
            ItemKind::Const(constant) => self.constant(constant),
            _ => None,
        }
    }

    /// What a constant is.
    pub(crate) fn constant(self, constant: &Const) -> Option<Found> {
        let written = constant.ty.as_ref().and_then(|ty| self.known.ty(ty)).map(Found::Value);
        written.or_else(|| Infer { scope: &[], ..self }.expr(&constant.value))
    }

    /// The members of a value or row, with the types that they have.
    pub(crate) fn members(self, object: &Found) -> Vec<(String, Type)> {
        match object {
            Found::Row(target) => {
                let fields = self.known.read(*target).into_iter().map(|own| (own.name, own.ty));
                fields.chain([("exists".to_owned(), Type::Bool)]).collect()
            }
            Found::Value(ty) => match ty.non_null() {
                Type::Record(members) => members.clone(),
                Type::Link | Type::Attachment => vec![("name".to_owned(), Type::Text), ("url".to_owned(), Type::Text)],
                _ => Vec::new(),
            },
        }
    }

    fn record(self, entries: &[RecordEntry]) -> Option<Vec<(String, Type)>> {
        let mut members: Vec<(String, Type)> = Vec::new();
        for entry in entries {
            match entry {
                RecordEntry::Spread(spread) => match self.expr(spread)? {
                    Found::Value(Type::Record(own)) => members.extend(own),
                    _ => return None,
                },
                RecordEntry::Field { name, value, .. } => {
                    let found = match value {
                        Some(value) => self.expr(value),
                        None => self.name(&name.text),
                    };
                    members.push((name.text.to_string(), found?.ty()?));
                }
            }
        }
        Some(members)
    }

    fn call(self, function: &Expr, arguments: &[Argument]) -> Option<Type> {
        let (name, receiver) = match &function.kind {
            ExprKind::Name(name) => (name, None),
            ExprKind::Member { object, name, .. } => (&name.text, Some(&**object)),
            _ => return None,
        };
        match self.known.item(name).map(|own| &own.item.kind) {
            Some(ItemKind::Function(own)) => return self.known.ty(&own.result),
            Some(ItemKind::Mapping(own)) => return self.known.ty(&own.to),
            _ => {}
        }
        let given = receiver.into_iter().chain(arguments.iter().map(|own| &own.value));
        let given: Vec<Option<Type>> = given.map(|own| self.expr(own).and_then(Found::ty)).collect();
        let forms = LIBRARY.functions.get(name.as_str())?;
        forms.iter().find_map(|form| result_of(form, &given))
    }
}

/// What a form of a built-in gives for arguments; those of which nothing is known fit.
pub(crate) fn result_of(form: &Signature, given: &[Option<Type>]) -> Option<Type> {
    if given.len() < form.required() || given.len() > form.parameters.len() {
        return None;
    }
    let mut bindings = Bindings::default();
    for (parameter, ty) in form.parameters.iter().zip(given) {
        if let Some(ty) = ty
            && !parameter.ty.bind(ty, &mut bindings, false)
        {
            return None;
        }
    }
    form.classes_hold(&bindings).then(|| form.result.resolve(&bindings)).flatten()
}

fn literal_type(literal: &Literal) -> Option<Type> {
    Some(match literal {
        Literal::Null => return None,
        Literal::Bool(_) => Type::Bool,
        Literal::Number(text) if text.contains(['.', '%', 'e']) && !text.starts_with("0x") => Type::Float64,
        Literal::Number(_) => Type::INT64,
        Literal::Text(_) | Literal::RawText(_) => Type::Text,
        Literal::Duration(_) => Type::Duration,
        Literal::Timestamp(_) => Type::Timestamp,
        Literal::Date(_) => Type::Date,
    })
}

fn binary(operator: BinaryOperator, left: Type, right: Option<Type>) -> Option<Type> {
    use BinaryOperator as B;
    Some(match operator {
        B::Or | B::And | B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual => Type::Bool,
        B::In | B::NotIn => Type::Bool,
        B::Range => return None,
        B::Coalesce => right.unwrap_or_else(|| left.non_null().clone()),
        B::Divide => match (&left, right?) {
            (Type::Decimal, _) => Type::Decimal,
            (Type::Duration, right) if right != Type::Duration => Type::Duration,
            _ => Type::Float64,
        },
        B::Subtract if matches!((&left, &right), (Type::Timestamp, Some(Type::Timestamp))) => Type::Duration,
        B::Add | B::Subtract | B::Multiply | B::Remainder => left,
    })
}
