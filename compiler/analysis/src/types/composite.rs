//! Lists and records in expressions.

use std::collections::HashMap;

use nsf_diagnostics::{Span, closest};
use nsf_plan::{Expr, ExprKind, Literal, SlotId, Type};
use nsf_syntax::ast::{self, RecordEntry};

use super::expression::Expressions;
use super::unit::Path;
use super::{message, relation};

/// Members of a record in the making: in their order, and by name.
#[derive(Default)]
struct Members {
    list: Vec<Member>,
    by_name: HashMap<String, usize>,
    /// Records that are spread and are no mere places: computed once, before the members that read them.
    bound: Vec<(SlotId, Expr)>,
}

struct Member {
    name: String,
    value: Expr,
    span: Span,
}

impl Members {
    /// Puts a member in, in place of one of the same name.
    fn put(&mut self, member: Member) {
        match self.by_name.get(&member.name) {
            Some(index) => self.list[*index] = member,
            None => {
                self.by_name.insert(member.name.clone(), self.list.len());
                self.list.push(member);
            }
        }
    }
}

impl Expressions<'_, '_> {
    pub(super) fn list(&mut self, items: &[ast::Expr], span: Span, hint: Option<&Type>) -> Option<Expr> {
        let hinted = match hint.map(Type::non_null) {
            Some(ty @ (Type::List(item) | Type::Set(item) | Type::Multi(item))) => Some((ty.clone(), (**item).clone())),
            _ => None,
        };
        if let Some((ty, item)) = hinted {
            let items: Vec<Option<Expr>> = items.iter().map(|expr| self.check(expr, &item)).collect();
            let items: Option<Vec<Expr>> = items.into_iter().collect();
            return Some(self.make(ExprKind::List(items?), ty, span));
        }
        let Some(first) = items.first() else {
            let location = self.at(span);
            self.report(message::unknown_type(location, "this empty list"));
            return None;
        };
        let first = self.infer(first, None)?;
        let mut ty = first.ty.clone();
        let mut typed = vec![first];
        for item in &items[1..] {
            let other = self.infer(item, Some(&ty))?;
            match relation::common(&ty, &other.ty) {
                Some(common) => ty = common,
                None => {
                    let location = self.at(item.span);
                    self.report(message::mismatch(location, &other.ty, &ty));
                    return None;
                }
            }
            typed.push(other);
        }
        // An element is looked at once: what is nested would otherwise be looked at again at each level.
        let elements = typed.into_iter().zip(items).map(|(element, written)| match &written.kind {
            ast::ExprKind::Literal(_) if element.ty != ty => self.check(written, &ty),
            _ => self.coerce(element, &ty, written.span),
        });
        let elements: Vec<Option<Expr>> = elements.collect();
        let elements: Option<Vec<Expr>> = elements.into_iter().collect();
        Some(self.make(ExprKind::List(elements?), Type::List(Box::new(ty)), span))
    }

    /// A record expression; with a hint of a record type its members are put in that type's order.
    pub(super) fn record(&mut self, entries: &[RecordEntry], span: Span, hint: Option<&Type>) -> Option<Expr> {
        let hinted = match hint.map(Type::non_null) {
            Some(Type::Record(fields)) => Some(fields.clone()),
            Some(ty @ Type::Map(..)) => {
                let location = self.at(span);
                let diagnostic =
                    message::record_members(location, format!("a record cannot be a {}", relation::show(ty)));
                self.report(diagnostic.help("make a map with `to_map(…)`, or name the members in a record type"));
                return None;
            }
            _ => None,
        };
        let mut members = self.record_members(entries, hinted.as_deref())?;
        let bound = std::mem::take(&mut members.bound);
        let names = entries.iter().filter_map(|entry| match entry {
            RecordEntry::Field { name, .. } => Some((name.span, name.text.clone())),
            RecordEntry::Spread(_) => None,
        });
        let names: Vec<_> = names.collect();
        let is_due = hinted.is_some();
        let mut record = match hinted {
            Some(fields) => self.shape_record(members, &fields, span)?,
            None => {
                let ty = members.list.iter().map(|member| (member.name.clone(), member.value.ty.clone())).collect();
                let values = members.list.into_iter().map(|member| member.value).collect();
                self.make(ExprKind::Record(values), Type::Record(ty), span)
            }
        };
        if let Type::Record(form) = &record.ty {
            self.checker.refer_to_members(self.module, span, &names, form, is_due);
        }
        for (slot, spread) in bound.into_iter().rev() {
            let ty = record.ty.clone();
            record = self.make(ExprKind::Let(slot, Box::new(spread), Box::new(record)), ty, span);
        }
        Some(record)
    }

