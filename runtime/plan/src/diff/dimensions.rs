//! Dimensions: rows are found by code (on servers by name), values in them by the ids of their fields.

use super::{Both, Change, Found, PartKind, duration};
use crate::{Dimension, DimensionField, Plan, Space, evolution::reads_as};

impl Found<'_> {
    pub(super) fn dimensions(&mut self) {
        let (old, new) = (self.old, self.new);
        for dimension in &new.dimensions {
            let Some(was) = old.dimensions.iter().find(|was| was.code == dimension.code) else {
                self.new_part(PartKind::Dimension, &dimension.name, Some(dimension.origin));
                for field in &dimension.fields {
                    self.new_part(PartKind::Field, &path(dimension, &field.name), Some(dimension.origin));
                }
                continue;
            };
            let changes = dimension_changes((old, was), (new, dimension));
            let place = Some(dimension.origin);
            self.both(Both { kind: PartKind::Dimension, name: &dimension.name, was: &was.name, place }, changes);
            self.dimension_fields(was, dimension);
        }
        for was in old.dimensions.iter().filter(|was| new.dimensions.iter().all(|own| own.code != was.code)) {
            let other = new.dimensions.iter().find(|own| own.name == was.name);
            let help = match other {
                Some(_) => format!("write `#{}` again: rows are found by it", was.code),
                None => "bring it back, with its code".to_owned(),
            };
            let means = "its rows stay in the store, and nothing writes or reads them any more";
            self.gone(PartKind::Dimension, &was.name, Some(was.origin), means, &help);
        }
    }

    fn dimension_fields(&mut self, was: &Dimension, now: &Dimension) {
        for field in &now.fields {
            let name = path(now, &field.name);
            let Some(before) = was.fields.iter().find(|own| number(own) == number(field)) else {
                self.new_part(PartKind::Field, &name, Some(now.origin));
                continue;
            };
            let changes = field_changes(before, field);
            let was = path(now, &before.name);
            self.both(Both { kind: PartKind::Field, name: &name, was: &was, place: Some(now.origin) }, changes);
        }
        for gone in was.fields.iter().filter(|own| now.fields.iter().all(|field| number(field) != number(own))) {
            let means = "its values stay in the rows, and nothing reads them";
            let help = format!("bring it back, with its number #{}", number(gone));
            self.gone(PartKind::Field, &path(now, &gone.name), Some(was.origin), means, &help);
        }
    }
}

fn path(dimension: &Dimension, field: &str) -> String {
    format!("{}.{field}", dimension.name)
}

const fn number(field: &DimensionField) -> u64 {
    field.id % 1_000_000
}

fn field_changes(before: &DimensionField, now: &DimensionField) -> Vec<Change> {
    let words = |field: &DimensionField| {
        let derived = if field.derived { ", derived" } else { "" };
        format!("{}{derived}", field.ty)
    };
    // A field without a value is null in the store, whatever its type says.
    let is_same = before.ty.non_null() == now.ty.non_null() && before.derived == now.derived;
    if is_same {
        return Vec::new();
    }
    let what = format!("{} → {}", words(before), words(now));
    if before.id == now.id && reads_as(before.ty.non_null(), now.ty.non_null()) {
        return vec![Change::migrated(what, "stored values are read as the wider type")];
    }
    let means = if before.id == now.id {
        "values that are stored cannot be read as the new type: such rows would count as damaged"
    } else {
        "the type is part of the field's id: values that are stored are kept, and not read"
    };
    let help = "give the field a new number, by taking this one away and running `nsfc check --fix`: its values begin anew beside \
                the old ones";
    vec![Change::loss(what, means, help)]
}

fn dimension_changes((old, was): (&Plan, &Dimension), (new, now): (&Plan, &Dimension)) -> Vec<Change> {
    let mut changes = Vec::new();
    if was.name != now.name {
        changes.push(Change::loss(
            "another name",
            "rows in a local store are found by the code, those on Redis and MySQL by the name: there the new program is refused",
            "keep the name where its rows are on servers",
        ));
    }
    let types = |dimension: &Dimension| dimension.keys.iter().map(|(_, ty)| ty.to_string()).collect::<Vec<_>>();
    let (before, after) = (types(was), types(now));
    if before != after {
        changes.push(Change::loss(
            format!("keys ({}) → ({})", before.join(", "), after.join(", ")),
            "the new program is refused: rows that are stored would not be found",
            "give the new dimension another code, to begin it anew beside what is stored",
        ));
    }
    changes.extend(other_space(first_space(old, was), first_space(new, now)));
    changes
}

/// The space that is authoritative.
fn first_space<'p>(plan: &'p Plan, dimension: &Dimension) -> Option<&'p Space> {
    plan.spaces.get(dimension.spaces.first()?.index())
}

fn other_space(was: Option<&Space>, now: Option<&Space>) -> Vec<Change> {
    let store = |space: Option<&Space>| space.map_or("the profile's", |space| space.store.as_str()).to_owned();
    let (before, after) = (store(was), store(now));
    let mut changes = Vec::new();
    if before != after {
        let help = "put the old space first again; `nsflow heal` fills a further one from it";
        changes.push(Change::loss(
            format!("store {before} → {after}"),
            "rows stay in the old store, and are not found",
            help,
        ));
    }
    let (Some(was), Some(now)) = (was, now) else { return changes };
    if was.shards != now.shards {
        let help = "the number of shards must stay while there are rows";
        let means = "rows lie in the tables that the old number puts them in, and are not found";
        changes.push(Change::loss(format!("shards {} → {}", was.shards, now.shards), means, help));
    }
    let words = |keep: Option<i64>| keep.map_or("forever".to_owned(), duration);
    let what = || format!("keep {} → {}", words(was.keep), words(now.keep));
    match (was.keep, now.keep) {
        (before, after) if before == after => {}
        (before, Some(after)) if before.is_none_or(|before| after < before) => {
            let means = format!("rows that were written last more than {} ago are forgotten", duration(after));
            changes.push(Change::loss(what(), means, "keep it as it was, if such rows are of use"));
        }
        _ => changes.push(Change::migrated(what(), "rows are kept longer from their next write on")),
    }
    changes
}
