//! Steps of flows and the statements in them.

use nsf_diagnostics::Span;

use super::Lower;
use crate::ast::{
    Argument, Binding, Block, CalculateStatement, Check, CheckKind, ExpandMode, ExpandStep, ExpandTarget, Expr,
    ExprKind, FunctionKind, LoadElse, Name, SaveKind, SaveOperation, SaveOperator, SaveStep, Step, StepCall, StepKind,
};
use crate::grammar::{Pair, Rule};

/// Connectors that a step may write to: with arguments they are never a dimension with bindings.
const CONNECTORS: [&str; 8] = ["kafka", "redis", "redis_stream", "mysql", "file", "stdin", "stdout", "webhook"];

impl Lower<'_> {
    pub(crate) fn block(&mut self, pair: Pair<'_>) -> Block {
        let span = self.token_span(&pair);
        let steps = pair.into_inner().filter(|child| child.as_rule() == Rule::step);
        Block { steps: steps.map(|child| self.step(child)).collect(), span }
    }

    pub(crate) fn step(&mut self, pair: Pair<'_>) -> Step {
        let mut span = self.span(&pair);
        let mut label = None;
        let mut kind = StepKind::Error;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::label => label = Some(self.name_in(child)),
                _ => {
                    span.start = self.token_span(&child).start;
                    kind = self.step_kind(child);
                }
            }
        }
        Step { label, kind, span }
    }

    fn step_kind(&mut self, pair: Pair<'_>) -> StepKind {
        match pair.as_rule() {
            Rule::verify_step => self.verify_step(pair),
            Rule::calculate_step => self.calculate_step(pair),
            Rule::load_step => self.call(pair, FunctionKind::Load),
            Rule::save_step => self.save_step(pair),
            Rule::expand_step => self.expand_step(pair),
            Rule::when_step => self.when_step(pair),
            Rule::each_step => self.each_step(pair),
            Rule::stop_step => StepKind::Stop(self.stop_when(pair)),
            Rule::jump_step => StepKind::Jump(self.name_in(pair.clone()), self.stop_when(pair)),
            Rule::repartition_step => StepKind::Repartition(self.names_in(pair)),
            _ => StepKind::Error,
        }
    }

    fn stop_when(&mut self, pair: Pair<'_>) -> Option<Expr> {
        let when = pair.into_inner().find(|child| child.as_rule() == Rule::stop_when)?;
        self.expression_in(when)
    }

    fn verify_step(&mut self, pair: Pair<'_>) -> StepKind {
        match pair.clone().into_inner().find(|child| child.as_rule() == Rule::verify_body) {
            Some(body) => StepKind::Verify(self.checks_in(body)),
            None => self.call(pair, FunctionKind::Verify),
        }
    }

    fn calculate_step(&mut self, pair: Pair<'_>) -> StepKind {
        match pair.clone().into_inner().find(|child| child.as_rule() == Rule::calculate_body) {
            Some(body) => StepKind::Calculate(self.calculate_statements_in(body)),
            None => self.call(pair, FunctionKind::Calculate),
        }
    }

    /// A step that names a function, state, table or dimension.
    fn call(&mut self, pair: Pair<'_>, keyword: FunctionKind) -> StepKind {
        let name = self.missing_name(&pair);
        let mut call = StepCall { keyword, name, arguments: None, outputs: Vec::new(), alias: None, otherwise: None };
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => call.name = self.name(&child),
                Rule::bindings => call.arguments = Some(self.bindings(child)),
                Rule::renamed_outputs => {
                    for renamed in child.into_inner().filter(|inner| inner.as_rule() == Rule::renamed) {
                        let mut names = self.names_in(renamed).into_iter();
                        if let Some(output) = names.next() {
                            let name = names.next().unwrap_or_else(|| output.clone());
                            call.outputs.push((output, name));
                        }
                    }
                }
                Rule::load_alias => call.alias = Some(self.name_in(child)),
                Rule::load_else => call.otherwise = self.load_else(child),
                _ => {}
            }
        }
        StepKind::Call(call)
    }

    fn load_else(&mut self, pair: Pair<'_>) -> Option<LoadElse> {
        let mut dropped: Option<Span> = None;
        let mut reason = None;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_drop => dropped = Some(self.token_span(&child)),
                Rule::label_text => reason = self.text_in(child),
                Rule::plain_text | Rule::rich_text | Rule::raw_text => reason = Some(self.constant_text(child)),
                _ => {}
            }
        }
        match dropped {
            Some(span) => Some(LoadElse::Drop(span, reason)),
            None => reason.map(LoadElse::Reject),
        }
    }

    pub(crate) fn bindings(&mut self, pair: Pair<'_>) -> Vec<Binding> {
        let bindings = pair.into_inner().filter(|child| child.as_rule() == Rule::binding);
        bindings.map(|child| self.binding(child)).collect()
    }

    fn binding(&mut self, pair: Pair<'_>) -> Binding {
        let name = self.name_in(pair.clone());
        Binding { name, value: self.expression_in(pair) }
    }

    fn save_step(&mut self, pair: Pair<'_>) -> StepKind {
        let name = self.name_in(pair.clone());
        let (mut keys, mut operations) = (None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::bindings => keys = Some(self.bindings(child)),
                Rule::save_body => operations = Some(self.save_operations_in(child)),
                _ => {}
            }
        }
        match operations {
            Some(operations) => StepKind::Save(SaveStep { state: name, keys, operations }),
            None => StepKind::Call(StepCall {
                keyword: FunctionKind::Save,
                name,
                arguments: keys,
                outputs: Vec::new(),
                alias: None,
                otherwise: None,
            }),
        }
    }

    pub(crate) fn expand_step(&mut self, pair: Pair<'_>) -> StepKind {
        let (mut name, mut arguments, mut entries) = (None, None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::expand_delete | Rule::expand_reset | Rule::expand_reset_head => {
                    return self.expand_mode(child);
                }
                Rule::name => name = Some(self.name(&child)),
                Rule::call => {
                    let end = self.token_span(&child).end;
                    arguments = Some((self.arguments(child, &mut 0), end));
                }
                Rule::record => entries = Some(self.record_entries(child, true)),
                _ => {}
            }
        }
        let Some(name) = name else { return StepKind::Error };
        let bindings = arguments.as_ref().map(|(arguments, _)| as_bindings(arguments));
        let is_connector = CONNECTORS.contains(&name.text.as_str()) || matches!(bindings, Some(None));
        if is_connector {
            let target = ExpandTarget::Connector(connector_call(name, arguments));
            return StepKind::Expand(ExpandStep { mode: ExpandMode::Put, target, entries });
        }
        let bindings = bindings.flatten();
        if entries.is_some() {
            let target = ExpandTarget::Dimension(name, bindings);
            return StepKind::Expand(ExpandStep { mode: ExpandMode::Put, target, entries });
        }
        StepKind::Call(StepCall {
            keyword: FunctionKind::Expand,
            name,
            arguments: bindings,
            outputs: Vec::new(),
            alias: None,
            otherwise: None,
        })
    }

    fn expand_mode(&mut self, pair: Pair<'_>) -> StepKind {
        let mode = if pair.as_rule() == Rule::expand_delete { ExpandMode::Delete } else { ExpandMode::Reset };
        let name = self.name_in(pair.clone());
        let (mut bindings, mut entries) = (None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::bindings => bindings = Some(self.bindings(child)),
                Rule::record => entries = Some(self.record_entries(child, true)),
                _ => {}
            }
        }
        StepKind::Expand(ExpandStep { mode, target: ExpandTarget::Dimension(name, bindings), entries })
    }

    /// `kafka("t", key: k)` or `stdout` where no index or member may follow.
    pub(crate) fn connector(&mut self, pair: Pair<'_>) -> Expr {
        let name = self.name_in(pair.clone());
        let call = pair.into_inner().find(|child| child.as_rule() == Rule::call);
        let arguments = call.map(|call| {
            let end = self.token_span(&call).end;
            (self.arguments(call, &mut 0), end)
        });
        connector_call(name, arguments)
    }

    fn when_step(&mut self, pair: Pair<'_>) -> StepKind {
        let (mut arms, mut otherwise, mut condition) = (Vec::new(), None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::expr => condition = Some(self.expression(child)),
                Rule::block => arms.extend(condition.take().map(|condition| (condition, self.block(child)))),
                Rule::else_when => {
                    let mut condition = None;
                    for part in child.into_inner() {
                        match part.as_rule() {
                            Rule::expr => condition = Some(self.expression(part)),
                            Rule::block => arms.extend(condition.take().map(|condition| (condition, self.block(part)))),
                            _ => {}
                        }
                    }
                }
                Rule::else_block => {
                    let block = child.into_inner().find(|inner| inner.as_rule() == Rule::block);
                    otherwise = block.map(|block| self.block(block));
                }
                _ => {}
            }
        }
        StepKind::When { arms, otherwise }
    }

    fn each_step(&mut self, pair: Pair<'_>) -> StepKind {
        let (mut name, mut list, mut body) = (None, None, Block::default());
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = Some(self.name(&child)),
                Rule::expr => list = Some(self.expression(child)),
                Rule::block => body = self.block(child),
                _ => {}
            }
        }
        match (name, list) {
            (Some(name), Some(list)) => StepKind::Each { name, list, body },
            _ => StepKind::Error,
        }
    }

    /// `each x in list` without its block.
    pub(crate) fn each_head(&mut self, pair: Pair<'_>) -> Option<(Name, Expr)> {
        let name = self.name_in(pair.clone());
        Some((name, self.expression_in(pair)?))
    }

    /// `save S(k: e)` without its operations.
    pub(crate) fn save_step_head(&mut self, pair: Pair<'_>) -> (Name, Option<Vec<Binding>>) {
        let name = self.name_in(pair.clone());
        let keys = pair.into_inner().find(|child| child.as_rule() == Rule::bindings);
        (name, keys.map(|keys| self.bindings(keys)))
    }

    pub(crate) fn checks_in(&mut self, pair: Pair<'_>) -> Vec<Check> {
        let checks = pair.into_inner().filter(|child| child.as_rule() == Rule::check);
        checks.map(|child| self.check(child)).collect()
    }

    pub(crate) fn check(&mut self, pair: Pair<'_>) -> Check {
        let span = self.span(&pair);
        let Some(form) = pair.into_inner().next() else { return Check { kind: CheckKind::Error, span } };
        let rule = form.as_rule();
        let (mut expressions, mut reason) = (Vec::new(), None);
        for child in form.into_inner() {
            match child.as_rule() {
                Rule::expr => expressions.push(self.expression(child)),
                Rule::require_else | Rule::label_text => reason = self.text_in(child),
                _ => {}
            }
        }
        let kind = match (rule, expressions.pop()) {
            (Rule::require_check, Some(condition)) => CheckKind::Require(condition, reason),
            (Rule::drop_check, Some(condition)) => CheckKind::Drop(condition, reason),
            (Rule::reject_check, Some(condition)) => CheckKind::Reject(condition, reason),
            (Rule::unique_check, Some(within)) => CheckKind::Unique(expressions, within, reason),
            _ => CheckKind::Error,
        };
        Check { kind, span }
    }

    pub(crate) fn calculate_statements_in(&mut self, pair: Pair<'_>) -> Vec<CalculateStatement> {
        let statements = pair.into_inner().filter(|child| child.as_rule() == Rule::calculate_statement);
        statements.map(|child| self.calculate_statement(child)).collect()
    }

    pub(crate) fn calculate_statement(&mut self, pair: Pair<'_>) -> CalculateStatement {
        let span = self.span(&pair);
        let (mut local, mut name, mut value) = (false, self.missing_name(&pair), Self::error_expression(span));
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_let => local = true,
                Rule::name => name = self.name(&child),
                Rule::expr => value = self.right_side(child),
                _ => {}
            }
        }
        CalculateStatement { local, name, value, span }
    }

    pub(crate) fn save_operations_in(&mut self, pair: Pair<'_>) -> Vec<SaveOperation> {
        let operations = pair.into_inner().filter(|child| child.as_rule() == Rule::save_operation);
        operations.map(|child| self.save_operation(child)).collect()
    }

    pub(crate) fn save_operation(&mut self, pair: Pair<'_>) -> SaveOperation {
        let span = self.span(&pair);
        let Some(form) = pair.into_inner().next() else { return SaveOperation { kind: SaveKind::Error, span } };
        let kind = match form.as_rule() {
            Rule::save_assign => self.save_assign(form),
            Rule::save_fields => SaveKind::Fields(self.bindings(form)),
            Rule::save_delete => SaveKind::Delete,
            rule => {
                let name = self.name_in(form.clone());
                match self.expression_in(form) {
                    Some(value) if rule == Rule::save_insert => SaveKind::Insert(value, name),
                    Some(key) => SaveKind::Remove(key, name),
                    None => SaveKind::Error,
                }
            }
        };
        SaveOperation { kind, span }
    }

    fn save_assign(&mut self, pair: Pair<'_>) -> SaveKind {
        let field = self.name_in(pair.clone());
        let (mut key, mut operator, mut value) = (None, SaveOperator::Set, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::index => key = self.expression_in(child),
                Rule::save_operator => operator = save_operator(child.as_str()),
                Rule::expr => value = Some(self.right_side(child)),
                _ => {}
            }
        }
        value.map_or(SaveKind::Error, |value| SaveKind::Assign { field, key, operator, value })
    }
}

