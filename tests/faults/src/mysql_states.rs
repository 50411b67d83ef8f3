//! A trial without Redis: states and dimensions are on MariaDB, in a database of the trial's name.

use std::{collections::BTreeMap, io, path::Path, process::Command};

use nsf_tests::servers::mariadb::MariaDb;

use crate::stage::CANARY;

/// Whom the workers of all trials log in as.
const WORKER: &str = "worker";

/// Makes the tables of the plan in a folder, by `nsflow migrate`, and lets the workers do what is documented and no more. Gives
/// the address for them.
///
/// # Errors
/// Where the server does not answer, or a table cannot be made.
pub fn prepare(
    mariadb: &MariaDb,
    name: &str,
    (nsflow, folder): (&Path, &Path),
    environment: &[(String, String)],
) -> io::Result<String> {
    let migrate = Command::new(nsflow)
        .current_dir(folder)
        .args(["migrate", "plan.yaml", "--profile", "prod", "--apply"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()?;
    if !migrate.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&migrate.stderr).into_owned()));
    }
    let own = ["state", "progress", "ends", "meta"].map(|table| format!("nsf_{name}_{table}"));
    let mut grants = vec![format!("CREATE USER IF NOT EXISTS '{WORKER}'@'%' IDENTIFIED BY '{CANARY}'")];
    let own = own.iter().map(|table| (table.as_str(), "SELECT, INSERT, UPDATE, DELETE"));
    let others = [(HOLDER, "SELECT, INSERT, UPDATE"), ("tariffs", "SELECT")];
    let grant = |(table, rights)| format!("GRANT {rights} ON {name}.{table} TO '{WORKER}'@'%'");
    grants.extend(own.chain(others).map(grant));
    mariadb.root(&grants.join("; ")).map_err(io::Error::other)?;
    Ok(format!("mysql://{WORKER}:{CANARY}@{}/{name}", mariadb.address()))
}

/// The table of the program's dimension.
const HOLDER: &str = "bank_accounts_holder";

/// All rows of states (`s`) or dimensions (`d`) of a trial, by their keys.
///
/// # Errors
/// Where the server does not answer.
pub fn rows(mariadb: &MariaDb, name: &str, kind: &str) -> io::Result<BTreeMap<String, String>> {
    let table = if kind == "s" { format!("nsf_{name}_state") } else { HOLDER.to_owned() };
    // As digits, since the client writes some characters of texts otherwise than they are.
    let found = mariadb.query(&format!("SELECT HEX(nsf_key), HEX(nsf_row) FROM {name}.{table}"));
    let found = found.map_err(io::Error::other)?;
    let row = |line: &str| {
        let (key, row) = line.split_once('\t')?;
        Some((text(key)?, text(row)?))
    };
    let odd = || io::Error::other("MariaDB answers what is no row");
    let mut rows = BTreeMap::new();
    for line in found.lines() {
        let (key, value) = row(line).ok_or_else(odd)?;
        if rows.insert(key.clone(), value).is_some() {
            return Err(io::Error::other(format!("the row `{key}` is in two lanes")));
        }
    }
    Ok(rows)
}

/// The text that digits stand for.
fn text(digits: &str) -> Option<String> {
    let bytes = digits.as_bytes().chunks(2);
    let bytes = bytes.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}
