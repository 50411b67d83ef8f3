//! Tables that are looked up.

use nsf_engine::{cell::Cell, connector::ConnectorErrorKind as Kind};
use nsf_plan::{IntegerWidth, Type};

use crate::support::{find, member, server};

#[test]
fn every_type_is_read_as_it_is_in_a_file() {
    let Some(server) = server("types of columns") else { return };
    server.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, small TINYINT UNSIGNED, huge BIGINT UNSIGNED, price DECIMAL(20,4), \
         rate DOUBLE, single FLOAT, name VARCHAR(50) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4, kind ENUM('a','b'), day DATE, \
         at DATETIME(6), stamp TIMESTAMP(3) NULL, doc JSON, flag TINYINT(1), bits BIT(12), stay TIME(3), raw VARBINARY(9));
         SET time_zone = '+08:00';
         INSERT INTO things VALUES (1, 255, 18446744073709551615, 12345678901234.5600, 0.1, 0.1, 'Zoë', '一\\n\"x\"', 'b', \
         '2023-05-20', '2023-05-20 01:02:03.456789', '2023-05-20 08:00:00.250', '{\"a\": [1, null]}', 1, b'101', \
         '-25:00:01.5', x'00ff');
         INSERT INTO things (id, day) VALUES (2, '0000-00-00');",
    );
    let types = [
        ("id", Type::INT64),
        ("small", Type::Integer(IntegerWidth::UInt8)),
        ("huge", Type::Integer(IntegerWidth::UInt64)),
        ("price", Type::Decimal),
        ("rate", Type::Float64),
        ("single", Type::Float32),
        ("name", Type::Text),
        ("note", Type::Text),
        ("kind", Type::Text),
        ("day", Type::Date),
        ("at", Type::Timestamp),
        ("stamp", Type::Timestamp),
        ("doc", Type::Json),
        ("flag", Type::Bool),
        ("bits", Type::INT64),
        ("stay", Type::Duration),
        ("raw", Type::Bytes),
    ];
    let members: Vec<_> = types.into_iter().map(|(name, ty)| member(name, ty.nullable())).collect();
    let lookup = server.database().lookup("things", &[member("id", Type::INT64)], &members).unwrap();
    let rows = find(&lookup, &[vec![Cell::Integer(1)], vec![Cell::Integer(2)], vec![Cell::Integer(3)]]).unwrap();
    assert_eq!(
        rows[0],
        "{\"id\":1,\"small\":255,\"huge\":18446744073709551615,\"price\":12345678901234.5600,\"rate\":0.1,\"single\":0.1,\
         \"name\":\"Zoë\",\"note\":\"一\\n\\\"x\\\"\",\"kind\":\"b\",\"day\":\"2023-05-20\",\
         \"at\":\"2023-05-20T01:02:03.456Z\",\"stamp\":\"2023-05-20T00:00:00.250Z\",\"doc\":{\"a\": [1, null]},\
         \"flag\":true,\"bits\":5,\"stay\":-90001500,\"raw\":\"AP8=\"}"
    );
    assert!(rows[1].starts_with("{\"id\":2,\"small\":null,") && rows[1].contains("\"day\":null"), "{}", rows[1]);
    assert_eq!(rows.len(), 2);
}

#[test]
fn five_thousand_keys_of_two_parts_are_found_together() {
    let Some(server) = server("a batch of 5,000 keys") else { return };
    server.query(
        "CREATE TABLE pairs (a INT, b VARCHAR(20), n INT NOT NULL, PRIMARY KEY (a, b));
         INSERT INTO pairs SELECT seq, CONCAT('k', seq), seq * 2 FROM seq_1_to_4000;",
    );
    let key = [member("a", Type::INT64), member("b", Type::Text)];
    let lookup = server.database().lookup("pairs", &key, &[member("n", Type::INT64)]).unwrap();
    let pair = |a: i64| vec![Cell::Integer(a), Cell::Text(format!("k{a}").into())];
    let rows = find(&lookup, &(1..=5000).map(pair).collect::<Vec<_>>()).unwrap();
    assert_eq!(rows.len(), 4000);
    assert!(rows.contains(&"{\"a\":3999,\"b\":\"k3999\",\"n\":7998}".to_owned()));
    assert_eq!(find(&lookup, &[pair(7)]).unwrap(), ["{\"a\":7,\"b\":\"k7\",\"n\":14}"]);
    assert_eq!(find(&lookup, &[]).unwrap(), Vec::<String>::new());
}

