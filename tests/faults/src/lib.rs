//! Faults on real servers: what feeds a program, reads what it gives, breaks things meanwhile, and says whether the results
//! are what they would have been.
//!
//! | file | holds |
//! |---|---|
//! | `bank` | the program under test: its input, and what must come of it |
//! | `topic` | topics: written with keys, read whole |
//! | `worker` | `nsflow` processes: started, killed, paused, told to stop |
//! | `redis_servers` | Redis in each of its forms: one server, Sentinel, a cluster |
//! | `redis` | what one server of Redis holds of the program |
//! | `tariffs` | the table that changes while the program reads it |
//! | `mock` | a cluster that answers with errors when it is told to |
//! | `receiver` | a receiver of webhooks that can be killed |
//! | `stage` | servers, program and topics of one trial |

pub mod bank;
pub mod mock;
pub mod mysql_states;
pub mod receiver;
pub mod redis;
pub mod redis_servers;
pub mod rows;
pub mod stage;
pub mod tariffs;
pub mod topic;
pub mod worker;
