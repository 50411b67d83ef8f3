//! What the pass notes for editors along its way: see [`crate::index`]. Nothing is noted where nobody asked for it, nor while
//! something is unfolded: what it names was noted where it stands.

use std::collections::HashMap;

use nsf_diagnostics::{Location, Span};
use nsf_plan::{HandleTarget, InputSource, SlotId, Type};
use nsf_syntax::ast::{self, ItemKind, Name, StepKind};
use smol_str::SmolStr;

use super::pipeline::Builder;
use super::unit::{RowBinding, Scope, Unit};
use super::{Checker, Global};
use crate::index::{Implied, Index, ScopeName, ScopeValue, SymbolKind};
use crate::names::{ItemRef, Resolution};

/// What was noted so far.
#[derive(Default)]
pub(super) struct Trace {
    index: Index,
    /// The names of fields and keys, by the name of what has them.
    fields: HashMap<(Location, SmolStr), Location>,
    /// The names of the members of record types, by what the type is: two of one form are one.
    forms: HashMap<Vec<(String, Type)>, Vec<Location>>,
    /// The built-in functions, each by its first form.
    builtins: HashMap<SmolStr, Location>,
    /// Whether what is looked at was not written: a name that stands for a binding.
    muted: bool,
    /// The record that is a message: its members are names of the outside.
    message: Option<Location>,
}

impl Trace {
    /// Ends the gathering.
    pub(super) fn into_index(mut self) -> Index {
        self.index.finish();
        self.index
    }
}

impl<'a> Checker<'a> {
    fn trace(&mut self) -> Option<&mut Trace> {
        let is_written = !self.calls.is_open() && !self.aliases.is_open();
        self.trace.as_deref_mut().filter(|trace| is_written && !trace.muted)
    }

    fn is_traced(&mut self) -> bool {
        self.trace().is_some()
    }

    /// Begins: every item, every `use`, every label.
    pub(super) fn begin_trace(&mut self) {
        self.trace = Some(Box::default());
        for (module, content) in self.names.modules.iter().enumerate() {
            for (index, item) in content.ast.items.iter().enumerate() {
                let reference = ItemRef { module: module as u32, item: index as u32 };
                if let ItemKind::Builtin(builtin) = &item.kind
                    && let Some(trace) = self.trace.as_mut()
                {
                    let at = builtin.name.span.in_file(content.file);
                    trace.builtins.entry(builtin.name.text.clone()).or_insert(at);
                }
                if crate::names::item_name(item).is_some() {
                    let at = self.names.location(reference);
                    self.declare(at, SymbolKind::Item, None);
                }
                match &item.kind {
                    ItemKind::Use(usage) => self.trace_use(module as u32, usage),
                    ItemKind::Flow(flow) => self.trace_labels(module as u32, &flow.body),
                    _ => {}
                }
            }
        }
    }

    fn trace_use(&mut self, module: u32, usage: &ast::Use) {
        if let Some(alias) = &usage.alias {
            let at = self.at(module, alias.span);
            self.declare(at, SymbolKind::Alias, None);
        }
        for name in usage.names.iter().flatten() {
            if let Resolution::Item(item) = self.names.lookup(module, &name.text) {
                self.refer_to_item(module, name.span, item);
            }
        }
    }

    /// Labels and the jumps to them: of the outermost block, jumps from anywhere in it.
    fn trace_labels(&mut self, module: u32, body: &ast::Block) {
        let labels: Vec<&Name> = body.steps.iter().filter_map(|step| step.label.as_ref()).collect();
        for label in &labels {
            let at = self.at(module, label.span);
            self.declare(at, SymbolKind::Label, None);
        }
        if !labels.is_empty() {
            self.trace_jumps(module, body, &labels);
        }
    }

    fn trace_jumps(&mut self, module: u32, block: &ast::Block, labels: &[&Name]) {
        for step in &block.steps {
            match &step.kind {
                StepKind::Jump(name, _) => {
                    if let Some(label) = labels.iter().find(|label| label.text == name.text) {
                        let symbol = self.at(module, label.span);
                        self.refer(module, name.span, Some(symbol), None);
                    }
                }
                StepKind::When { arms, otherwise } => {
                    let blocks = arms.iter().map(|(_, block)| block).chain(otherwise);
                    blocks.for_each(|block| self.trace_jumps(module, block, labels));
                }
                StepKind::Each { body, .. } => self.trace_jumps(module, body, labels),
                _ => {}
            }
        }
    }

    fn declare(&mut self, at: Location, kind: SymbolKind, ty: Option<&Type>) {
        if let Some(trace) = self.trace() {
            trace.index.declare(at, kind, ty);
        }
    }

