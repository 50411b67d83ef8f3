//! Which tables and dimensions are on MySQL, and the databases of a profile.

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};
use nsf_mysql::{MysqlDatabase, MysqlDimensions, Placed, Statement};
use nsf_plan::{Dimension, DimensionId, Plan, profile::ResolvedProfile};

use crate::{
    problem::Problem,
    settings,
    spaces::{Server, Spaces},
};

/// The databases that a profile names.
pub struct Mysql {
    /// By the name that programs use; none for the one that is meant where none is named.
    databases: Vec<(Option<String>, MysqlDatabase)>,
}

impl Mysql {
    /// The databases of a profile; connects to none.
    ///
    /// # Errors
    /// Where an address cannot be read.
    pub fn new(profile: &ResolvedProfile) -> Result<Self, Problem> {
        let mut databases = Vec::new();
        if let Some(mysql) = &profile.mysql {
            let clusters = mysql.clusters.iter().map(|(name, connection)| (Some(name.clone()), connection));
            for (name, connection) in [(None, &mysql.default)].into_iter().chain(clusters) {
                let database = MysqlDatabase::new(settings::mysql(connection)?);
                let database = database.map_err(|error| Problem::connector("mysql", &error))?;
                databases.push((name, database));
            }
        }
        Ok(Self { databases })
    }

    /// The database that a connector means by its `cluster:`.
    pub fn database(&self, cluster: Option<&str>) -> Option<&MysqlDatabase> {
        self.databases.iter().find(|(name, _)| name.as_deref() == cluster).map(|(_, database)| database)
    }

    /// All of them.
    pub fn databases(&self) -> impl Iterator<Item = &MysqlDatabase> {
        self.databases.iter().map(|(_, database)| database)
    }

    /// Makes tables of states and dimensions.
    ///
    /// # Errors
    /// Where a statement is refused; those before it stand.
    pub fn apply(&self, statements: &[Statement]) -> ConnectorResult<()> {
        self.database(None).map_or(Ok(()), |database| database.apply(statements))
    }

    /// The dimensions of a plan that are kept on MySQL, if any are.
    ///
    /// # Errors
    /// Where the profile does not name a server, or names cannot be those of tables.
    pub fn dimensions(
        &self,
        plan: &Plan,
        profile: &ResolvedProfile,
        spaces: &Spaces,
    ) -> ConnectorResult<Option<MysqlDimensions>> {
        let Some(first) = spaces.list.iter().find(|kept| kept.on(Server::Mysql).is_some()) else { return Ok(None) };
        let Some(database) = self.database(None) else {
            let message = format!(
                "the dimension `{}` is kept on MySQL, and the profile `{}` names none",
                first.name, profile.name
            );
            return Err(ConnectorError::new(ConnectorErrorKind::Changed, message)
                .with_help("write `mysql:` in the profile, or give the dimension spaces whose store is redis alone"));
        };
        database.dimensions(plan, &placed(spaces)).map(Some)
    }

    /// All dimensions of a plan whose states are on MySQL: they are there too.
    ///
    /// # Errors
    /// Where a space says something else, or names cannot be those of tables.
    pub fn all_dimensions(&self, plan: &Plan, spaces: &Spaces) -> ConnectorResult<Option<MysqlDimensions>> {
        let space = |dimension: &Dimension| {
            let mut spaces = dimension.spaces.iter().filter_map(|space| plan.spaces.get(space.index()));
            spaces.find(|space| space.store == "redis").map(|space| (dimension.name.clone(), space.name.clone()))
        };
        if let Some((dimension, space)) = plan.dimensions.iter().find_map(space) {
            let message = format!(
                "the dimension `{dimension}` is kept in the space `{space}` on Redis, and the states of the plan are on MySQL"
            );
            return Err(ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(
                "take the space out of the dimension or write `store: mysql` in it, or keep the states on Redis (`store: redis` \
                 in the profile): dimensions on MySQL go with both, those on Redis with states there alone",
            ));
        }
        match self.database(None) {
            Some(database) if !plan.dimensions.is_empty() => database.dimensions(plan, &placed(spaces)).map(Some),
            _ => Ok(None),
        }
    }
}

/// How dimensions are kept on MySQL, of those that have a place there.
pub fn placed(spaces: &Spaces) -> impl Fn(DimensionId) -> Option<Placed> {
    |id| {
        let kept = spaces.list.iter().find(|kept| kept.id == id)?;
        kept.on(Server::Mysql).map(|place| Placed { shards: place.shards, keep: place.keep })
    }
}
