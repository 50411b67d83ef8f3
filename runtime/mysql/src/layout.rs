//! Which tables dimensions have: their names and columns.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    dimension::Dimensions,
    run::stage::DimensionRows as _,
    store::Form,
};
use nsf_plan::{DimensionId, Plan, Type};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    column::Family,
    names::{self, TableName, quoted},
    schema::folded,
};

/// Columns of this runtime's own in every table, and what they are.
pub(crate) const OWN: [(&str, &str, &str); 4] = [
    ("nsf_key", "VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", "varchar"),
    ("nsf_row", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", "longtext"),
    ("nsf_updated", "DATETIME(3) NULL", "datetime"),
    ("nsf_deleted", "TINYINT(1) NOT NULL DEFAULT 0", "tinyint"),
];

/// The column of a space that keeps rows for a time: when a row may be deleted, by the server's clock (UTC).
pub(crate) const EXPIRES: (&str, &str, &str) = ("nsf_expires", "DATETIME(3) NULL", "datetime");

/// How a dimension is kept on MySQL, as whoever knows all of its places decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// How many tables it has; 0 is 1.
    pub shards: u32,
    /// Milliseconds after a write after which a row may be deleted; 0 for never.
    pub keep: u64,
}

/// A dimension's tables.
pub(crate) struct DimensionTable {
    pub(crate) id: DimensionId,
    /// The dimension's name in the program.
    pub(crate) name: String,
    /// What the keys of its rows begin with.
    pub(crate) prefix: Vec<u8>,
    /// One a shard.
    pub(crate) tables: Vec<TableName>,
    /// Keys, then fields.
    pub(crate) columns: Vec<FieldColumn>,
    /// Milliseconds after a write after which a row may be deleted; 0 for never.
    pub(crate) keep: u64,
    /// Whether the tables have [`EXPIRES`] though the space keeps rows for ever now: what stands there must not come back.
    pub(crate) kept_before: AtomicBool,
}

/// A column for readers.
pub(crate) struct FieldColumn {
    pub(crate) name: String,
    pub(crate) quoted: String,
    pub(crate) ty: Type,
    /// Its type in SQL.
    pub(crate) definition: String,
    /// The kind of column that its values are bound for.
    pub(crate) kind: &'static str,
}

/// The tables of some dimensions of a plan.
pub(crate) struct Layout {
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) list: Vec<DimensionTable>,
}

impl DimensionTable {
    /// Which of its tables holds a key.
    pub(crate) fn shard(&self, key: &[u8]) -> usize {
        let shards = self.tables.len() as u64;
        usize::try_from(xxh3_64(key) % shards.max(1)).unwrap_or(0)
    }

    /// The columns of this runtime's own that the tables must have.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        OWN.into_iter().chain((self.keep > 0).then_some(EXPIRES))
    }

    /// Whether it is written when a row may be deleted.
    pub(crate) fn writes_expiry(&self) -> bool {
        self.keep > 0 || self.kept_before.load(Ordering::Relaxed)
    }
}

impl Layout {
    /// The tables of the dimensions that are wanted.
    ///
    /// # Errors
    /// Where names cannot be those of tables or columns, or two would be one.
    pub(crate) fn new(
        plan: &Plan,
        database: &str,
        wanted: &dyn Fn(DimensionId) -> Option<Placed>,
    ) -> ConnectorResult<Self> {
        let dimensions = Dimensions::in_form(plan, Form::Text).map_err(|error| {
            let message = format!("the plan is damaged: {}", error.message);
            ConnectorError::new(Kind::Changed, message).with_help("compile it again")
        })?;
        let dimensions = Arc::new(dimensions);
        let (mut list, mut taken) = (Vec::new(), HashMap::new());
        for (index, own) in plan.dimensions.iter().enumerate() {
            let id = DimensionId(index as u32);
            let Some(placed) = wanted(id) else { continue };
            let table = dimension_table(own, placed, (id, dimensions.prefix(id)), database)?;
            for name in &table.tables {
                if let Some(first) = taken.insert(folded(&name.table), own.name.clone()) {
                    let message =
                        format!("the dimensions `{first}` and `{}` would have one table, `{}`", own.name, name.table);
                    return Err(ConnectorError::new(Kind::Changed, message).with_help("give one of them another name"));
                }
            }
            list.push(table);
        }
        Ok(Self { dimensions, list })
    }

    /// The dimension that a key is of.
    pub(crate) fn of_key(&self, key: &[u8]) -> Option<&DimensionTable> {
        self.list.iter().find(|table| key.starts_with(&table.prefix))
    }
}

fn dimension_table(
    own: &nsf_plan::Dimension,
    Placed { shards, keep }: Placed,
    (id, prefix): (DimensionId, Vec<u8>),
    database: &str,
) -> ConnectorResult<DimensionTable> {
    let shards = shards.max(1);
    let base = own.name.replace('.', "_");
    let name = |shard: u32| if shards == 1 { base.clone() } else { format!("{base}_{shard}") };
    let tables = (0..shards).map(|shard| names::table(&name(shard), database)).collect::<ConnectorResult<_>>()?;
    let mut columns: Vec<FieldColumn> = Vec::new();
    let keys = own.keys.iter().map(|(name, ty)| (name, ty, true));
    for (name, ty, is_key) in keys.chain(own.fields.iter().map(|field| (&field.name, &field.ty, false))) {
        let clash = columns
            .iter()
            .map(|column| column.name.as_str())
            .chain(OWN.into_iter().chain([EXPIRES]).map(|(own, ..)| own));
        if let Some(other) = clash.into_iter().find(|other| folded(other) == folded(name)) {
            let message =
                format!("`{name}` and `{other}` of the dimension `{}` would be one column of MySQL", own.name);
            let help = "give it another name: MySQL does not tell upper and lower case apart";
            return Err(ConnectorError::new(Kind::Changed, message).with_help(help));
        }
        columns.push(field_column(name, ty, is_key)?);
    }
    let kept_before = AtomicBool::new(false);
    Ok(DimensionTable { id, name: own.name.clone(), prefix, tables, columns, keep, kept_before })
}

fn field_column(name: &str, ty: &Type, is_key: bool) -> ConnectorResult<FieldColumn> {
    let family = Family::of(ty);
    let null = if is_key { "NOT NULL" } else { "NULL" };
    let kind = match family {
        Family::Timestamp => "datetime",
        Family::Date => "date",
        Family::Duration => "bigint",
        _ => "",
    };
    let quoted = quoted(name, "column")?;
    let definition = format!("{} {null}", family.column(is_key));
    Ok(FieldColumn { name: name.to_owned(), quoted, ty: ty.clone(), definition, kind })
}