    /// Notes a name that means a symbol.
    pub(super) fn refer(&mut self, module: u32, span: Span, symbol: Option<Location>, ty: Option<&Type>) {
        let at = self.at(module, span);
        if let (Some(symbol), Some(trace)) = (symbol, self.trace()) {
            trace.index.note(at, symbol, ty, false);
        }
    }

    /// Notes a name that says what something is bound to.
    pub(super) fn refer_label(&mut self, module: u32, span: Span, symbol: Option<Location>, ty: Option<&Type>) {
        let at = self.at(module, span);
        if let (Some(symbol), Some(trace)) = (symbol, self.trace()) {
            trace.index.note(at, symbol, ty, true);
        }
    }

    /// Notes a name that means an item.
    pub(super) fn refer_to_item(&mut self, module: u32, span: Span, item: ItemRef) {
        if self.is_traced() {
            let symbol = self.names.location(item);
            self.refer(module, span, Some(symbol), None);
        }
    }

    /// Notes a name that means a built-in function.
    pub(super) fn refer_to_builtin(&mut self, module: u32, span: Span, name: &str, ty: Option<&Type>) {
        let symbol = self.trace().and_then(|trace| trace.builtins.get(name).copied());
        self.refer(module, span, symbol, ty);
    }

    /// Notes the name of a module in front of one of its items.
    pub(super) fn refer_to_alias(&mut self, module: u32, name: &str, span: Span) {
        if !self.is_traced() {
            return;
        }
        let items = &self.names.modules[module as usize].ast.items;
        let alias = items.iter().find_map(|item| match &item.kind {
            ItemKind::Use(usage) => usage.alias.as_ref().filter(|alias| alias.text == name),
            _ => None,
        });
        let symbol = alias.map(|alias| self.at(module, alias.span));
        self.refer(module, span, symbol, None);
    }

    // Fields of what is declared.

    /// Declares a field or key of the item of a name.
    pub(super) fn declare_field(
        &mut self,
        owner: Location,
        name: &str,
        at: Location,
        kind: SymbolKind,
        ty: Option<&Type>,
    ) {
        if let Some(trace) = self.trace() {
            trace.index.declare(at, kind, ty);
            trace.fields.entry((owner, name.into())).or_insert(at);
        }
    }

    /// Says that a key of an item is a symbol that is declared elsewhere: a dimension's keys are primaries.
    pub(super) fn borrow_field(&mut self, owner: Location, name: &str, symbol: Location) {
        if let Some(trace) = self.trace() {
            trace.fields.entry((owner, name.into())).or_insert(symbol);
        }
    }

    /// Says that two symbols are one.
    pub(super) fn link_symbols(&mut self, one: Location, other: Location) {
        if let Some(trace) = self.trace() {
            trace.index.link(one, other);
        }
    }

    /// The symbol of a field or key of the item of a name.
    pub(super) fn field_of(&self, owner: Location, name: &str) -> Option<Location> {
        self.trace.as_ref()?.fields.get(&(owner, name.into())).copied()
    }

    /// The name of an item that became a part of the program.
    pub(super) fn owner(&self, global: Global) -> Option<Location> {
        Some(match global {
            Global::Source(id) => self.program.sources.get(id.index())?.name,
            Global::Table(id) => self.program.tables.get(id.index())?.name,
            Global::State(id) => self.program.states.get(id.index())?.name,
            Global::Dimension(id) => self.program.dimensions.get(id.index())?.name,
            _ => return None,
        })
    }

    /// The symbol of a field or key of a row.
    pub(super) fn field_of_row(&self, target: HandleTarget, name: &str) -> Option<Location> {
        self.trace.as_ref()?;
        self.field_of(self.owner(of_target(target))?, name)
    }

    /// The symbol of a field of what a flow reads.
    pub(super) fn field_of_stream(&self, from: InputSource, name: &str) -> Option<Location> {
        self.trace.as_ref()?;
        let owner = match from {
            InputSource::Source(id) => Global::Source(id),
            InputSource::Expired(id) => Global::State(id),
            InputSource::Subscription(id) => {
                Global::Dimension(self.program.subscriptions.get(id.index())?.value.dimension)
            }
        };
        self.field_of(self.owner(owner)?, name)
    }

    /// Declares the members of a record type.
    pub(super) fn declare_form(&mut self, module: u32, fields: &[ast::FieldDeclaration], members: &[(String, Type)]) {
        if !self.is_traced() {
            return;
        }
        let places: Vec<Location> = fields.iter().map(|field| self.at(module, field.name.span)).collect();
        if places.len() == members.len() {
            self.declare_members(&places, members);
        }
    }

