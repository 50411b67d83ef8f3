//! Tables whose rows are looked up by key.

use std::{collections::HashSet, fmt::Write as _, sync::Arc};

use mysql::{Conn, Params, Row, Value, prelude::Queryable as _};
use nsf_engine::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult, Lookup, LookupMember},
    encode::json,
};

use crate::{
    client::Client,
    column::Family,
    database::MysqlDatabase,
    names::{self, TableName, quoted},
    schema::{self, Columns, folded},
    value::{bound, write_json},
};

/// How many keys are asked for at once, largest first. Few sizes make few statements, which the server then knows.
const SIZES: [usize; 4] = [512, 64, 8, 1];

/// A table, ready to be asked.
struct MysqlLookup {
    client: Arc<Client>,
    table: TableName,
    key: Vec<Member>,
    members: Vec<Member>,
    /// By size of [`SIZES`].
    statements: Vec<String>,
}

/// A column that is asked for.
struct Member {
    own: LookupMember,
    family: Family,
    kind: String,
}

impl MysqlDatabase {
    /// A table whose rows are looked up by the key's members. Compares it with what the program needs of it.
    ///
    /// # Errors
    /// Where the server is not reached, or the table or a column is not there or is another.
    pub fn lookup(
        &self,
        table: &str,
        key: &[LookupMember],
        members: &[LookupMember],
    ) -> ConnectorResult<Arc<dyn Lookup>> {
        let table = names::table(table, &self.client.settings.database)?;
        let columns = self.client.run(|connection| schema::columns(connection, &table))?;
        let wants = |member: &&LookupMember| !key.iter().any(|own| own.name == member.name);
        let wanted: Vec<&LookupMember> = key.iter().chain(members.iter().filter(wants)).collect();
        fit(&self.client, &table, columns.as_ref(), &wanted, key)?;
        let columns = columns.unwrap_or_default();
        let member = |own: &LookupMember| Member {
            own: own.clone(),
            family: Family::of(&own.ty),
            kind: columns.get(&folded(&own.name)).map_or_else(String::new, |column| column.kind.clone()),
        };
        let key: Vec<Member> = key.iter().map(member).collect();
        let members: Vec<Member> = wanted.into_iter().map(member).collect();
        let statements =
            SIZES.iter().map(|size| statement(&table, &key, &members, *size)).collect::<ConnectorResult<_>>()?;
        Ok(Arc::new(MysqlLookup { client: Arc::clone(&self.client), table, key, members, statements }))
    }
}

