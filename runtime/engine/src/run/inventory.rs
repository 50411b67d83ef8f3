//! What the program of the last run was made of, so that a later one that would count again, or forget, says so: the
//! topics of its streams, its flows, the fields of its dimensions.

use std::collections::BTreeMap;

use nsf_plan::{Dimension, HandleTarget, Pipeline, Plan};
use serde::{Deserialize, Serialize};

use super::{
    error::RunError,
    layout::{Fitted, Meta, put},
    pieces::Core,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    store::{StoreBatch, StoreTable},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredStream {
    topic: String,
    /// Whether a later program ran without it.
    left: bool,
    /// Where several workers share it: whether its records are spread over lanes, so that its position stands in all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    laned: Option<bool>,
    /// Where its records are spread over lanes: the members of a record that say which lane, by which rows lie in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFlow {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredDimension {
    name: String,
    /// Types of the keys.
    keys: Vec<String>,
    /// Names of fields by their ids, those of earlier programs too.
    fields: BTreeMap<u64, String>,
}

fn refused(message: String, help: String) -> RunError {
    RunError::connector("store", ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help))
}

/// Compares what earlier runs read and stored with the plan, and adds what is new to the first commit.
pub(super) fn check(
    core: &Core,
    plan: &Plan,
    meta: &Meta,
    first: &mut StoreBatch,
    fitted: &mut Fitted,
) -> Result<(), RunError> {
    let streams = meta.under("stream/")?;
    check_streams(core, plan, meta, &streams, first, fitted)?;
    check_flows(plan, !streams.is_empty(), meta, first, fitted)?;
    for dimension in &plan.dimensions {
        check_dimension(core, dimension, meta, first, fitted)?;
    }
    Ok(())
}

fn check_streams(
    core: &Core,
    plan: &Plan,
    meta: &Meta,
    known: &[(String, StoredStream)],
    first: &mut StoreBatch,
    fitted: &mut Fitted,
) -> Result<(), RunError> {
    let gone: Vec<&(String, StoredStream)> =
        known.iter().filter(|(id, _)| core.streams.iter().all(|stream| stream.id != *id)).collect();
    for (index, stream) in core.streams.iter().enumerate() {
        let laned = core.shared.store.lanes().is_some().then(|| core.is_laned(index));
        let key = laned.filter(|laned| *laned).and_then(|_| key_names(plan, &stream.id));
        let now = StoredStream { topic: stream.topic.clone(), left: false, laned, key };
        let before = known.iter().find(|(id, _)| *id == stream.id).map(|(_, before)| before);
        if let (Some(then), Some(now)) = (before.and_then(|before| before.laned), laned)
            && then != now
        {
            return Err(refused_lanes(&stream.id, now));
        }
        if let Some(refused) = before.and_then(|before| refused_key(&stream.id, before, &now)) {
            return Err(refused);
        }
        if before == Some(&now) {
            continue;
        }
        put(first, &format!("stream/{}", stream.id), &now);
        if before.is_some() || known.is_empty() {
            continue;
        }
        let renamed = gone.iter().find(|(id, gone)| {
            gone.topic == now.topic && (module(id) == module(&stream.id) || writes_known(plan, index, meta))
        });
        if let Some((old, _)) = renamed {
            let topic = &now.topic;
            let message = format!(
                "`{}` is new and reads `{topic}`, which earlier runs read as `{old}`: what they took would be counted again",
                stream.id
            );
            let help = format!("call it `{old}` again, or give --fresh to forget earlier runs and begin anew");
            return Err(refused(message, help));
        }
        fitted.notes.push(format!("`{}` is new: it is read from its beginning", stream.id));
    }
    for (id, gone) in gone.into_iter().filter(|(_, gone)| !gone.left) {
        fitted.notes.push(format!("`{id}` is no longer in the program; how far it was read is kept"));
        put(first, &format!("stream/{id}"), &StoredStream { left: true, ..gone.clone() });
    }
    Ok(())
}

/// How far a stream was read stands in one lane, or in all: the one cannot be made of the other while records come.
fn refused_lanes(id: &str, now: bool) -> RunError {
    let (was, is) = if now { ("no flow", "one") } else { ("a flow", "none") };
    let message = format!(
        "`{id}` was read by {was} that keeps state, and now is read by {is}: how far it was read is kept in another way then"
    );
    let help = "let the flow that comes or goes read a source of its own: another name, the same topic; it is read from its \
                beginning";
    refused(message, help.to_owned())
}

/// The members of a message that are a source's key: a field may be called otherwise.
fn key_names(plan: &Plan, id: &str) -> Option<Vec<String>> {
    let source = plan.sources.iter().find(|source| source.id == id)?;
    let name = |field: &u32| source.encoding.fields.get(*field as usize).map(|field| field.path.join("."));
    source.key.iter().map(name).collect()
}

/// Rows lie in the lane that the key of their records names. What an earlier version of the runtime noted says no key.
fn refused_key(id: &str, then: &StoredStream, now: &StoredStream) -> Option<RunError> {
    let (was, is) = (then.key.as_ref()?.join(", "), now.key.as_ref()?.join(", "));
    if was == is {
        return None;
    }
    let message =
        format!("the key of `{id}` was ({was}) and is ({is}) now: what its flows have stored would not be found");
    let help =
        format!("keep the key, and let the flow `repartition by {is}`; or read the topic by a source of another name");
    Some(refused(message, help))
}

/// The module of an item's id.
fn module(id: &str) -> &str {
    id.rsplit_once('.').map_or("", |(module, _)| module)
}

