//! Items: what stands in column 0.

use nsf_diagnostics::Span;
use smol_str::SmolStr;

use super::{Block, Expr, FieldDeclaration, Name, TextLiteral, TypeExpr};

/// An item with its docs and place.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Lines of `///` above it, without the sign and one blank.
    pub docs: Vec<SmolStr>,
    /// What it is.
    pub kind: ItemKind,
    /// From the keyword to the last token.
    pub span: Span,
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ItemKind {
    /// Could not be read; reported already. The keyword if it could be, and the words of its head, one of which is its
    /// name, so that uses of the name are silent.
    Error {
        keyword: Option<SmolStr>,
        names: Vec<Name>,
    },
    Use(Use),
    Const(Const),
    Type(TypeAlias),
    Function(Function),
    Builtin(Builtin),
    Mapping(Mapping),
    Primary(Primary),
    Dimension(Dimension),
    Fields(Fields),
    /// `tenant`, `space`, `source`, `table`, `ingest`, `subscription`, `state`, `monitor`: a head and settings.
    Settings(SettingsItem),
    /// `verify`, `calculate`, `load`, `save`, `expand` with a name, in column 0.
    StepFunction(StepFunction),
    Flow(Flow),
    Test(Test),
}

/// `use a.b`, `use a.b.{x, y}`, `use a.b as c`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// `a.b`.
    pub path: Vec<Name>,
    /// `.{x, y}`; none where the braces are absent.
    pub names: Option<Vec<Name>>,
    /// `as c`.
    pub alias: Option<Name>,
}

impl Use {
    /// The module as it is written: `a.b`.
    #[must_use]
    pub fn module(&self) -> String {
        self.path.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
    }
}

/// `const NAME: T = expr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    /// Its name.
    pub name: Name,
    /// `: T`.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: Expr,
}

/// `type N = T`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeAlias {
    /// Its name.
    pub name: Name,
    /// What it names.
    pub ty: TypeExpr,
}

/// `fn f(a: T) -> U = expr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// `-> U`.
    pub result: TypeExpr,
    /// The body.
    pub body: Expr,
}

/// `builtin fn f<T: number>(a: list<T>) -> T`, only in the standard library. A parameter may have a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Builtin {
    /// Its name.
    pub name: Name,
    /// `<T: number, U>`: names and, after the colon, the class they must belong to.
    pub generics: Vec<(Name, Option<Name>)>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// `-> U`.
    pub result: TypeExpr,
    /// `fails` after the result: it may fail, so a record may be rejected there.
    pub fallible: bool,
}

/// `name: T = default`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `= default`, only in `builtin fn`.
    pub default: Option<Expr>,
}

/// `mapping N: T -> U { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Its name.
    pub name: Name,
    /// What is converted.
    pub from: TypeExpr,
    /// Into what.
    pub to: TypeExpr,
    /// The arms before `else`.
    pub arms: Vec<MappingArm>,
    /// The `else` arm with its place.
    pub otherwise: Option<(MappingElse, Span)>,
}

/// `0 | 1 => "a"`.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingArm {
    /// The literals on the left.
    pub values: Vec<Expr>,
    /// The literal on the right.
    pub result: Expr,
}

/// `else keep`, `else => v`, `else reject`.
#[derive(Clone, Debug, PartialEq)]
pub enum MappingElse {
    /// The value itself.
    Keep,
    /// A literal.
    Value(Expr),
    /// The record is rejected.
    Reject,
}

/// `#1001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The digits' value.
    pub value: u32,
    /// Where, `#` included.
    pub span: Span,
}

/// `primary N: T #n "label"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Primary {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `#n`.
    pub number: Option<Number>,
    /// The label.
    pub label: Option<TextLiteral>,
}

/// `dimension N (a, b) #code in main, hot "label"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimension {
    /// Its name.
    pub name: Name,
    /// Its primaries.
    pub primaries: Vec<Name>,
    /// `#code`.
    pub code: Option<Number>,
    /// `in …`.
    pub spaces: Vec<Name>,
    /// The label.
    pub label: Option<TextLiteral>,
}

/// `fields DIM { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// The dimension.
    pub dimension: Name,
    /// Its fields.
    pub fields: Vec<DimensionField>,
}

/// `N: T #n "label" derived { empty: v  owner: "…" }`.
#[derive(Clone, Debug, PartialEq)]
pub struct DimensionField {
    /// Lines of `///` above it.
    pub docs: Vec<SmolStr>,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `#n`.
    pub number: Option<Number>,
    /// The label.
    pub label: Option<TextLiteral>,
    /// `derived`.
    pub derived: Option<Span>,
    /// `{ empty: v  owner: "…" }`; none where the braces are absent.
    pub settings: Option<Vec<Setting>>,
    /// The whole declaration.
    pub span: Span,
}