/// Whether a table has what the program needs; else the SQL that would give it.
fn fit(
    client: &Client,
    table: &TableName,
    columns: Option<&Columns>,
    wanted: &[&LookupMember],
    key: &[LookupMember],
) -> ConnectorResult<()> {
    let node = &client.settings.node;
    let is_key = |member: &LookupMember| key.iter().any(|own| own.name == member.name);
    let definition = |member: &LookupMember| -> ConnectorResult<String> {
        let null = if member.ty.is_nullable() { "NULL" } else { "NOT NULL" };
        let column = Family::of(&member.ty).column(is_key(member));
        Ok(format!("{} {column} {null}", quoted(&member.name, "column")?))
    };
    if let Some(composite) = key.iter().find(|member| Family::of(&member.ty) == Family::Json) {
        let message = format!("the key `{}` of the table {} is no single value", composite.name, table.quoted);
        let help = "use numbers, texts, dates or times as keys of a table on MySQL";
        return Err(ConnectorError::new(Kind::Changed, message).with_help(help));
    }
    let Some(columns) = columns else {
        let mut parts = wanted.iter().map(|member| definition(member)).collect::<ConnectorResult<Vec<String>>>()?;
        let keys = key.iter().map(|member| quoted(&member.name, "column")).collect::<ConnectorResult<Vec<String>>>()?;
        parts.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        let message = format!("MySQL at `{node}` has no table {}, or the user may not see it", table.quoted);
        let help = format!("make and fill it: CREATE TABLE {} ({})", table.quoted, parts.join(", "));
        return Err(ConnectorError::new(Kind::NotFound, message).with_help(help));
    };
    let (mut wrong, mut changes) = (Vec::new(), Vec::new());
    for member in wanted {
        match columns.get(&folded(&member.name)) {
            None => {
                wrong.push(format!("has no column `{}`", member.name));
                changes.push(format!("ADD COLUMN {}", definition(member)?));
            }
            Some(column) if !Family::of(&member.ty).reads(&column.kind) => {
                wrong.push(format!("has `{}` as `{}`, which is no `{}`", column.name, column.full, member.ty));
                changes.push(format!("MODIFY COLUMN {}", definition(member)?));
            }
            Some(_) => {}
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!("the table {} of MySQL at `{node}` {}", table.quoted, wrong.join(", and "));
    let help =
        format!("correct the table's `record`, or the table: ALTER TABLE {} {}", table.quoted, changes.join(", "));
    Err(ConnectorError::new(Kind::NotFound, message).with_help(help))
}

/// The statement that asks for so many keys.
fn statement(table: &TableName, key: &[Member], members: &[Member], size: usize) -> ConnectorResult<String> {
    let name = |member: &Member| quoted(&member.own.name, "column");
    let columns = members.iter().map(name).collect::<ConnectorResult<Vec<String>>>()?;
    let mut text = format!("SELECT {} FROM {} WHERE ", columns.join(", "), table.quoted);
    if let [alone] = key {
        let values = vec![placeholder(alone); size].join(",");
        let _ = write!(text, "{} IN ({values})", name(alone)?);
        return Ok(text);
    }
    let parts = key.iter().map(|member| Ok(format!("{} = {}", name(member)?, placeholder(member))));
    // Servers use their indexes for this form, and not all of them for lists of pairs.
    let one = format!("({})", parts.collect::<ConnectorResult<Vec<String>>>()?.join(" AND "));
    text.push_str(&vec![one; size].join(" OR "));
    Ok(text)
}

/// Where a value stands in a statement. Servers would compare a decimal with a text as floats.
fn placeholder(member: &Member) -> &'static str {
    if member.family == Family::Decimal { "CAST(? AS DECIMAL(56,28))" } else { "?" }
}

impl Lookup for MysqlLookup {
    fn find(&self, keys: &[Vec<Cell>], found: &mut dyn FnMut(&[u8])) -> ConnectorResult<()> {
        // Only whole answers are given on: what a broken connection began is asked for again.
        let rows = self.client.run(|connection| {
            let mut rows = Vec::new();
            let mut rest = keys;
            while !rest.is_empty() {
                let at = SIZES.iter().position(|size| *size <= rest.len()).unwrap_or(SIZES.len() - 1);
                // A few more at once are cheaper than another request: the last key stands for those that are missing.
                let at = if at > 0 && rest.len() * 4 > SIZES[at - 1] { at - 1 } else { at };
                let (now, later) = rest.split_at(SIZES[at].min(rest.len()));
                rows.append(&mut self.ask(connection, now, at)?);
                rest = later;
            }
            Ok(rows)
        })?;
        let mut seen = HashSet::new();
        for row in rows {
            let text = self.row(row)?;
            if seen.insert(text.clone()) {
                found(&text);
            }
        }
        Ok(())
    }
}

impl MysqlLookup {
    fn ask(&self, connection: &mut Conn, keys: &[Vec<Cell>], at: usize) -> Result<Vec<Row>, mysql::Error> {
        let filled = keys.iter().chain(std::iter::repeat(&keys[keys.len() - 1])).take(SIZES[at]);
        let values = |key: &Vec<Cell>| -> Vec<Value> {
            self.key.iter().zip(key).map(|(member, cell)| bound(&member.own.ty, &member.kind, cell)).collect()
        };
        connection.exec(&self.statements[at], Params::Positional(filled.flat_map(values).collect()))
    }

    /// A row as a JSON object.
    fn row(&self, row: Row) -> ConnectorResult<Vec<u8>> {
        let mut text = vec![b'{'];
        for (member, value) in self.members.iter().zip(row.unwrap()) {
            if value == Value::NULL && member.own.has_default {
                continue;
            }
            if text.len() > 1 {
                text.push(b',');
            }
            json::write_text(&member.own.name, &mut text);
            text.push(b':');
            write_json(member.family, &member.kind, &value, &mut text)
                .map_err(|what| self.odd(member, &what, &text))?;
        }
        text.push(b'}');
        Ok(text)
    }

    fn odd(&self, member: &Member, what: &str, before: &[u8]) -> ConnectorError {
        let (table, node) = (&self.table.quoted, &self.client.settings.node);
        let shown: String = String::from_utf8_lossy(before).chars().take(200).collect();
        let message = format!(
            "the table {table} of MySQL at `{node}` holds {what} in `{}`, which is no `{}`; the row begins with {shown}",
            member.own.name, member.own.ty
        );
        ConnectorError::new(Kind::Other, message).with_help("mend that row; records that need it wait")
    }
}
