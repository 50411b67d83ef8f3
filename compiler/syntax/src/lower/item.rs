//! Items.

use nsf_diagnostics::Span;

use super::Lower;
use crate::ast::{
    Builtin, Const, Dimension, DimensionField, Fields, Flow, Function, FunctionKind, Item, ItemKind, Mapping,
    MappingArm, MappingElse, Name, Number, Parameter, Primary, StepFunction, StepFunctionBody, Test, TestClause,
    TestClauseKind, TextLiteral, TypeAlias, TypeExpr, TypeExprKind, Use,
};
use crate::error::SyntaxErrorKind;
use crate::grammar::{Pair, Rule};

impl Lower<'_> {
    /// A whole item.
    pub(crate) fn item(&mut self, pair: Pair<'_>) -> Item {
        let span = self.span(&pair);
        let docs = self.docs(span.start);
        let kind = match pair.as_rule() {
            Rule::use_item => ItemKind::Use(self.use_item(pair)),
            Rule::const_item => self.const_item(pair),
            Rule::type_item => {
                let name = self.name_in(pair.clone());
                ItemKind::Type(TypeAlias { name, ty: self.type_in(pair) })
            }
            Rule::fn_item => self.fn_item(pair),
            Rule::builtin_item => self.builtin_item(pair),
            Rule::mapping_item => self.mapping_item(pair),
            Rule::primary_item => self.primary_item(pair),
            Rule::dimension_item => self.dimension_item(pair),
            Rule::fields_item => self.fields_item(pair),
            Rule::settings_item => self.settings_item(pair),
            Rule::step_function => self.step_function(pair),
            Rule::flow_item => self.flow_item(pair),
            Rule::test_item => self.test_item(pair),
            _ => ItemKind::Error { keyword: None, names: Vec::new() },
        };
        Item { docs, kind, span }
    }

    fn use_item(&mut self, pair: Pair<'_>) -> Use {
        let mut item = Use { path: Vec::new(), names: None, alias: None };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => item.path.push(self.name(&child)),
                Rule::use_names => item.names = Some(self.names_in(child)),
                Rule::use_alias => item.alias = Some(self.name_in(child)),
                _ => {}
            }
        }
        item
    }

    fn const_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let (mut name, mut ty, mut value) = (self.missing_name(&pair), None, Self::error_expression(span));
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::type_note => ty = Some(self.type_in(child)),
                Rule::expr => value = self.expression(child),
                _ => {}
            }
        }
        ItemKind::Const(Const { name, ty, value })
    }

    /// The first type among a node's children.
    fn type_in(&mut self, pair: Pair<'_>) -> TypeExpr {
        let missing = TypeExpr { kind: TypeExprKind::Error, span: self.token_span(&pair) };
        let found = pair.into_inner().find(|child| child.as_rule() == Rule::type_expr);
        found.map_or(missing, |child| self.type_expr(child))
    }

    fn fn_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let mut item = Function {
            name: self.missing_name(&pair),
            parameters: Vec::new(),
            result: TypeExpr { kind: TypeExprKind::Error, span },
            body: Self::error_expression(span),
        };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => item.name = self.name(&child),
                Rule::parameters => item.parameters = self.parameters(child),
                Rule::type_expr => item.result = self.type_expr(child),
                Rule::expr => item.body = self.expression(child),
                _ => {}
            }
        }
        self.no_defaults(&item.parameters);
        ItemKind::Function(item)
    }

    /// Reports defaults of parameters, which only the built-ins of the standard library have.
    fn no_defaults(&mut self, parameters: &[Parameter]) {
        for default in parameters.iter().filter_map(|parameter| parameter.default.as_ref()) {
            self.error(default.span, SyntaxErrorKind::DefaultOfParameter);
        }
    }

    fn builtin_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let mut item = Builtin {
            name: self.missing_name(&pair),
            generics: Vec::new(),
            parameters: Vec::new(),
            result: TypeExpr { kind: TypeExprKind::Error, span },
            fallible: false,
        };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => item.name = self.name(&child),
                Rule::generics => {
                    for generic in child.into_inner().filter(|generic| generic.as_rule() == Rule::generic) {
                        let mut names = self.names_in(generic).into_iter();
                        if let Some(name) = names.next() {
                            item.generics.push((name, names.next()));
                        }
                    }
                }
                Rule::parameters => item.parameters = self.parameters(child),
                Rule::type_expr => item.result = self.type_expr(child),
                Rule::k_fails => item.fallible = true,
                _ => {}
            }
        }
        ItemKind::Builtin(item)
    }

    fn mapping_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let mut item: Option<Mapping> = None;
        for child in pair.into_inner() {
            match (child.as_rule(), item.as_mut()) {
                (Rule::mapping_head, _) => item = Some(self.mapping_head(child)),
                (Rule::mapping_arm, Some(item)) => item.arms.extend(self.mapping_arm(child)),
                (Rule::mapping_else, Some(item)) => item.otherwise = Some(self.mapping_else(child)),
                _ => {}
            }
        }
        item.map_or(ItemKind::Error { keyword: None, names: Vec::new() }, ItemKind::Mapping)
    }

    /// A mapping without its arms.
    pub(crate) fn mapping_head(&mut self, pair: Pair<'_>) -> Mapping {
        let error = TypeExpr { kind: TypeExprKind::Error, span: self.span(&pair) };
        let name = self.name_in(pair.clone());
        let types = pair.into_inner().filter(|child| child.as_rule() == Rule::type_expr);
        let mut types = types.map(|child| self.type_expr(child)).collect::<Vec<_>>().into_iter();
        let from = types.next().unwrap_or_else(|| error.clone());
        let to = types.next().unwrap_or(error);
        Mapping { name, from, to, arms: Vec::new(), otherwise: None }
    }

    pub(crate) fn mapping_arm(&mut self, pair: Pair<'_>) -> Option<MappingArm> {
        let literals = pair.into_inner().filter(|child| child.as_rule() == Rule::literal);
        let mut values: Vec<_> = literals.map(|child| self.literal(child)).collect();
        let result = values.pop()?;
        Some(MappingArm { values, result })
    }

    pub(crate) fn mapping_else(&mut self, pair: Pair<'_>) -> (MappingElse, Span) {
        let span = self.span(&pair);
        let mut otherwise = MappingElse::Keep;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_reject => otherwise = MappingElse::Reject,
                Rule::literal => otherwise = MappingElse::Value(self.literal(child)),
                _ => {}
            }
        }
        (otherwise, span)
    }

    fn primary_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let field = self.dimension_field(pair);
        ItemKind::Primary(Primary { name: field.name, ty: field.ty, number: field.number, label: field.label })
    }

    fn dimension_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let mut item = Dimension {
            name: self.missing_name(&pair),
            primaries: Vec::new(),
            code: None,
            spaces: Vec::new(),
            label: None,
        };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => item.name = self.name(&child),
                Rule::name_list => item.primaries = self.names_in(child),
                Rule::number_sign => item.code = self.number(&child),
                Rule::in_spaces => item.spaces = self.names_in(child),
                Rule::label_text => item.label = self.text_in(child),
                _ => {}
            }
        }
        ItemKind::Dimension(item)
    }

    fn number(&mut self, pair: &Pair<'_>) -> Option<Number> {
        let span = self.token_span(pair);
        match pair.as_str().get(1..).unwrap_or("").parse() {
            Ok(value) => Some(Number { value, span }),
            Err(_) => {
                self.error(span, SyntaxErrorKind::NumberTooLarge);
                None
            }
        }
    }

    fn fields_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let mut item = Fields { dimension: self.missing_name(&pair), fields: Vec::new() };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::fields_head => item.dimension = self.name_in(child),
                Rule::dimension_field => item.fields.push(self.dimension_field(child)),
                _ => {}
            }
        }
        ItemKind::Fields(item)
    }

    pub(crate) fn dimension_field(&mut self, pair: Pair<'_>) -> DimensionField {
        let span = self.span(&pair);
        let docs = if pair.as_rule() == Rule::dimension_field { self.docs(span.start) } else { Vec::new() };
        let mut field = DimensionField {
            docs,
            name: self.missing_name(&pair),
            ty: TypeExpr { kind: TypeExprKind::Error, span },
            number: None,
            label: None,
            derived: None,
            settings: None,
            span,
        };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => field.name = self.name(&child),
                Rule::type_expr => field.ty = self.type_expr(child),
                Rule::number_sign => field.number = self.number(&child),
                Rule::label_text => field.label = self.text_in(child),
                Rule::derived => field.derived = Some(self.span(&child)),
                Rule::field_settings => field.settings = Some(self.settings_in(child)),
                _ => {}
            }
        }
        field
    }

    fn step_function(&mut self, pair: Pair<'_>) -> ItemKind {
        let mut head: Option<StepFunction> = None;
        for child in pair.into_inner() {
            match (child.as_rule(), head.as_mut()) {
                (Rule::verify_body, Some(head)) => head.body = StepFunctionBody::Verify(self.checks_in(child)),
                (Rule::calculate_body, Some(head)) => {
                    head.body = StepFunctionBody::Calculate(self.calculate_statements_in(child));
                }
                (Rule::save_body, Some(head)) => head.body = StepFunctionBody::Save(self.save_operations_in(child)),
                (Rule::block, Some(head)) => head.body = StepFunctionBody::Expand(self.block(child)),
                _ => head = self.step_function_head(child),
            }
        }
        head.map_or(ItemKind::Error { keyword: None, names: Vec::new() }, ItemKind::StepFunction)
    }

    /// A step function without its body.
    pub(crate) fn step_function_head(&mut self, pair: Pair<'_>) -> Option<StepFunction> {
        let (kind, body) = match pair.as_rule() {
            Rule::verify_head => (FunctionKind::Verify, StepFunctionBody::Verify(Vec::new())),
            Rule::calculate_head => (FunctionKind::Calculate, StepFunctionBody::Calculate(Vec::new())),
            Rule::load_head => (FunctionKind::Load, StepFunctionBody::Calculate(Vec::new())),
            Rule::save_head => (FunctionKind::Save, StepFunctionBody::Save(Vec::new())),
            Rule::expand_head => (FunctionKind::Expand, StepFunctionBody::Expand(crate::ast::Block::default())),
            _ => return None,
        };
        let name = self.missing_name(&pair);
        let mut head = StepFunction { kind, name, inputs: Vec::new(), target: None, outputs: Vec::new(), body };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => head.name = self.name(&child),
                Rule::parameters => head.inputs = self.parameters(child),
                Rule::load_from | Rule::save_into => head.target = Some(self.name_in(child)),
                Rule::outputs => {
                    let list = child.into_inner().find(|inner| inner.as_rule() == Rule::parameters);
                    head.outputs = list.map(|list| self.parameters(list)).unwrap_or_default();
                }
                _ => {}
            }
        }
        self.no_defaults(&head.inputs);
        self.no_defaults(&head.outputs);
        Some(head)
    }

    fn flow_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let name = self.missing_name(&pair);
        let mut flow = Flow { name, from: Vec::new(), expired: None, body: crate::ast::Block::default() };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::flow_head => flow = self.flow_head(child),
                Rule::block => flow.body = self.block(child),
                _ => {}
            }
        }
        ItemKind::Flow(flow)
    }

    /// A flow without its steps.
    pub(crate) fn flow_head(&mut self, pair: Pair<'_>) -> Flow {
        let name = self.missing_name(&pair);
        let mut flow = Flow { name, from: Vec::new(), expired: None, body: crate::ast::Block::default() };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => flow.name = self.name(&child),
                Rule::flow_from => {
                    let expired = child.clone().into_inner().find(|inner| inner.as_rule() == Rule::k_expired);
                    flow.expired = expired.map(|keyword| self.token_span(&keyword));
                    flow.from = self.names_in(child);
                }
                _ => {}
            }
        }
        flow
    }

    fn test_item(&mut self, pair: Pair<'_>) -> ItemKind {
        let title = TextLiteral { value: "".into(), span: self.token_span(&pair) };
        let mut test = Test { title, clauses: Vec::new() };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::test_head => {
                    if let Some(title) = self.text_in(child) {
                        test.title = title;
                    }
                }
                Rule::test_clause => test.clauses.push(self.test_clause(child)),
                _ => {}
            }
        }
        ItemKind::Test(test)
    }

    pub(crate) fn test_clause(&mut self, pair: Pair<'_>) -> TestClause {
        let span = self.span(&pair);
        let mut given = false;
        let mut name: Option<Name> = None;
        let mut kind = TestClauseKind::Error;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_given => given = true,
                Rule::name => name = Some(self.name(&child)),
                Rule::list | Rule::record => {
                    let rows = self.rows(child);
                    kind = match name.take() {
                        Some(name) if given => TestClauseKind::Given(name, rows),
                        Some(name) => TestClauseKind::With(name, rows),
                        None => TestClauseKind::Error,
                    };
                }
                Rule::expr => kind = TestClauseKind::Expect(self.expression(child)),
                Rule::expect_count => kind = self.expect_count(child),
                Rule::expect_published => kind = self.expect_published(child),
                Rule::expect_same => kind = TestClauseKind::ExpectSame(self.names_in(child)),
                _ => {}
            }
        }
        TestClause { kind, span }
    }

    fn rows(&mut self, pair: Pair<'_>) -> Vec<crate::ast::Expr> {
        if pair.as_rule() == Rule::list {
            return self.expressions_in(pair);
        }
        let span = self.token_span(&pair);
        let kind = crate::ast::ExprKind::Record(self.record_entries(pair, false));
        vec![crate::ast::Expr { kind, span }]
    }

    fn expect_count(&mut self, pair: Pair<'_>) -> TestClauseKind {
        let (mut rejected, mut source, mut count, mut reason) = (false, None, None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_rejected => rejected = true,
                Rule::name => source = Some(self.name(&child)),
                Rule::numeral => {
                    let span = self.token_span(&child);
                    count = Some(crate::ast::Expr { kind: self.numeral(&child), span });
                }
                Rule::label_text => reason = self.text_in(child),
                _ => {}
            }
        }
        TestClauseKind::ExpectCount { rejected, source, count, reason }
    }

    fn expect_published(&mut self, pair: Pair<'_>) -> TestClauseKind {
        let (mut connector, mut rows) = (None, Vec::new());
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::connector => connector = Some(self.connector(child)),
                Rule::list => rows = self.expressions_in(child),
                _ => {}
            }
        }
        connector.map_or(TestClauseKind::Error, |connector| TestClauseKind::ExpectPublished(connector, rows))
    }
}
