//! Places in loaded rows: a field, a member of it, an entry of a map, are read where they lie instead of copying the
//! whole field into the arena first.

use nsf_plan::{Expr, ExprKind, Type};

use crate::{
    cell::Cell,
    expression::{
        Build, Scope,
        code::{self, Dynamic},
        compound,
    },
    fault::Fallible,
    frame::Context,
    value::Value,
};

/// Gives a place in a loaded row, or none where the row or an entry on the way is not there.
pub type CellCode = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<Option<&'c Cell>> + Send + Sync>;

/// Helps inference see the two lifetimes.
fn cell_code(
    body: impl for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<Option<&'c Cell>> + Send + Sync + 'static,
) -> CellCode {
    Box::new(body)
}

/// Compiles an expression that names a place in a loaded row; none where it is something else.
///
/// # Errors
/// The plan is damaged.
pub fn compile(scope: &Scope<'_>, expression: &Expr) -> Build<Option<CellCode>> {
    match &expression.kind {
        ExprKind::Loaded(handle, field) => {
            let (handle, field) = (*handle, *field as usize);
            let (nullable, origin) = (expression.ty.is_nullable(), expression.origin);
            Ok(Some(cell_code(move |context| {
                let rows = context.rows;
                let cell = rows.fields(handle).and_then(|fields| fields.get(field));
                if nullable || cell.is_some_and(|cell| !cell.is_null()) {
                    Ok(cell)
                } else {
                    Err(code::unexpected_null(origin))
                }
            })))
        }
        ExprKind::Field(object, member) => {
            let Some(object) = compile(scope, object)? else { return Ok(None) };
            let member = *member as usize;
            Ok(Some(cell_code(move |context| {
                Ok(match object(context)? {
                    Some(Cell::Record(members)) => members.get(member),
                    _ => None,
                })
            })))
        }
        ExprKind::Index(list, index) => {
            let Some(place) = compile(scope, list)? else { return Ok(None) };
            let origin = expression.origin;
            let index = code::compile::<Dynamic>(scope, index)?;
            Ok(Some(cell_code(move |context| {
                let index = index(context)?;
                match (place(context)?, index) {
                    (Some(Cell::Map(pairs)), key) => Ok(Cell::lookup(pairs, key)),
                    (Some(Cell::List(items)), Value::Integer(at)) => {
                        let item = usize::try_from(at).ok().and_then(|at| items.get(at));
                        item.map(Some).ok_or_else(|| compound::outside(at.into(), items.len(), origin))
                    }
                    (Some(Cell::List(items)), Value::Unsigned(at)) => {
                        let item = usize::try_from(at).ok().and_then(|at| items.get(at));
                        item.map(Some).ok_or_else(|| compound::outside(at.into(), items.len(), origin))
                    }
                    _ => Ok(None),
                }
            })))
        }
        ExprKind::NonNull(inner) => compile(scope, inner),
        ExprKind::Widen(inner) if same_cells(&inner.ty, &expression.ty) => compile(scope, inner),
        _ => Ok(None),
    }
}

/// Whether widening from one type to another leaves cells as they are.
fn same_cells(from: &Type, to: &Type) -> bool {
    from.non_null() == to.non_null()
}