    fn declare_members(&mut self, places: &[Location], members: &[(String, Type)]) {
        let Some(trace) = self.trace() else { return };
        for (place, (_, ty)) in places.iter().zip(members) {
            trace.index.declare(*place, SymbolKind::Member, Some(ty));
            trace.index.set_form(*place, members);
        }
        match trace.forms.get(members) {
            Some(known) => {
                let known = known.clone();
                known.iter().zip(places).for_each(|(one, other)| trace.index.link(*one, *other));
            }
            None => {
                trace.forms.insert(members.to_vec(), places.to_vec());
            }
        }
    }

    /// Notes the members of a record expression: of the type that was due, or of one of its own.
    pub(super) fn refer_to_members(
        &mut self,
        module: u32,
        span: Span,
        names: &[(Span, SmolStr)],
        form: &[(String, Type)],
        is_due: bool,
    ) {
        let whole = self.at(module, span);
        let Some(trace) = self.trace() else { return };
        if trace.message == Some(whole) {
            return;
        }
        let places: Vec<Location> = names.iter().map(|(span, _)| self.at(module, *span)).collect();
        let known = self.trace().and_then(|trace| trace.forms.get(form).cloned());
        match known {
            Some(known) => {
                for (place, (_, name)) in places.iter().zip(names) {
                    let index = form.iter().position(|(own, _)| *own == **name);
                    let symbol = index.and_then(|index| known.get(index).copied());
                    if let (Some(symbol), Some(trace)) = (symbol, self.trace()) {
                        trace.index.note(*place, symbol, None, true);
                    }
                }
            }
            // A record of which no type tells has members of its own, unless some were spread into it.
            None if !is_due && places.len() == form.len() => self.declare_members(&places, form),
            None => {}
        }
    }

    /// The symbol of a member of a record type.
    pub(super) fn member_of_form(&self, form: &[(String, Type)], index: usize) -> Option<Location> {
        self.trace.as_ref()?.forms.get(form)?.get(index).copied()
    }

    /// Says that a record is a message, or none any more.
    pub(super) fn trace_message(&mut self, record: Option<Location>) {
        if let Some(trace) = self.trace.as_mut() {
            trace.message = record;
        }
    }

    // Names in scope.

    /// Notes a name that makes a value: the first of a slot declares it, the others name it.
    pub(super) fn make(&mut self, unit: &mut Unit, slot: SlotId, at: Location, kind: SymbolKind) {
        let Some(trace) = self.trace() else { return };
        let ty = unit.ty(slot).clone();
        match unit.symbol(slot) {
            Some(symbol) => trace.index.note(at, symbol, Some(&ty), false),
            None => {
                trace.index.declare(at, kind, Some(&ty));
                unit.set_symbol(slot, at);
            }
        }
    }

    /// Notes the name of a pattern: each arm gives the value a name of its own.
    pub(super) fn make_anew(&mut self, unit: &mut Unit, slot: SlotId, at: Location) {
        let Some(trace) = self.trace() else { return };
        trace.index.declare(at, SymbolKind::Local, Some(unit.ty(slot)));
        unit.set_symbol(slot, at);
    }

    /// Says that a slot is a symbol, or one more.
    pub(super) fn is_symbol(&mut self, unit: &mut Unit, slot: SlotId, symbol: Option<Location>) {
        let (Some(symbol), Some(trace)) = (symbol, self.trace()) else { return };
        match unit.symbol(slot) {
            Some(known) => trace.index.link(known, symbol),
            None => unit.set_symbol(slot, symbol),
        }
    }

    /// Looks at what nobody wrote, without noting it.
    pub(super) fn muted<R>(&mut self, is_written: bool, look: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.trace.as_ref().map(|trace| trace.muted);
        if let Some(trace) = self.trace.as_mut() {
            trace.muted |= !is_written;
        }
        let found = look(self);
        if let (Some(before), Some(trace)) = (before, self.trace.as_mut()) {
            trace.muted = before;
        }
        found
    }

    /// Notes a binding that nobody wrote.
    pub(super) fn imply(&mut self, module: u32, at: Span, label: Option<Location>, value: Option<Location>) {
        let at = self.at(module, at);
        if let (Some(label), Some(trace)) = (label, self.trace()) {
            trace.index.imply(Implied { at, label, value });
        }
    }

    // Steps that call.

    /// Notes the name that a load gives its row; gives what declares it.
    pub(super) fn trace_row(&mut self, module: u32, call: &ast::StepCall, item: ItemRef) -> Option<Location> {
        self.trace.as_ref()?;
        let Some(alias) = &call.alias else { return Some(self.names.location(item)) };
        let at = self.at(module, alias.span);
        self.declare(at, SymbolKind::Row, None);
        Some(at)
    }