#[test]
fn keys_are_bound_by_their_types() {
    let Some(server) = server("types of keys") else { return };
    server.query(
        "CREATE TABLE by_decimal (k DECIMAL(30,10) PRIMARY KEY); INSERT INTO by_decimal VALUES (1234567890123456789.1), (1.5);
         CREATE TABLE by_day (k DATE PRIMARY KEY); INSERT INTO by_day VALUES ('2023-05-20');
         CREATE TABLE by_time (k TIMESTAMP(3) PRIMARY KEY); SET time_zone='+00:00';
         INSERT INTO by_time VALUES ('2023-05-20 00:00:00.001');
         CREATE TABLE by_text (k VARCHAR(50) PRIMARY KEY); INSERT INTO by_text VALUES ('a'' OR 1=1 -- '), ('Ab');",
    );
    let database = server.database();
    let one = |table: &str, ty: Type, key: Cell| {
        let lookup = database.lookup(table, &[member("k", ty)], &[]).unwrap();
        find(&lookup, &[vec![key]]).unwrap()
    };
    let decimal = |text: &str| Cell::Decimal(text.parse().unwrap());
    assert_eq!(
        one("by_decimal", Type::Decimal, decimal("1234567890123456789.1")),
        ["{\"k\":1234567890123456789.1000000000}"]
    );
    assert_eq!(one("by_decimal", Type::Decimal, decimal("1234567890123456789.2")), Vec::<String>::new());
    assert_eq!(one("by_day", Type::Date, Cell::Integer(19_497)), ["{\"k\":\"2023-05-20\"}"]);
    assert_eq!(
        one("by_time", Type::Timestamp, Cell::Integer(1_684_540_800_001)),
        ["{\"k\":\"2023-05-20T00:00:00.001Z\"}"]
    );
    assert_eq!(one("by_text", Type::Text, Cell::Text("a' OR 1=1 -- ".into())), ["{\"k\":\"a' OR 1=1 -- \"}"]);
    // Alike by the collation: the engine compares the keys byte by byte.
    assert_eq!(one("by_text", Type::Text, Cell::Text("aB".into())), ["{\"k\":\"Ab\"}"]);
}

#[test]
fn what_is_missing_is_told_with_the_sql_that_makes_it() {
    let Some(server) = server("a missing table") else { return };
    let database = server.database();
    let key = [member("plan_id", Type::INT64)];
    let members = [member("title", Type::Text.nullable()), member("begins", Type::Timestamp)];
    let error = database.lookup("plan", &key, &members).err().unwrap();
    assert_eq!(error.kind, Kind::NotFound);
    let port = server.maria.address().port();
    assert_eq!(
        error.message,
        format!("MySQL at `127.0.0.1:{port}` has no table `tests`.`plan`, or the user may not see it")
    );
    let sql = error.help.unwrap().replace("make and fill it: ", "");
    server.query(&sql);
    server.query("INSERT INTO plan VALUES (7, NULL, '2023-05-20')");
    let lookup = database.lookup("plan", &key, &members).unwrap();
    let rows = find(&lookup, &[vec![Cell::Integer(7)]]).unwrap();
    assert_eq!(rows, ["{\"plan_id\":7,\"title\":null,\"begins\":\"2023-05-20T00:00:00Z\"}"]);

    server.query("ALTER TABLE plan DROP COLUMN title, MODIFY begins DOUBLE");
    let error = database.lookup("plan", &key, &members).err().unwrap();
    assert_eq!(
        error.message,
        format!(
            "the table `tests`.`plan` of MySQL at `127.0.0.1:{port}` has no column `title`, and has `begins` as `double`, \
             which is no `timestamp`"
        )
    );
    assert!(error.help.unwrap().ends_with(
        "ALTER TABLE `tests`.`plan` ADD COLUMN `title` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, \
         MODIFY COLUMN `begins` DATETIME(3) NOT NULL"
    ));
    let error = database.lookup("plan`; DROP TABLE plan", &key, &[]).err().unwrap();
    assert!(error.message.contains("cannot be the name of a table"), "{error}");
}

#[test]
fn a_value_that_is_none_of_its_type_is_told() {
    let Some(server) = server("a wrong value") else { return };
    server.query("CREATE TABLE docs (id INT PRIMARY KEY, doc TEXT); INSERT INTO docs VALUES (1, '{\"a\"')");
    let key = [member("id", Type::INT64)];
    let lookup = server.database().lookup("docs", &key, &[member("doc", Type::Json)]).unwrap();
    let error = find(&lookup, &[vec![Cell::Integer(1)]]).unwrap_err();
    assert!(error.message.contains("holds a text that is no JSON in `doc`"), "{error}");
    assert!(error.message.contains("{\"id\":1"), "{error}");
}
