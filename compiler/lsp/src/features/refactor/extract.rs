//! A step function of the steps that are selected.
//!
//! Steps of one kind become a function of that kind: checks, statements, or operations on one state one behind the other; a load
//! with what is calculated from its row becomes a load function. Any others that save or send something become an expand
//! function, which holds all kinds of steps, but gives no fields: none of what they make may be read behind them.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_analysis::index::{ScopeName, ScopeValue, Use};
use nsf_diagnostics::{Location, Span};
use nsf_plan::Type;
use nsf_syntax::ast::{Binding, CalculateStatement, FunctionKind, Item, Name, Step, StepKind};
use nsf_syntax::format::format_text;

use super::Refactor;
use super::draft::{Draft, Passage, Piece};
use super::selection::{can_move, has_effect, has_long_text, targets, whole};
use super::trial::{Change, Meant, Trial, edits};
use crate::signature::keyword;

/// What some steps become.
struct Shape<'s> {
    kind: FunctionKind,
    steps: &'s [Step],
    /// What is copied into the braces.
    bodies: Vec<Span>,
    /// The state that is saved, the row that is loaded.
    target: Option<&'s Name>,
    /// Its keys, where they are written.
    keys: &'s [Binding],
}

/// An input: a field that is read, or a key.
struct Input {
    name: String,
    ty: Type,
    /// The field, or the key.
    root: Location,
    /// Whether it is a key that the steps bind in words of their own.
    is_key: bool,
}

/// A field that a statement makes.
struct Made<'s> {
    name: &'s Name,
    root: Location,
    ty: Type,
    /// Whether anything behind the steps can read it.
    is_output: bool,
}

