//! What the tests of a program give to what it reads: sample input for a page or a person.

use nsf_plan::{HandleTarget, TableId};

use crate::graph::Dag;
use crate::json::{self, Json};

/// The rows that tests give to a table, as the lines of a file that it would be read from.
#[must_use]
pub fn table_rows(dag: &Dag, table: TableId) -> String {
    let Some(own) = dag.table(table) else { return String::new() };
    let fields = &own.value.encoding.fields;
    let given = dag.tests.iter().flat_map(|test| &test.value.with);
    let rows = given.filter(|rows| rows.target == HandleTarget::Table(table)).flat_map(|rows| &rows.rows);
    let mut lines: Vec<String> = Vec::new();
    for (_, values) in rows {
        let mut object = Json::Object(Vec::new());
        for (index, value) in values {
            if let Some(field) = fields.get(*index as usize) {
                object.put(&field.path, json::of_literal(value, &field.ty, &field.renames));
            }
        }
        let line = format!("{object}\n");
        // Several tests give the same rows.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.concat()
}
