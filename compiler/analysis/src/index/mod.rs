//! What names mean, for editors: every place that names something, what is in scope at each step, what is implied.
//!
//! A thing is known by the place of the name that declares it, its *symbol*. Several places may declare one thing: the field
//! that both branches of a `when` make, the fields that merged streams share. Those are linked, and count as one.

use std::collections::HashMap;

use nsf_diagnostics::{FileId, Location};
use nsf_plan::{HandleTarget, RecordType, Type};
use smol_str::SmolStr;

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// An item of a file.
    Item,
    /// A field of a source's record.
    SourceField,
    /// A field of a table's record.
    TableField,
    /// A key of a state.
    StateKey,
    /// A field of a state's value.
    StateField,
    /// A field of a dimension.
    DimensionField,
    /// A member of a record type.
    Member,
    /// A parameter of a function, an input of a step function.
    Parameter,
    /// An output of a step function.
    Output,
    /// A field of the record that a flow makes.
    Field,
    /// `let`, the name of an `each`, of a lambda or of a pattern.
    Local,
    /// A loaded row by a name of its own.
    Row,
    /// A label of a step.
    Label,
    /// Another name of a module.
    Alias,
}

/// A thing that has a name.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its type, where it has one.
    pub ty: Option<Type>,
    /// Of a member, all members of its record type.
    pub form: Option<RecordType>,
}

/// A place that names a symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The name's place.
    pub at: Location,
    /// The place that declares it.
    pub symbol: Location,
    /// The type that it has here, where it is a value: what is known not to be null is not.
    pub ty: Option<Type>,
    /// Whether it says what something is bound to, as the name before a colon does: a key, an input, a member, a stored field.
    pub label: bool,
}

/// A binding that nobody wrote: a key or an input is the field of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Implied {
    /// The name of what is loaded, called, expanded or ingested.
    pub at: Location,
    /// The key, input or field that is bound.
    pub label: Location,
    /// The field that it is bound to; none where it is a member of a raw message.
    pub value: Option<Location>,
}

/// A name in scope.
#[derive(Clone, Debug)]
pub struct ScopeName {
    /// The name.
    pub name: SmolStr,
    /// What it is.
    pub value: ScopeValue,
    /// What declares it, where that is known.
    pub symbol: Option<Location>,
    /// Whether it is no field of the record.
    pub local: bool,
}

/// What a name in scope is.
#[derive(Clone, Debug)]
pub enum ScopeValue {
    /// A value.
    Value(Type),
    /// A loaded row, and whether it may be missing.
    Row(HandleTarget, bool),
}

/// What is in scope where a step or an expression begins.
#[derive(Clone, Debug)]
pub struct ScopeAt {
    /// The step or expression.
    pub at: Location,
    /// The names, each once.
    pub names: Vec<ScopeName>,
}

/// Everything that names mean.
#[derive(Clone, Debug, Default)]
pub struct Index {
    symbols: HashMap<Location, Symbol>,
    /// Sorted by place.
    uses: Vec<Use>,
    implied: Vec<Implied>,
    /// Sorted by place; where two begin at one place the outer one comes first.
    scopes: Vec<ScopeAt>,
    /// For a symbol, another one that it is the same as.
    links: HashMap<Location, Location>,
}

impl Index {
    /// Declares a symbol. What is declared again keeps what was known.
    pub(crate) fn declare(&mut self, at: Location, kind: SymbolKind, ty: Option<&Type>) {
        let symbol = self.symbols.entry(at).or_insert(Symbol { kind, ty: None, form: None });
        if symbol.ty.is_none() {
            symbol.ty = ty.cloned();
        }
    }

    /// Says what the record type of a member is.
    pub(crate) fn set_form(&mut self, at: Location, form: &[(String, Type)]) {
        if let Some(symbol) = self.symbols.get_mut(&at) {
            symbol.form.get_or_insert_with(|| form.to_vec());
        }
    }

    pub(crate) fn note(&mut self, at: Location, symbol: Location, ty: Option<&Type>, label: bool) {
        self.uses.push(Use { at, symbol, ty: ty.cloned(), label });
    }

    pub(crate) fn imply(&mut self, implied: Implied) {
        self.implied.push(implied);
    }

    pub(crate) fn scope(&mut self, at: Location, names: Vec<ScopeName>) {
        self.scopes.push(ScopeAt { at, names });
    }

