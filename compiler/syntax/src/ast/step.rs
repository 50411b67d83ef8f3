//! Steps of a flow and the bodies of step functions.

use nsf_diagnostics::Span;

use super::{Expr, FunctionKind, Name, RecordEntry, TextLiteral};

/// Steps in braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Braces included.
    pub span: Span,
}

/// A step with its place and label.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `L:` before it.
    pub label: Option<Name>,
    /// What it is.
    pub kind: StepKind,
    /// From the keyword (not the label) to the last token.
    pub span: Span,
}

/// The kinds of steps.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// Could not be read; reported already.
    Error,
    /// `verify f(a: x)`, `calculate f(…) -> (out: name)`, `load f`, `save f`, `expand f`: a call of a named function.
    /// `load S`, `load S(k: e) as name else …`, `expand DIM` look alike; names decide which it is.
    Call(StepCall),
    /// `verify { … }`.
    Verify(Vec<Check>),
    /// `calculate { … }`.
    Calculate(Vec<CalculateStatement>),
    /// `save S { … }`, `save S(k: e) { … }`.
    Save(SaveStep),
    /// `expand X { … }`, `expand delete DIM`, `expand reset DIM { a }`.
    Expand(ExpandStep),
    /// `when e { … } else when e { … } else { … }`.
    When {
        /// Conditions with their blocks.
        arms: Vec<(Expr, Block)>,
        /// The last `else`.
        otherwise: Option<Block>,
    },
    /// `each x in list { … }`.
    Each {
        /// The element's name.
        name: Name,
        /// The list.
        list: Expr,
        /// What is done with each.
        body: Block,
    },
    /// `stop`, `stop when e`.
    Stop(Option<Expr>),
    /// `jump L`, `jump L when e`.
    Jump(Name, Option<Expr>),
    /// `repartition by k, …`.
    Repartition(Vec<Name>),
}

/// A step that names a function, state, table or dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct StepCall {
    /// Its keyword.
    pub keyword: FunctionKind,
    /// What is named.
    pub name: Name,
    /// `(a: x, b)`: bindings of inputs or keys; none where the brackets are absent.
    pub arguments: Option<Vec<Binding>>,
    /// `-> (out: name)`: outputs renamed.
    pub outputs: Vec<(Name, Name)>,
    /// `as name`.
    pub alias: Option<Name>,
    /// `else reject "why"`, `else drop`, `else drop "why"`.
    pub otherwise: Option<LoadElse>,
}

/// `a: x`, or `a` alone for `a: a`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The input or key.
    pub name: Name,
    /// What it is bound to.
    pub value: Option<Expr>,
}

/// What happens when the loaded row is missing.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadElse {
    /// `else reject "why"`.
    Reject(TextLiteral),
    /// `else drop`, `else drop "why"`; the span is `drop`'s.
    Drop(Span, Option<TextLiteral>),
}

/// A check of a verify.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What it is.
    pub kind: CheckKind,
    /// The whole check.
    pub span: Span,
}

/// The kinds of checks.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// Could not be read; reported already.
    Error,
    /// Could not be read, and was reported: a value given to a name, which counts as a field from then on.
    Assigned(Name),
    /// `require e else reject "why"` and `require e`.
    Require(Expr, Option<TextLiteral>),
    /// `drop when e "why"`; the reason may be left out.
    Drop(Expr, Option<TextLiteral>),
    /// `reject when e "why"`.
    Reject(Expr, Option<TextLiteral>),
    /// `unique a, b within 2d "why"`.
    Unique(Vec<Expr>, Expr, Option<TextLiteral>),
}

/// `a = e` or `let a = e`.
#[derive(Clone, Debug, PartialEq)]
pub struct CalculateStatement {
    /// Whether it is a `let`: known only in this step.
    pub local: bool,
    /// The name.
    pub name: Name,
    /// The value; [`super::ExprKind::Error`] where it could not be read.
    pub value: Expr,
    /// The whole statement.
    pub span: Span,
}

/// `save S(k: e) { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct SaveStep {
    /// The state.
    pub state: Name,
    /// `(k: e)`: bindings of keys; none where the brackets are absent.
    pub keys: Option<Vec<Binding>>,
    /// The operations in order.
    pub operations: Vec<SaveOperation>,
}

/// One operation on a state's value.
#[derive(Clone, Debug, PartialEq)]
pub struct SaveOperation {
    /// What it does.
    pub kind: SaveKind,
    /// The whole operation.
    pub span: Span,
}

/// The operations on a state's value.
#[derive(Clone, Debug, PartialEq)]
pub enum SaveKind {
    /// Could not be read; reported already.
    Error,
    /// `total = e`, `total += e`, `best max= e`, `m[k] = e`, `m[k] += e`.
    Assign {
        /// The value's field.
        field: Name,
        /// `[k]`.
        key: Option<Expr>,
        /// How.
        operator: SaveOperator,
        /// What.
        value: Expr,
    },
    /// `nick` or `phone: tel` in a list with commas: assigns fields.
    Fields(Vec<Binding>),
    /// `insert e into seen`.
    Insert(Expr, Name),
    /// `remove k from m`.
    Remove(Expr, Name),
    /// `delete`.
    Delete,
}

/// How a value is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaveOperator {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Subtract,
    /// `max=`
    Max,
    /// `min=`
    Min,
}

/// `expand …` with a body or with `delete` or `reset`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandStep {
    /// `delete`, `reset`, or neither.
    pub mode: ExpandMode,
    /// What is written.
    pub target: ExpandTarget,
    /// `{ a, b: e }`; none for `expand delete DIM`.
    pub entries: Option<Vec<RecordEntry>>,
}

/// What an expand does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpandMode {
    /// Writes or sends.
    Put,
    /// `expand delete DIM`.
    Delete,
    /// `expand reset DIM { a }`.
    Reset,
}

/// What an expand writes to.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpandTarget {
    /// A dimension, with bindings of its keys.
    Dimension(Name, Option<Vec<Binding>>),
    /// `kafka("t", key: k)` and other connectors: a call expression.
    Connector(Expr),
}
