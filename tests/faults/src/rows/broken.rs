//! Builds that leave a rule of the protocol out: each must be noticed, or the other rows prove nothing.

use super::{Trial, kill, store};

/// The rules, and the faults under which leaving one out shows.
const BROKEN: [(&str, &str, Faults); 4] = [
    ("no-load-check", "what is read of a lane is not compared with how it is held", store::cut),
    ("no-fence", "a lane is saved whoever holds it", kill::pause),
    ("save-before-emit", "rows are saved before outputs are sent", kill::kill),
    ("positions-of-the-log", "the log, and not the store, says where a partition is read from", kill::kill),
];

type Faults = fn(&Trial<'_>) -> Result<String, String>;

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut noticed = Vec::new();
    for (name, what, faults) in BROKEN {
        let environment = vec![("NSFLOW_BROKEN".to_owned(), name.to_owned())];
        let own = Trial { environment, nsfc: trial.nsfc, nsflow: trial.nsflow, ..*trial };
        match faults(&own) {
            Ok(words) => return Err(format!("nobody noticed that {what} ({name}): {words}")),
            Err(words) => {
                let first = words.lines().next().unwrap_or_default();
                println!("   {name} is noticed: {first}");
                noticed.push(name);
            }
        }
    }
    Ok(format!("noticed: {}", noticed.join(", ")))
}
