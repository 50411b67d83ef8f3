//! Which values there are of what is matched: all of a type that has few, or those that mappings give.

use std::collections::HashSet;

use nsf_analysis::index::SymbolKind;
use nsf_diagnostics::{FileId, Location, Span};
use nsf_plan::Type;
use nsf_syntax::ast::{
    BinaryOperator, ExpandTarget, Expr, ExprKind, ItemKind, Literal, Mapping, MappingElse, MatchArm, Pattern,
    PatternValue, RecordEntry, SettingValue, SettingsKeyword, Step, StepFunctionBody, StepKind, UnaryOperator,
};

use super::Refactor;
use super::selection::every;

/// Most numbers that get an arm each.
const FEW: i128 = 8;

/// How far what gives a value is followed from name to name.
const DEPTH: usize = 16;

/// A value as patterns compare it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i128),
    /// Of what has no end of values.
    Other(String),
}

/// A value that something gives, and how it is written.
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) words: String,
}

/// What arms match in any case.
pub(super) struct Covered {
    values: Vec<Value>,
    ranges: Vec<(i128, i128)>,
}

impl Covered {
    pub(super) fn of(arms: &[MatchArm]) -> Self {
        let mut covered = Self { values: Vec::new(), ranges: Vec::new() };
        for arm in arms.iter().filter(|arm| arm.guard.is_none()) {
            let Pattern::Values(values) = &arm.pattern else { continue };
            for value in values {
                match value {
                    PatternValue::Single(value) => covered.add(value),
                    PatternValue::Range(low, high) => {
                        if let (Some(Value::Whole(low)), Some(Value::Whole(high))) = (value_of(low), value_of(high)) {
                            covered.ranges.push((low, high));
                        }
                    }
                }
            }
        }
        covered
    }

    pub(super) fn of_values<'t>(values: impl Iterator<Item = &'t Expr>) -> Self {
        let mut covered = Self { values: Vec::new(), ranges: Vec::new() };
        values.for_each(|value| covered.add(value));
        covered
    }

    fn add(&mut self, value: &Expr) {
        let value = value_of(value);
        if let Some(Value::Whole(number)) = value {
            self.ranges.push((number, number));
        }
        self.values.extend(value);
    }

    pub(super) fn has(&self, value: &Value) -> bool {
        match value {
            Value::Whole(number) => self.ranges.iter().any(|(low, high)| low <= number && number <= high),
            other => self.values.contains(other),
        }
    }

    /// The whole numbers from `low` to `high` that are not matched, where they are few.
    fn few_left(&self, low: i128, high: i128) -> Option<Vec<i128>> {
        let mut ranges = self.ranges.clone();
        ranges.sort_unstable();
        let (mut left, mut next) = (Vec::new(), low);
        for (from, to) in ranges.into_iter().chain([(high + 1, high + 1)]) {
            if from - next > FEW {
                return None;
            }
            left.extend(next..from.min(high + 1));
            next = next.max(to + 1);
        }
        (left.len() as i128 <= FEW).then_some(left)
    }
}

/// The patterns of a type's values that no arm has, where there are only so many; none where they have no end.
pub(super) fn lacks(ty: Option<&Type>, covered: &Covered) -> Option<Vec<String>> {
    let is_bool = match ty {
        Some(ty) => *ty.non_null() == Type::Bool,
        // Arms are of one kind.
        None => covered.values.iter().any(|value| matches!(value, Value::Bool(_))),
    };
    let mut left: Vec<String> = match ty.map(Type::non_null) {
        _ if is_bool => {
            let left = [true, false].into_iter().filter(|value| !covered.has(&Value::Bool(*value)));
            left.map(|value| value.to_string()).collect()
        }
        Some(Type::Integer(width)) => {
            let (low, high) = width.range();
            covered.few_left(low, high)?.into_iter().map(|number| number.to_string()).collect()
        }
        _ => return None,
    };
    if ty.is_some_and(Type::is_nullable) && !covered.has(&Value::Null) {
        left.push("null".to_owned());
    }
    Some(left)
}

