//! Tests of whole files: what is checked, what is resolved. Each kind of mistake with its words and places has a case
//! under `tests/language/project` as well.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::*;

const WHOLE: &str = r#"
name: classroom
profiles:
  dev: {}
  test:
  prod:
    kafka:
      brokers: "${KAFKA_BROKERS}"
      group: "${TEAM}-classroom"
      instance: "${HOSTNAME}"
      security:
        tls: { ca: "file:/tls/ca.pem", certificate: "file:/tls/own.pem", key: "file:/tls/key.pem" }
        sasl: { mechanism: SCRAM-SHA-512, user: "${KAFKA_USER}", password: "file:${SECRETS}/kafka" }
      start: latest
      transactions: true
      create_topics: { partitions: "${PARTITIONS}", replication: 3 }
      properties: { linger.ms: 5, socket.keepalive.enable: true, client.rack: "${TEAM}" }
      clusters:
        analytics:
          brokers: [ "a:9092", "b:9092, c:9092" ]
          security: { tls: true, sasl: { mechanism: OAUTHBEARER, token: "file:/run/token" } }
    redis:
      url: "rediss://:${REDIS_PASSWORD}@redis:6380/1"
      clusters:
        cache: { sentinel: { nodes: "s:1,t:2", master: main }, user: app, password: "${REDIS_PASSWORD}", accept_eviction: true }
        big: { cluster: [ "n:6379" ], tls: true }
    mysql: { url: "${MAIN_DSN}" }
    webhooks:
      crm: { url: "https://crm.example.com/${HOOK}", timeout: 1s500ms }
      own: { url: "http://10.0.0.7", allow_private: true, concurrency: 1, retries: 0 }
    lanes: "${LANES}"
    memory: 512MiB
    commit: { every: 1s, bytes: 64MiB, records: 100000 }
    admin: { listen: "0.0.0.0:9600", token: "${ADMIN_TOKEN}", tls: { certificate: "file:/tls/own.pem", key: "file:/tls/key.pem" } }
    telemetry: { otlp: "http://collector:4318" }
"#;

const VARIABLES: [(&str, &str); 12] = [
    ("KAFKA_BROKERS", "k1:9092,k2:9092"),
    ("TEAM", "north"),
    ("HOSTNAME", "worker-1"),
    ("KAFKA_USER", "classroom"),
    ("SECRETS", "/run/secrets"),
    ("PARTITIONS", "12"),
    ("REDIS_PASSWORD", "c4nary-redis"),
    ("MAIN_DSN", "mysql://app:c4nary-mysql@db:3306/main"),
    ("HOOK", "c4nary-hook"),
    ("LANES", " 16 "),
    ("ADMIN_TOKEN", "c4nary-admin"),
    ("UNUSED", ""),
];

const FILES: [(&str, &str, u32); 5] = [
    ("/tls/ca.pem", "CA\n", 0o644),
    ("/tls/own.pem", "OWN\n", 0o644),
    ("/tls/key.pem", "c4nary-key\n", 0o100_600),
    ("/run/secrets/kafka", "  c4nary-kafka\n", 0o400),
    ("/run/token", "c4nary-token\n", 0o600),
];

