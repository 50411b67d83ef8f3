//! `nsflow reload`: asks the workers of a plan on this machine to take it anew.

use std::path::PathBuf;

use crate::{
    Deployment, configuration,
    problem::Problem,
    reload::{self, Answer, Asked, control},
};

/// Asks the workers on this machine that were started with this plan file and profile to take plan and profile anew, one after
/// the other, and waits for each.
#[derive(Debug, clap::Args)]
pub struct Reload {
    #[command(flatten)]
    deployment: Deployment,
    /// Takes a plan that lacks streams, flows, states or outputs of the one that runs.
    #[arg(long)]
    allow_loss: bool,
    /// The folder of the workers' sockets, where it was given to them.
    #[arg(long)]
    control: Option<PathBuf>,
}

impl Reload {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no worker is there, or one keeps its old plan; those behind it are not asked then.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        // What is wrong with the file is wrong for all.
        configuration::read(&self.deployment)?;
        let folder = self.control.unwrap_or_else(control::folder);
        let (plan, profile) = (self.deployment.plan.display(), &self.deployment.profile);
        let workers = control::workers(&folder, &reload::name_of(&self.deployment));
        if workers.is_empty() {
            let words = format!("no worker of {plan} under the profile `{profile}` is found in {}", folder.display());
            let help = "start one with `nsflow run`; it must be this user's, and have been given the same plan file and \
                        `--control`. To a worker elsewhere send SIGHUP";
            return Err(vec![Problem::new(words).with_help(help)]);
        }
        let count = workers.len();
        for (at, worker) in workers.iter().enumerate() {
            let name = worker.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let process = name.rsplit('-').next().unwrap_or_default().to_owned();
            let asked = Asked { allow_loss: self.allow_loss };
            let answer = control::ask(worker, asked).map_err(|words| {
                let help = "look into its journal; ask again when it is well";
                vec![Problem::new(format!("the worker of process {process}: {words}")).with_help(help)]
            })?;
            let Answer { taken, hash, notes, problems } = answer;
            notes.iter().for_each(|note| println!("note: {note}"));
            if taken {
                println!("process {process} runs the plan {hash}");
                continue;
            }
            let left = count - at - 1;
            let words =
                format!("process {process} goes on with the plan {hash}; {left} further workers were not asked");
            return Err(problems.into_iter().chain([Problem::new(words)]).collect());
        }
        Ok(())
    }
}
