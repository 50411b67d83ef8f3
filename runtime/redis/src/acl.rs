//! The rights that the store needs, and no more.

use crate::settings::{Place, RedisSettings};

/// The commands that the store and values of keys use on one server without databases: no scripts, no configuration, nothing
/// that empties. [`acl_line`] gives the whole line for a place and for a program that adds to streams, and [`crate::check`] tries
/// them.
pub const ACL_COMMANDS: &str = "-@all +hello +info +watch +multi +exec +mget +mset +set +del +hset +hmget +hgetall +hdel +hincrby +zadd +zrem +zrangebyscore +scan";

/// The line that gives a user of Redis just the rights that the store needs; the password is for the reader to fill in.
#[must_use]
pub fn acl_line(settings: &RedisSettings) -> String {
    let user = settings.user.as_deref().unwrap_or("nsf");
    let place = match &settings.place {
        Place::Cluster { .. } => " +cluster|slots",
        place if place.database() != 0 => " +select",
        Place::Single { .. } | Place::Sentinel { .. } => "",
    };
    let streams = if settings.streams { " +xadd" } else { "" };
    let reads = if settings.reads_streams { " +xrange +xinfo +xgroup" } else { "" };
    format!("ACL SETUSER {user} on >PASSWORD ~{}:* {ACL_COMMANDS}{place}{streams}{reads}", settings.namespace)
}