/// Resolves a profile with the variables and files above, some of them changed; `None` takes one away.
fn resolve(
    text: &str,
    profile: &str,
    variables: &[(&str, Option<&str>)],
    files: &[(&str, Option<(&str, u32)>)],
) -> Result<ResolvedProfile, Vec<String>> {
    let mut all_variables: HashMap<&str, Option<&str>> = VARIABLES.map(|(name, value)| (name, Some(value))).into();
    all_variables.extend(variables.iter().copied());
    let mut all_files: HashMap<&str, Option<(&str, u32)>> =
        FILES.map(|(path, text, mode)| (path, Some((text, mode)))).into();
    all_files.extend(files.iter().copied());
    let variable = |name: &str| all_variables.get(name).copied().flatten().map(str::to_owned);
    let file = |path: &str| match all_files.get(path).copied().flatten() {
        Some((text, mode)) => Ok(FileText { text: Zeroizing::new(text.to_owned()), mode: Some(mode) }),
        None => Err("there is no such file".to_owned()),
    };
    let manifest = Manifest::parse(text);
    let environment = Environment { variable: &variable, file: &file };
    let found = manifest.profiles[profile].resolve("classroom", &environment);
    found.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn mistakes(text: &str) -> Vec<(String, MistakeKind)> {
    let manifest = Manifest::parse(text);
    manifest.mistakes.iter().map(|mistake| (text[mistake.range.clone()].to_owned(), mistake.kind.clone())).collect()
}

fn wrong(setting: &str, expected: &str) -> MistakeKind {
    MistakeKind::WrongKind { setting: setting.to_owned(), expected: expected.to_owned() }
}

#[test]
fn name_and_profiles_are_read() {
    let manifest = Manifest::parse(WHOLE);
    assert_eq!(manifest.name.as_deref(), Some("classroom"));
    assert_eq!(manifest.profiles.keys().collect::<Vec<_>>(), ["dev", "prod", "test"]);
    assert_eq!(manifest.mistakes, []);
}

#[test]
fn an_empty_file_is_fine() {
    assert_eq!(Manifest::parse("").mistakes, []);
    assert_eq!(Manifest::parse("# only a comment\n").mistakes, []);
    assert_eq!(Manifest::parse("profiles:\n").mistakes, []);
}

#[test]
fn a_wrong_kind_names_the_setting_and_its_place() {
    assert_eq!(
        mistakes("name: [a]\nprofiles:\n  prod: 5\n"),
        [
            ("name".to_owned(), wrong("name", "a text")),
            ("prod".to_owned(), wrong("profiles.prod", "settings by name, or `{}`")),
        ]
    );
    let expected = "settings, each on a line, such as `name: shop`";
    assert_eq!(mistakes("- a\n"), [("- a".to_owned(), wrong("", expected))]);
}

#[test]
fn broken_yaml_is_placed_at_its_line() {
    let manifest = Manifest::parse("name: shop\nprofiles: {dev: {}\n");
    assert_eq!(manifest.mistakes[0].kind, MistakeKind::NotYaml);
    let twice = mistakes("name: a\nname: b\n");
    assert_eq!(twice, [("name".to_owned(), MistakeKind::Twice { name: "name".to_owned() })]);
}

#[test]
fn the_same_name_elsewhere_takes_no_place_of_a_nested_one() {
    let text = "profiles:\n  a: { redis: { url: \"redis://a\" } }\n  b: { redis: { url: \"redis://b\", url: x } }\n";
    let manifest = Manifest::parse(text);
    assert_eq!(manifest.mistakes[0].range.start, text.rfind("url").unwrap());
}

#[test]
fn everything_is_looked_up() {
    let profile = resolve(WHOLE, "prod", &[], &[]).unwrap();
    let kafka = profile.kafka.unwrap();
    assert_eq!(kafka.default.brokers, ["k1:9092", "k2:9092"]);
    assert_eq!((kafka.group.as_str(), kafka.instance.as_deref()), ("north-classroom", Some("worker-1")));
    let tls = kafka.default.tls.as_ref().unwrap();
    assert_eq!(tls.authority.as_deref(), Some("CA"));
    assert_eq!(tls.identity.as_ref().map(|own| own.key.expose()), Some("c4nary-key"));
    let Some(Sasl::Scram512(user)) = &kafka.default.sasl else { panic!("SCRAM") };
    assert_eq!((user.user.as_str(), user.password.expose()), ("classroom", "c4nary-kafka"));
    assert_eq!((kafka.start, kafka.transactions), (Start::Latest, true));
    assert_eq!(kafka.create_topics, Some(CreateTopics { partitions: Some(12), replication: Some(3) }));
    assert_eq!(kafka.rejected, "classroom.rejected");
    assert_eq!(kafka.properties["socket.keepalive.enable"], "true");
    assert_eq!((kafka.properties["linger.ms"].as_str(), kafka.properties["client.rack"].as_str()), ("5", "north"));
    let analytics = kafka.cluster(Some("analytics")).unwrap();
    assert_eq!(analytics.brokers, ["a:9092", "b:9092", "c:9092"]);
    let Some(Sasl::Token { token, file }) = &analytics.sasl else { panic!("a token") };
    assert_eq!((token.expose(), file.as_str()), ("c4nary-token", "/run/token"));
    assert!(kafka.cluster(Some("other")).is_none() && kafka.cluster(None).is_some());
    let redis = profile.redis.unwrap();
    assert!(redis.default.tls.is_some() && redis.namespace == "classroom");
    assert!(matches!(&redis.clusters["cache"].servers, RedisServers::Sentinel { master, .. } if master == "main"));
    assert!(redis.clusters["cache"].accept_eviction && redis.clusters["big"].tls.is_some());
    assert_eq!(profile.webhooks["crm"].timeout, std::time::Duration::from_millis(1500));
    assert_eq!((profile.webhooks["crm"].concurrency, profile.webhooks["crm"].retries), (8, 5));
    assert_eq!((profile.store, profile.lanes, profile.memory), (StoreKind::Redis, Some(16), Some(512 << 20)));
    assert_eq!(profile.mysql.unwrap().default.url.expose(), "mysql://app:c4nary-mysql@db:3306/main");
}

#[test]
fn a_resolved_profile_shows_no_secret() {
    let profile = resolve(WHOLE, "prod", &[], &[]).unwrap();
    let shown = format!("{profile:?} {profile:#?} {:?}", Manifest::parse(WHOLE));
    assert!(shown.contains("db:3306") && !shown.contains("c4nary"), "{shown}");
}

#[test]
fn a_profile_of_nothing_is_local() {
    for name in ["dev", "test"] {
        let profile = resolve(WHOLE, name, &[], &[]).unwrap();
        assert!(profile.kafka.is_none() && profile.admin.is_none() && profile.store == StoreKind::Embedded);
    }
}

#[test]
fn what_is_not_there_is_told_of_all_at_once_and_without_any_value() {
    let errors = resolve(
        WHOLE,
        "prod",
        &[
            ("KAFKA_BROKERS", None),
            ("TEAM", Some("c4nary")),
            ("HOSTNAME", Some(" ")),
            ("LANES", Some("c4nary")),
            ("MAIN_DSN", Some("c4nary")),
        ],
        &[("/run/token", None), ("/run/secrets/kafka", Some(("x", 0o640))), ("/tls/own.pem", Some((" \n", 0o600)))],
    )
    .unwrap_err();
    let text = errors.join("\n");
    for part in [
        "nsf.yaml:8: the environment variable KAFKA_BROKERS, which `profiles.prod.kafka.brokers` names, is not set (set \
         KAFKA_BROKERS where the program is started)",
        "nsf.yaml:10: `profiles.prod.kafka.instance` is empty: ${HOSTNAME} holds nothing",
        "the file `/run/secrets/kafka`, which holds the secret of `profiles.prod.kafka.security.sasl.password`, can be \
         read by others: its mode is 0640 (`chmod 600 /run/secrets/kafka`",
        "the file `/run/token`, which `profiles.prod.kafka.clusters.analytics.security.sasl.token` names, cannot be \
         read: there is no such file",
        "`profiles.prod.admin.tls.certificate` is empty: file:/tls/own.pem holds nothing",
        "`profiles.prod.lanes` must be a whole number from 1 to 1024, and ${LANES} gives something else",
        "`profiles.prod.mysql.url` must be an address, `mysql://…`, and ${MAIN_DSN} gives something else",
    ] {
        assert!(text.contains(part), "{part}\n\nnot in\n\n{text}");
    }
    assert!(!text.contains("c4nary"), "{text}");
}

#[test]
fn rules_hold_for_what_variables_give() {
    let text = "profiles:\n  p:\n    redis: { url: \"${URL}\", tls: true, user: a }\n    webhooks: { w: { url: \"${HOOK}\" } }\n    \
                admin: { listen: \"${LISTEN}\" }\n    kafka: { brokers: \"${BROKERS}\" }\n";
    assert_eq!(Manifest::parse(text).mistakes, []);
    let variables = [
        ("URL", Some("redis://b:c@d")),
        ("HOOK", Some("http://x")),
        ("LISTEN", Some("10.0.0.1:1")),
        ("BROKERS", Some("SSL://a:1")),
    ];
    let errors = resolve(text, "p", &variables, &[]).unwrap_err();
    let starts = [
        "nsf.yaml:3: `profiles.p.redis.tls` asks for TLS",
        "nsf.yaml:3: `profiles.p.redis.user` stands in the `url`",
        "nsf.yaml:4: `profiles.p.webhooks.w.url` is not encrypted",
        "nsf.yaml:5: `profiles.p.admin.listen` can be reached from other machines and has no `token` and `tls`",
        "nsf.yaml:6: `profiles.p.kafka.brokers` must be addresses",
    ];
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn a_file_with_an_address_is_guarded_like_a_password() {
    let text = "profiles: { p: { mysql: { url: \"file:/dsn\" } } }";
    let with = |mode| resolve(text, "p", &[], &[("/dsn", Some(("mysql://a:b@c/d\n", mode)))]);
    assert_eq!(with(0o600).unwrap().mysql.unwrap().default.url.expose(), "mysql://a:b@c/d");
    assert!(with(0o644).unwrap_err()[0].contains("can be read by others"));
}

#[test]
fn states_are_on_mysql_where_there_is_no_redis() {
    let of = |settings: &str| resolve(&format!("profiles: {{ p: {{ {settings} }} }}"), "p", &[], &[]);
    let mysql = "mysql: { url: \"mysql://a/b\" }";
    assert_eq!(of(mysql).unwrap().store, StoreKind::Mysql);
    assert_eq!(of(&format!("{mysql}, redis: {{ url: \"redis://a\" }}")).unwrap().store, StoreKind::Redis);
    assert_eq!(of(&format!("{mysql}, store: embedded")).unwrap().store, StoreKind::Embedded);
    let namespace = |settings: &str| of(settings).unwrap().mysql.unwrap().namespace;
    assert_eq!(namespace(mysql).as_deref(), Some("classroom"));
    assert_eq!(namespace("mysql: { url: \"mysql://a/b\", namespace: north-1 }").as_deref(), Some("north-1"));
    let errors = of("mysql: { url: \"mysql://a/b\", namespace: \"a b\" }").unwrap_err();
    assert_eq!(
        errors,
        ["nsf.yaml:1: `profiles.p.mysql.namespace` in nsf.yaml must be at most 48 letters, digits, `_`, `$` and `-`"]
    );
    // A project's name that cannot be part of a table's harms only who keeps states there.
    let text = "profiles: { p: { mysql: { url: \"mysql://a/b\" } } }";
    let file = |_: &str| Err("there is none".to_owned());
    let environment = Environment { variable: &|_| None, file: &file };
    let profile = Manifest::parse(text).profiles["p"].resolve("our class", &environment).unwrap();
    assert_eq!(profile.mysql.unwrap().namespace, None);
}

#[test]
fn a_profile_with_a_mistake_cannot_be_resolved() {
    let text = "profiles: { p: { kafka: { brokers: a, security: { tsl: true } } } }";
    let errors = resolve(text, "p", &[], &[]).unwrap_err();
    assert_eq!(
        errors,
        ["nsf.yaml:1: nsf.yaml has no setting `profiles.p.kafka.security.tsl` (its settings are `tls` and `sasl`)"]
    );
}

#[test]
fn a_secret_is_never_written_in_the_file() {
    let literal = |text: &str| mistakes(text).iter().any(|(_, kind)| matches!(kind, MistakeKind::Literal { .. }));
    for value in ["hunter2", "a${B}", "${B}a", "1234", "true", "\"\"", "\"$1\"", "${A}${B}"] {
        let text = format!("profiles: {{ p: {{ admin: {{ token: {} }} }} }}", serde_yaml_text(value));
        assert!(literal(&text), "{value}");
        assert!(!format!("{:?}", mistakes(&text)).contains("hunter2"));
    }
    for value in ["${B}", "file:/x", "file:${D}/x"] {
        assert!(!literal(&format!("profiles: {{ p: {{ admin: {{ token: \"{value}\" }} }} }}")), "{value}");
    }
    for (url, is_literal) in [
        ("mysql://a:b@c", true),
        ("mysql://a:${B}x@${C}:${D}/e", true),
        ("mysql://a:${B}@${C}:${D}/e", false),
        ("mysql://${A}@c", false),
        ("${A}", false),
    ] {
        assert_eq!(literal(&format!("profiles: {{ p: {{ mysql: {{ url: \"{url}\" }} }} }}")), is_literal, "{url}");
    }
}

/// A value as it is written in flow style.
fn serde_yaml_text(value: &str) -> String {
    if value.starts_with(['$', 'a']) { format!("\"{value}\"") } else { value.to_owned() }
}

#[test]
fn a_file_of_nothing_but_mistakes_ends() {
    let unknown: String = (0..5000).map(|index| format!("  p{index}: {{ x: 1 }}\n")).collect();
    assert_eq!(Manifest::parse(&format!("profiles:\n{unknown}")).mistakes.len(), 100);
    let deep = format!("profiles: {}", "{a: ".repeat(5000));
    assert_eq!(Manifest::parse(&deep).mistakes.len(), 1);
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (last, next) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let many = vec![format!("*{last}"); 9].join(",");
        bomb.push_str(&format!("{next}: &{next} [{many}]\n"));
    }
    assert!(!Manifest::parse(&bomb).mistakes.is_empty());
}

#[test]
fn connections_are_found_by_kind_and_name() {
    let manifest = Manifest::parse(WHOLE);
    let (prod, dev) = (&manifest.profiles["prod"], &manifest.profiles["dev"]);
    assert!(prod.has("kafka") && prod.has_cluster("kafka", "analytics") && !prod.has_cluster("kafka", "x"));
    assert!(prod.has_cluster("webhook", "crm") && !prod.has_cluster("mysql", "x") && !dev.has("kafka"));
    assert_eq!(&WHOLE[prod.place("redis")], "redis");
    assert_eq!(&WHOLE[dev.place("redis")], "dev");
}

#[test]
fn levels_of_warnings_are_read_and_left_to_the_compiler() {
    let text = "name: shop\nlints:\n  unused: allow\n  growing-field: deny\n  shadowing: maybe\n";
    let manifest = Manifest::parse(text);
    let found: Vec<(&str, LintLevel, &str)> =
        manifest.lints.iter().map(|lint| (lint.name.as_str(), lint.level, &text[lint.range.clone()])).collect();
    assert_eq!(found, [("unused", LintLevel::Allow, "unused"), ("growing-field", LintLevel::Deny, "growing-field")]);
    assert_eq!(manifest.mistakes.len(), 1);
    assert_eq!(&text[manifest.mistakes[0].range.clone()], "shadowing");
}
