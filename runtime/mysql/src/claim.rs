//! Claims of partitions in a lane: one transaction that raises their numbers and reads how far they are. It waits for whatever
//! holds them, so that a save whose answer was lost is done or undone when it ends.

use std::{collections::HashMap, sync::Arc};

use mysql::{Conn, Params, Value, prelude::Queryable as _};
use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{LaneProgress, PartitionName},
};

use crate::{
    lane::{CHUNK, Stop, places, step},
    states,
    store::MysqlStore,
};

impl MysqlStore {
    pub(crate) fn claim_all(
        &self,
        number: u16,
        partitions: &[Arc<PartitionName>],
        connection: &mut Conn,
    ) -> Result<Vec<(u64, LaneProgress)>, Stop> {
        let names: Vec<Vec<u8>> = partitions.iter().map(|name| self.name(name)).collect();
        if let Some(long) = names.iter().find(|name| name.len() > states::LONGEST_NAME) {
            let message = format!(
                "consumer group, source and topic together are {} bytes long, and MySQL keeps at most {}",
                long.len(),
                states::LONGEST_NAME
            );
            let error = ConnectorError::new(Kind::Other, message);
            return Err(error.with_help("give the group a shorter name in the profile: `kafka: { group: … }`").into());
        }
        let mut sorted: Vec<&Vec<u8>> = names.iter().collect();
        sorted.sort_unstable();
        self.begin(connection)?;
        let table = &self.tables.progress.quoted;
        for chunk in sorted.chunks(CHUNK) {
            let rows = vec!["(?,?,?)"; chunk.len()].join(",");
            let step = step();
            let values = chunk.iter().flat_map(|name| [number.into(), Value::Bytes(name.to_vec()), step.into()]);
            connection.exec_drop(
                format!(
                    "INSERT INTO {table} (lane, partition_name, epoch) VALUES {rows} \
                     ON DUPLICATE KEY UPDATE epoch = epoch + VALUES(epoch)"
                ),
                Params::Positional(values.collect()),
            )?;
        }
        let mut found = HashMap::new();
        for chunk in sorted.chunks(CHUNK) {
            let places = places(chunk.len());
            let values = std::iter::once(number.into()).chain(chunk.iter().map(|name| Value::Bytes(name.to_vec())));
            let rows: Vec<mysql::Row> = connection.exec(
                format!(
                    "SELECT partition_name, epoch, next_offset, first_offset, watermark, incarnation, plan, marks, counted \
                     FROM {table} WHERE lane = ? AND partition_name IN ({places})"
                ),
                Params::Positional(values.collect()),
            )?;
            for row in rows {
                let (name, claimed) = self.progress_of(row)?;
                found.insert(name, claimed);
            }
        }
        self.commit_transaction(connection)?;
        self.may_idle(connection)?;
        let claimed = names.iter().map(|name| found.get(name).cloned());
        claimed.collect::<Option<Vec<_>>>().ok_or_else(|| Stop::Refused(self.damaged()))
    }

    /// A row of the table of progress.
    fn progress_of(&self, row: mysql::Row) -> ConnectorResult<(Vec<u8>, (u64, LaneProgress))> {
        type Columns = (Vec<u8>, u64, Option<u64>, u64, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Vec<u8>);
        let columns: Columns = mysql::from_row_opt(row).map_err(|_| self.damaged())?;
        let (name, epoch, next, first, watermark, incarnation, plan, marks, counted) = columns;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| self.damaged());
        let marks = text(marks.unwrap_or_default())?.parse().map_err(|_| self.damaged())?;
        let counted = text(counted)?.parse().map_err(|_| self.damaged())?;
        let (incarnation, plan) = (text(incarnation)?, text(plan)?);
        let progress = LaneProgress { next, first, watermark, incarnation, plan, marks: Arc::new(marks), counted };
        Ok((name, (epoch, progress)))
    }
}
