//! What one server of Redis holds of a program.

use std::{collections::BTreeMap, io};

use nsf_tests::servers::resp::{Connection, Reply};

/// All rows under a kind of key (`s` for states, `d` for dimensions) of a namespace: by the key's text behind the tag.
///
/// # Errors
/// Where the server does not answer.
pub fn rows(connection: &mut Connection, namespace: &str, kind: &str) -> io::Result<BTreeMap<String, String>> {
    let mut rows = BTreeMap::new();
    each(connection, namespace, kind, &|key| vec!["GET".to_owned(), key.to_owned()], &mut |key, value| {
        let name = key.split_once(&format!("}}:{kind}:")).map_or(key, |(_, name)| name);
        rows.insert(name.to_owned(), value.text());
    })?;
    Ok(rows)
}

/// By lane's tag, how far it has come: for each partition the next offset.
///
/// # Errors
/// Where the server does not answer.
pub fn progress(connection: &mut Connection, namespace: &str) -> io::Result<Vec<(String, u64)>> {
    let mut all = Vec::new();
    let next = |key: &str| vec!["HGET".to_owned(), key.to_owned(), "n".to_owned()];
    each(connection, namespace, "p", &next, &mut |key, next| {
        let lane = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(lane, _)| lane);
        all.push((lane.to_owned(), next.text().parse().unwrap_or(0)));
    })?;
    Ok(all)
}

/// Asks for each key of a kind in a namespace.
fn each(
    connection: &mut Connection,
    namespace: &str,
    kind: &str,
    ask: &dyn Fn(&str) -> Vec<String>,
    found: &mut dyn FnMut(&str, &Reply),
) -> io::Result<()> {
    let pattern = format!("{namespace}:{{*}}:{kind}:*");
    let mut cursor = "0".to_owned();
    loop {
        let reply = connection.command(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "2000"])?;
        let [next, keys] = reply.parts() else { return Err(io::Error::other("SCAN gave no two parts")) };
        let keys: Vec<String> = keys.parts().iter().map(Reply::text).collect();
        // One by one, since servers of a cluster take no keys of several slots in one request.
        keys.iter().try_for_each(|key| connection.send(&ask(key)))?;
        for key in &keys {
            found(key, &connection.reply()?);
        }
        cursor = next.text();
        if cursor == "0" {
            return Ok(());
        }
    }
}
