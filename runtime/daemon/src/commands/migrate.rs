//! `nsflow migrate`: the SQL that makes or widens the tables of dimensions.

use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
};

/// Prints the SQL that makes the tables of dimensions, and runs it where that is asked for.
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
        let Some(dimensions) = production.mysql_dimensions().map_err(mysql)? else {
            println!("-- no dimension is kept on MySQL under the profile `{}`", production.profile().name);
            return Ok(());
        };
        let migration = dimensions.migration().map_err(mysql)?;
        for statement in &migration.statements {
            println!("-- dimension {}\n{};", statement.dimension, statement.sql);
        }
        if migration.statements.is_empty() {
            println!("-- nothing is missing");
        } else if self.apply {
            dimensions.apply(&migration.statements).map_err(mysql)?;
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
