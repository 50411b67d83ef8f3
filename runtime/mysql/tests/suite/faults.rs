//! Servers that are away, and users that may not.

use std::time::Duration;

use nsf_engine::{cell::Cell, connector::ConnectorErrorKind as Kind, store::row_version};
use nsf_mysql::{MysqlDatabase, Secret};
use nsf_plan::Type;

use crate::support::{Forms, find, member, placed, plan, server, stored};

#[test]
fn a_server_that_is_killed_is_waited_for() {
    let Some(mut server) = server("kill -9") else { return };
    let plan = plan(1);
    let (dimensions, forms) = (server.dimensions(&plan), Forms::of(&plan));
    server.query("CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 2)");
    let lookup = server.database().lookup("t", &[member("id", Type::INT64)], &[member("n", Type::INT64)]).unwrap();
    let one = || vec![vec![Cell::Integer(1)]];
    find(&lookup, &one()).unwrap();
    let mut row = forms.written(forms.empty(), 1, &[(1, Cell::Integer(1))]);
    dimensions.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap();
    for round in 2..4 {
        server.maria.kill();
        let error = find(&lookup, &one()).unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
        let next = forms.written(row.clone(), round, &[(1, Cell::Integer(round))]);
        let version = row_version(Some(&forms.bytes(&row)));
        let error = dimensions.swap(&forms.changes(&[(7, &next)]), &[version]).unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
        assert!(error.message.contains("there is no MySQL at"), "{error}");
        server.maria.restart().unwrap();
        assert_eq!(stored(&dimensions, &forms, 7).unwrap(), Some(forms.bytes(&row)));
        assert_eq!(dimensions.swap(&forms.changes(&[(7, &next)]), &[version]).unwrap(), Vec::<usize>::new());
        assert_eq!(find(&lookup, &one()).unwrap(), ["{\"id\":1,\"n\":2}"]);
        row = next;
    }
}

#[test]
fn a_server_that_restarts_between_two_questions_is_not_noticed() {
    let Some(mut server) = server("a restart") else { return };
    let database = server.database();
    database.check().unwrap();
    server.maria.kill();
    server.maria.restart().unwrap();
    let report = database.check().unwrap();
    assert!(report.version.contains("MariaDB") && !report.encrypted, "{report:?}");
}

#[test]
fn a_server_that_stands_still_is_told_of() {
    let Some(server) = server("a server that stands still") else { return };
    let mut settings = server.settings();
    settings.response_timeout = Duration::from_millis(300);
    let database = MysqlDatabase::new(settings).unwrap();
    database.check().unwrap();
    server.maria.suspend();
    // The signal takes a moment to reach all threads of the server.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    let error = loop {
        match database.check() {
            Err(error) => break error,
            Ok(_) => assert!(std::time::Instant::now() < until, "it answers though it stands still"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    server.maria.resume();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(
        error.message.ends_with("does not answer (waited 3000 ms for the connection, 300 ms for an answer)"),
        "{error}"
    );
    database.check().unwrap();
}

#[test]
fn who_may_not_is_told_so_without_the_password() {
    let Some(server) = server("rights") else { return };
    let mut settings = server.settings();
    settings.password = Some(Secret::new("hunter2"));
    let error = MysqlDatabase::new(settings).unwrap().check().unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    assert!(error.message.ends_with("does not accept the user `tests` with this password"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));

    let mut settings = server.settings();
    settings.database = "elsewhere".into();
    let error = MysqlDatabase::new(settings).unwrap().check().unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.message.ends_with("has no database `elsewhere`"), "{error}");

    let plan = plan(1);
    let (own, forms) = (server.dimensions(&plan), Forms::of(&plan));
    own.check().unwrap();
    server.query("CREATE USER 'reader'@'%' IDENTIFIED BY 'r'");
    server.root("GRANT SELECT ON tests.* TO 'reader'@'%'");
    let mut settings = server.settings();
    (settings.user, settings.password) = ("reader".into(), Some(Secret::new("r")));
    let dimensions = MysqlDatabase::new(settings).unwrap().dimensions(&plan, &placed(&plan)).unwrap();
    let row = forms.written(forms.empty(), 1, &[(1, Cell::Integer(1))]);
    let error = dimensions.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    assert!(error.message.contains("the user `reader` lacks a right in the database `tests`"), "{error}");
    assert!(error.help.unwrap().contains("GRANT SELECT, INSERT, UPDATE, DELETE ON `tests`.* TO 'reader'"));
}

#[test]
fn an_encrypted_connection_that_the_server_cannot_make_is_told_of() {
    let Some(server) = server("encryption") else { return };
    let mut settings = server.settings();
    settings.tls = Some(nsf_mysql::Tls::default());
    let error = MysqlDatabase::new(settings).unwrap().check().unwrap_err();
    assert!(error.message.contains("the encrypted connection to MySQL"), "{error}");
    assert!(server.folder().exists());
}
