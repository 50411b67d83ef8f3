//! Ways through expressions and blocks: children, all nodes, what they read.

use std::collections::BTreeSet;

use crate::{Block, Expr, ExprKind, HandleId, MatchArm, SaveKind, SlotId, Step, StepKind};

impl Expr {
    /// How deeply an expression may be nested; deeper ones are refused when a plan is built or read. Twice the
    /// nesting of the language and room for what lowering puts between.
    pub const MAX_DEPTH: usize = 1024;

    /// The operands, in the order in which they stand in the source; of a match the guards and values of its arms.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Slot(_)
            | ExprKind::Loaded(..)
            | ExprKind::Exists(_)
            | ExprKind::Now
            | ExprKind::Reject(_) => Vec::new(),
            ExprKind::Not(operand)
            | ExprKind::Negate(operand)
            | ExprKind::IsNull(operand)
            | ExprKind::Lambda(_, operand)
            | ExprKind::Field(operand, _)
            | ExprKind::Mapping(_, operand)
            | ExprKind::Widen(operand)
            | ExprKind::NonNull(operand) => vec![operand],
            ExprKind::Binary(_, left, right)
            | ExprKind::Coalesce(left, right)
            | ExprKind::Catch(left, right)
            | ExprKind::Let(_, left, right)
            | ExprKind::Index(left, right) => vec![left, right],
            ExprKind::If(condition, then, otherwise) => vec![condition, then, otherwise],
            ExprKind::Match(_, arms) => arms.iter().flat_map(MatchArm::children).collect(),
            ExprKind::List(items) | ExprKind::Record(items) | ExprKind::Join(items) | ExprKind::Call(_, items) => {
                items.iter().collect()
            }
        }
    }

    /// The operands as [`Expr::children`] has them, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Literal(_)
            | ExprKind::Slot(_)
            | ExprKind::Loaded(..)
            | ExprKind::Exists(_)
            | ExprKind::Now
            | ExprKind::Reject(_) => Vec::new(),
            ExprKind::Not(operand)
            | ExprKind::Negate(operand)
            | ExprKind::IsNull(operand)
            | ExprKind::Lambda(_, operand)
            | ExprKind::Field(operand, _)
            | ExprKind::Mapping(_, operand)
            | ExprKind::Widen(operand)
            | ExprKind::NonNull(operand) => vec![operand],
            ExprKind::Binary(_, left, right)
            | ExprKind::Coalesce(left, right)
            | ExprKind::Catch(left, right)
            | ExprKind::Let(_, left, right)
            | ExprKind::Index(left, right) => vec![left, right],
            ExprKind::If(condition, then, otherwise) => vec![condition, then, otherwise],
            ExprKind::Match(_, arms) => arms.iter_mut().flat_map(MatchArm::children_mut).collect(),
            ExprKind::List(items) | ExprKind::Record(items) | ExprKind::Join(items) | ExprKind::Call(_, items) => {
                items.iter_mut().collect()
            }
        }
    }

    /// Shows every expression in this one, itself first, operands from left to right.
    pub fn walk(&self, visit: &mut impl FnMut(&Self)) {
        let mut open = vec![self];
        while let Some(expression) = open.pop() {
            visit(expression);
            open.extend(expression.children().into_iter().rev());
        }
    }

    /// Lets every expression in this one be changed, operands before the one that uses them.
    pub fn walk_mut(&mut self, change: &mut impl FnMut(&mut Self)) {
        for child in self.children_mut() {
            child.walk_mut(change);
        }
        change(self);
    }

    /// The expression with every expression in it put through a function, operands first.
    #[must_use]
    pub fn map(mut self, change: &mut impl FnMut(&mut Self)) -> Self {
        self.walk_mut(change);
        self
    }

    /// The expressions in this one, operands before the one that uses them; itself is the last.
    #[must_use]
    pub fn operands_first(&self) -> Vec<&Self> {
        // Users first and right to left, turned round.
        let mut order = Vec::new();
        let mut open = vec![self];
        while let Some(expression) = open.pop() {
            order.push(expression);
            open.extend(expression.children());
        }
        order.reverse();
        order
    }

    /// How deeply it is nested; a literal or a slot is 1 deep.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((expression, depth)) = open.pop() {
            deepest = deepest.max(depth);
            open.extend(expression.children().into_iter().map(|child| (child, depth + 1)));
        }
        deepest
    }

    /// The slots whose values it needs: those it reads and does not put in place itself.
    #[must_use]
    pub fn reads_slots(&self) -> BTreeSet<SlotId> {
        let mut read = BTreeSet::new();
        let mut bound = BTreeSet::new();
        self.walk(&mut |expression| match &expression.kind {
            ExprKind::Slot(slot) | ExprKind::Match(slot, _) => drop(read.insert(*slot)),
            ExprKind::Let(slot, ..) => drop(bound.insert(*slot)),
            ExprKind::Lambda(slots, _) => bound.extend(slots),
            _ => {}
        });
        read.difference(&bound).copied().collect()
    }

    /// The rows that it reads.
    #[must_use]
    pub fn reads_handles(&self) -> BTreeSet<HandleId> {
        let mut read = BTreeSet::new();
        self.walk(&mut |expression| {
            if let ExprKind::Loaded(handle, _) | ExprKind::Exists(handle) = expression.kind {
                read.insert(handle);
            }
        });
        read
    }
}