/// Whether a flow that reads a stream saves a state that is stored.
fn writes_known(plan: &Plan, stream: usize, meta: &Meta) -> bool {
    let reads = |pipeline: &&Pipeline| {
        pipeline.inputs.iter().filter_map(|input| input.from.source()).any(|source| source.index() == stream)
    };
    let handles = plan.pipelines.iter().filter(reads).flat_map(|pipeline| &pipeline.handles);
    handles.into_iter().any(|handle| match handle.target {
        HandleTarget::State(state) => plan
            .states
            .get(state.index())
            .is_some_and(|state| meta.value(format!("state/{}", state.id).as_bytes()).is_some()),
        _ => false,
    })
}

/// A flow that was not there does not see what earlier runs took.
fn check_flows(
    plan: &Plan,
    is_known: bool,
    meta: &Meta,
    first: &mut StoreBatch,
    fitted: &mut Fitted,
) -> Result<(), RunError> {
    let known: Vec<(String, StoredFlow)> = meta.under("flow/")?;
    for pipeline in &plan.pipelines {
        if known.iter().any(|(id, _)| *id == pipeline.id) {
            continue;
        }
        put(first, &format!("flow/{}", pipeline.id), &StoredFlow {});
        if is_known {
            let name = &pipeline.name;
            fitted.notes.push(format!("flow `{name}` is new: it does not see the records that earlier runs took"));
        }
    }
    // One that comes back has missed what came meanwhile, so it is new then.
    for (id, _) in known.iter().filter(|(id, _)| plan.pipelines.iter().all(|pipeline| pipeline.id != *id)) {
        first.table(StoreTable::Meta).delete(format!("flow/{id}").as_bytes());
    }
    Ok(())
}

fn check_dimension(
    core: &Core,
    dimension: &Dimension,
    meta: &Meta,
    first: &mut StoreBatch,
    fitted: &mut Fitted,
) -> Result<(), RunError> {
    let key = format!("dimension/{}", dimension.code);
    let mut now = StoredDimension {
        name: dimension.name.clone(),
        keys: dimension.keys.iter().map(|(_, ty)| ty.to_string()).collect(),
        fields: dimension.fields.iter().map(|field| (field.id, field.name.clone())).collect(),
    };
    let known =
        meta.under::<StoredDimension>("dimension/")?.into_iter().find(|(code, _)| *code == dimension.code.to_string());
    let Some((_, known)) = known else {
        put(first, &key, &now);
        return Ok(());
    };
    if known.keys != now.keys {
        let (old, new) = (known.keys.join(", "), now.keys.join(", "));
        let message = format!(
            "dimension `{}` (#{}) is not as it was stored: its keys were ({old}), now they are ({new})",
            dimension.name, dimension.code
        );
        let help = "give the dimension another number to begin it anew beside what is stored, or give --fresh to forget \
                    earlier runs and begin anew";
        return Err(refused(message, help.to_owned()));
    }
    if let (Some(refused), Some(_)) = (refused_name(dimension.code, &known.name, &now.name), core.shared.store.lanes())
    {
        return Err(refused);
    }
    for field in &dimension.fields {
        let old = known.fields.iter().find(|(id, name)| **name == field.name && **id != field.id);
        if old.is_some() && !known.fields.contains_key(&field.id) {
            fitted.notes.push(format!(
                "field `{}` of dimension `{}` has another number or type than before: what was stored in it is kept, but \
                 not read",
                field.name, dimension.name
            ));
        }
    }
    let mut fields = known.fields.clone();
    fields.append(&mut now.fields);
    now.fields = fields;
    if now != known {
        put(first, &key, &now);
    }
    Ok(())
}

/// On servers rows lie under a dimension's name; a store of this machine finds them by the code.
fn refused_name(code: u32, then: &str, now: &str) -> Option<RunError> {
    if then == now {
        return None;
    }
    let message = format!("dimension `{now}` (#{code}) was stored as `{then}`: its rows would not be found");
    let help = format!("call it `{then}` again, or give `{now}` another number to begin it anew beside what is stored");
    Some(refused(message, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(key: Option<&[&str]>) -> StoredStream {
        let key = key.map(|key| key.iter().map(|part| (*part).to_owned()).collect());
        StoredStream { topic: "orders".into(), left: false, laned: Some(true), key }
    }

    #[test]
    fn rows_that_lie_by_another_key_or_name_are_not_looked_for_in_vain() {
        let told = |then, now| refused_key("shop.order", &stream(then), &stream(now)).map(|error| error.to_string());
        let shop: Option<&[&str]> = Some(&["shop"]);
        let words = told(Some(&["shop", "day"]), shop).unwrap_or_default();
        assert!(words.contains("the key of `shop.order` was (shop, day) and is (shop) now"), "{words}");
        assert!(words.contains("`repartition by shop`"), "{words}");
        // The same key, and what an earlier version of the runtime has noted.
        assert_eq!((told(shop, shop), told(None, shop), told(shop, None)), (None, None, None));
        let words = refused_name(1001, "shop.card", "shop.cards").map(|error| error.to_string()).unwrap_or_default();
        assert!(words.contains("dimension `shop.cards` (#1001) was stored as `shop.card`"), "{words}");
        assert_eq!(refused_name(1001, "shop.card", "shop.card"), None);
        // A store that was noted before keys were is read.
        let known: StoredStream =
            serde_json::from_str(r#"{"topic":"orders","left":false,"laned":true}"#).unwrap_or(stream(shop));
        assert_eq!(known, stream(None));
    }
}
