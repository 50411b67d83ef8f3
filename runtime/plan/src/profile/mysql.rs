//! `mysql`: servers of MySQL, MariaDB or TiDB.

use std::collections::BTreeMap;

use super::address::is_part_of_table;
use super::kafka::clusters;
use super::reading::{Entry, Given, Reading, Section};
use super::secret::ServerUrl;
use super::tls::{Login, Tls, login, tls, url};

/// The settings of `mysql`.
const SETTINGS: &[&str] = &["url", "namespace", "user", "password", "tls", "clusters"];

/// The settings of one of `clusters`.
const CONNECTION: &[&str] = &["url", "user", "password", "tls"];

/// MySQL, as a profile uses it.
#[derive(Clone, Debug)]
pub struct MysqlProfile {
    /// The connection of connectors that name none.
    pub default: MysqlConnection,
    /// Those that programs name by `cluster:`.
    pub clusters: BTreeMap<String, MysqlConnection>,
    /// What tables of states are named by; none where it is not given and the project's name cannot be part of a table's.
    pub namespace: Option<String>,
}

impl MysqlProfile {
    /// The connection that a connector means by its `cluster:`.
    #[must_use]
    pub fn cluster(&self, name: Option<&str>) -> Option<&MysqlConnection> {
        name.map_or(Some(&self.default), |name| self.clusters.get(name))
    }
}

/// A server.
#[derive(Clone, Debug)]
pub struct MysqlConnection {
    /// Where it is: `mysql://host:3306/database`, perhaps with a user and a password.
    pub url: ServerUrl,
    /// Who logs in, unless the address says it.
    pub login: Login,
    /// TLS, if the connection has it.
    pub tls: Option<Tls>,
}

/// Reads `mysql`.
pub(super) fn mysql(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<MysqlProfile> {
    let section = reading.section(entry, SETTINGS)?;
    let default = connection(reading, &section);
    let clusters = clusters(reading, section.get("clusters"), |reading, entry| {
        let section = reading.section(entry, CONNECTION)?;
        connection(reading, &section)
    });
    let namespace = namespace(reading, &section);
    Some(MysqlProfile { default: default?, clusters: clusters?, namespace: namespace? })
}

/// What tables of states are named by, the project's name where nothing is said. Whoever keeps none there need not care
/// whether that could be.
#[allow(clippy::option_option, reason = "not known, and none")]
fn namespace(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<Option<String>> {
    const EXPECTED: &str = "at most 48 letters, digits, `_`, `$` and `-`";
    let part = |text: &str| is_part_of_table(text).then(|| text.to_owned());
    match reading.parsed(section.get("namespace"), EXPECTED, part) {
        Given::Known(given) => Some(Some(given)),
        Given::Absent => Some(reading.project.and_then(part)),
        Given::Unknown => None,
    }
}

fn connection(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<MysqlConnection> {
    let address = url(reading, section.get("url"), &["mysql"]);
    if !address.url.is_there() {
        reading.missing(section, "url", "the address of its server");
    }
    let login = login(reading, section, &address);
    let tls = tls(reading, section.get("tls"));
    Some(MysqlConnection { url: address.url.optional()??, login: login?, tls: tls.or(None)? })
}