impl<'s> Refactor<'_, 's> {
    pub(super) fn extract(&self) -> Option<CodeAction> {
        let steps = self.steps()?;
        if !can_move(steps) || has_long_text(whole(steps)?.text(self.text())) {
            return None;
        }
        [self.of_one_kind(steps), self.of_all_kinds(steps)].into_iter().flatten().find_map(|own| self.extracted(&own))
    }

    /// The function of its kind that steps become.
    fn of_one_kind(&self, steps: &'s [Step]) -> Option<Shape<'s>> {
        let shape = |kind, bodies, target, keys| Some(Shape { kind, steps, bodies, target, keys });
        let braces = |steps: &[Step]| steps.iter().map(|step| self.braces(step)).collect::<Option<Vec<Span>>>();
        let is_calculate = |step: &Step| matches!(&step.kind, StepKind::Calculate(own) if !own.is_empty());
        let (first, rest) = steps.split_first()?;
        match &first.kind {
            StepKind::Verify(_) => {
                let is_verify = |step: &Step| matches!(&step.kind, StepKind::Verify(own) if !own.is_empty());
                steps.iter().all(is_verify).then(|| shape(FunctionKind::Verify, braces(steps)?, None, &[]))?
            }
            StepKind::Calculate(_) => {
                steps.iter().all(is_calculate).then(|| shape(FunctionKind::Calculate, braces(steps)?, None, &[]))?
            }
            StepKind::Save(save) => {
                let keys = |keys: &Option<Vec<Binding>>| keys.iter().flatten().map(|own| self.words(own)).collect();
                let own: Vec<&str> = keys(&save.keys);
                let is_same = |step: &Step| match &step.kind {
                    StepKind::Save(other) => other.state.text == save.state.text && keys(&other.keys) == own,
                    _ => false,
                };
                let keys = save.keys.as_deref().unwrap_or_default();
                steps.iter().all(is_same).then(|| shape(FunctionKind::Save, braces(steps)?, Some(&save.state), keys))?
            }
            StepKind::Call(call) => {
                let is_plain = call.keyword == FunctionKind::Load && call.alias.is_none() && call.otherwise.is_none();
                let is_row = is_plain && self.known.row_named(&call.name.text).is_some();
                let keys = call.arguments.as_deref().unwrap_or_default();
                (is_row && !rest.is_empty() && rest.iter().all(is_calculate))
                    .then(|| shape(FunctionKind::Load, braces(rest)?, Some(&call.name), keys))?
            }
            _ => None,
        }
    }

    /// The expand function that steps become.
    fn of_all_kinds(&self, steps: &'s [Step]) -> Option<Shape<'s>> {
        let bodies = vec![whole(steps)?];
        // A function of nothing but a call would say what is there already.
        let is_call = matches!(steps, [Step { kind: StepKind::Call(_), .. }]);
        (has_effect(steps) && !is_call).then_some(Shape {
            kind: FunctionKind::Expand,
            steps,
            bodies,
            target: None,
            keys: &[],
        })
    }

    fn extracted(&self, shape: &Shape<'s>) -> Option<CodeAction> {
        let place = whole(shape.steps)?;
        let scope = &self.known.analysis.index.scope_at(self.known.file, place.start)?.names;
        let made = self.fields(shape, scope)?;
        let inputs = self.inputs(shape, scope)?;
        let name = self.free_name(keyword(shape.kind));
        let (function, heads) = self.function(shape, &name, &inputs, &made)?;
        let mut call = Draft::default();
        call.write(&format!("{} {name}", keyword(shape.kind)));
        if let (Some(first), Some(last)) = (shape.keys.first(), shape.keys.last()) {
            let end = last.value.as_ref().map_or(last.name.span.end, |value| value.span.end);
            call.write("(");
            call.copy(self.text(), self.at(Span::new(first.name.span.start, end)));
            call.write(")");
        }
        let start = self.start_of(self.item()?);
        let changes = [
            Change { place: self.at(Span::at(start)), draft: function },
            Change { place: self.at(place), draft: call },
        ];
        let trial = Trial::of(self.known.analysis, &changes);
        if !trial.is_clean(|_| false) || !self.says_the_same(&trial, &inputs, &made, &heads) {
            return None;
        }
        let mut edits = edits(&changes);
        if let (Some(function), Ok(formatted)) = (edits.first_mut(), format_text(&changes[0].draft.text)) {
            function.replacement = format!("{}\n\n", formatted.trim_end());
        }
        let kind = keyword(shape.kind);
        let article = if shape.kind == FunctionKind::Expand { "an" } else { "a" };
        let title = match shape.steps.len() {
            1 => format!("make {article} {kind} function of it"),
            count => format!("make {article} {kind} function of these {count} steps"),
        };
        self.action(title, CodeActionKind::RefactorExtract, edits)
    }

    /// Whether each name means what it meant: an input where a field was read, an output where one was made.
    fn says_the_same(&self, trial: &Trial<'_>, inputs: &[Input], made: &[Made<'_>], heads: &[Span]) -> bool {
        let index = &self.known.analysis.index;
        let head = |number: usize| heads.get(number).and_then(|own| trial.drafted(0, *own));
        let outputs: Vec<&Made<'_>> = made.iter().filter(|own| own.is_output).collect();
        trial.keeps_names(|symbol, is_copy| {
            let root = index.root(symbol);
            let input = inputs.iter().position(|own| own.root == root).filter(|_| is_copy);
            let output = outputs.iter().position(|own| own.root == root);
            let Some(number) = input.or(output.map(|number| inputs.len() + number)) else { return Meant::Same };
            // The brackets of the call name the key as the input that it is, a loaded row as its own.
            let is_key = input.is_some_and(|number| inputs.get(number).is_some_and(|own| own.is_key));
            let row = trial.kept(symbol).filter(|_| is_key);
            Meant::Other(head(number).into_iter().chain(row).collect())
        })
    }

    /// The fields that a calculate or load function makes; none where steps replace a field that was there, or one function
    /// would make one twice. What only its own statements read is no output.
    fn fields(&self, shape: &Shape<'s>, scope: &[ScopeName]) -> Option<Vec<Made<'s>>> {
        let is_there = |name: &Name| scope.iter().any(|own| own.name == name.text);
        if self.made(shape.steps).into_iter().any(is_there) || self.reads_rows_behind(shape, scope) {
            return None;
        }
        if !matches!(shape.kind, FunctionKind::Calculate | FunctionKind::Load) {
            return Some(Vec::new());
        }
        let statements = shape.steps.iter().flat_map(|step| match &step.kind {
            StepKind::Calculate(statements) => statements.as_slice(),
            _ => &[],
        });
        let mut made: Vec<Made<'s>> = Vec::new();
        for CalculateStatement { local, name, .. } in statements {
            if made.iter().any(|own| own.name.text == name.text) {
                return None;
            }
            if !local {
                let own = self.uses_in(name.span).find(|own| !own.label)?;
                let root = self.known.analysis.index.root(own.symbol);
                let ty = own.ty.clone()?;
                made.push(Made { name, root, ty, is_output: self.is_read_behind(shape, name, root) });
            }
        }
        made.iter().any(|own| own.is_output).then_some(made)
    }

    /// Whether a field is read by anything but the steps themselves, or by nothing at all.
    fn is_read_behind(&self, shape: &Shape<'_>, name: &Name, root: Location) -> bool {
        let index = &self.known.analysis.index;
        let at = self.at(name.span);
        let is_inside =
            |other: Location| other.file == at.file && whole(shape.steps).is_some_and(|span| holds(span, other.span));
        let implied = index.implied().iter();
        let mut named: Vec<Location> =
            implied.filter(|own| own.value.is_some_and(|value| index.root(value) == root)).map(|own| own.at).collect();
        named.extend(index.uses_of(root).map(|own| own.at).filter(|other| *other != at));
        named.is_empty() || !named.into_iter().all(is_inside)
    }

    /// Whether a row that the steps load again is read behind them: it would be the one that was loaded before.
    fn reads_rows_behind(&self, shape: &Shape<'s>, scope: &[ScopeName]) -> bool {
        let is_row = |own: &&ScopeName| matches!(own.value, ScopeValue::Row(..));
        let loaded = self.loaded(shape.steps);
        let rows = scope.iter().filter(is_row).filter(|own| loaded.iter().any(|name| own.name == name.text));
        let roots: Vec<Location> = rows.filter_map(|own| own.symbol).collect();
        let (Some(item), Some(place)) = (self.item(), whole(shape.steps)) else { return true };
        let naming = self.block(item).map_or_else(Vec::new, |block| targets(&block.steps));
        let behind = self.uses_in(Span::new(place.end, item.span.end));
        behind.filter(|own| roots.contains(&own.symbol)).any(|own| !naming.contains(&own.at.span))
    }

    /// The fields that are read, with their types, and the keys that are bound; none where something is read that a function
    /// cannot get.
    fn inputs(&self, shape: &Shape<'s>, scope: &[ScopeName]) -> Option<Vec<Input>> {
        let index = &self.known.analysis.index;
        let mut inputs = self.bound_keys(shape)?;
        let loaded = self.loaded(shape.steps);
        let naming = targets(shape.steps);
        for own in scope {
            let Some(root) = own.symbol.map(|symbol| index.root(symbol)) else { continue };
            let reads = self.reads(shape, root);
            match &own.value {
                ScopeValue::Row(..) => {
                    let is_loaded = shape.kind != FunctionKind::Save && loaded.iter().any(|name| own.name == name.text);
                    if !is_loaded && reads.iter().any(|(at, _)| !naming.contains(&at.span)) {
                        return None;
                    }
                }
                ScopeValue::Value(ty) => {
                    let Some((_, first)) = reads.first() else { continue };
                    if inputs.iter().any(|other| *other.name == *own.name) {
                        return None;
                    }
                    // What is known not to be null before the steps is so in the function, too.
                    let is_there = first.as_ref().is_some_and(|ty| !ty.is_nullable());
                    let ty = if is_there { ty.non_null().clone() } else { ty.clone() };
                    inputs.push(Input { name: own.name.to_string(), ty, root, is_key: false });
                }
            }
        }
        Some(inputs)
    }

    /// The keys that steps bind themselves; none where one is not known.
    fn bound_keys(&self, shape: &Shape<'_>) -> Option<Vec<Input>> {
        let Some(target) = shape.target.filter(|_| !shape.keys.is_empty()) else { return Some(Vec::new()) };
        let row = self.known.row(self.known.row_named(&target.text)?);
        let key = |binding: &Binding| {
            let key = row.iter().find(|own| own.is_key && *own.name == *binding.name.text)?;
            let label = self.uses_in(binding.name.span).find(|own| own.label)?;
            let root = self.known.analysis.index.root(label.symbol);
            Some(Input { name: key.name.clone(), ty: key.ty.clone(), root, is_key: true })
        };
        shape.keys.iter().map(key).collect()
    }

    /// Where what becomes the function's reads a name, in order, each with the type that it has there.
    fn reads(&self, shape: &Shape<'_>, root: Location) -> Vec<(Location, Option<Type>)> {
        let index = &self.known.analysis.index;
        let parts: Vec<Span> = shape.bodies.iter().copied().chain(shape.target.map(|name| name.span)).collect();
        let is_part = |at: Location| at.file == self.known.file && parts.iter().any(|part| holds(*part, at.span));
        let written = index.uses_of(root).filter(|own| own.at != own.symbol && is_part(own.at));
        let implied = index.implied().iter().filter(|own| is_part(own.at));
        let implied = implied.filter(|own| own.value.is_some_and(|value| index.root(value) == root));
        // What is bound by its name has the type that is asked for.
        let asked = |label: Location| index.symbol(label).and_then(|symbol| symbol.ty.clone());
        let mut reads: Vec<_> = written.map(|own| (own.at, own.ty.clone())).collect();
        reads.extend(implied.map(|own| (own.at, asked(own.label))));
        reads.sort_by_key(|(at, _)| at.span);
        reads
    }

    /// The text of the function, and where its inputs and outputs stand in it.
    fn function(
        &self,
        shape: &Shape<'s>,
        name: &str,
        inputs: &[Input],
        made: &[Made<'_>],
    ) -> Option<(Draft, Vec<Span>)> {
        let (mut draft, mut heads) = (Draft::default(), Vec::new());
        draft.write(&format!("{} {name}(", keyword(shape.kind)));
        let list = |draft: &mut Draft, all: &[(&str, &Type)]| {
            let mut places = Vec::new();
            for (index, (name, ty)) in all.iter().enumerate() {
                draft.write(if index == 0 { "" } else { ", " });
                places.push(draft.mark(name));
                draft.write(&format!(": {ty}"));
            }
            draft.write(")");
            places
        };
        let all: Vec<(&str, &Type)> = inputs.iter().map(|own| (own.name.as_str(), &own.ty)).collect();
        heads.extend(list(&mut draft, &all));
        if let Some(target) = shape.target {
            draft.write(if shape.kind == FunctionKind::Save { " into " } else { " from " });
            draft.copy(self.text(), self.at(target.span));
        }
        if !made.is_empty() {
            draft.write(" -> (");
            let outputs = made.iter().filter(|own| own.is_output);
            let all: Vec<(&str, &Type)> = outputs.map(|own| (own.name.text.as_str(), &own.ty)).collect();
            heads.extend(list(&mut draft, &all));
        }
        draft.write(" ");
        self.write_body(shape, made, &mut draft)?;
        draft.write("\n\n");
        Some((draft, heads))
    }

    /// The braces of the function. Those of one step are its own.
    fn write_body(&self, shape: &Shape<'_>, made: &[Made<'_>], draft: &mut Draft) -> Option<()> {
        let text = self.text();
        let margin = super::indent(text, shape.steps.first()?.span.start).len();
        // What nothing behind the steps reads is known in the function alone.
        let inner = made.iter().filter(|own| !own.is_output);
        let lets: Vec<(Span, Vec<Piece<'_>>)> =
            inner.map(|own| (Span::at(own.name.span.start), vec![Piece::Own("let ".to_owned())])).collect();
        if let (1, [body]) = (shape.steps.len(), shape.bodies.as_slice())
            && shape.kind != FunctionKind::Expand
        {
            let lines = Passage { text, file: self.known.file, span: *body, before: margin, after: "" };
            draft.copy_lines(&lines, &lets);
            return Some(());
        }
        draft.write("{");
        let mut behind = None;
        for body in &shape.bodies {
            self.write_comments(behind, *body, shape, draft);
            behind = Some(body.end);
            let span = if shape.kind == FunctionKind::Expand { *body } else { super::inside(text, *body) };
            let own = super::indent(text, span.start).len();
            let own = if shape.kind == FunctionKind::Expand { margin } else { own };
            draft.write("\n  ");
            let lines = Passage { text, file: self.known.file, span, before: own, after: "  " };
            draft.copy_lines(&lines, &lets);
        }
        draft.write("\n}");
        Some(())
    }

    /// The comments between a body and the one before it, or the step that is loaded.
    fn write_comments(&self, behind: Option<u32>, body: Span, shape: &Shape<'_>, draft: &mut Draft) {
        let start = behind.unwrap_or(if shape.kind == FunctionKind::Load {
            shape.steps.first().map_or(body.start, |step| step.span.end)
        } else {
            body.start
        });
        let between = Span::new(start, body.start).text(self.text());
        for token in nsf_syntax::tokens(between).iter().filter(|own| own.kind == nsf_syntax::TokenKind::Comment) {
            draft.write(&format!("\n  {}", token.text(between).trim_end()));
        }
    }

    /// The braces of a step, which end it.
    fn braces(&self, step: &Step) -> Option<Span> {
        let head = match &step.kind {
            StepKind::Save(save) => {
                let key = save.keys.iter().flatten().last();
                key.map_or(save.state.span.end, |own| own.value.as_ref().map_or(own.name.span, |value| value.span).end)
            }
            _ => step.span.start,
        };
        let open = Span::new(head, step.span.end).text(self.text()).find('{')? as u32 + head;
        Some(Span::new(open, step.span.end))
    }

    fn words(&self, binding: &Binding) -> &'s str {
        let end = binding.value.as_ref().map_or(binding.name.span.end, |value| value.span.end);
        Span::new(binding.name.span.start, end).text(self.text())
    }

    pub(super) fn uses_in(&self, span: Span) -> impl Iterator<Item = &Use> {
        let all = self.known.analysis.index.in_file(self.known.file);
        all.filter(move |own| holds(span, own.at.span))
    }

    /// Where an item begins, its comments among it.
    fn start_of(&self, item: &Item) -> u32 {
        let text = self.text();
        let mut start = item.span.start as usize;
        while let Some(before) = text.get(..start.saturating_sub(1)) {
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            let is_comment =
                text.get(line..start).is_some_and(|line| line.starts_with("//") && !line.starts_with("//!"));
            if start == 0 || !is_comment {
                break;
            }
            start = line;
        }
        start as u32
    }

    /// A name that nothing has.
    fn free_name(&self, word: &str) -> String {
        let is_free = |name: &String| {
            self.known.item(name).is_none()
                && !self.known.analysis.index.symbols().any(|(at, _)| self.known.analysis.sources.text(at) == name)
        };
        let first = format!("{word}_step");
        let more = (2..).map(|number| format!("{word}_step_{number}"));
        std::iter::once(first).chain(more).find(is_free).unwrap_or_default()
    }
}

const fn holds(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
