//! The body of a step function in the place of its call.
//!
//! A call evaluates its inputs once, of the types that the function declares, and hides all names of the flow from the body. Where
//! the body stands in the flow itself, each name has to mean what it meant, which the trial says, and what an input is bound to
//! has to be evaluated as it was: else nothing is offered.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_analysis::index::{ScopeName, ScopeValue, Use};
use nsf_diagnostics::{FileId, Location, Span};
use nsf_syntax::ast::{
    Expr, ExprKind, FunctionKind, ItemKind, Literal, Name, Parameter, Step, StepCall, StepFunction, StepFunctionBody,
    StepKind, UnaryOperator,
};

use super::Refactor;
use super::draft::{Draft, Passage, Piece};
use super::order::Evaluated;
use super::selection::{every, has_long_text};
use super::trial::{Change, Meant, Trial, edits};
use crate::infer::{Found, Infer};
use crate::signature::keyword;

/// A call with what it calls.
struct Inlined<'s> {
    step: &'s Step,
    call: &'s StepCall,
    function: &'s StepFunction,
    /// The function's file and text.
    file: FileId,
    text: &'s str,
    /// The function's braces.
    body: Span,
    scope: &'s [ScopeName],
}

impl<'s> Refactor<'_, 's> {
    pub(super) fn inline(&self) -> Option<CodeAction> {
        let own = self.inlined()?;
        if has_long_text(own.body.text(own.text)) || self.loads_again(&own) {
            return None;
        }
        if !own.function.inputs.iter().all(|input| self.is_evaluated_alike(&own, input)) {
            return None;
        }
        let changes = [Change { place: self.at(own.step.span), draft: self.written_out(&own)? }];
        let mut trial = Trial::of(self.known.analysis, &changes);
        // The keys of a save are those of its function's inputs.
        trial.bound = own.function.target.as_ref().map(|target| target.span.in_file(own.file));
        let unused = format!("`{}` is declared, but no flow uses it", own.call.name.text);
        if !trial.is_clean(|message| message.ends_with(&unused)) || !self.means_the_same(&own, &trial) {
            return None;
        }
        let title = format!("write `{}` out here", own.call.name.text);
        self.action(title, CodeActionKind::RefactorInline, edits(&changes))
    }

    fn inlined(&self) -> Option<Inlined<'s>> {
        let step = self.step()?;
        let StepKind::Call(call) = &step.kind else { return None };
        let named = self.known.item(&call.name.text)?;
        let ItemKind::StepFunction(function) = &named.item.kind else { return None };
        let is_empty = matches!(&function.body, StepFunctionBody::Calculate(own) if own.is_empty());
        if function.kind != call.keyword || function.kind == FunctionKind::Load || is_empty {
            return None;
        }
        let text: &str = &self.known.analysis.sources.get(named.file)?.text;
        let head = function.outputs.iter().chain(&function.inputs).map(|own| own.ty.span.end).max();
        let head = head.unwrap_or(function.name.span.end).max(function.target.as_ref().map_or(0, |own| own.span.end));
        let open = text.get(head as usize..named.item.span.end as usize)?.find('{')? as u32 + head;
        let body = Span::new(open, named.item.span.end);
        let scope = &self.known.analysis.index.scope_at(self.known.file, step.span.start)?.names;
        Some(Inlined { step, call, function, file: named.file, text, body, scope })
    }

    /// Whether the body loads a row of a name that the flow has loaded, too: what reads it behind the call means the flow's.
    fn loads_again(&self, own: &Inlined<'s>) -> bool {
        let StepFunctionBody::Expand(block) = &own.function.body else { return false };
        let is_row = |name: &Name| {
            let mut rows = own.scope.iter().filter(|own| matches!(own.value, ScopeValue::Row(..)));
            rows.any(|row| row.name == name.text)
        };
        self.loaded(&block.steps).into_iter().any(is_row)
    }

    /// Whether an input that is written out has the type and the value that it has in the function.
    fn is_evaluated_alike(&self, own: &Inlined<'s>, input: &Parameter) -> bool {
        let index = &self.known.analysis.index;
        let at = input.name.span.in_file(own.file);
        let Some(due) = index.symbol(at).and_then(|symbol| symbol.ty.as_ref()) else { return false };
        let infer = Infer { known: self.known, scope: own.scope };
        let Some(value) = self.bound(own, &input.name) else {
            let ty = infer.text(&input.name.text).and_then(Found::ty);
            return ty.is_some_and(|ty| ty.non_null() == due.non_null());
        };
        let ty = infer.expr(value).and_then(Found::ty);
        if !ty.as_ref().is_some_and(|ty| ty.non_null() == due.non_null()) || !is_sure(value) {
            return false;
        }
        let is_same_field = matches!(value.kind, ExprKind::Name(_)) && ty.as_ref() == Some(due);
        if !is_same_field && self.is_replaced(own, value) {
            return false;
        }
        is_same_field || self.is_plain(own.scope, value) || self.is_evaluated_first(own, input, value)
    }

    /// Whether the body replaces a field that an input is bound to: the call reads it before.
    fn is_replaced(&self, own: &Inlined<'s>, value: &Expr) -> bool {
        let renamed = |name: &'s Name| {
            let mut outputs = own.call.outputs.iter();
            outputs.find(|(output, _)| output.text == name.text).map_or(name, |(_, name)| name)
        };
        let made: Vec<&Name> = match &own.function.body {
            StepFunctionBody::Expand(block) => self.made(&block.steps),
            _ => own.function.outputs.iter().map(|output| renamed(&output.name)).collect(),
        };
        let text = self.text();
        self.uses_in(value.span).any(|read| made.iter().any(|name| name.text == read.at.span.text(text)))
    }

    /// Whether an expression can be evaluated as often as one likes: a literal, a field, a member of one.
    fn is_plain(&self, scope: &[ScopeName], value: &Expr) -> bool {
        match &value.kind {
            ExprKind::Literal(_) => true,
            ExprKind::Name(name) => {
                let own = scope.iter().find(|own| own.name == *name);
                own.is_some_and(|own| matches!(own.value, ScopeValue::Value(_)))
            }
            ExprKind::Member { object, .. } | ExprKind::Paren(object) => self.is_plain(scope, object),
            ExprKind::Unary(UnaryOperator::Negate, inner) => matches!(inner.kind, ExprKind::Literal(_)),
            _ => false,
        }
    }

    /// Whether what may fail fails as it did, and what reads a row reads it before anything changes it.
    fn is_evaluated_first(&self, own: &Inlined<'s>, input: &Parameter, value: &Expr) -> bool {
        let uses: Vec<&Use> = self.reads_of(own, input).collect();
        let is_key = own.function.kind == FunctionKind::Save && self.is_key(own, &input.name);
        let evaluated = Evaluated::of(&own.function.body);
        let is_evaluated = |read: &&Use| evaluated.has(read.at.span);
        let text = value.span.text(self.text());
        let changes = nsf_syntax::tokens(text).iter().any(|token| matches!(token.text(text), "clock" | "random"));
        let is_of_row = |read: &Use| {
            own.scope.iter().any(|row| row.symbol == Some(read.symbol) && matches!(row.value, ScopeValue::Row(..)))
        };
        let reads_row = self.uses_in(value.span).any(is_of_row);
        let may_change = match &own.function.body {
            StepFunctionBody::Save(operations) => reads_row && operations.len() + usize::from(is_key) > 1,
            StepFunctionBody::Expand(block) => reads_row && every(&block.steps).len() > 1,
            _ => false,
        };
        let once = !changes || uses.len() + usize::from(is_key) == 1;
        once && !may_change && (is_key || uses.iter().any(is_evaluated))
    }

    fn is_key(&self, own: &Inlined<'_>, name: &Name) -> bool {
        let target = own.function.target.as_ref().and_then(|target| self.known.row_named(&target.text));
        target.is_some_and(|row| self.known.row(row).iter().any(|key| key.is_key && *key.name == *name.text))
    }

    /// Where the body reads an input or names an output.
    fn reads_of(&self, own: &Inlined<'_>, parameter: &Parameter) -> impl Iterator<Item = &'s Use> {
        let index = &self.known.analysis.index;
        let root = index.root(parameter.name.span.in_file(own.file));
        let body = own.body;
        let all = index
            .in_file(own.file)
            .filter(move |read| !read.label && body.start <= read.at.span.start && read.at.span.end <= body.end);
        all.filter(move |read| index.root(read.symbol) == root)
    }

    /// What the call binds an input to in words of its own.
    fn bound(&self, own: &Inlined<'s>, input: &Name) -> Option<&'s Expr> {
        let mut written = own.call.arguments.iter().flatten();
        written.find(|binding| binding.name.text == input.text)?.value.as_ref()
    }

    /// The step that stands in the place of the call.
    fn written_out(&self, own: &Inlined<'s>) -> Option<Draft> {
        let mut draft = Draft::default();
        let others = self.others(own);
        let margin = super::indent(self.text(), own.step.span.start);
        match own.function.kind {
            FunctionKind::Verify | FunctionKind::Calculate => {
                draft.write(&format!("{} ", keyword(own.function.kind)));
            }
            FunctionKind::Save => {
                let target = own.function.target.as_ref()?;
                draft.write("save ");
                draft.copy(own.text, target.span.in_file(own.file));
                let keys = own.function.inputs.iter().filter(|input| self.is_key(own, &input.name));
                let keys: Vec<(&Name, &Expr)> =
                    keys.filter_map(|input| Some((&input.name, self.bound(own, &input.name)?))).collect();
                for (index, (name, value)) in keys.iter().enumerate() {
                    draft.write(if index == 0 { "(" } else { ", " });
                    draft.write(&format!("{}: ", name.text));
                    draft.copy(self.text(), self.at(value.span));
                }
                draft.write(if keys.is_empty() { " " } else { ") " });
            }
            FunctionKind::Expand => {
                let span = super::inside(own.text, own.body);
                if span.is_empty() {
                    return None;
                }
                let before = super::indent(own.text, span.start).len();
                let lines = Passage { text: own.text, file: own.file, span, before, after: margin };
                draft.copy_lines(&lines, &others);
                return Some(draft);
            }
            FunctionKind::Load => return None,
        }
        let lines = Passage { text: own.text, file: own.file, span: own.body, before: 0, after: margin };
        draft.copy_lines(&lines, &others);
        Some(draft)
    }

    /// What stands in the body in the place of inputs that are bound and outputs that are renamed, by what names mean and not by
    /// how they look.
    fn others(&self, own: &Inlined<'s>) -> Vec<(Span, Vec<Piece<'s>>)> {
        let mut others: Vec<(Span, Vec<Piece<'s>>)> = Vec::new();
        for input in &own.function.inputs {
            let Some(value) = self.bound(own, &input.name) else { continue };
            let is_whole =
                value.span.text(self.text()).chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"'));
            let (open, close) = if is_whole { ("", "") } else { ("(", ")") };
            for read in self.reads_of(own, input) {
                let words = [
                    Piece::Own(open.to_owned()),
                    Piece::Copy(self.text(), self.at(value.span)),
                    Piece::Own(close.to_owned()),
                ];
                others.push((read.at.span, self.with_label(own, read).into_iter().chain(words).collect()));
            }
        }
        for (output, name) in &own.call.outputs {
            let declared = own.function.outputs.iter().find(|declared| declared.name.text == output.text);
            for read in declared.into_iter().flat_map(|declared| self.reads_of(own, declared)) {
                let words = Piece::Copy(self.text(), self.at(name.span));
                others.push((read.at.span, self.with_label(own, read).into_iter().chain([words]).collect()));
            }
        }
        others.sort_by_key(|(span, _)| *span);
        others.dedup_by_key(|(span, _)| *span);
        others
    }

    /// In `{ a }` the name says which member it is, too.
    fn with_label(&self, own: &Inlined<'s>, read: &Use) -> Vec<Piece<'s>> {
        let text = own.text;
        let before = text.get(..read.at.span.start as usize).unwrap_or_default().trim_end();
        let behind = text.get(read.at.span.end as usize..).unwrap_or_default().trim_start();
        let in_record = before.ends_with(['{', ',']) && behind.starts_with([',', '}']);
        let is_label = |other: &Use| other.at == read.at && other.label;
        if in_record || self.known.analysis.index.at(own.file, read.at.span.start).any(is_label) {
            vec![Piece::Copy(text, read.at), Piece::Own(": ".to_owned())]
        } else {
            Vec::new()
        }
    }

    /// Whether each name of the body, of what inputs are bound to and of all the rest means what it meant.
    fn means_the_same(&self, own: &Inlined<'s>, trial: &Trial<'_>) -> bool {
        let index = &self.known.analysis.index;
        let at = |parameter: &Parameter| parameter.name.span.in_file(own.file);
        let fields: Vec<(Location, Option<Location>)> =
            own.function.outputs.iter().map(|output| (at(output), self.field_of(own, output, trial))).collect();
        trial.keeps_names(|symbol, is_copy| {
            let root = index.root(symbol);
            let input = own.function.inputs.iter().find(|input| index.root(at(input)) == root).filter(|_| is_copy);
            if let Some(input) = input {
                return match self.bound(own, &input.name) {
                    Some(_) => Meant::Gone,
                    None => Meant::Other(
                        self.implied_of(own, at(input)).and_then(|own| trial.kept(own)).into_iter().collect(),
                    ),
                };
            }
            let renamed = own.call.outputs.iter().find(|(_, name)| self.at(name.span) == symbol);
            let output = own.function.outputs.iter().position(|output| match renamed {
                Some((renamed, _)) => renamed.text == output.name.text,
                None => index.root(at(output)) == root,
            });
            let Some((declared, field)) = output.and_then(|output| fields.get(output)) else { return Meant::Same };
            let is_renamed = own.call.outputs.iter().any(|(output, _)| output.text == declared.span.text(own.text));
            match is_copy && is_renamed {
                true if renamed.is_none() => Meant::Gone,
                _ => Meant::Other([*field, trial.kept(symbol), trial.kept(*declared)].into_iter().flatten().collect()),
            }
        })
    }

    /// The field that an input is by its name, whether the call says so or not.
    fn implied_of(&self, own: &Inlined<'_>, input: Location) -> Option<Location> {
        let index = &self.known.analysis.index;
        let name = input.span.text(own.text);
        if let Some(written) = own.call.arguments.iter().flatten().find(|binding| binding.name.text == name) {
            return self.uses_in(written.name.span).find(|read| !read.label).map(|read| read.symbol);
        }
        let at = self.at(own.call.name.span);
        index.implied().iter().find(|implied| implied.at == at && implied.label == input)?.value
    }

    /// What an output is afterwards: a field that a statement makes.
    fn field_of(&self, own: &Inlined<'_>, output: &Parameter, trial: &Trial<'_>) -> Option<Location> {
        let StepFunctionBody::Calculate(statements) = &own.function.body else { return None };
        let renamed = own.call.outputs.iter().find(|(name, _)| name.text == output.name.text);
        let name = match renamed {
            Some((_, name)) => self.at(name.span),
            None => {
                let statement = statements.iter().find(|own| own.name.text == output.name.text)?;
                statement.name.span.in_file(own.file)
            }
        };
        let (at, _) = trial.copies_of(name).next()?;
        trial.after.index.at(at.file, at.span.start).find(|own| own.at == at && !own.label).map(|own| own.symbol)
    }
}

/// Whether the type of an expression is its own, and not the one that its place needs.
fn is_sure(expr: &Expr) -> bool {
    let is_number = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Literal::Number(_)));
    match &expr.kind {
        ExprKind::Binary(_, _, left, _) => !is_number(left) && is_sure(left),
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => is_sure(inner),
        _ => true,
    }
}
