//! What Redis holds of a program.

use std::{collections::BTreeMap, io};

use nsf_tests::servers::resp::{Connection, Reply};

/// All rows under a kind of key (`s` for states, `d` for dimensions) of a namespace: by the key's text behind the tag.
///
/// # Errors
/// Where the server does not answer.
pub fn rows(connection: &mut Connection, namespace: &str, kind: &str) -> io::Result<BTreeMap<String, String>> {
    let pattern = format!("{namespace}:{{*}}:{kind}:*");
    let mut cursor = "0".to_owned();
    let mut rows = BTreeMap::new();
    loop {
        let reply = connection.command(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "5000"])?;
        let [next, keys] = reply.parts() else { return Err(io::Error::other("SCAN gave no two parts")) };
        let keys: Vec<String> = keys.parts().iter().map(Reply::text).collect();
        if !keys.is_empty() {
            let mut command = vec!["MGET"];
            command.extend(keys.iter().map(String::as_str));
            let values = connection.command(&command)?;
            for (key, value) in keys.iter().zip(values.parts()) {
                let name = key.split_once(&format!("}}:{kind}:")).map_or(key.as_str(), |(_, name)| name);
                rows.insert(name.to_owned(), value.text());
            }
        }
        cursor = next.text();
        if cursor == "0" {
            return Ok(rows);
        }
    }
}
