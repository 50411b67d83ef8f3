//! Names: which items there are, and which item a name means in a module.

mod error;

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, FileId, Location, closest};
use nsf_syntax::ast::{File, Item, ItemKind, Name, SettingsKeyword, Use};
use smol_str::SmolStr;

pub use error::NameError;

/// An item by its module and its place among the module's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemRef {
    /// Index of the module.
    pub module: u32,
    /// Index of the item in the module's file.
    pub item: u32,
}

/// A module with its tree.
#[derive(Debug)]
pub struct Module<'a> {
    /// `classroom.fields`.
    pub name: String,
    /// Its text.
    pub file: FileId,
    /// Relative path.
    pub path: String,
    /// Its tree.
    pub ast: &'a File,
    /// Whether it belongs to the standard library.
    pub standard: bool,
    items: HashMap<SmolStr, u32>,
    /// Names of items that could not be read; uses of them are silent.
    broken: Vec<SmolStr>,
    globs: Vec<u32>,
    selected: HashMap<SmolStr, ItemRef>,
    aliases: HashMap<SmolStr, u32>,
    /// A `use` of this module could not be resolved, so an unknown name may come from there.
    incomplete: bool,
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// This item.
    Item(ItemRef),
    /// Items of two modules.
    Ambiguous(ItemRef, ItemRef),
    /// A module by its alias.
    Module(u32),
    /// Nothing, but its item could not be read, or an import could not be resolved.
    Unreadable,
    /// Nothing.
    Unknown,
}

/// All modules and what their names mean.
#[derive(Debug)]
pub struct Names<'a> {
    /// The modules, the project's first.
    pub modules: Vec<Module<'a>>,
    by_name: HashMap<String, u32>,
}

impl<'a> Names<'a> {
    /// Declares every item and resolves every `use`.
    pub fn resolve(files: Vec<(String, FileId, String, &'a File, bool)>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut names = Self { modules: Vec::with_capacity(files.len()), by_name: HashMap::new() };
        for (name, file, path, ast, standard) in files {
            let index = names.modules.len() as u32;
            names.by_name.entry(name.clone()).or_insert(index);
            names.modules.push(declare(name, file, path, ast, standard, diagnostics));
        }
        for index in 0..names.modules.len() {
            names.resolve_uses(index, diagnostics);
        }
        names
    }

    /// The files of the modules, by their names.
    #[must_use]
    pub fn into_files(self) -> HashMap<String, FileId> {
        let Self { modules, by_name } = self;
        let file = |index: u32| modules.get(index as usize).map(|module| module.file);
        by_name.into_iter().filter_map(|(name, index)| Some((name, file(index)?))).collect()
    }

    /// The item of a reference.
    #[must_use]
    pub fn item(&self, reference: ItemRef) -> &'a Item {
        &self.modules[reference.module as usize].ast.items[reference.item as usize]
    }

    /// The place of an item's name, or of the item where it has none.
    #[must_use]
    pub fn location(&self, reference: ItemRef) -> Location {
        let item = self.item(reference);
        let span = item_name(item).map_or(item.span, |name| name.span);
        span.in_file(self.modules[reference.module as usize].file)
    }

    /// `classroom.fields.class`.
    #[must_use]
    pub fn full_name(&self, reference: ItemRef) -> String {
        let module = &self.modules[reference.module as usize].name;
        match item_name(self.item(reference)) {
            Some(name) if module.is_empty() => name.text.to_string(),
            Some(name) => format!("{module}.{}", name.text),
            None => module.clone(),
        }
    }

    /// What a name means in a module.
    #[must_use]
    pub fn lookup(&self, module: u32, name: &str) -> Resolution {
        let here = &self.modules[module as usize];
        if let Some(item) = here.items.get(name) {
            return Resolution::Item(ItemRef { module, item: *item });
        }
        if let Some(item) = here.selected.get(name) {
            return Resolution::Item(*item);
        }
        if let Some(module) = here.aliases.get(name) {
            return Resolution::Module(*module);
        }
        let mut found = None;
        for glob in &here.globs {
            let Some(item) = self.modules[*glob as usize].items.get(name) else { continue };
            let item = ItemRef { module: *glob, item: *item };
            match found {
                None => found = Some(item),
                Some(first) if first != item => return Resolution::Ambiguous(first, item),
                Some(_) => {}
            }
        }
        match found {
            Some(item) => Resolution::Item(item),
            None if self.may_be_unreadable(here, name) => Resolution::Unreadable,
            None => Resolution::Unknown,
        }
    }

