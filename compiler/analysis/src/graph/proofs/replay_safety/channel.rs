//! What channels and stores can keep.

use nsf_plan::connector::Connector;
use nsf_plan::{Dimension, Guarantee};

use crate::graph::Dag;

/// The best that a channel of a kind keeps for messages whose records are processed again.
pub(super) fn keeps(kind: &str) -> Guarantee {
    match kind {
        // Written in one transaction with the progress; a file is cut back to its committed length.
        "kafka" | "file" => Guarantee::ExactlyOnce,
        // The same value under the same key: a second time changes nothing.
        "redis" => Guarantee::EffectivelyOnce,
        // There is no way to take a message back, or to tell that it was there before.
        _ => Guarantee::AtLeastOnce,
    }
}

/// What holds for messages to a channel.
pub(super) fn topic(sink: &Connector, inputs: &[&Connector], keeps_state: bool) -> Guarantee {
    let best = keeps(&sink.kind);
    match sink.kind.as_str() {
        // One transaction holds messages and positions only within a cluster, and state is not in it: then messages
        // go out first, with stable ids.
        "kafka" if inputs.iter().any(|input| input.kind == "kafka" && input.cluster != sink.cluster) => {
            Guarantee::AtLeastOnce
        }
        "kafka" if keeps_state || inputs.iter().any(|input| input.kind != "kafka") => Guarantee::EffectivelyOnce,
        _ => best,
    }
}

/// What holds for fields written to a dimension.
pub(super) fn dimension(dag: &Dag, dimension: &Dimension) -> Guarantee {
    let embedded = |space: &nsf_plan::SpaceId| dag.space(*space).is_some_and(|space| space.value.store == "embedded");
    if !dimension.spaces.is_empty() && dimension.spaces.iter().all(embedded) {
        return Guarantee::ExactlyOnce;
    }
    // Rows take versioned writes: a second one changes nothing.
    Guarantee::EffectivelyOnce
}

/// A store in words.
pub(super) fn store_words(store: Option<&Connector>) -> String {
    match store {
        None => "the embedded store".to_owned(),
        Some(Connector { kind, cluster: Some(cluster), .. }) => format!("{kind} (`{cluster}`)"),
        Some(store) => store.kind.clone(),
    }
}
