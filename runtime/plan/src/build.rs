//! Short ways to make the parts of a plan. They check nothing: `validate` does, on the whole.

use crate::{
    BinaryOperator, Block, Expr, ExprKind, HandleId, Literal, Origin, Plan, PlanVersion, SlotId, Step, StepKind, Type,
    connector::Connector,
};

impl Expr {
    /// An expression that stands nowhere.
    #[must_use]
    pub const fn new(kind: ExprKind, ty: Type) -> Self {
        Self { kind, ty, origin: None }
    }

    /// The same, written at a place.
    #[must_use]
    pub const fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// A constant.
    #[must_use]
    pub const fn literal(value: Literal, ty: Type) -> Self {
        Self::new(ExprKind::Literal(value), ty)
    }

    /// Null, as a value of a type that is made nullable.
    #[must_use]
    pub fn null(ty: Type) -> Self {
        Self::literal(Literal::Null, ty.nullable())
    }

    /// `true` or `false`.
    #[must_use]
    pub const fn bool(value: bool) -> Self {
        Self::literal(Literal::Bool(value), Type::Bool)
    }

    /// A constant text.
    #[must_use]
    pub fn text(value: impl Into<String>) -> Self {
        Self::literal(Literal::Text(value.into()), Type::Text)
    }

    /// The value of a slot.
    #[must_use]
    pub const fn slot(slot: SlotId, ty: Type) -> Self {
        Self::new(ExprKind::Slot(slot), ty)
    }

    /// A field of a loaded row.
    #[must_use]
    pub const fn loaded(handle: HandleId, field: u32, ty: Type) -> Self {
        Self::new(ExprKind::Loaded(handle, field), ty)
    }

    /// Whether a loaded row is there.
    #[must_use]
    pub const fn exists(handle: HandleId) -> Self {
        Self::new(ExprKind::Exists(handle), Type::Bool)
    }

    /// An operation on two operands.
    #[must_use]
    pub fn binary(operator: BinaryOperator, left: Self, right: Self, ty: Type) -> Self {
        Self::new(ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty)
    }

    /// `left and right`.
    #[must_use]
    pub fn and(left: Self, right: Self) -> Self {
        Self::binary(BinaryOperator::And, left, right, Type::Bool)
    }

    /// `left or right`.
    #[must_use]
    pub fn or(left: Self, right: Self) -> Self {
        Self::binary(BinaryOperator::Or, left, right, Type::Bool)
    }

    /// `left == right`.
    #[must_use]
    pub fn equal(left: Self, right: Self) -> Self {
        Self::binary(BinaryOperator::Equal, left, right, Type::Bool)
    }

    /// `not operand`.
    #[must_use]
    pub fn negated(operand: Self) -> Self {
        Self::new(ExprKind::Not(Box::new(operand)), Type::Bool)
    }

    /// `operand == null`.
    #[must_use]
    pub fn is_null(operand: Self) -> Self {
        Self::new(ExprKind::IsNull(Box::new(operand)), Type::Bool)
    }

    /// `left ?? right`; of the type of the right side.
    #[must_use]
    pub fn coalesce(left: Self, right: Self) -> Self {
        let ty = right.ty.clone();
        Self::new(ExprKind::Coalesce(Box::new(left), Box::new(right)), ty)
    }

    /// `left catch right`; of the type of the right side.
    #[must_use]
    pub fn catch(left: Self, right: Self) -> Self {
        let ty = right.ty.clone();
        Self::new(ExprKind::Catch(Box::new(left), Box::new(right)), ty)
    }

    /// `if condition then … else …`; both of the type of the first.
    #[must_use]
    pub fn choice(condition: Self, then: Self, otherwise: Self) -> Self {
        let ty = then.ty.clone();
        Self::new(ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise)), ty)
    }

    /// The body's value, with a value in a slot.
    #[must_use]
    pub fn bind(slot: SlotId, value: Self, body: Self) -> Self {
        let ty = body.ty.clone();
        Self::new(ExprKind::Let(slot, Box::new(value), Box::new(body)), ty)
    }

    /// A member of a record.
    #[must_use]
    pub fn member(object: Self, field: u32, ty: Type) -> Self {
        Self::new(ExprKind::Field(Box::new(object), field), ty)
    }

    /// A built-in function by its signature.
    #[must_use]
    pub fn call(function: impl Into<String>, arguments: Vec<Self>, ty: Type) -> Self {
        Self::new(ExprKind::Call(function.into(), arguments), ty)
    }

    /// The value as one of a wider type; itself where it has the type already.
    #[must_use]
    pub fn widened(self, ty: Type) -> Self {
        if self.ty == ty {
            return self;
        }
        let origin = self.origin;
        Self { kind: ExprKind::Widen(Box::new(self)), ty, origin }
    }

    /// The value as one that is not null; itself where its type says so already.
    #[must_use]
    pub fn known(self) -> Self {
        match &self.ty {
            Type::Nullable(inner) => {
                let (ty, origin) = ((**inner).clone(), self.origin);
                Self { kind: ExprKind::NonNull(Box::new(self)), ty, origin }
            }
            _ => self,
        }
    }

    /// The constant, where it is one.
    #[must_use]
    pub const fn as_literal(&self) -> Option<&Literal> {
        if let ExprKind::Literal(value) = &self.kind { Some(value) } else { None }
    }
}

impl Type {
    /// `list<T>`.
    #[must_use]
    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// `set<T>`.
    #[must_use]
    pub fn set(item: Self) -> Self {
        Self::Set(Box::new(item))
    }

    /// `map<K, V>`.
    #[must_use]
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// `{ name: T, … }`.
    #[must_use]
    pub fn record<Name: Into<String>>(members: impl IntoIterator<Item = (Name, Self)>) -> Self {
        Self::Record(members.into_iter().map(|(name, ty)| (name.into(), ty)).collect())
    }
}

impl Literal {
    /// A text.
    #[must_use]
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// An integer of any size that a type of the language has; none outside.
    #[must_use]
    pub fn integer(value: i128) -> Option<Self> {
        match i64::try_from(value) {
            Ok(value) => Some(Self::Integer(value)),
            Err(_) => u64::try_from(value).ok().map(Self::Unsigned),
        }
    }
}

impl Step {
    /// A step.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: StepKind, origin: Origin) -> Self {
        Self { id: id.into(), kind, origin }
    }
}

impl From<Vec<Step>> for Block {
    fn from(steps: Vec<Step>) -> Self {
        Self { steps }
    }
}

impl Connector {
    /// A connector without `cluster`.
    #[must_use]
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), cluster: None }
    }
}

impl Plan {
    /// A plan of this version with nothing in it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            version: PlanVersion::CURRENT,
            name: name.into(),
            files: Vec::new(),
            tenants: Vec::new(),
            mappings: Vec::new(),
            topics: Vec::new(),
            sources: Vec::new(),
            ingests: Vec::new(),
            tables: Vec::new(),
            states: Vec::new(),
            spaces: Vec::new(),
            primaries: Vec::new(),
            dimensions: Vec::new(),
            subscriptions: Vec::new(),
            pipelines: Vec::new(),
            monitors: Vec::new(),
        }
    }
}