    /// What a name means inside another module, as in `alias.name`.
    #[must_use]
    pub fn lookup_in(&self, module: u32, name: &str) -> Resolution {
        let there = &self.modules[module as usize];
        match there.items.get(name) {
            Some(item) => Resolution::Item(ItemRef { module, item: *item }),
            None if self.may_be_unreadable(there, name) => Resolution::Unreadable,
            None => Resolution::Unknown,
        }
    }

    fn may_be_unreadable(&self, module: &Module<'_>, name: &str) -> bool {
        let broken = |module: &Module<'_>| module.broken.iter().any(|broken| broken == name);
        module.incomplete || broken(module) || module.globs.iter().any(|glob| broken(&self.modules[*glob as usize]))
    }

    /// Every name that can be used in a module and of which `accept` says yes, for "did you mean".
    pub fn visible<'s>(&'s self, module: u32, accept: impl Fn(&Item) -> bool + 's) -> impl Iterator<Item = &'s str> {
        let here = &self.modules[module as usize];
        let own = std::iter::once(module).chain(here.globs.iter().copied());
        own.flat_map(move |module| {
            let there = &self.modules[module as usize];
            there.items.iter().map(move |(name, item)| (name.as_str(), &there.ast.items[*item as usize]))
        })
        .filter(move |(_, item)| accept(item))
        .map(|(name, _)| name)
    }

    /// The module of the project that declares a name, for "add `use …`".
    #[must_use]
    pub fn declared_elsewhere(&self, name: &str) -> Option<&Module<'a>> {
        self.modules.iter().find(|module| module.items.contains_key(name))
    }

    fn resolve_uses(&mut self, index: usize, diagnostics: &mut Vec<Diagnostic>) {
        let ast = self.modules[index].ast;
        let file = self.modules[index].file;
        for item in &ast.items {
            let ItemKind::Use(usage) = &item.kind else { continue };
            let path = usage.module();
            let Some(target) = self.by_name.get(path.as_str()).copied() else {
                let candidates = self.modules.iter().map(|module| module.name.as_str());
                let near = closest(&path, candidates).map(str::to_owned);
                let span =
                    usage.path.iter().map(|part| part.span).reduce(nsf_diagnostics::Span::to).unwrap_or(item.span);
                diagnostics.push(NameError::UnknownModule { path, near, location: span.in_file(file) }.diagnostic());
                self.modules[index].incomplete = true;
                continue;
            };
            self.import(index, target, usage, diagnostics);
        }
    }

    fn import(&mut self, index: usize, target: u32, usage: &Use, diagnostics: &mut Vec<Diagnostic>) {
        let file = self.modules[index].file;
        if let Some(alias) = &usage.alias {
            self.modules[index].aliases.insert(alias.text.clone(), target);
            return;
        }
        let Some(selected) = &usage.names else {
            if target as usize != index && !self.modules[index].globs.contains(&target) {
                self.modules[index].globs.push(target);
            }
            return;
        };
        for name in selected {
            match self.lookup_in(target, &name.text) {
                Resolution::Item(item) => {
                    self.modules[index].selected.insert(name.text.clone(), item);
                }
                Resolution::Unreadable => self.modules[index].broken.push(name.text.clone()),
                _ => {
                    let there = &self.modules[target as usize];
                    let near = closest(&name.text, there.items.keys().map(SmolStr::as_str)).map(str::to_owned);
                    let module = there.name.clone();
                    self.modules[index].broken.push(name.text.clone());
                    let location = name.span.in_file(file);
                    diagnostics.push(
                        NameError::NotInModule { name: name.text.to_string(), module, near, location }.diagnostic(),
                    );
                }
            }
        }
    }
}

