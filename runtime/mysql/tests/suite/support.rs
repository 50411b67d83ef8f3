//! A server, and what the tests ask of it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nsf_engine::{
    cell::Cell,
    connector::{ConnectorResult, Lookup, LookupMember},
    dimension::{
        Dimensions,
        row::{Row, RowWrite},
        stamp::{Stamp, WrittenBy},
    },
    run::stage::{DimensionRows as _, WriteKind},
    store::{Changes, Form, kept_in_space},
};
use nsf_mysql::{LaneSettings, MysqlDatabase, MysqlDimensions, MysqlSettings, MysqlStore, Node, Placed, Secret};
use nsf_plan::{Dimension, DimensionField, DimensionId, IntegerWidth, Origin, Plan, Space, SpaceId, Type};
use nsf_tests::servers::{mariadb::MariaDb, shown};

/// A server with its folder.
pub struct Server {
    pub maria: MariaDb,
    folder: tempfile::TempDir,
}

/// A server of its own for a test; none where MariaDB is not installed.
pub fn server(test: &str) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let maria = shown(test, MariaDb::start(&folder.path().join("server")))?;
    Some(Server { maria, folder })
}

impl Server {
    pub fn settings(&self) -> MysqlSettings {
        let mut settings = MysqlSettings::new(Node::new("127.0.0.1", self.maria.address().port()), "tests", "tests");
        settings.password = Some(Secret::new("tests"));
        settings.response_timeout = Duration::from_secs(5);
        settings
    }

    pub fn database(&self) -> MysqlDatabase {
        MysqlDatabase::new(self.settings()).unwrap()
    }

    pub fn query(&self, sql: &str) -> String {
        self.maria.query(sql).unwrap()
    }

    /// Runs a statement as the server's own administrator, who may give rights.
    pub fn root(&self, sql: &str) {
        self.maria.root(sql).unwrap();
    }

    /// The dimensions of [`plan`], with their tables.
    pub fn dimensions(&self, plan: &Plan) -> MysqlDimensions {
        let dimensions = self.database().dimensions(plan, &placed(plan)).unwrap();
        dimensions.apply(&dimensions.migration().unwrap().statements).unwrap();
        dimensions
    }

    /// A store of states of four lanes in a namespace, with its tables.
    pub fn states(&self, database: &MysqlDatabase, namespace: &str) -> MysqlStore {
        let store = database.store(lanes(namespace), None).unwrap();
        store.apply(&store.migration().unwrap().statements).unwrap();
        store
    }

    /// Ends the connections of workers.
    pub fn cut(&self) {
        let kill = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist \
                    WHERE user = 'tests' AND id <> CONNECTION_ID() AND command <> 'Killed'";
        // One may have ended by itself since.
        let _ = self.maria.query(&self.query(kill).replace('\n', " "));
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

/// Four lanes, and transactions that wait for a second.
pub fn lanes(namespace: &str) -> LaneSettings {
    let mut settings = LaneSettings::new(namespace, "group");
    settings.lanes = 4;
    settings.idle_in_transaction = Duration::from_secs(1);
    settings
}

pub fn member(name: &str, ty: Type) -> LookupMember {
    LookupMember { name: name.to_owned(), ty, has_default: false }
}

pub fn find(lookup: &Arc<dyn Lookup>, keys: &[Vec<Cell>]) -> ConnectorResult<Vec<String>> {
    let mut rows = Vec::new();
    lookup.find(keys, &mut |row| rows.push(String::from_utf8(row.to_vec()).unwrap()))?;
    rows.sort();
    Ok(rows)
}

pub const CLASS: DimensionId = DimensionId(0);

/// A plan with a dimension `fields.class` of a key `class_id` and fields of many types, in so many shards.
pub fn plan(shards: u32) -> Plan {
    let mut plan = Plan::new("classroom");
    plan.spaces.push(Space { name: "main".into(), store: "mysql".into(), shards, keep: None });
    let fields = [
        ("name", Type::Text),
        ("count", Type::Integer(IntegerWidth::Int32)),
        ("price", Type::Decimal),
        ("rate", Type::Float64),
        ("open", Type::Bool),
        ("begins", Type::Timestamp),
        ("day", Type::Date),
        ("stay", Type::Duration),
        ("tags", Type::List(Box::new(Type::Text))),
    ];
    let field = |(at, (name, ty)): (usize, (&str, Type))| DimensionField {
        name: name.into(),
        ty,
        id: 10_000 + at as u64,
        label: None,
        derived: false,
        empty: None,
    };
    plan.dimensions.push(Dimension {
        name: "fields.class".into(),
        code: 1001,
        keys: vec![("class_id".into(), Type::INT64)],
        spaces: vec![SpaceId(0)],
        fields: fields.into_iter().enumerate().map(field).collect(),
        label: None,
        origin: Origin::default(),
    });
    plan
}

/// All dimensions of a plan, each as the first of its spaces says.
pub fn placed(plan: &Plan) -> impl Fn(DimensionId) -> Option<Placed> {
    |id| {
        let space = &plan.spaces[plan.dimensions[id.index()].spaces[0].index()];
        Some(Placed { shards: space.shards, keep: kept_in_space(space.keep, true) })
    }
}

/// Rows and keys in the form of the engine.
pub struct Forms {
    pub dimensions: Arc<Dimensions>,
}

impl Forms {
    pub fn of(plan: &Plan) -> Self {
        Self { dimensions: Arc::new(Dimensions::in_form(plan, Form::Text).unwrap()) }
    }

    pub fn key(&self, class: i64) -> Vec<u8> {
        let mut key = Vec::new();
        self.dimensions.key(CLASS, &[Cell::Integer(class)], &mut key);
        key
    }

    pub fn empty(&self) -> Row {
        Row::new(self.dimensions.get(CLASS).unwrap().fields.len())
    }

    /// A row after a write of some fields at a time.
    pub fn written(&self, mut row: Row, time: i64, fields: &[(u32, Cell)]) -> Row {
        row.apply(&RowWrite { kind: WriteKind::Assign, fields, stamp: stamp(time) });
        row
    }

    pub fn deleted(&self, mut row: Row, time: i64) -> Row {
        row.apply(&RowWrite { kind: WriteKind::Delete, fields: &[], stamp: stamp(time) });
        row
    }

    pub fn bytes(&self, row: &Row) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.dimensions.write_row(CLASS, row, &mut bytes);
        bytes
    }

    pub fn read(&self, bytes: &[u8]) -> Row {
        self.dimensions.read_row(CLASS, bytes).unwrap()
    }

    /// Changes of rows of classes (sorted), and what they should be.
    pub fn changes(&self, rows: &[(i64, &Row)]) -> Changes {
        let mut changes = Changes::default();
        for (class, row) in rows {
            changes.put(&self.key(*class), &self.bytes(row));
        }
        changes.sort();
        changes
    }
}

fn stamp(time: i64) -> Stamp {
    Stamp { time, by: WrittenBy::Ingest, writer: "tests".into(), partition: 0, offset: 1 }
}

/// The row of a class as it is stored.
pub fn stored(dimensions: &MysqlDimensions, forms: &Forms, class: i64) -> ConnectorResult<Option<Vec<u8>>> {
    let (key, mut found) = (forms.key(class), None);
    dimensions.get_many(&[&key], &mut |_, row| found = Some(row.to_vec()))?;
    Ok(found)
}
