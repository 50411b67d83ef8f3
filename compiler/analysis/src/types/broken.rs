//! What mistakes that are reported already leave behind: names that nobody could read, so that their uses stay silent.

use nsf_diagnostics::Span;
use nsf_plan::{HandleTarget, InputSource};
use nsf_syntax::ast::{Item, ItemKind, SettingsKeyword, StepFunction};

use super::pipeline::Builder;
use super::unit::Scope;
use super::{Checker, Global};
use crate::names::Resolution;

impl Checker<'_> {
    /// Notes a field of a stream or row that could not be understood.
    pub(super) fn break_field(&mut self, owner: Global, name: &str) {
        self.broken_fields.entry(owner).or_default().push(name.into());
    }

    /// Whether a field of a stream or row is there, but could not be understood; a field whose name could not be read
    /// may be any.
    pub(super) fn is_broken_field(&self, owner: Global, name: &str) -> bool {
        self.broken_fields
            .get(&owner)
            .is_some_and(|fields| fields.iter().any(|field| field == name || field.is_empty()))
    }

    /// Whether the key of a stream could not be understood.
    pub(super) fn has_unclear_key(&self, from: InputSource) -> bool {
        let InputSource::Source(id) = from else { return false };
        self.program.unclear_keys.contains(&self.program.sources[id.index()].value.name)
    }

    /// The same for a row that steps load.
    pub(super) fn is_broken_row_field(&self, target: HandleTarget, name: &str) -> bool {
        let owner = match target {
            HandleTarget::State(id) => Global::State(id),
            HandleTarget::Table(id) => Global::Table(id),
            HandleTarget::Dimension(id) => Global::Dimension(id),
        };
        self.is_broken_field(owner, name)
    }

    /// A step that could not be read may make whatever its words name, and what the functions among them give.
    pub(super) fn break_step(&mut self, builder: &mut Builder, span: Span) {
        let is_function = self.break_words(builder, span);
        let text = self.sources.text(self.at(builder.module, span));
        if text.starts_with("repartition") {
            // Nobody knows by which key what is below is spread.
            self.program.unclear_keys.insert(builder.flow.clone());
        }
        let calls = ["calculate", "load"].into_iter().any(|keyword| text.starts_with(keyword));
        builder.scope.open |= calls && !is_function && !text.contains('{');
    }

    /// Breaks the words of a step; whether one of them is a function.
    fn break_words(&self, builder: &mut Builder, span: Span) -> bool {
        let text = self.sources.text(self.at(builder.module, span));
        let mut is_function = false;
        for word in words(text) {
            is_function |= self.break_name(builder.module, &mut builder.scope, word);
        }
        is_function
    }

    /// A step that names something which could not be read, or is not there, may make anything that it could give.
    pub(super) fn break_call(&mut self, builder: &mut Builder, name: &str, span: Span) {
        self.break_words(builder, span);
        match self.broken_item(builder.module, name).map(str::to_owned) {
            Some(text) => words(&text).for_each(|word| builder.scope.fail(word)),
            None => builder.scope.open = true,
        }
    }

    /// Whether a function reads a name that none of its inputs has, which is reported where it stands.
    pub(super) fn is_misspelt_input(&self, function: &StepFunction, name: &str) -> bool {
        let body = self.names.modules.iter().filter(|module| !module.standard).find_map(|module| {
            let is_it =
                |item: &&Item| matches!(&item.kind, ItemKind::StepFunction(other) if std::ptr::eq(other, function));
            module.ast.items.iter().find(is_it).map(|item| self.sources.text(item.span.in_file(module.file)))
        });
        !function.inputs.iter().any(|input| input.name.text == name)
            && body.is_some_and(|text| words(text).any(|word| word == name))
    }

    /// Breaks a name, and what it gives if it is a function's; whether it is.
    fn break_name(&self, module: u32, scope: &mut Scope, name: &str) -> bool {
        scope.fail(name);
        if let Resolution::Item(item) = self.names.lookup(module, name)
            && let ItemKind::StepFunction(StepFunction { outputs, .. }) = &self.names.item(item).kind
        {
            outputs.iter().for_each(|output| scope.fail(&output.name.text));
            return true;
        }
        false
    }

    /// The text of an item that could not be read and has this name, or one that is very near it.
    fn broken_item(&self, module: u32, name: &str) -> Option<&str> {
        let content = &self.names.modules[module as usize];
        let others = self.names.modules.iter().filter(|other| !other.standard);
        let declared = |item: &&Item| match &item.kind {
            ItemKind::Error { names, .. } => names.iter().any(|found| found.text == name),
            ItemKind::StepFunction(function) => nsf_diagnostics::closest(name, [function.name.text.as_str()]).is_some(),
            _ => false,
        };
        let (file, item) = std::iter::once(content)
            .chain(others)
            .find_map(|module| module.ast.items.iter().find(declared).map(|item| (module.file, item)))?;
        Some(self.sources.text(item.span.in_file(file)))
    }

    /// Whether an item that could send to a topic names it. Where nothing was found to send there, it could not be read.
    pub(super) fn names_topic(&self, topic: &str) -> bool {
        let quoted = format!("(\"{topic}\"");
        let sends = |item: &&Item| match &item.kind {
            ItemKind::Flow(_) | ItemKind::StepFunction(_) | ItemKind::Error { .. } => true,
            ItemKind::Settings(item) => item.keyword == SettingsKeyword::Subscription,
            _ => false,
        };
        self.names.modules.iter().filter(|module| !module.standard).any(|module| {
            let mut senders = module.ast.items.iter().filter(sends);
            senders.any(|item| self.sources.text(item.span.in_file(module.file)).contains(&quoted))
        })
    }
}

/// The words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !sign.is_alphanumeric() && sign != '_').filter(|word| !word.is_empty())
}
