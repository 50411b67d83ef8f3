//! Where states are, by program and profile.

use nsf_plan::{
    Order, Origin,
    connector::Connector,
    profile::{Environment, FileText, Manifest},
};

use super::*;

fn profile(text: &str) -> ResolvedProfile {
    let manifest = Manifest::parse(&format!("profiles:\n  prod: {{ kafka: {{ brokers: \"a:1\" }}, {text} }}\n"));
    assert_eq!(manifest.mistakes, [], "{text}");
    let file = |_: &str| Ok(FileText { text: String::new().into(), mode: None });
    manifest.profiles["prod"].resolve("shop", &Environment { variable: &|_| None, file: &file }).unwrap()
}

fn plan(stores: &[&str]) -> Plan {
    let mut plan = Plan::new("shop");
    for (at, store) in stores.iter().enumerate() {
        plan.states.push(State {
            id: format!("s{at}"),
            name: format!("shop.s{at}"),
            keys: Vec::new(),
            store: (!store.is_empty()).then(|| Connector::new(*store, "t")),
            keep: None,
            closes: None,
            order: Order::Flow,
            fields: Vec::new(),
            marks: false,
            origin: Origin::default(),
        });
    }
    plan
}

const REDIS: &str = "redis: { url: \"redis://a\" }";
const MYSQL: &str = "mysql: { url: \"mysql://a/b\", user: c }";

#[test]
fn a_state_that_names_no_store_is_where_the_profile_says() {
    let both = format!("{REDIS}, {MYSQL}");
    let of = |profile_text: &str, stores: &[&str]| StatesOn::of(&plan(stores), &profile(profile_text)).unwrap();
    for stores in [&[][..], &[""], &["", "embedded"]] {
        assert_eq!(of(REDIS, stores), StatesOn::Redis);
        assert_eq!(of(MYSQL, stores), StatesOn::Mysql);
        assert_eq!(of(&both, stores), StatesOn::Redis);
        assert_eq!(of(&format!("{both}, store: mysql"), stores), StatesOn::Mysql);
        assert_eq!(of(&format!("{both}, store: embedded"), stores), StatesOn::Redis);
        assert_eq!(of(&format!("{MYSQL}, store: embedded"), stores), StatesOn::Mysql);
    }
    assert_eq!(of(&both, &["mysql", "mysql"]), StatesOn::Mysql);
    assert_eq!(of(&format!("{both}, store: mysql"), &["redis"]), StatesOn::Redis);
}

#[test]
fn what_unique_remembers_goes_with_the_states() {
    let mut plan = plan(&["", "mysql"]);
    plan.states[0].marks = true;
    assert_eq!(StatesOn::of(&plan, &profile(&format!("{REDIS}, {MYSQL}"))).unwrap(), StatesOn::Mysql);
    plan.states.pop();
    assert_eq!(StatesOn::of(&plan, &profile(&format!("{REDIS}, {MYSQL}"))).unwrap(), StatesOn::Redis);
}

#[test]
fn states_in_different_stores_are_refused() {
    let refused = |text: &str, stores: &[&str]| {
        let problem = StatesOn::of(&plan(stores), &profile(text)).unwrap_err();
        format!("{}; {}", problem.message, problem.help.unwrap())
    };
    let mixed = refused(&format!("{REDIS}, {MYSQL}"), &["", "mysql"]);
    assert!(
        mixed.starts_with(
            "the state `shop.s0` is kept on Redis and the state `shop.s1` on MySQL: those of one plan must be in one store; \
             write `store:` alike in all of them"
        ),
        "{mixed}"
    );
    assert_eq!(
        refused(REDIS, &["mysql"]),
        "the state `shop.s0` is kept on MySQL, and the profile `prod` names none; write `mysql:` in the profile, or take \
         `store:` out of the state: then `store:` of the profile counts"
    );
    let nothing = refused("lanes: 4", &[""]);
    assert!(nothing.starts_with("the profile `prod` names no redis and no mysql"), "{nothing}");
}
