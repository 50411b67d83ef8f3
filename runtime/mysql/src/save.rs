//! Saves of lanes: one transaction each.
//!
//! It locks and compares the progress, looks at guarded rows, writes rows, ends and progress, and commits. Statements that
//! write rows come in the order of keys, so that two transactions seldom wait for one another crosswise; where they do, the
//! server ends one of them, and it is done anew from its beginning. What breaks before `COMMIT` was sent is not done; what
//! breaks after that is in doubt until the next claim, which waits for the locks of whatever is still under way.

use std::collections::HashMap;

use mysql::{Conn, Params, Value, prelude::Queryable as _};
use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, Guard, Held, LONGEST_KEEP, LaneProgress, row_version},
};

use crate::{
    lane::{CHUNK, Found, Lane, Stop, filled, places, step},
    lane_sweep,
    states::{self, LONGEST_KEY, LONGEST_NAME},
    store::MysqlStore,
};

/// About how many bytes of rows a statement has.
const BYTES: usize = 1024 * 1024;

/// A row to write: its key, its value, and milliseconds after which it may be forgotten (0: never).
type Put<'r> = (&'r [u8], &'r [u8], u64);

impl MysqlStore {
    pub(crate) fn try_save(
        &self,
        number: u16,
        held: &[Held],
        rows: &Changes,
        progress: &[LaneProgress],
    ) -> ConnectorResult<()> {
        let mut guard = self.lane(number)?;
        let lane: &mut Lane = &mut guard;
        if held.len() != progress.len() {
            let message = format!("lane {number}: {} partitions are held and {} saved", held.len(), progress.len());
            return Err(ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly"));
        }
        let ended = rows.ends().iter().map(|end| end.key.as_slice());
        if let Some(long) = rows.rows().map(|(key, _)| key).chain(ended).find(|key| key.len() > LONGEST_KEY) {
            return Err(too_long(long));
        }
        let sets = rows.ends().iter().map(|end| (end, states::ends(&self.settings.group, &end.state, end.partition)));
        if let Some((end, set)) = { sets }.find(|(_, set)| set.len() > LONGEST_NAME) {
            return Err(names_too_long(&self.settings.group, &end.state, set.len()));
        }
        self.over(lane, false, |connection, claimed| {
            self.begin(connection)?;
            let found = self.lock_progress(number, held, rows, connection)?;
            self.verify(number, held, &found, claimed)?;
            self.verify_guards(number, rows.guards(), connection)?;
            self.write_rows(number, rows, connection)?;
            self.write_ends(number, rows, connection)?;
            self.write_progress(number, (held, progress), rows, connection)?;
            Ok(self.commit_transaction(connection)?)
        })?;
        // From here on it is done, whatever becomes of the connection.
        lane_sweep::behind(self, number, lane);
        Ok(())
    }

    /// Locks the progress of all partitions that are held or to be fenced, in one order everywhere.
    fn lock_progress(
        &self,
        number: u16,
        held: &[Held],
        rows: &Changes,
        connection: &mut Conn,
    ) -> Result<Found, mysql::Error> {
        let own = held.iter().map(|held| self.name(&held.name));
        let mut names: Vec<Vec<u8>> = own.chain(rows.fences().iter().map(|name| self.name(name))).collect();
        names.sort_unstable();
        names.dedup();
        let mut found = Found::new();
        for chunk in names.chunks(CHUNK) {
            let (table, places) = (&self.tables.progress.quoted, places(chunk.len().next_power_of_two()));
            let values = std::iter::once(number.into()).chain(filled(chunk).map(|name| Value::Bytes(name.clone())));
            let rows: Vec<(Vec<u8>, u64, Option<u64>)> = connection.exec(
                format!(
                    "SELECT partition_name, epoch, next_offset FROM {table} WHERE lane = ? AND partition_name IN ({places}) \
                     ORDER BY partition_name FOR UPDATE"
                ),
                Params::Positional(values.collect()),
            )?;
            found.extend(rows.into_iter().map(|(name, epoch, next)| (name, (epoch, next))));
        }
        Ok(found)
    }

    /// Locks rows that may be changed only as they were read, and compares them. A row that is not there cannot be locked: it
    /// is put in by an `INSERT` that fails where another worker was first.
    fn verify_guards(&self, number: u16, guards: &[Guard], connection: &mut Conn) -> Result<(), Stop> {
        let mut sorted: Vec<&Guard> = guards.iter().collect();
        sorted.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for chunk in sorted.chunks(CHUNK) {
            let (table, places) = (&self.tables.state.quoted, places(chunk.len().next_power_of_two()));
            let keys = filled(chunk).map(|guard| Value::Bytes(guard.key.to_vec()));
            let rows: Vec<(Vec<u8>, Vec<u8>)> = connection.exec(
                format!(
                    "SELECT nsf_key, nsf_row FROM {table} WHERE lane = ? AND nsf_key IN ({places}) \
                     ORDER BY nsf_key FOR UPDATE"
                ),
                Params::Positional(std::iter::once(number.into()).chain(keys).collect()),
            )?;
            let rows: HashMap<Vec<u8>, Vec<u8>> = rows.into_iter().collect();
            let version = |guard: &Guard| row_version(rows.get(&*guard.key).map(Vec::as_slice));
            if chunk.iter().any(|guard| version(guard) != guard.version) {
                return Err(ConnectorError::new(Kind::Lost, "a guarded row was changed since it was read").into());
            }
        }
        Ok(())
    }

    fn write_rows(&self, number: u16, rows: &Changes, connection: &mut Conn) -> Result<(), mysql::Error> {
        let new: std::collections::HashSet<&[u8]> =
            rows.guards().iter().filter(|guard| guard.version == 0).map(|guard| &*guard.key).collect();
        let (mut put, mut first, mut gone): (Vec<Put<'_>>, Vec<Put<'_>>, Vec<&[u8]>) = Default::default();
        for ((key, value), expires) in rows.rows().zip(rows.expiries()) {
            match value {
                Some(value) if new.contains(key) => first.push((key, value, expires)),
                Some(value) => put.push((key, value, expires)),
                // Made and removed since it was found not to be there: whoever has put one in meanwhile comes behind it.
                None if new.contains(key) => {}
                None => gone.push(key),
            }
        }
        self.put_rows(number, &first, false, connection)?;
        self.put_rows(number, &put, true, connection)?;
        for chunk in gone.chunks(CHUNK) {
            let (table, places) = (&self.tables.state.quoted, places(chunk.len().next_power_of_two()));
            let keys = filled(chunk).map(|key| Value::Bytes(key.to_vec()));
            connection.exec_drop(
                format!("DELETE FROM {table} WHERE lane = ? AND nsf_key IN ({places})"),
                Params::Positional(std::iter::once(number.into()).chain(keys).collect()),
            )?;
        }
        Ok(())
    }

    fn put_rows(
        &self,
        number: u16,
        rows: &[Put<'_>],
        replaces: bool,
        connection: &mut Conn,
    ) -> Result<(), mysql::Error> {
        // The server's clock counts: it is one for all workers.
        let one = "(?,?,?,UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND)";
        let end =
            if replaces { " ON DUPLICATE KEY UPDATE nsf_row = VALUES(nsf_row), expires = VALUES(expires)" } else { "" };
        let mut rest = rows;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(portion(rest));
            let rows = vec![one; now.len()].join(",");
            let table = &self.tables.state.quoted;
            let values = now.iter().flat_map(|(key, value, expires)| {
                // A null makes the sum null.
                let expires = (1..=LONGEST_KEEP.unsigned_abs()).contains(expires).then_some(*expires);
                let expires = expires.map_or(Value::NULL, Value::UInt);
                [number.into(), Value::Bytes(key.to_vec()), Value::Bytes(value.to_vec()), expires]
            });
            connection.exec_drop(
                format!("INSERT INTO {table} (lane, nsf_key, nsf_row, expires) VALUES {rows}{end}"),
                Params::Positional(values.collect()),
            )?;
            rest = later;
        }
        Ok(())
    }

    /// Writes when values end.
    fn write_ends(&self, number: u16, rows: &Changes, connection: &mut Conn) -> Result<(), mysql::Error> {
        let table = &self.tables.ends.quoted;
        let set = |state: &str, partition| states::ends(&self.settings.group, state, partition).into_bytes();
        // Of several notes of one value the last counts.
        let mut last: HashMap<(&str, u32, &[u8]), Option<i64>> = HashMap::new();
        for end in rows.ends() {
            last.insert((&end.state, end.partition, &end.key), end.due);
        }
        let mut ends: Vec<_> = last.into_iter().collect();
        ends.sort_unstable();
        let put: Vec<_> = ends.iter().filter_map(|(key, due)| due.map(|due| (key, due))).collect();
        let mut rest = put.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((1 << rest.len().ilog2()).min(CHUNK));
            let rows = vec!["(?,?,?,?)"; now.len()].join(",");
            let values = now.iter().flat_map(|((state, partition, key), due)| {
                [number.into(), Value::Bytes(set(state, *partition)), Value::Bytes(key.to_vec()), Value::Int(*due)]
            });
            connection.exec_drop(
                format!(
                    "INSERT INTO {table} (lane, set_name, nsf_key, due) VALUES {rows} ON DUPLICATE KEY UPDATE due = VALUES(due)"
                ),
                Params::Positional(values.collect()),
            )?;
            rest = later;
        }
        let gone: Vec<_> = ends.iter().filter(|(_, due)| due.is_none()).map(|(key, _)| key).collect();
        for own in gone.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            for chunk in own.chunks(CHUNK) {
                let places = places(chunk.len().next_power_of_two());
                let keys = filled(chunk).map(|(_, _, key)| Value::Bytes(key.to_vec()));
                let set = [number.into(), Value::Bytes(set(own[0].0, own[0].1))];
                connection.exec_drop(
                    format!("DELETE FROM {table} WHERE lane = ? AND set_name = ? AND nsf_key IN ({places})"),
                    Params::Positional(set.into_iter().chain(keys).collect()),
                )?;
            }
        }
        Ok(())
    }

    fn write_progress(
        &self,
        number: u16,
        (held, progress): (&[Held], &[LaneProgress]),
        rows: &Changes,
        connection: &mut Conn,
    ) -> Result<(), mysql::Error> {
        let table = &self.tables.progress.quoted;
        let columns = ["epoch", "next_offset", "first_offset", "watermark", "incarnation", "plan", "marks", "counted"];
        let one = format!("({})", places(2 + columns.len()));
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = VALUES({column})")).collect();
        let all: Vec<(&Held, &LaneProgress)> = held.iter().zip(progress).collect();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((1 << rest.len().ilog2()).min(CHUNK));
            let places = vec![one.as_str(); now.len()].join(",");
            let values = now.iter().flat_map(|(held, progress)| {
                let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
                [
                    number.into(),
                    Value::Bytes(self.name(&held.name)),
                    held.epoch.into(),
                    progress.next.into(),
                    progress.first.into(),
                    progress.watermark.into(),
                    text(&progress.incarnation),
                    text(&progress.plan),
                    text(&progress.marks.to_string()),
                    text(&progress.counted.to_string()),
                ]
            });
            connection.exec_drop(
                format!(
                    "INSERT INTO {table} (lane, partition_name, {}) VALUES {places} ON DUPLICATE KEY UPDATE {}",
                    columns.join(", "),
                    set.join(", ")
                ),
                Params::Positional(values.collect()),
            )?;
            rest = later;
        }
        for name in rows.fences() {
            // A partition that nobody ever claimed there has nobody to be fenced.
            let values = vec![step().into(), number.into(), Value::Bytes(self.name(name))];
            connection.exec_drop(
                format!("UPDATE {table} SET epoch = epoch + ? WHERE lane = ? AND partition_name = ?"),
                Params::Positional(values),
            )?;
        }
        Ok(())
    }
}

/// How many of the rows one statement takes: a power of two, since few lengths make few statements.
fn portion(rows: &[Put<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |(key, value, _): &&Put<'_>| {
        bytes += key.len() + value.len();
        bytes <= BYTES
    };
    let fitting = rows.iter().take(CHUNK).take_while(fits).count().max(1);
    1 << fitting.ilog2()
}

fn too_long(key: &[u8]) -> ConnectorError {
    let shown: String = String::from_utf8_lossy(key).chars().take(60).collect();
    let message = format!(
        "the key of a row of a state is {} bytes long, and MySQL keeps at most {LONGEST_KEY}: it begins with {shown}",
        key.len()
    );
    ConnectorError::new(Kind::Other, message)
        .with_help("reject records with such keys in the program, or keep the states on Redis")
}

fn names_too_long(group: &str, state: &str, length: usize) -> ConnectorError {
    let message = format!(
        "the names of the group `{group}` and of the state `{state}` make {length} bytes together, and MySQL keeps at most \
         {LONGEST_NAME}: when its values end cannot be written"
    );
    ConnectorError::new(Kind::Other, message).with_help("take a shorter `kafka.group` or a shorter name of the state")
}