    /// Says that two symbols are one.
    pub(crate) fn link(&mut self, one: Location, other: Location) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            // The earlier one stands for both, so that nothing depends on the order of passes.
            let (root, leaf) = if order(&one) <= order(&other) { (one, other) } else { (other, one) };
            self.links.insert(leaf, root);
        }
    }

    /// Sorts what was gathered. A declaration is a use of itself.
    pub(crate) fn finish(&mut self) {
        let declared: Vec<Use> = self
            .symbols
            .iter()
            .map(|(at, symbol)| Use { at: *at, symbol: *at, ty: symbol.ty.clone(), label: false })
            .collect();
        self.uses.extend(declared);
        self.uses.sort_by_key(|own| (order(&own.at), order(&own.symbol), own.ty.is_none()));
        self.uses.dedup_by(|one, other| one.at == other.at && one.symbol == other.symbol);
        self.implied.sort();
        self.implied.dedup();
        self.scopes.sort_by_key(|own| (own.at.file, own.at.span.start, std::cmp::Reverse(own.at.span.end)));
        self.scopes.dedup_by(|later, earlier| later.at == earlier.at);
    }

    /// The symbol that stands for all that are the same as this one.
    #[must_use]
    pub fn root(&self, symbol: Location) -> Location {
        let mut at = symbol;
        while let Some(next) = self.links.get(&at) {
            at = *next;
        }
        at
    }

    /// What a symbol is.
    #[must_use]
    pub fn symbol(&self, at: Location) -> Option<&Symbol> {
        self.symbols.get(&at).or_else(|| self.symbols.get(&self.root(at)))
    }

    /// Every symbol with its place, in no order.
    pub fn symbols(&self) -> impl Iterator<Item = (Location, &Symbol)> {
        self.symbols.iter().map(|(at, symbol)| (*at, symbol))
    }

    /// The names at an offset, with what each means: more than one where a name alone says both what is bound and to what.
    pub fn at(&self, file: FileId, offset: u32) -> impl Iterator<Item = &Use> {
        let end = self.uses.partition_point(|own| (own.at.file, own.at.span.start) <= (file, offset));
        // Names do not overlap: the nearest before the offset is the only one that can hold it.
        let start = self.uses[..end].last().map(|own| own.at);
        self.uses[..end].iter().rev().take_while(move |own| {
            Some(own.at) == start && own.at.file == file && own.at.span.start <= offset && offset <= own.at.span.end
        })
    }

    /// The names of a file in order.
    pub fn in_file(&self, file: FileId) -> impl Iterator<Item = &Use> {
        let start = self.uses.partition_point(|own| own.at.file < file);
        self.uses[start..].iter().take_while(move |own| own.at.file == file)
    }

    /// Every place that names a symbol or one that is the same, the declarations among them.
    pub fn uses_of(&self, symbol: Location) -> impl Iterator<Item = &Use> {
        let root = self.root(symbol);
        self.uses.iter().filter(move |own| self.root(own.symbol) == root)
    }

    /// The declarations of a symbol and of those that are the same.
    pub fn declarations(&self, symbol: Location) -> impl Iterator<Item = Location> {
        let root = self.root(symbol);
        self.uses.iter().filter(move |own| own.at == own.symbol && self.root(own.symbol) == root).map(|own| own.at)
    }

    /// The bindings that nobody wrote.
    #[must_use]
    pub fn implied(&self) -> &[Implied] {
        &self.implied
    }

    /// What is in scope at an offset: of the innermost step or expression around it, or the last that begins before it.
    #[must_use]
    pub fn scope_at(&self, file: FileId, offset: u32) -> Option<&ScopeAt> {
        let end = self.scopes.partition_point(|own| (own.at.file, own.at.span.start) <= (file, offset));
        let before = self.scopes[..end].iter().rev().take_while(|own| own.at.file == file);
        before.clone().find(|own| offset <= own.at.span.end).or_else(|| before.clone().next())
    }

    /// What is in scope where the steps and expressions of a file begin, in order.
    pub fn scopes_in(&self, file: FileId) -> impl Iterator<Item = &ScopeAt> {
        let start = self.scopes.partition_point(|own| own.at.file < file);
        self.scopes[start..].iter().take_while(move |own| own.at.file == file)
    }
}

fn order(location: &Location) -> (FileId, u32, u32) {
    (location.file, location.span.start, location.span.end)
}
