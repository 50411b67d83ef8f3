//! Rows whose time is over.
//!
//! A row that the engine lets be forgotten (`keep`, `closes`) says from when on; the engine itself no longer sees it by then, as
//! there is slack between. So it does no harm that it is there for longer: now and then a save is followed by a look for such
//! rows of its lane, which deletes a bounded number of them.

use std::time::{Duration, Instant};

use mysql::{Conn, Params, Value, prelude::Queryable as _};

use crate::{
    fault::{Cause, failure},
    lane::{CHUNK, Lane, filled, places},
    store::MysqlStore,
};

/// How often a lane is looked through.
const EVERY: Duration = Duration::from_secs(10);

/// How many rows are deleted at most each time; the next save goes on where there are more.
const MOST: usize = 1000;

/// Looks for rows of a lane that are over, behind a save that is done. What fails here is found out by whoever uses the lane
/// next.
pub(crate) fn behind(store: &MysqlStore, number: u16, lane: &mut Lane) {
    let due = lane.swept.is_none_or(|swept| swept.elapsed() >= EVERY);
    let Some(connection) = &mut lane.connection else { return };
    let swept = store.may_idle(connection).and_then(|()| if due { sweep(store, number, connection) } else { Ok(0) });
    match swept {
        Ok(rows) if due => lane.swept = (rows < MOST).then(Instant::now),
        Ok(_) => {}
        Err(error) if matches!(failure(&store.client.settings, &error).cause, Cause::Refused | Cause::Conflict) => {}
        Err(_) => lane.end(),
    }
}

/// Deletes rows that are over; gives how many were looked at.
fn sweep(store: &MysqlStore, number: u16, connection: &mut Conn) -> Result<usize, mysql::Error> {
    let table = &store.tables.state.quoted;
    // They are looked for without a lock and deleted by their keys, in order, as saves write them: so the two do not wait for
    // one another crosswise.
    let mut keys: Vec<Vec<u8>> = connection.exec(
        format!(
            "SELECT nsf_key FROM {table} WHERE lane = ? AND expires < UTC_TIMESTAMP(3) ORDER BY expires LIMIT {MOST}"
        ),
        (number,),
    )?;
    keys.sort_unstable();
    for chunk in keys.chunks(CHUNK) {
        let places = places(chunk.len().next_power_of_two());
        let values = filled(chunk).map(|key| Value::Bytes(key.clone()));
        connection.exec_drop(
            format!("DELETE FROM {table} WHERE lane = ? AND nsf_key IN ({places}) AND expires < UTC_TIMESTAMP(3)"),
            Params::Positional(std::iter::once(number.into()).chain(values).collect()),
        )?;
    }
    Ok(keys.len())
}
