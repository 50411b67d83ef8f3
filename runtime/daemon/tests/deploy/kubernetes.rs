//! The manifests against the schemas of Kubernetes 1.33, as `k8s-openapi` made them into forms: what is read into a form and
//! written again lacks every name that the schema does not know, and has those that it requires.

use std::process::Command;

use k8s_openapi::{
    NamespaceResourceScope, Resource,
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, Namespace, Service},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    serde::{Serialize, de::DeserializeOwned},
};
use serde_yaml::Value;

use super::{deploy, not_shown, text};

/// Every object of a text of manifests.
fn objects(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|document| Value::deserialize(document).unwrap()).filter(|object| !object.is_null()).collect()
}

/// The container of a worker.
pub fn container() -> Value {
    let objects = objects(&text("kubernetes/worker.yaml"));
    let set = objects.iter().find(|object| object["kind"] == "StatefulSet").unwrap();
    set["spec"]["template"]["spec"]["containers"][0].clone()
}

/// What is wrong with an object, by the form of its kind.
fn complaint(object: &Value) -> Option<String> {
    let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    match (version, kind) {
        ("v1", "Namespace") => through::<Namespace>(object),
        ("v1", "Service") => through_named::<Service>(object),
        ("v1", "ConfigMap") => through_named::<ConfigMap>(object),
        ("apps/v1", "StatefulSet") => through_named::<StatefulSet>(object),
        ("policy/v1", "PodDisruptionBudget") => through_named::<PodDisruptionBudget>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => through_named::<NetworkPolicy>(object),
        _ => Some(format!("{version} {kind} is no kind that this test knows")),
    }
}

fn through_named<T>(object: &Value) -> Option<String>
where
    T: Resource<Scope = NamespaceResourceScope> + Serialize + DeserializeOwned,
{
    through::<T>(object)
}

fn through<T: Serialize + DeserializeOwned>(object: &Value) -> Option<String> {
    // By JSON, as the server reads it: a number in quotes is a text.
    let given = serde_json::to_value(object).unwrap();
    match serde_json::from_value::<T>(given.clone()) {
        Err(error) => Some(error.to_string()),
        Ok(form) => difference("", &given, &serde_json::to_value(form).unwrap()),
    }
}

/// Where two values differ first.
fn difference(place: &str, given: &serde_json::Value, form: &serde_json::Value) -> Option<String> {
    use serde_json::Value::{Array, Object};
    match (given, form) {
        (Object(given), Object(form)) => {
            let names = given.keys().chain(form.keys());
            names.into_iter().find_map(|name| match (given.get(name), form.get(name)) {
                (Some(given), Some(form)) => difference(&format!("{place}.{name}"), given, form),
                (Some(_), None) => Some(format!("{place}.{name} is no name of the schema")),
                (None, _) => Some(format!("{place}.{name} is required by the schema")),
            })
        }
        (Array(given), Array(form)) if given.len() == form.len() => given
            .iter()
            .zip(form)
            .enumerate()
            .find_map(|(at, (given, form))| difference(&format!("{place}[{at}]"), given, form)),
        _ if given == form => None,
        _ => Some(format!("{place} is {given}, which the schema takes for {form}")),
    }
}

#[track_caller]
fn fit(text: &str, least: usize) {
    let objects = objects(text);
    assert!(objects.len() >= least, "only {} objects", objects.len());
    let complaints: Vec<String> = objects
        .iter()
        .filter_map(|object| Some(format!("{}: {}", object["kind"].as_str().unwrap(), complaint(object)?)))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn every_manifest_fits_the_schema_of_its_kind() {
    for (file, least) in [("namespace", 1), ("worker", 3), ("network", 1)] {
        fit(&text(&format!("kubernetes/{file}.yaml")), least);
    }
}

#[test]
fn mistakes_in_manifests_are_seen() {
    let good = text("kubernetes/worker.yaml");
    for (from, to, seen) in [
        ("serviceName:", "servicename:", ".servicename is no name"),
        ("replicas: 2", "replicas: two", "invalid type"),
        (
            "  selector:\n    matchLabels: { app.kubernetes.io/name: nsflow, app.kubernetes.io/instance: spending }\n  template:",
            "  template:",
            ".selector is required",
        ),
        ("runAsUser: 10001", "runAsUser: 10001.5", "invalid type"),
        ("periodSeconds: 10", "periodSecond: 10", ".periodSecond is no name"),
    ] {
        assert!(good.contains(from), "{from}");
        let objects = objects(&good.replacen(from, to, 1));
        let found: Vec<String> = objects.iter().filter_map(complaint).collect();
        assert!(found.len() == 1 && found[0].contains(seen), "{to}: {found:?}");
    }
}

#[test]
fn kustomize_makes_one_whole_of_them() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        return not_shown("kustomize_makes_one_whole_of_them: kubectl is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    nsf_tests::tree::copy(&deploy(), folder.path()).unwrap();
    let _ = nsf_tests::tool::call(folder.path(), &["compile", ".", "-o", "plan.yaml"]).succeeded();
    let output = Command::new("kubectl").args(["kustomize"]).arg(folder.path()).output().unwrap();
    let made = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fit(&made, 6);
    let all = objects(&made);
    let kind = |kind: &str| all.iter().find(|object| object["kind"] == kind).unwrap();
    let settings = kind("ConfigMap");
    assert_eq!(settings["data"]["nsf.yaml"].as_str(), Some(text("nsf.yaml").as_str()));
    // The workers mount the settings by the name that kustomize gave them.
    let volume = &kind("StatefulSet")["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"];
    assert_eq!(volume, &settings["metadata"]["name"]);
}
