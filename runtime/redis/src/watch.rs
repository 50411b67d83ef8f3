//! Asks Sentinel again and again who the master is.
//!
//! A master that hands over, or comes back from behind a network that dropped its packets, goes on taking writes until it is
//! told: Sentinel leaves it eight seconds and more. All of them are lost. Nothing in its answers shows it, so somebody must ask.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use crate::{settings::Place, topology::Topology};

/// How often Sentinel is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Begins to ask, where there is a Sentinel; ends with the topology.
pub(crate) fn begin(topology: &Arc<Topology>) {
    if !matches!(topology.settings().place, Place::Sentinel { .. }) {
        return;
    }
    let watched = Arc::downgrade(topology);
    // Without the thread a change is noticed later: when the old master is told, and ends its connections.
    let _ = thread::Builder::new().name("sentinel".to_owned()).spawn(move || ask(&watched));
}

fn ask(watched: &Weak<Topology>) {
    loop {
        thread::sleep(EVERY);
        let Some(topology) = watched.upgrade() else { return };
        topology.look_again();
    }
}