impl MatchArm {
    fn children(&self) -> impl Iterator<Item = &Expr> {
        self.guard.iter().chain([&self.value])
    }

    fn children_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.guard.iter_mut().chain([&mut self.value])
    }
}

impl Block {
    /// How deeply blocks may be nested; deeper ones are refused when a plan is built or read. The nesting that the
    /// language allows in a file, and room for flows that read flows.
    pub const MAX_DEPTH: usize = 512;

    /// Shows every step, those of nested blocks included, in the order written.
    pub fn walk(&self, visit: &mut impl FnMut(&Step)) {
        let mut open: Vec<&Step> = self.steps.iter().rev().collect();
        while let Some(step) = open.pop() {
            visit(step);
            for block in step.kind.blocks().into_iter().rev() {
                open.extend(block.steps.iter().rev());
            }
        }
    }

    /// Shows every outermost expression of every step, those of nested blocks included.
    pub fn walk_expressions(&self, visit: &mut impl FnMut(&Expr)) {
        self.walk(&mut |step| step.kind.expressions().into_iter().for_each(&mut *visit));
    }

    /// How deeply blocks are nested in it; 1 where no step has a block.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((block, depth)) = open.pop() {
            deepest = deepest.max(depth);
            let nested = block.steps.iter().flat_map(|step| step.kind.blocks());
            open.extend(nested.map(|nested| (nested, depth + 1)));
        }
        deepest
    }
}

impl StepKind {
    /// The blocks directly in it, in the order written; an empty `otherwise` too.
    #[must_use]
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::When { arms, otherwise } => arms.iter().map(|(_, block)| block).chain([otherwise]).collect(),
            Self::Each { body, .. } | Self::Flow { body, .. } => vec![body],
            _ => Vec::new(),
        }
    }

    /// The expressions directly in it, without those of its blocks.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Require { condition, .. } | Self::Drop { condition, .. } | Self::Reject { condition, .. } => {
                vec![condition]
            }
            Self::Unique { values, .. } => values.iter().collect(),
            Self::Assign { value, .. } => vec![value],
            Self::Load { .. } | Self::Flow { .. } => Vec::new(),
            Self::Save { operations, .. } => {
                operations.iter().flat_map(|operation| operation.kind.expressions()).collect()
            }
            Self::ExpandDimension(expand) => {
                expand.keys.iter().chain(expand.fields.iter().map(|(_, value)| value)).collect()
            }
            Self::ExpandTopic(expand) => expand.key.iter().chain([&expand.message]).collect(),
            Self::When { arms, .. } => arms.iter().map(|(condition, _)| condition).collect(),
            Self::Each { list, .. } => vec![list],
            Self::Stop { condition } | Self::Jump { condition, .. } => condition.iter().collect(),
        }
    }
}

impl SaveKind {
    /// Its expressions: the key of an entry, then the value.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Set { value, .. }
            | Self::Add { value, .. }
            | Self::Subtract { value, .. }
            | Self::Max { value, .. }
            | Self::Min { value, .. }
            | Self::Insert { value, .. }
            | Self::Remove { value, .. } => vec![value],
            Self::SetEntry { key, value, .. } | Self::AddEntry { key, value, .. } => vec![key, value],
            Self::Delete => Vec::new(),
        }
    }

    /// The index of the field that it changes; none for the whole row.
    #[must_use]
    pub const fn field(&self) -> Option<u32> {
        match self {
            Self::Set { field, .. }
            | Self::Add { field, .. }
            | Self::Subtract { field, .. }
            | Self::Max { field, .. }
            | Self::Min { field, .. }
            | Self::SetEntry { field, .. }
            | Self::AddEntry { field, .. }
            | Self::Insert { field, .. }
            | Self::Remove { field, .. } => Some(*field),
            Self::Delete => None,
        }
    }
}
