//! `nsflow heal`: what the further spaces of dimensions lack, and how they get it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    Deployment,
    combined::Difference,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
    spaces::{Kept, Place},
};

/// Compares the further spaces of dimensions with the first, and brings there what is missing or another where that is asked
/// for. Workers may run meanwhile. All rows are gone through: that takes time where there are many.
#[derive(Debug, clap::Args)]
pub struct Heal {
    #[command(flatten)]
    deployment: Deployment,
    /// Writes the rows too.
    #[arg(long)]
    apply: bool,
}

impl Heal {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a server is not reached, or a row cannot be read; and where rows differ and are not to be written, so that who
    /// calls it sees that by how it ends.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let Configuration { plan, profile, folder } = configuration::read(&self.deployment)?;
        let production = Production::new(&plan, profile, folder).map_err(|problem| vec![problem])?;
        let failed = |error| vec![Problem::connector("store", &error)];
        let none = format!("no dimension has a further space under the profile `{}`", production.profile().name);
        if production.spaces().map_err(failed)?.list.iter().all(|kept| kept.further.is_empty()) {
            println!("{none}");
            return Ok(());
        }
        let Some(store) = production.dimensions().map_err(failed)? else {
            println!("{none}");
            return Ok(());
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let mut lacks = false;
        for kept in &store.spaces().list {
            for place in &kept.further {
                let difference = store.compare(kept, place, now, self.apply).map_err(failed)?;
                println!("{}", words(kept, place, &difference));
                lacks |= !difference.is_none();
            }
        }
        match (lacks, self.apply) {
            (false, _) => println!("nothing is missing"),
            (true, true) => println!("what was missing or of another version was brought there"),
            (true, false) => {
                let problem = Problem::new("further spaces of dimensions lack rows; nothing was changed");
                return Err(vec![problem.with_help(format!("`{}` brings them there", again(&self.deployment)))]);
            }
        }
        Ok(())
    }
}

/// The command line that brings rows to where they are missing.
fn again(deployment: &Deployment) -> String {
    let Deployment { plan, profile, config } = deployment;
    let quoted = |word: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let mut line = format!("nsflow heal {} --profile {}", quoted(&plan.to_string_lossy()), quoted(profile));
    if let Some(config) = config {
        line.push_str(&format!(" --config {}", quoted(&config.to_string_lossy())));
    }
    line + " --apply"
}

fn words(kept: &Kept, place: &Place, difference: &Difference) -> String {
    let Difference { rows, missing, other, alone } = difference;
    let (name, first, there) = (&kept.name, kept.first.words(), place.words());
    let mut words = format!(
        "dimension {name}: of {rows} rows in {first}, {missing} are missing in {there} and {other} are there in another version"
    );
    if *alone > 0 {
        words.push_str(&format!("; {alone} rows are in {there} alone, and stay"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_is_said() {
        let own = |plan: &str, profile: &str, config: Option<&str>| {
            again(&Deployment { plan: plan.into(), profile: profile.into(), config: config.map(Into::into) })
        };
        assert_eq!(own("out/plan.yaml", "test", None), "nsflow heal out/plan.yaml --profile test --apply");
        let spaced = "nsflow heal 'my plan.yaml' --profile prod --config /etc/nsf.yaml --apply";
        assert_eq!(own("my plan.yaml", "prod", Some("/etc/nsf.yaml")), spaced);
    }
}