fn value_of(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Literal(Literal::Null) => Value::Null,
        ExprKind::Literal(Literal::Bool(value)) => Value::Bool(*value),
        ExprKind::Literal(Literal::Number(digits)) => match whole(digits) {
            Some(number) => Value::Whole(number),
            None => Value::Other(digits.to_string()),
        },
        ExprKind::Literal(Literal::Text(text) | Literal::RawText(text)) => Value::Other(format!("{text:?}")),
        ExprKind::Literal(other) => Value::Other(format!("{other:?}")),
        ExprKind::Unary(UnaryOperator::Negate, inner) => match value_of(inner)? {
            Value::Whole(number) => Value::Whole(-number),
            Value::Other(digits) => Value::Other(format!("-{digits}")),
            Value::Null | Value::Bool(_) => return None,
        },
        _ => return None,
    })
}

fn whole(digits: &str) -> Option<i128> {
    let digits = digits.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// The values that an expression may have, while they are gathered.
#[derive(Default)]
struct Gathered {
    given: Vec<Given>,
    /// The names that were followed.
    seen: HashSet<Location>,
}

impl<'s> Refactor<'_, 's> {
    /// The values that an expression of a file may have, where all that it can be is written in the program; none where anything
    /// comes from outside.
    pub(super) fn values(&self, file: FileId, expr: &Expr) -> Vec<Given> {
        let mut gathered = Gathered::default();
        match self.gather(file, expr, &mut gathered, DEPTH) {
            Some(()) => gathered.given,
            None => Vec::new(),
        }
    }

    fn gather(&self, file: FileId, expr: &Expr, gathered: &mut Gathered, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match &expr.kind {
            ExprKind::Literal(Literal::Null) | ExprKind::Reject(_) => Some(()),
            ExprKind::Literal(_) | ExprKind::Unary(UnaryOperator::Negate, _) => self.give(file, expr, gathered),
            ExprKind::Paren(inner) => self.gather(file, inner, gathered, depth),
            ExprKind::If(_, one, other)
            | ExprKind::Catch(one, other)
            | ExprKind::Binary(BinaryOperator::Coalesce, _, one, other) => {
                self.gather(file, one, gathered, depth)?;
                self.gather(file, other, gathered, depth)
            }
            ExprKind::Match(_, arms) => arms.iter().try_for_each(|arm| self.gather(file, &arm.value, gathered, depth)),
            ExprKind::Call { function, .. } => {
                let name = match &function.kind {
                    ExprKind::Name(_) => function.span,
                    ExprKind::Member { name, .. } => name.span,
                    _ => return None,
                };
                let (file, mapping) = self.mapping(self.symbol(file, name.start)?)?;
                mapping.arms.iter().try_for_each(|arm| self.give(file, &arm.result, gathered))?;
                match &mapping.otherwise {
                    Some((MappingElse::Value(value), _)) => self.give(file, value, gathered),
                    // What is kept is what nobody gave a name.
                    _ => Some(()),
                }
            }
            ExprKind::Name(_) => self.follow(self.symbol(file, expr.span.start)?, gathered, depth),
            ExprKind::Member { name, .. } => self.follow(self.symbol(file, name.span.start)?, gathered, depth),
            _ => None,
        }
    }

    fn give(&self, file: FileId, expr: &Expr, gathered: &mut Gathered) -> Option<()> {
        let value = value_of(expr)?;
        let words = expr.span.text(&self.known.analysis.sources.get(file)?.text).to_owned();
        if !gathered.given.iter().any(|own| own.value == value) {
            gathered.given.push(Given { value, words });
        }
        Some(())
    }

    /// What the name at an offset means.
    fn symbol(&self, file: FileId, offset: u32) -> Option<Location> {
        let index = &self.known.analysis.index;
        let own = index.at(file, offset).find(|own| !own.label && own.at.span.start == offset)?;
        Some(index.root(own.symbol))
    }

    fn mapping(&self, symbol: Location) -> Option<(FileId, &'s Mapping)> {
        let named = self.known.item_at(symbol)?;
        match &named.item.kind {
            ItemKind::Mapping(mapping) => Some((named.file, mapping)),
            _ => None,
        }
    }

    /// The values of all that is ever given to a name.
    fn follow(&self, symbol: Location, gathered: &mut Gathered, depth: usize) -> Option<()> {
        if !gathered.seen.insert(symbol) {
            return Some(());
        }
        if let Some(named) = self.known.item_at(symbol)
            && let ItemKind::Const(constant) = &named.item.kind
        {
            return self.gather(named.file, &constant.value, gathered, depth);
        }
        let index = &self.known.analysis.index;
        let is_written = |at: Location| {
            let kind = index.symbol(at).map(|symbol| symbol.kind);
            matches!(
                kind,
                Some(SymbolKind::Field | SymbolKind::Output | SymbolKind::Local | SymbolKind::DimensionField)
            )
        };
        let is_raw = |own: &nsf_analysis::index::Implied| own.value.is_none() && index.root(own.label) == symbol;
        if !index.declarations(symbol).all(is_written) || index.implied().iter().any(is_raw) {
            return None;
        }
        let writers = self.writers(symbol);
        for writer in &writers {
            match writer.value {
                Some(value) => self.gather(writer.file, value, gathered, depth)?,
                None => self.follow(self.symbol(writer.file, writer.name.start)?, gathered, depth.checked_sub(1)?)?,
            }
        }
        (!writers.is_empty()).then_some(())
    }

    /// What statements, entries of `expand` and maps of ingests give a field.
    fn writers(&self, symbol: Location) -> Vec<Writer<'s>> {
        let index = &self.known.analysis.index;
        let mut writers = Vec::new();
        for (number, parsed) in self.known.analysis.files.iter().enumerate() {
            let file = FileId(number as u32);
            let mut write = |name: Span, value: Option<&'s Expr>, is_label: Option<bool>| {
                let named = index.at(file, name.start).filter(|own| own.at.span == name);
                let mut named = named.filter(|own| is_label.is_none_or(|label| own.label == label));
                if named.any(|own| index.root(own.symbol) == symbol) {
                    writers.push(Writer { file, name, value });
                }
            };
            for item in &parsed.parse.file.items {
                match &item.kind {
                    ItemKind::Flow(flow) => written_in(&flow.body.steps, &mut write),
                    ItemKind::StepFunction(function) => match &function.body {
                        StepFunctionBody::Expand(block) => written_in(&block.steps, &mut write),
                        StepFunctionBody::Calculate(statements) => {
                            statements.iter().for_each(|own| write(own.name.span, Some(&own.value), Some(false)));
                        }
                        StepFunctionBody::Verify(_) | StepFunctionBody::Save(_) => {}
                    },
                    ItemKind::Settings(own) if own.keyword == SettingsKeyword::Ingest => {
                        let maps = own.settings.iter().filter_map(|setting| match &setting.value {
                            SettingValue::Assignments(all) => Some(all),
                            _ => None,
                        });
                        maps.flatten().for_each(|own| write(own.field.span, Some(&own.value), None));
                    }
                    _ => {}
                }
            }
        }
        writers
    }
}

/// A place that gives a field a value; none where that is the field of its name.
struct Writer<'t> {
    file: FileId,
    name: Span,
    value: Option<&'t Expr>,
}

fn written_in<'t>(steps: &'t [Step], write: &mut impl FnMut(Span, Option<&'t Expr>, Option<bool>)) {
    for step in every(steps) {
        match &step.kind {
            StepKind::Calculate(statements) => {
                statements.iter().for_each(|own| write(own.name.span, Some(&own.value), Some(false)));
            }
            StepKind::Expand(expand) if matches!(expand.target, ExpandTarget::Dimension(..)) => {
                for entry in expand.entries.iter().flatten() {
                    if let RecordEntry::Field { name, value, .. } = entry {
                        write(name.span, value.as_ref(), Some(true));
                    }
                }
            }
            _ => {}
        }
    }
}