fn declare<'a>(
    name: String,
    file: FileId,
    path: String,
    ast: &'a File,
    standard: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Module<'a> {
    let mut module = Module {
        name,
        file,
        path,
        ast,
        standard,
        items: HashMap::with_capacity(ast.items.len()),
        broken: Vec::new(),
        globs: Vec::new(),
        selected: HashMap::new(),
        aliases: HashMap::new(),
        incomplete: false,
    };
    for (index, item) in ast.items.iter().enumerate() {
        if let ItemKind::Error { keyword, names } = &item.kind {
            module.incomplete |= keyword.as_deref() == Some("use");
            module.broken.extend(names.iter().map(|name| name.text.clone()));
            continue;
        }
        let Some(name) = item_name(item) else { continue };
        if let Some(first) = module.items.get(&name.text) {
            if standard && matches!(item.kind, ItemKind::Builtin(_)) {
                continue;
            }
            let earlier = item_name(&ast.items[*first as usize]).map_or(item.span, |name| name.span);
            diagnostics.push(
                NameError::DeclaredTwice {
                    name: name.text.to_string(),
                    location: name.span.in_file(file),
                    earlier: earlier.in_file(file),
                }
                .diagnostic(),
            );
            continue;
        }
        module.items.insert(name.text.clone(), index as u32);
    }
    module
}

/// The name that an item declares.
#[must_use]
pub fn item_name(item: &Item) -> Option<&Name> {
    match &item.kind {
        ItemKind::Const(item) => Some(&item.name),
        ItemKind::Type(item) => Some(&item.name),
        ItemKind::Function(item) => Some(&item.name),
        ItemKind::Builtin(item) => Some(&item.name),
        ItemKind::Mapping(item) => Some(&item.name),
        ItemKind::Primary(item) => Some(&item.name),
        ItemKind::Dimension(item) => Some(&item.name),
        ItemKind::Settings(item) => Some(&item.name),
        ItemKind::StepFunction(item) => Some(&item.name),
        ItemKind::Flow(item) => Some(&item.name),
        ItemKind::Error { .. } | ItemKind::Use(_) | ItemKind::Fields(_) | ItemKind::Test(_) => None,
    }
}

/// What an item is, for messages: "state", "function".
#[must_use]
pub fn item_word(item: &Item) -> &'static str {
    match &item.kind {
        ItemKind::Error { .. } => "item",
        ItemKind::Use(_) => "use",
        ItemKind::Const(_) => "constant",
        ItemKind::Type(_) => "type",
        ItemKind::Function(_) | ItemKind::Builtin(_) => "function",
        ItemKind::Mapping(_) => "mapping",
        ItemKind::Primary(_) => "primary",
        ItemKind::Dimension(_) => "dimension",
        ItemKind::Fields(_) => "fields",
        ItemKind::Settings(item) => settings_word(item.keyword),
        ItemKind::StepFunction(function) => match function.kind {
            nsf_syntax::ast::FunctionKind::Verify => "verify function",
            nsf_syntax::ast::FunctionKind::Load => "load function",
            nsf_syntax::ast::FunctionKind::Calculate => "calculate function",
            nsf_syntax::ast::FunctionKind::Save => "save function",
            nsf_syntax::ast::FunctionKind::Expand => "expand function",
        },
        ItemKind::Flow(_) => "flow",
        ItemKind::Test(_) => "test",
    }
}

/// The keyword of an item that is a head and settings.
#[must_use]
pub const fn settings_word(keyword: SettingsKeyword) -> &'static str {
    match keyword {
        SettingsKeyword::Tenant => "tenant",
        SettingsKeyword::Space => "space",
        SettingsKeyword::Source => "source",
        SettingsKeyword::Table => "table",
        SettingsKeyword::Ingest => "ingest",
        SettingsKeyword::Subscription => "subscription",
        SettingsKeyword::State => "state",
        SettingsKeyword::Monitor => "monitor",
    }
}
