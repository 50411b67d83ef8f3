//! The record that an expression stands in: slots, loaded rows, names in scope, and what is known not to be null.

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::Location;
use nsf_plan::{Expr, ExprKind, Handle, HandleId, Slot, SlotId, Type};
use smol_str::SmolStr;

/// The slots and rows of one pipeline, ingest, subscription or test expression.
#[derive(Debug, Default)]
pub struct Unit {
    /// By [`SlotId`].
    pub slots: Vec<Slot>,
    /// By [`HandleId`].
    pub handles: Vec<Handle>,
    /// What declares the names of slots, where an editor asks.
    pub symbols: HashMap<SlotId, Location>,
    /// Names that were known in a part of the flow that has ended.
    pub ended: Vec<super::unknown::Ended>,
}

impl Unit {
    /// A new slot.
    pub fn slot(&mut self, name: &str, ty: Type) -> SlotId {
        self.slots.push(Slot { name: name.to_owned(), ty });
        SlotId(self.slots.len() as u32 - 1)
    }

    /// What declares the name of a slot.
    #[must_use]
    pub fn symbol(&self, slot: SlotId) -> Option<Location> {
        self.symbols.get(&slot).copied()
    }

    /// Says what declares the name of a slot.
    pub fn set_symbol(&mut self, slot: SlotId, symbol: Location) {
        self.symbols.insert(slot, symbol);
    }

    /// The type of a slot.
    #[must_use]
    pub fn ty(&self, slot: SlotId) -> &Type {
        &self.slots[slot.index()].ty
    }
}

/// A place whose value may be known not to be null.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// A slot.
    Slot(SlotId),
    /// A field of a loaded row.
    Loaded(HandleId, u32),
    /// A loaded row itself: that it is there.
    Row(HandleId),
    /// A member of a record.
    Member(Box<Path>, u32),
}

impl Path {
    /// The place that an expression reads, if it is one.
    #[must_use]
    pub fn of(expr: &Expr) -> Option<Self> {
        match &expr.kind {
            ExprKind::Slot(slot) => Some(Self::Slot(*slot)),
            ExprKind::Loaded(handle, field) => Some(Self::Loaded(*handle, *field)),
            ExprKind::Field(object, member) => Some(Self::Member(Box::new(Self::of(object)?), *member)),
            ExprKind::NonNull(inner) | ExprKind::Widen(inner) => Self::of(inner),
            _ => None,
        }
    }

    /// Whether the place lies in a row of the handle.
    #[must_use]
    pub fn in_row(&self, handle: HandleId) -> bool {
        match self {
            Self::Loaded(owner, _) => *owner == handle,
            Self::Member(object, _) => object.in_row(handle),
            Self::Slot(_) | Self::Row(_) => false,
        }
    }

    /// Whether the place lies in a slot.
    #[must_use]
    pub fn in_slot(&self, slot: SlotId) -> bool {
        match self {
            Self::Slot(owner) => *owner == slot,
            Self::Member(object, _) => object.in_slot(slot),
            Self::Loaded(..) | Self::Row(_) => false,
        }
    }
}

/// What a name in scope is.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: SmolStr,
    /// Its slot.
    pub slot: SlotId,
    /// Where it was made.
    pub made: Option<Location>,
    /// Whether it is local (a parameter, `let`, `each` name), and no field of the record.
    pub local: bool,
}

/// A loaded row in scope.
#[derive(Clone, Debug)]
pub struct RowBinding {
    /// The name that steps use.
    pub name: SmolStr,
    /// The row.
    pub handle: HandleId,
    /// Whether it may be missing.
    pub nullable: bool,
    /// Where it was loaded.
    pub loaded: Location,
    /// What declares its name; none in a test, where it has none.
    pub symbol: Option<Location>,
}

/// Names in scope. Cloned at branches, so kept small: lists, not maps.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Fields and locals; a later one hides an earlier one.
    pub variables: Vec<Variable>,
    /// Loaded rows; a later one hides an earlier one.
    pub rows: Vec<RowBinding>,
    /// Places known not to be null.
    pub known: HashSet<Path>,
    /// Names whose making was reported as a mistake; uses of them are silent.
    pub broken: Vec<SmolStr>,
    /// A step of which nobody knows what it makes was reported as a mistake: any name may be one of its.
    pub open: bool,
}

impl Scope {
    /// The variable of a name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().rev().find(|variable| variable.name == name)
    }

    /// The loaded row of a name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&RowBinding> {
        self.rows.iter().rev().find(|row| row.name == name)
    }

    /// Brings a name in.
    pub fn add(&mut self, name: impl Into<SmolStr>, slot: SlotId, made: Option<Location>, local: bool) {
        self.known.retain(|path| !path.in_slot(slot));
        self.variables.push(Variable { name: name.into(), slot, made, local });
    }

    /// Notes that a name could not be made.
    pub fn fail(&mut self, name: &str) {
        // A name that could not be read may be any.
        self.open |= name.is_empty();
        if self.variable(name).is_none() && self.row(name).is_none() {
            self.broken.push(name.into());
        }
    }

    /// Whether a name could not be made.
    #[must_use]
    pub fn is_broken(&self, name: &str) -> bool {
        self.open || self.broken.iter().any(|broken| broken == name)
    }

    /// What is known after a condition, added.
    pub fn learn(&mut self, facts: &[Path]) {
        self.known.extend(facts.iter().cloned());
    }

    /// The names in scope, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().map(|row| row.name.as_str());
        self.variables.iter().map(|variable| variable.name.as_str()).chain(rows)
    }
}

/// What a condition tells about nulls when it is true and when it is false.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Not null when it is true.
    pub when_true: Vec<Path>,
    /// Not null when it is false.
    pub when_false: Vec<Path>,
}

impl Facts {
    /// The facts of a typed condition.
    #[must_use]
    pub fn of(condition: &Expr) -> Self {
        use nsf_plan::BinaryOperator::{And, Or};
        match &condition.kind {
            ExprKind::IsNull(value) => Self { when_true: Vec::new(), when_false: place(value) },
            ExprKind::Exists(handle) => Self { when_true: vec![Path::Row(*handle)], when_false: Vec::new() },
            ExprKind::Not(inner) => {
                let inner = Self::of(inner);
                Self { when_true: inner.when_false, when_false: inner.when_true }
            }
            ExprKind::Binary(And, left, right) => {
                let (mut left, right) = (Self::of(left), Self::of(right));
                left.when_true.extend(right.when_true);
                Self { when_true: left.when_true, when_false: Vec::new() }
            }
            ExprKind::Binary(Or, left, right) => {
                let (mut left, right) = (Self::of(left), Self::of(right));
                left.when_false.extend(right.when_false);
                Self { when_true: Vec::new(), when_false: left.when_false }
            }
            _ => Self::default(),
        }
    }
}

fn place(value: &Expr) -> Vec<Path> {
    // A member read through `?.` that is not null tells that its object is not null either.
    let mut places: Vec<Path> = Path::of(value).into_iter().collect();
    let mut object = value;
    while let ExprKind::Field(inner, _) | ExprKind::Widen(inner) = &object.kind {
        places.extend(Path::of(inner));
        object = inner;
    }
    if let ExprKind::Loaded(handle, _) = &object.kind {
        places.push(Path::Row(*handle));
    }
    places
}
