//! A walk over a tree: every part with its place, outer parts before those in them. For what asks where parts are and not what
//! they mean.

mod expression;
mod item;
mod step;

use nsf_diagnostics::Span;

use crate::ast::{Expr, File, Name};

/// A part of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'t> {
    /// What it is.
    pub kind: PartKind<'t>,
    /// Where.
    pub span: Span,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartKind<'t> {
    /// An item.
    Item,
    /// A setting of an item, with its value.
    Setting,
    /// The declaration of a field.
    Field,
    /// An arm of a `mapping` or `match`, an assignment, a check, an operation of a save, a clause of a test, an entry of a record.
    Statement,
    /// A step.
    Step,
    /// Steps in braces.
    Block,
    /// An expression.
    Expression(&'t Expr),
    /// A type.
    Type,
    /// The text that names a topic, file, table or queue outside of the program.
    Address,
    /// A name, and whether it is declared here.
    Name(NameKind, bool),
}

/// What a name is, as far as its position in the tree says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A module, or another name of one.
    Module,
    /// An item of which the position does not say which kind it is.
    Item,
    /// A constant.
    Constant,
    /// A type.
    Type,
    /// A parameter of a type.
    TypeParameter,
    /// A function, with a body of an expression, of checks, of steps or none.
    Function,
    /// A mapping.
    Mapping,
    /// A dimension.
    Dimension,
    /// A source, an ingest or a subscription.
    Stream,
    /// A table or a state.
    Store,
    /// A tenant or a space.
    Space,
    /// A monitor.
    Monitor,
    /// A flow.
    Flow,
    /// A field: of a record, a state, a table, a dimension.
    Field,
    /// A parameter of a function or the name of an argument.
    Parameter,
    /// A name that is known in a part of a text only.
    Local,
    /// A value: of a field, a parameter, a constant, a local name.
    Value,
    /// A label of a step.
    Label,
    /// A setting.
    Setting,
    /// A word with a meaning of its own where it stands.
    Word,
}

/// Calls `visit` for every part of a file.
pub fn walk<'t>(file: &'t File, visit: &mut impl FnMut(Part<'t>)) {
    let mut walk = Walk { visit };
    file.items.iter().for_each(|item| walk.item(item));
}

struct Walk<'v, V> {
    visit: &'v mut V,
}

impl<'t, V: FnMut(Part<'t>)> Walk<'_, V> {
    fn part(&mut self, kind: PartKind<'t>, span: Span) {
        (self.visit)(Part { kind, span });
    }

    fn name(&mut self, name: &'t Name, kind: NameKind) {
        self.part(PartKind::Name(kind, false), name.span);
    }

    fn declared(&mut self, name: &'t Name, kind: NameKind) {
        self.part(PartKind::Name(kind, true), name.span);
    }

    fn names(&mut self, names: &'t [Name], kind: NameKind) {
        names.iter().for_each(|name| self.name(name, kind));
    }
}

#[cfg(test)]
mod tests {
    use nsf_diagnostics::FileId;

    use super::*;

    #[test]
    fn every_name_of_a_text_is_met_once_and_within_the_parts_around_it() {
        let text = include_str!("../../../examples/classroom/classroom/duration.nsf");
        let file = crate::parse(FileId(0), text).file;
        let mut names = Vec::new();
        let mut around: Vec<Span> = Vec::new();
        walk(&file, &mut |part| {
            // An address is met before the call that it is in.
            if part.kind == PartKind::Address {
                return;
            }
            while around.last().is_some_and(|outer| outer.end <= part.span.start) {
                around.pop();
            }
            if let Some(outer) = around.last() {
                assert!(outer.start <= part.span.start && part.span.end <= outer.end, "{part:?} in {outer:?}");
            }
            if matches!(part.kind, PartKind::Name(..)) {
                names.push(part.span);
            } else {
                around.push(part.span);
            }
        });
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len(), "a name is met twice");
        let words = ["stay_segment", "sane_segment", "is_finished", "plan_stay"];
        for word in words {
            let met = names.iter().filter(|span| span.text(text) == word).count();
            assert!(met > 1, "{word} is met {met} times");
        }
    }
}