    /// Notes how a key is bound.
    pub(super) fn trace_key(
        &mut self,
        builder: &Builder,
        target: HandleTarget,
        name: &Name,
        key: &str,
        binding: Option<&ast::Binding>,
    ) {
        let symbol = self.field_of_row(target, key);
        self.trace_binding(builder, name, key, symbol, binding);
    }

    /// Notes how an input is bound.
    pub(super) fn trace_input(
        &mut self,
        builder: &Builder,
        item: ItemRef,
        call: &ast::StepCall,
        input: &ast::Parameter,
        binding: Option<&ast::Binding>,
    ) {
        let symbol = self.at(item.module, input.name.span);
        self.trace_binding(builder, &call.name, &input.name.text, Some(symbol), binding);
    }

    fn trace_binding(
        &mut self,
        builder: &Builder,
        name: &Name,
        label: &str,
        symbol: Option<Location>,
        binding: Option<&ast::Binding>,
    ) {
        match binding {
            Some(binding) => self.refer_label(builder.module, binding.name.span, symbol, None),
            None => {
                let variable = builder.scope.variable(label);
                let value = variable.and_then(|variable| builder.unit.symbol(variable.slot));
                if value.is_some() {
                    self.imply(builder.module, name.span, symbol, value);
                }
            }
        }
    }

    /// Notes the fields that the outputs of a call become: of their own names, or of those that they are given.
    pub(super) fn trace_outputs(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        function: &ast::StepFunction,
        call: &ast::StepCall,
        made: &[(SmolStr, SmolStr, SlotId)],
    ) {
        for (output, _, slot) in made {
            let declared = function.outputs.iter().find(|own| own.name.text == *output);
            let symbol = declared.map(|own| self.at(item.module, own.name.span));
            match call.outputs.iter().find(|(own, _)| own.text == *output) {
                None => self.is_symbol(&mut builder.unit, *slot, symbol),
                Some((own, name)) => {
                    self.refer_label(builder.module, own.span, symbol, None);
                    let at = self.at(builder.module, name.span);
                    self.make(&mut builder.unit, *slot, at, SymbolKind::Field);
                }
            }
        }
    }

    /// Says what declares the fields that a flow reads.
    pub(super) fn stream_symbols(&mut self, builder: &mut Builder, stream: &super::flow::Stream) {
        if !self.is_traced() {
            return;
        }
        for (name, _) in &stream.fields {
            if let Some(slot) = builder.scope.variable(name).map(|variable| variable.slot) {
                let symbol = self.field_of_stream(stream.from, name);
                self.is_symbol(&mut builder.unit, slot, symbol);
            }
        }
    }

    /// What declares the name of a stream.
    pub(super) fn stream_symbol(&self, from: InputSource) -> Option<Location> {
        match from {
            InputSource::Source(id) => self.owner(Global::Source(id)),
            InputSource::Expired(id) => self.owner(Global::State(id)),
            InputSource::Subscription(id) => Some(self.program.subscriptions.get(id.index())?.name),
        }
    }

    /// Notes what is in scope.
    pub(super) fn trace_scope(&mut self, module: u32, span: Span, scope: &Scope, unit: &Unit) {
        if !self.is_traced() {
            return;
        }
        let at = self.at(module, span);
        let mut names: Vec<ScopeName> = Vec::with_capacity(scope.variables.len() + scope.rows.len());
        let mut add = |own: ScopeName| {
            if !names.iter().any(|other| other.name == own.name) {
                names.push(own);
            }
        };
        for RowBinding { name, handle, nullable, symbol, .. } in scope.rows.iter().rev() {
            let value = ScopeValue::Row(unit.handles[handle.index()].target, *nullable);
            add(ScopeName { name: name.clone(), value, symbol: *symbol, local: true });
        }
        for own in scope.variables.iter().rev() {
            let (value, symbol) = (ScopeValue::Value(unit.ty(own.slot).clone()), unit.symbol(own.slot));
            add(ScopeName { name: own.name.clone(), value, symbol, local: own.local });
        }
        names.reverse();
        if let Some(trace) = self.trace() {
            trace.index.scope(at, names);
        }
    }

    /// Notes what is in scope in a pipeline.
    pub(super) fn trace_builder(&mut self, builder: &Builder, span: Span) {
        self.trace_scope(builder.module, span, &builder.scope, &builder.unit);
    }
}

/// The item that a row is of.
const fn of_target(target: HandleTarget) -> Global {
    match target {
        HandleTarget::State(id) => Global::State(id),
        HandleTarget::Table(id) => Global::Table(id),
        HandleTarget::Dimension(id) => Global::Dimension(id),
    }
}
