//! States, dimensions and tables on MySQL, MariaDB or TiDB, which speak one protocol.
//!
//! # Tables that are looked up
//! [`MysqlDatabase::lookup`] finds rows by key, many in one request. Types and columns: see `column`. Keys are compared
//! byte by byte, whatever the column's collation finds alike.
//!
//! # Dimensions
//! A dimension `classroom.class` has the table `classroom_class`; where its space has `shards: n`, the tables
//! `classroom_class_0` to `classroom_class_<n-1>`, of which a row is in that of number `xxh3_64(nsf_key) % n`. The number
//! of shards must not be changed while there are rows.
//!
//! | column | holds |
//! | --- | --- |
//! | `nsf_key` | the row's key as a text: `classroom.class:7`. Primary key, at most 512 bytes |
//! | `nsf_row` | the row as JSON, with the versions of its fields: the truth |
//! | `nsf_updated` | when it was last written, UTC |
//! | `nsf_deleted` | whether the row is deleted; its versions must stay |
//! | `nsf_expires` | where the space has `keep`: when the row may be deleted, UTC |
//! | a key's or field's name | its value, for readers |
//!
//! # Why no write is lost
//! A row is written only if `nsf_row` still is what the writer read ([`nsf_engine::store::row_version`]): rows that are
//! there are locked by `SELECT … FOR UPDATE` and compared; rows that are not are put in by an `INSERT` that fails where
//! another writer was first. Each table's rows are written in transactions of at most 128 rows and about a MiB. A lost
//! answer to a `COMMIT` does no harm: whoever asks again finds other versions, and the engine makes the rows anew.
//!
//! # States
//! [`MysqlDatabase::store`] keeps the lanes of a plan in four tables of InnoDB. Keys are bytes (`VARBINARY`), so that no collation
//! finds two of them alike.
//!
//! | table | holds |
//! | --- | --- |
//! | `nsf_<namespace>_state` | rows by lane and key, as JSON; `expires`: when a row may be deleted (UTC) |
//! | `nsf_<namespace>_progress` | by lane and partition: the number of the last claim, and how far the lane has come |
//! | `nsf_<namespace>_ends` | when values end that flows are told of |
//! | `nsf_<namespace>_meta` | layout, lanes and the shape of states |
//!
//! A save is one transaction of rows, ends and progress: see `save`; who may do it: see `lane`; what is over: see `lane_sweep`.

mod check;
mod claim;
mod client;
mod column;
mod database;
mod dimension;
mod fault;
mod lane;
mod lane_sweep;
mod layout;
mod lookup;
mod migrate;
mod names;
mod save;
mod scan;
mod schema;
mod settings;
mod states;
mod store;
mod sweep;
mod value;

pub use check::MysqlReport;
pub use database::MysqlDatabase;
pub use dimension::MysqlDimensions;
pub use layout::Placed;
pub use migrate::{Migration, Statement};
pub use settings::{ClientCertificate, LaneSettings, MysqlSettings, Node, Secret, Tls};
pub use store::MysqlStore;
pub use sweep::Sweeps;
