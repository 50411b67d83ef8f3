//! Tables that are made and widened.

use nsf_engine::connector::ConnectorErrorKind as Kind;
use nsf_plan::{DimensionField, Type};

use crate::support::{Forms, placed, plan, server, stored};

#[test]
fn tables_are_printed_made_and_made_once() {
    let Some(server) = server("migrations") else { return };
    let mut plan = plan(1);
    let dimensions = server.database().dimensions(&plan, &placed(&plan)).unwrap();
    let error = dimensions.check().unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(
        error.message.contains("lacks tables or columns of dimensions in the database `tests`, or the user `tests` may not see them: `fields_class`"),
        "{error}"
    );
    let migration = dimensions.migration().unwrap();
    assert_eq!(migration.statements.len(), 1);
    let sql = &migration.statements[0].sql;
    assert!(
        sql.starts_with("CREATE TABLE `tests`.`fields_class` (\n  `class_id` BIGINT NOT NULL,\n  `name` LONGTEXT"),
        "{sql}"
    );
    // To print is to change nothing.
    assert_eq!(server.query("SHOW TABLES"), "");
    dimensions.apply(&migration.statements).unwrap();
    assert_eq!(dimensions.migration().unwrap(), nsf_mysql::Migration::default());
    dimensions.check().unwrap();

    let forms = Forms::of(&plan);
    let row = forms.written(forms.empty(), 1, &[(1, nsf_engine::cell::Cell::Integer(3))]);
    dimensions.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap();
    plan.dimensions[0].fields.push(DimensionField {
        name: "grade".into(),
        ty: Type::Text,
        id: 99,
        label: None,
        derived: false,
        empty: None,
    });
    let wider = server.database().dimensions(&plan, &placed(&plan)).unwrap();
    let migration = wider.migration().unwrap();
    assert_eq!(
        migration.statements.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>(),
        [
            "ALTER TABLE `tests`.`fields_class` ADD COLUMN `grade` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"
        ]
    );
    wider.apply(&migration.statements).unwrap();
    wider.check().unwrap();
    assert_eq!(stored(&wider, &forms, 7).unwrap(), Some(forms.bytes(&row)));

    server.query("ALTER TABLE fields_class MODIFY count SMALLINT");
    let problems = wider.migration().unwrap().problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`count`") && problems[0].message.contains("smallint"), "{}", problems[0]);
    assert!(wider.check().is_err());
}

#[test]
fn names_that_would_be_one_column_are_refused() {
    let Some(server) = server("names of columns") else { return };
    let mut plan = plan(1);
    plan.dimensions[0].fields[1].name = "NAME".into();
    let error = server.database().dimensions(&plan, &placed(&plan)).err().unwrap();
    assert!(error.message.contains("`NAME` and `name` of the dimension `fields.class` would be one column"), "{error}");
    plan.dimensions[0].fields[1].name = "Nsf_Row".into();
    assert!(server.database().dimensions(&plan, &placed(&plan)).is_err());
}

#[test]
fn a_table_whose_space_gets_a_keep_is_widened() {
    let Some(server) = server("a keep that comes later") else { return };
    let mut plan = plan(1);
    server.dimensions(&plan);
    plan.spaces[0].keep = Some(1000);
    let kept = server.database().dimensions(&plan, &placed(&plan)).unwrap();
    assert!(kept.check().unwrap_err().message.contains("lacks tables or columns"));
    let migration = kept.migration().unwrap();
    let sql = migration.statements.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>();
    assert_eq!(
        sql,
        ["ALTER TABLE `tests`.`fields_class` ADD COLUMN nsf_expires DATETIME(3) NULL, ADD KEY (nsf_expires)"]
    );
    kept.apply(&migration.statements).unwrap();
    kept.check().unwrap();
    server.query("DROP TABLE fields_class");
    let created = &kept.migration().unwrap().statements[0].sql;
    assert!(
        created.contains("nsf_expires DATETIME(3) NULL,\n  PRIMARY KEY (nsf_key),\n  KEY (nsf_expires)"),
        "{created}"
    );
    kept.apply(&kept.migration().unwrap().statements).unwrap();
    kept.check().unwrap();
}
