//! `nsflow migrate`: the SQL that makes or widens the tables of states and dimensions.

use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
};

/// Prints the SQL that makes the tables of states and dimensions, and runs it where that is asked for.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    deployment: Deployment,
    /// Runs the SQL too. Tables and columns are made, never deleted.
    #[arg(long)]
    apply: bool,
}

impl Migrate {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the server is not reached, or has a column of another type.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let Configuration { plan, profile, folder } = configuration::read(&self.deployment)?;
        let production = Production::new(&plan, profile, folder).map_err(|problem| vec![problem])?;
        let mysql = |error| vec![Problem::connector("mysql", &error)];
        let (store, dimensions) = match production.mysql_store().map_err(mysql)? {
            Some(store) => (Some(store), None),
            None => (None, production.mysql_dimensions().map_err(mysql)?),
        };
        let migration = match (&store, &dimensions) {
            (Some(store), _) => store.migration(),
            (None, Some(dimensions)) => dimensions.migration(),
            (None, None) => {
                let profile = &production.profile().name;
                println!("-- neither states nor dimensions are kept on MySQL under the profile `{profile}`");
                return Ok(());
            }
        };
        let migration = migration.map_err(mysql)?;
        for statement in &migration.statements {
            println!("-- {}\n{};", statement.of, statement.sql);
        }
        if migration.statements.is_empty() {
            println!("-- nothing is missing");
        } else if self.apply {
            production.mysql().apply(&migration.statements).map_err(mysql)?;
            println!("-- done");
        } else {
            println!("-- nothing was changed; `nsflow migrate --apply` runs it");
        }
        if migration.problems.is_empty() {
            return Ok(());
        }
        Err(migration.problems.iter().map(|problem| Problem::connector("mysql", problem)).collect())
    }
}
