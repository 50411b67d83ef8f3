//! What is known of a project: its items, which of them a file sees, the rows that can be loaded.

use nsf_analysis::index::{ScopeName, ScopeValue};
use nsf_analysis::project::module_name;
use nsf_analysis::{Analysis, names::item_name, types::type_text};
use nsf_diagnostics::{FileId, Location};
use nsf_plan::{DimensionId, HandleTarget, StateId, TableId, Type};
use nsf_syntax::ast::{Item, ItemKind, Name, TypeExpr, TypeExprKind};

/// What was found in a project, seen from one of its files.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) analysis: &'a Analysis,
    pub(crate) file: FileId,
}

/// An item with its name and file.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) file: FileId,
    pub(crate) item: &'a Item,
    pub(crate) name: &'a Name,
}

impl Named<'_> {
    pub(crate) fn location(&self) -> Location {
        self.name.span.in_file(self.file)
    }
}

/// A field or key of a row that can be loaded, or of what is written.
pub(crate) struct RowField {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) is_key: bool,
}

impl<'a> Known<'a> {
    /// The same, seen from another file.
    pub(crate) fn from(self, file: FileId) -> Self {
        Self { file, ..self }
    }

    /// Every item of the project that has a name.
    pub(crate) fn items(self) -> impl Iterator<Item = Named<'a>> {
        (0..self.analysis.files.len() as u32).flat_map(move |file| self.items_of(FileId(file)))
    }

    /// Those of a file.
    pub(crate) fn items_of(self, file: FileId) -> impl Iterator<Item = Named<'a>> {
        let items = self.analysis.files.get(file.0 as usize).into_iter().flat_map(|parsed| &parsed.parse.file.items);
        items.filter_map(move |item| Some(Named { file, item, name: item_name(item)? }))
    }

    /// The files of which a file sees items: its own, and those that it uses.
    pub(crate) fn seen(self) -> Vec<FileId> {
        let here = self.analysis.files.get(self.file.0 as usize);
        let used = here.into_iter().flat_map(|parsed| &parsed.parse.file.items).filter_map(|item| match &item.kind {
            ItemKind::Use(usage) if usage.alias.is_none() => self.analysis.modules.get(&usage.module()).copied(),
            _ => None,
        });
        std::iter::once(self.file).chain(used).collect()
    }

    /// The item of a name that the file sees.
    fn seen_item(self, name: &str) -> Option<Named<'a>> {
        let items = self.seen().into_iter().flat_map(move |file| self.items_of(file));
        items.filter(|own| own.name.text == name).find(|own| self.import_of(own).is_none())
    }

    /// The item of a name: one that the file sees before another.
    pub(crate) fn item(self, name: &str) -> Option<Named<'a>> {
        self.seen_item(name).or_else(|| self.items().find(|own| own.name.text == name))
    }

    /// The item whose name stands at a place.
    pub(crate) fn item_at(self, at: Location) -> Option<Named<'a>> {
        self.items_of(at.file).find(|own| own.location() == at)
    }

    pub(crate) fn module(self, file: FileId) -> String {
        self.analysis.sources.get(file).map(|source| module_name(&source.path)).unwrap_or_default()
    }

    /// The names of the project's modules, but of the file's own.
    pub(crate) fn modules(self) -> impl Iterator<Item = (FileId, String)> {
        let files = (0..self.analysis.files.len() as u32).map(FileId);
        files.filter(move |file| *file != self.file).map(move |file| (file, self.module(file)))
    }

    /// The module that a file must use to see an item; none where it sees it.
    pub(crate) fn import_of(self, own: &Named<'_>) -> Option<String> {
        if own.file == self.file {
            return None;
        }
        let module = self.module(own.file);
        let here = self.analysis.files.get(self.file.0 as usize)?;
        let is_used = here.parse.file.items.iter().any(|item| match &item.kind {
            ItemKind::Use(usage) if usage.alias.is_none() => {
                let path = usage.module();
                let named = |names: &Vec<Name>| names.iter().any(|name| name.text == own.name.text);
                path == module && usage.names.as_ref().is_none_or(named)
            }
            _ => false,
        });
        (!is_used).then_some(module)
    }

    /// The type that is written; names of types are unfolded as deep as a type may be.
    pub(crate) fn ty(self, written: &TypeExpr) -> Option<Type> {
        Type::try_from(self.unfolded(written, 16)?).ok()
    }

    fn unfolded(self, written: &TypeExpr, left: usize) -> Option<String> {
        let left = left.checked_sub(1)?;
        Some(match &written.kind {
            TypeExprKind::Nullable(inner) => {
                let inner = self.unfolded(inner, left)?;
                if inner.ends_with('?') { inner } else { format!("{inner}?") }
            }
            TypeExprKind::Named(name, arguments) if arguments.is_empty() => match self.seen_item(&name.text) {
                Some(Named { item: Item { kind: ItemKind::Type(alias), .. }, file, .. }) => {
                    self.from(file).unfolded(&alias.ty, left)?
                }
                _ => name.text.to_string(),
            },
            TypeExprKind::Named(name, arguments) => {
                let arguments = arguments.iter().map(|own| self.unfolded(own, left)).collect::<Option<Vec<_>>>()?;
                format!("{}<{}>", name.text, arguments.join(", "))
            }
            TypeExprKind::Record(fields) => {
                let field = |own: &nsf_syntax::ast::FieldDeclaration| {
                    Some(format!("{}: {}", own.name.text, self.unfolded(&own.ty, left)?))
                };
                format!("{{ {} }}", fields.iter().map(field).collect::<Option<Vec<_>>>()?.join(", "))
            }
            TypeExprKind::Function(..) | TypeExprKind::Error => type_text(written),
        })
    }

    /// The row of a state, table or dimension.
    pub(crate) fn row_named(self, name: &str) -> Option<HandleTarget> {
        self.row_at(self.item(name)?.location())
    }

    /// The row of the item whose name stands at a place.
    pub(crate) fn row_at(self, at: Location) -> Option<HandleTarget> {
        let dag = &self.analysis.dag;
        let states = (0..dag.index.states.len() as u32).map(StateId);
        let tables = (0..dag.index.tables.len() as u32).map(TableId);
        let dimensions = (0..dag.index.dimensions.len() as u32).map(DimensionId);
        let state = |id: &StateId| dag.state(*id).is_some_and(|own| own.name == at);
        let table = |id: &TableId| dag.table(*id).is_some_and(|own| own.name == at);
        let dimension = |id: &DimensionId| dag.dimension(*id).is_some_and(|own| own.part.name == at);
        states
            .into_iter()
            .find(state)
            .map(HandleTarget::State)
            .or_else(|| tables.into_iter().find(table).map(HandleTarget::Table))
            .or_else(|| dimensions.into_iter().find(dimension).map(HandleTarget::Dimension))
    }

    /// The place of the name of a row's item.
    pub(crate) fn row_item(self, target: HandleTarget) -> Option<Location> {
        let dag = &self.analysis.dag;
        Some(match target {
            HandleTarget::State(id) => dag.state(id)?.name,
            HandleTarget::Table(id) => dag.table(id)?.name,
            HandleTarget::Dimension(id) => dag.dimension(id)?.part.name,
        })
    }

    /// The keys and fields of a row, as they are written. What is read of a dimension may be null: see [`Self::read`].
    pub(crate) fn row(self, target: HandleTarget) -> Vec<RowField> {
        let dag = &self.analysis.dag;
        let field = |name: &str, ty: &Type, is_key| RowField { name: name.to_owned(), ty: ty.clone(), is_key };
        let keys = |keys: &[(String, Type)]| keys.iter().map(|(name, ty)| field(name, ty, true)).collect::<Vec<_>>();
        match target {
            HandleTarget::State(id) => dag.state(id).map_or_else(Vec::new, |own| {
                let fields = own.value.fields.iter().map(|own| field(&own.name, &own.ty, false));
                keys(&own.value.keys).into_iter().chain(fields).collect()
            }),
            HandleTarget::Table(id) => dag.table(id).map_or_else(Vec::new, |own| {
                let fields = own.value.encoding.fields.iter().enumerate();
                let is_key = |index: usize| own.value.key.contains(&(index as u32));
                fields.map(|(index, own)| field(&own.name, &own.ty, is_key(index))).collect()
            }),
            HandleTarget::Dimension(id) => dag.dimension(id).map_or_else(Vec::new, |own| {
                let fields = own.part.value.fields.iter().map(|own| field(&own.name, &own.ty, false));
                keys(&own.part.value.keys).into_iter().chain(fields).collect()
            }),
        }
    }

    /// What a loaded row has: its fields with the types that they are read with.
    pub(crate) fn read(self, target: HandleTarget) -> Vec<RowField> {
        let mut fields = self.row(target);
        // The keys of states and dimensions are the record's own; those of a table are cells of the row.
        fields.retain(|own| !own.is_key || matches!(target, HandleTarget::Table(_)));
        if let HandleTarget::Dimension(id) = target {
            let own = self.analysis.dag.dimension(id).map(|own| &own.part.value.fields);
            for field in &mut fields {
                let has_empty = own.into_iter().flatten().any(|own| own.name == field.name && own.empty.is_some());
                if !has_empty {
                    field.ty = field.ty.clone().nullable();
                }
            }
        }
        fields
    }

    /// What is in scope for a statement that begins at `start`, at `offset` in it; both of the text that was checked.
    pub(crate) fn scope(self, start: u32, offset: u32) -> &'a [ScopeName] {
        let all: Vec<_> = self.analysis.index.scopes_in(self.file).collect();
        let from = all.partition_point(|own| own.at.span.start < start);
        let to = all.partition_point(|own| own.at.span.start <= offset);
        let inside = all.get(from..to).unwrap_or_default();
        let innermost = inside.iter().rev().find(|own| offset <= own.at.span.end).or_else(|| inside.first());
        let end = self.item_around(start).map_or(u32::MAX, |item| item.span.end);
        let next = all.get(from..).unwrap_or_default().first().filter(|own| own.at.span.start <= end);
        let before = all
            .get(..from)
            .and_then(<[_]>::last)
            .filter(|own| self.item_around(start).is_none_or(|item| item.span.start <= own.at.span.start));
        innermost.or(next).or(before).map_or(&[], |own| &own.names)
    }

    /// The item that an offset is in, or that ends before it with nothing between.
    pub(crate) fn item_around(self, offset: u32) -> Option<&'a Item> {
        let items = &self.analysis.files.get(self.file.0 as usize)?.parse.file.items;
        items.iter().rev().find(|item| item.span.start <= offset)
    }
}

/// The type or row that a name in scope is.
pub(crate) fn detail(own: &ScopeName, known: Known<'_>) -> String {
    match &own.value {
        ScopeValue::Value(ty) => ty.to_string(),
        ScopeValue::Row(target, missing) => {
            let name = known.row_item(*target).map(|at| known.analysis.sources.text(at)).unwrap_or_default();
            let word = match target {
                HandleTarget::State(_) => "state",
                HandleTarget::Table(_) => "table",
                HandleTarget::Dimension(_) => "dimension",
            };
            format!("row of {word} {name}{}", if *missing { ", may be missing" } else { "" })
        }
    }
}