/// An item that is a head and settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsItem {
    /// Which.
    pub keyword: SettingsKeyword,
    /// The keyword's place.
    pub keyword_span: Span,
    /// Its name.
    pub name: Name,
    /// `on DIM` of a subscription or monitor.
    pub on: Option<Name>,
    /// `by (keys)` of a state.
    pub by: Vec<Name>,
    /// The settings in order, wrong and repeated ones included.
    pub settings: Vec<Setting>,
}

/// The keyword of a [`SettingsItem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SettingsKeyword {
    Tenant,
    Space,
    Source,
    Table,
    Ingest,
    Subscription,
    State,
    Monitor,
}

/// `name: value`, or `name { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: SettingValue,
    /// `else …` after the value, as in `late: 1d else reject`.
    pub otherwise: Option<Expr>,
    /// The whole setting.
    pub span: Span,
}

/// What may stand after a setting's name.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// Could not be read; reported already.
    Error,
    /// One expression, or several with commas: `a`, `a, b`, `kafka("t")`, `30d`, `x == 1`. A type name is a name here.
    Values(Vec<Expr>),
    /// `record { … }`, `value { … }`.
    Fields(Vec<FieldDeclaration>),
    /// `map { a = e  dim.b = e }`.
    Assignments(Vec<Assignment>),
}

/// `field = expr` or `dimension.field = expr` in an ingest's `map`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The dimension in front, if it is named.
    pub dimension: Option<Name>,
    /// The field.
    pub field: Name,
    /// The value.
    pub value: Expr,
    /// The whole assignment.
    pub span: Span,
}

/// Which of V, L, C, S and E.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum FunctionKind {
    Verify,
    Load,
    Calculate,
    Save,
    Expand,
}

/// `verify N(inputs) { … }` and its four sisters.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFunction {
    /// Which.
    pub kind: FunctionKind,
    /// Its name.
    pub name: Name,
    /// Its inputs.
    pub inputs: Vec<Parameter>,
    /// `from S` of a load, `into S` of a save.
    pub target: Option<Name>,
    /// `-> (outputs)` of a calculate or load.
    pub outputs: Vec<Parameter>,
    /// The body.
    pub body: StepFunctionBody,
}

/// The body of a [`StepFunction`].
#[derive(Clone, Debug, PartialEq)]
pub enum StepFunctionBody {
    /// The checks of a verify.
    Verify(Vec<super::Check>),
    /// The assignments of a calculate, or of a load's outputs.
    Calculate(Vec<super::CalculateStatement>),
    /// The operations of a save.
    Save(Vec<super::SaveOperation>),
    /// The steps of an expand (only `expand`, `when`, `each`).
    Expand(Block),
}

/// `flow N from A, B { steps }`, `flow N from expired S { steps }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its name.
    pub name: Name,
    /// What it reads.
    pub from: Vec<Name>,
    /// `expired` before the state's name.
    pub expired: Option<Span>,
    /// Its steps.
    pub body: Block,
}

/// `test "…" { with … given … expect … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its title.
    pub title: TextLiteral,
    /// Its clauses in order.
    pub clauses: Vec<TestClause>,
}

/// A clause of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestClause {
    /// Which.
    pub kind: TestClauseKind,
    /// The whole clause.
    pub span: Span,
}

/// The kinds of clauses of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum TestClauseKind {
    /// Could not be read; reported already.
    Error,
    /// `with plan_info { … }` or `with plan_info [ {…}, … ]`: rows of a table, state or dimension.
    With(Name, Vec<Expr>),
    /// `given stay_segment [ {…}, … ]`.
    Given(Name, Vec<Expr>),
    /// `expect expr`: a condition over `DIM(keys).field` and `STATE(keys).field`.
    Expect(Expr),
    /// `expect rejected NAME n "reason"`, `expect dropped NAME n "reason"`; name, count and reason may be left out.
    ExpectCount {
        /// Whether `rejected` (else `dropped`).
        rejected: bool,
        /// The source.
        source: Option<Name>,
        /// How many.
        count: Option<Expr>,
        /// The reason.
        reason: Option<TextLiteral>,
    },
    /// `expect published kafka("t") [ … ]`.
    ExpectPublished(Expr, Vec<Expr>),
    /// `expect same under duplicate, restart`.
    ExpectSame(Vec<Name>),
}
