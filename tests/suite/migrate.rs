//! `nsflow migrate` and `nsflow check` on a real MariaDB: from a program to its tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nsf_tests::servers::{mariadb::MariaDb, shown};
use nsf_tests::tool;

const PROGRAM: &str = r#"
primary class_id: int64 #1

space main { store: mysql  shards: 2 }

dimension class (class_id) #1001 in main "c"

fields class { class_name: text #100001  visits: int64 #100002 }

table plan { from: mysql("plan")  record { plan_id: int64  title: text }  key: plan_id }

source visit { from: kafka("visit")  record { class_id: int64  plan_id: int64 }  key: class_id }

flow f from visit {
  load   plan else drop
  expand class { class_name: plan.title }
}
"#;

const PROFILE: &str = r#"
name: school
profiles:
  prod:
    kafka: { brokers: "127.0.0.1:1", group: school }
    redis: { url: "redis://127.0.0.1:1" }
    mysql: { url: "${DSN}" }
"#;

struct Daemon {
    program: PathBuf,
    folder: PathBuf,
}

impl Daemon {
    /// Exit code, standard output and standard error of a call.
    fn call(&self, arguments: &[&str], address: &str) -> (Option<i32>, String, String) {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(arguments).env("DSN", address);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn project(folder: &Path) {
    fs::write(folder.join("school.nsf"), PROGRAM).unwrap();
    fs::write(folder.join("nsf.yaml"), PROFILE).unwrap();
    let called = tool::call(folder, &["compile", ".", "-o", "plan.yaml"]);
    assert_eq!(called.code, Some(0), "{}", called.all());
}

#[test]
fn the_sql_is_printed_and_run_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(maria) = shown("nsflow migrate", MariaDb::start(&folder.path().join("server"))) else { return };
    project(folder.path());
    let daemon = Daemon { program: tool::build("nsflow"), folder: folder.path().to_path_buf() };
    let migrate = |further: &[&str]| daemon.call(&[&["migrate", "plan.yaml"], further].concat(), &maria.url());

    let (code, printed, errors) = migrate(&[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(printed.contains("CREATE TABLE `tests`.`school_class_1` (\n  `class_id` BIGINT NOT NULL,"), "{printed}");
    assert!(printed.ends_with("-- nothing was changed; `nsflow migrate --apply` runs it\n"), "{printed}");
    assert_eq!(maria.query("SHOW TABLES").unwrap(), "");
    // What is printed is what a person may run by hand.
    maria.query(printed.split_inclusive(";\n").next().unwrap()).unwrap();
    let (code, applied, _) = migrate(&["--apply"]);
    assert_eq!(code, Some(0));
    assert!(applied.ends_with("-- done\n") && applied.matches("CREATE TABLE").count() == 1, "{applied}");
    assert_eq!(maria.query("SHOW TABLES").unwrap(), "school_class_0\nschool_class_1\n");
    assert_eq!(migrate(&["--apply"]), (Some(0), "-- nothing is missing\n".to_owned(), String::new()));

    // The other servers are not there: what is said of MySQL is said all the same.
    let (code, said, errors) = daemon.call(&["check", "plan.yaml"], &maria.url());
    assert_eq!(code, Some(1));
    assert!(said.contains("mysql: the tables of 1 dimensions are there"), "{said}");
    assert!(errors.contains("has no table `tests`.`plan`"), "{errors}");
    assert!(errors.contains("make and fill it: CREATE TABLE `tests`.`plan` (`plan_id` BIGINT NOT NULL,"), "{errors}");
    maria.query("CREATE TABLE plan (plan_id INT PRIMARY KEY, title VARCHAR(20))").unwrap();
    let (_, said, _) = daemon.call(&["check", "plan.yaml"], &maria.url());
    assert!(said.contains("looked up in plan by key"), "{said}");
    let (_, said, errors) = daemon.call(&["check", "plan.yaml"], &maria.url().replace(":tests@", ":hunter2@"));
    assert!(errors.contains("does not accept the user `tests` with this password"), "{errors}");
    assert!(!said.contains("hunter2") && !errors.contains("hunter2"));
}
