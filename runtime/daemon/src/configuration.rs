//! `nsf.yaml` and the plan: read, checked, and resolved in this environment.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nsf_plan::{
    Plan, PlanError, TopicId,
    profile::{Environment, FileText, Manifest, ResolvedProfile},
};
use zeroize::Zeroizing;

use crate::{Deployment, problem::Problem};

/// What a command works on.
pub struct Configuration {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The profile.
    pub profile: ResolvedProfile,
    /// The folder that relative paths are from: that of nsf.yaml.
    pub folder: PathBuf,
}

/// Reads what a command names.
///
/// # Errors
/// Everything that is wrong with the plan or the profile.
pub fn read(deployment: &Deployment) -> Result<Configuration, Vec<Problem>> {
    let plan = read_plan(&deployment.plan).map_err(|problem| vec![problem])?;
    let path = manifest_path(deployment);
    let text = fs::read_to_string(&path).map_err(|error| {
        let message = format!("{} cannot be read: {}", path.display(), error_words(&error));
        vec![Problem::new(message).with_help("name the file of profiles with --config")]
    })?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let manifest = Manifest::parse(&text);
    #[cfg(feature = "faults")]
    let plan = crate::faults::plan(plan);
    check_retries(&plan)?;
    let plan = nsf_engine::run::with_retries(plan);
    let Some(profile) = manifest.profiles.get(&deployment.profile) else {
        return Err(vec![no_profile(&manifest, &deployment.profile, &path)]);
    };
    let project = manifest.name.as_deref().unwrap_or(&plan.name);
    let variable = |name: &str| std::env::var(name).ok();
    let file = |path: &str| read_file(&folder, path);
    let environment = Environment { variable: &variable, file: &file };
    let profile = profile.resolve(project, &environment);
    let profile =
        profile.map_err(|errors| errors.iter().map(|error| Problem::new(error.to_string())).collect::<Vec<_>>())?;
    Ok(Configuration { plan: Arc::new(plan), profile, folder })
}

/// Records wait in a topic beside the one that they come from: partitions of one number must come to one worker.
fn check_retries(plan: &Plan) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for source in plan.sources.iter().filter(|source| source.on_error.waits()) {
        let connector = |topic: TopicId| plan.topics.get(topic.index()).map(|topic| &topic.connector);
        let (Some(from), Some(retry)) = (connector(source.from), source.retry.and_then(connector)) else { continue };
        if from.kind != "kafka" || retry.kind != "kafka" || from.cluster != retry.cluster {
            let message = format!("source `{}`: its records cannot wait in `{}`", source.name, retry.name);
            let help = "`from` and `retry` must both be topics of one cluster of Kafka; or give another `on_error`";
            problems.push(Problem::new(message).with_help(help));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn manifest_path(deployment: &Deployment) -> PathBuf {
    if let Some(path) = &deployment.config {
        return path.clone();
    }
    let beside = deployment.plan.with_file_name("nsf.yaml");
    if beside.exists() { beside } else { PathBuf::from("nsf.yaml") }
}

fn no_profile(manifest: &Manifest, name: &str, path: &Path) -> Problem {
    let names: Vec<String> = manifest.profiles.keys().map(|name| format!("`{name}`")).collect();
    let help = if names.is_empty() {
        "write one under `profiles:`".to_owned()
    } else {
        format!("it has {}; name one with --profile", names.join(", "))
    };
    Problem::new(format!("{} has no profile `{name}`", path.display())).with_help(help)
}

fn read_plan(path: &Path) -> Result<Plan, Problem> {
    let bytes = fs::read(path).map_err(|error| {
        Problem::new(format!("the plan {} cannot be read: {}", path.display(), error_words(&error)))
            .with_help("write it with `nsfc compile -o plan.yaml`")
    })?;
    nsf_plan::document::load(&bytes).map_err(|error: PlanError| {
        // It says itself what to do.
        Problem::new(format!("the plan {} cannot be run: {error}", path.display()))
    })
}

fn read_file(folder: &Path, path: &str) -> Result<FileText, String> {
    let path = folder.join(path);
    let text = fs::read_to_string(&path).map_err(|error| error_words(&error))?;
    Ok(FileText { text: Zeroizing::new(text), mode: mode(&path) })
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).ok().map(|there| there.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// What a failure of the file system is, in words.
pub fn error_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