fn save_operator(text: &str) -> SaveOperator {
    match text {
        "+=" => SaveOperator::Add,
        "-=" => SaveOperator::Subtract,
        "max=" => SaveOperator::Max,
        "min=" => SaveOperator::Min,
        _ => SaveOperator::Set,
    }
}

/// The arguments as bindings of keys (`stu_id`, `stu_id: other`), if all of them have that form.
fn as_bindings(arguments: &[Argument]) -> Option<Vec<Binding>> {
    let bindings = arguments.iter().map(|argument| match (&argument.label, &argument.value.kind) {
        (Some(name), _) => Some(Binding { name: name.clone(), value: Some(argument.value.clone()) }),
        (None, ExprKind::Name(text)) => {
            let name = Name { text: text.clone(), span: argument.value.span };
            Some(Binding { name, value: None })
        }
        _ => None,
    });
    bindings.collect()
}

fn connector_call(name: Name, arguments: Option<(Vec<Argument>, u32)>) -> Expr {
    let function = Expr { kind: ExprKind::Name(name.text), span: name.span };
    match arguments {
        None => function,
        Some((arguments, end)) => {
            let span = Span::new(function.span.start, end);
            Expr { kind: ExprKind::Call { function: Box::new(function), arguments }, span }
        }
    }
}
