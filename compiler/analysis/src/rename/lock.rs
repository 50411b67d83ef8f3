//! What `nsf.lock` knows under the old name, it knows under the new one: stored data stays what it is.

use nsf_diagnostics::{FileId, Location, Span, TextEdit};
use nsf_plan::{RecordType, Type};

use crate::Analysis;
use crate::graph::Node;
use crate::index::SymbolKind;
use crate::lock::Lock;

/// The edit of the lock file; none where there is none, or it knows nothing of the symbol.
pub(super) fn edit(analysis: &Analysis, root: Location, old: &str, name: &str) -> Option<TextEdit> {
    let (file, source) = analysis.sources.iter().find(|(_, source)| source.path == "nsf.lock")?;
    let mut lock = Lock::read(&source.text, Some(file)).ok()?;
    let symbols: Vec<Location> = analysis.index.declarations(root).collect();
    for symbol in symbols {
        rename(&mut lock, analysis, symbol, old, name);
    }
    let text = lock.text();
    (text != *source.text).then(|| whole(file, &source.text, text))
}

fn whole(file: FileId, before: &str, replacement: String) -> TextEdit {
    TextEdit { location: Span::new(0, before.len() as u32).in_file(file), replacement }
}

fn rename(lock: &mut Lock, analysis: &Analysis, symbol: Location, old: &str, name: &str) -> Option<()> {
    match analysis.index.symbol(symbol)?.kind {
        SymbolKind::Item => {
            let (own, other) = full_names(analysis, symbol, name)?;
            if let Some(dimension) = lock.dimensions.remove(&own) {
                lock.dimensions.insert(other, dimension);
            } else if let Some(state) = lock.states.remove(&own) {
                lock.states.insert(other, state);
            }
        }
        SymbolKind::DimensionField => {
            let dimension = lock.dimensions.get_mut(&owner(analysis, symbol)?)?;
            let field = dimension.fields.values_mut().find(|field| field.name == old && !field.retired)?;
            name.clone_into(&mut field.name);
        }
        SymbolKind::StateKey => rename_in(&mut lock.states.get_mut(&owner(analysis, symbol)?)?.keys, old, name),
        SymbolKind::StateField => rename_in(&mut lock.states.get_mut(&owner(analysis, symbol)?)?.value, old, name),
        SymbolKind::Member => {
            let form = analysis.index.symbol(symbol)?.form.clone()?;
            let mut other = form.clone();
            rename_in(&mut other, old, name);
            let values = lock.states.values_mut().flat_map(|state| state.value.iter_mut().map(|(_, ty)| ty));
            let fields =
                lock.dimensions.values_mut().flat_map(|own| own.fields.values_mut().map(|field| &mut field.ty));
            values.chain(fields).for_each(|ty| rename_form(ty, &form, &other));
        }
        _ => {}
    }
    Some(())
}

/// A record type that a type is made of, with another name for a member.
fn rename_form(ty: &mut Type, form: &RecordType, other: &RecordType) {
    match ty {
        Type::Record(fields) if fields == form => fields.clone_from(other),
        Type::Record(fields) => fields.iter_mut().for_each(|(_, ty)| rename_form(ty, form, other)),
        Type::Nullable(inner) | Type::List(inner) | Type::Set(inner) | Type::Multi(inner) | Type::Select(inner) => {
            rename_form(inner, form, other);
        }
        Type::Map(key, value) => {
            rename_form(key, form, other);
            rename_form(value, form, other);
        }
        _ => {}
    }
}

fn rename_in(fields: &mut RecordType, old: &str, name: &str) {
    for (field, _) in fields.iter_mut().filter(|(field, _)| field == old) {
        name.clone_into(field);
    }
}

/// The full name of an item, and the one that it gets.
fn full_names(analysis: &Analysis, symbol: Location, name: &str) -> Option<(String, String)> {
    let own = parts(analysis).find(|(_, at, _)| *at == symbol).map(|(own, ..)| own)?;
    let module = own.rsplit_once('.').map(|(module, _)| module);
    let other = module.map_or_else(|| name.to_owned(), |module| format!("{module}.{name}"));
    Some((own, other))
}

/// The full name of the state or dimension that declares a field or key.
fn owner(analysis: &Analysis, field: Location) -> Option<String> {
    let within = |whole: Location| {
        whole.file == field.file && whole.span.start <= field.span.start && field.span.end <= whole.span.end
    };
    let state = parts(analysis).find(|(_, _, item)| within(*item)).map(|(own, ..)| own);
    state.or_else(|| {
        analysis.dag.index.dimensions.iter().find_map(|node| match analysis.dag.graph.node_weight(*node)? {
            Node::Dimension(own) => {
                own.fields.iter().any(|place| place.name == field).then(|| own.part.value.name.clone())
            }
            _ => None,
        })
    })
}

/// Dimensions and states: the full name, the name's place, the item.
fn parts(analysis: &Analysis) -> impl Iterator<Item = (String, Location, Location)> {
    let dag = &analysis.dag;
    let nodes = dag.index.dimensions.iter().chain(&dag.index.states);
    nodes.filter_map(|node| match dag.graph.node_weight(*node)? {
        Node::Dimension(own) => Some((own.part.value.name.clone(), own.part.name, own.part.item)),
        Node::State(own) if !own.value.marks => Some((own.value.name.clone(), own.name, own.item)),
        _ => None,
    })
}