    /// Values of a record's entries by name; a later entry replaces a spread's member.
    fn record_members(&mut self, entries: &[RecordEntry], hinted: Option<&[(String, Type)]>) -> Option<Members> {
        let hints: HashMap<&str, &Type> = hinted.into_iter().flatten().map(|(name, ty)| (name.as_str(), ty)).collect();
        let mut members = Members::default();
        let mut written: HashMap<&str, nsf_diagnostics::Span> = HashMap::new();
        let mut complete = true;
        for entry in entries {
            match entry {
                RecordEntry::Spread(expr) => complete &= self.spread(expr, &mut members).is_some(),
                RecordEntry::Field { name, value, .. } => {
                    if let Some(earlier) = written.get(name.text.as_str()).copied() {
                        let (location, earlier) = (self.at(name.span), self.at(earlier));
                        self.report(message::member_twice(location, &name.text, earlier));
                        complete = false;
                        continue;
                    }
                    written.insert(&name.text, name.span);
                    let shorthand = ast::Expr { kind: ast::ExprKind::Name(name.text.clone()), span: name.span };
                    let value = value.as_ref().unwrap_or(&shorthand);
                    match self.infer(value, hints.get(name.text.as_str()).copied()) {
                        Some(value) => members.put(Member { name: name.text.to_string(), value, span: name.span }),
                        None => complete = false,
                    }
                }
            }
        }
        complete.then_some(members)
    }

    /// Puts the members of a record in. What is no mere place is computed once, however many members it has.
    fn spread(&mut self, expr: &ast::Expr, members: &mut Members) -> Option<()> {
        let object = self.infer(expr, None)?;
        let location = self.at(expr.span);
        let span = expr.span;
        let fields = match &object.ty {
            Type::Record(fields) => fields.clone(),
            Type::Nullable(_) => {
                let text = self.text(span);
                self.report(message::may_be_null(location, &text, &object.ty));
                return None;
            }
            other => {
                let text = format!("only a record can be spread with `...`, and this is {}", relation::show(other));
                self.report(message::record_members(location, text));
                return None;
            }
        };
        let object = if let ExprKind::Record(values) = object.kind {
            for ((name, _), value) in fields.into_iter().zip(values) {
                members.put(Member { name, value, span });
            }
            return Some(());
        } else if Path::of(&object).is_some() || matches!(object.kind, ExprKind::Literal(_)) {
            object
        } else {
            let slot = self.unit.slot("spread", object.ty.clone());
            let read = self.make(ExprKind::Slot(slot), object.ty.clone(), span);
            members.bound.push((slot, object));
            read
        };
        for (index, (name, ty)) in fields.into_iter().enumerate() {
            let value = self.make(ExprKind::Field(Box::new(object.clone()), index as u32), ty, span);
            members.put(Member { name, value, span });
        }
        Some(())
    }

    fn shape_record(&mut self, members: Members, fields: &[(String, Type)], span: Span) -> Option<Expr> {
        let by_name = members.by_name;
        let mut given: Vec<Option<Member>> = members.list.into_iter().map(Some).collect();
        let mut values = Vec::with_capacity(fields.len());
        let mut complete = true;
        for (name, ty) in fields {
            let member = by_name.get(name).and_then(|index| given[*index].take());
            match member {
                Some(member) => match self.coerce(member.value, ty, member.span) {
                    Some(value) => values.push(value),
                    None => complete = false,
                },
                None if ty.is_nullable() => {
                    values.push(self.make(ExprKind::Literal(Literal::Null), ty.clone(), span));
                }
                None => {
                    let location = self.at(span);
                    let text = format!("member `{name}` of type {} is missing", relation::show(ty));
                    self.report(message::record_members(location, text));
                    complete = false;
                }
            }
        }
        for Member { name, span, .. } in given.into_iter().flatten() {
            let near = closest(&name, fields.iter().map(|(field, _)| field.as_str())).map(str::to_owned);
            let location = self.at(span);
            self.report(message::no_member(location, &name, &Type::Record(fields.to_vec()), near));
            complete = false;
        }
        complete.then(|| self.make(ExprKind::Record(values), Type::Record(fields.to_vec()), span))
    }
}
