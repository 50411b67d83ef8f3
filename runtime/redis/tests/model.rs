//! Mishaps at random over Redis: see [`nsf_tests::lanes::model`]. `NSF_REDIS_ROUNDS` sets how many rounds are run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use nsf_engine::store::LaneStore;
use nsf_redis::{Place, RedisStore};
use nsf_tests::{
    lanes::model::{Servers, rows_are_right_after_any_mishap},
    servers::redis::{Fsync, Options},
};
use support::{Server, is_save, node, proxy::Proxy, was_done};

struct Own {
    server: Server,
    proxies: Vec<Proxy>,
}

impl Servers for Own {
    fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    fn begin(&mut self, _: u64) {}

    fn worker(&self, round: u64, proxy: usize) -> Box<dyn LaneStore> {
        let mut settings = self.server.settings();
        settings.place = Place::Single { node: node(self.proxies[proxy].address), database: 0 };
        settings.response_timeout = Duration::from_millis(150);
        settings.namespace = format!("round{round}");
        Box::new(RedisStore::new(settings).unwrap())
    }

    fn cut(&mut self) {
        self.server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    }

    fn lose_the_tail(&mut self, chance: u64) {
        self.server.kill();
        self.server.cut_aof(self.server.aof_length().unwrap().saturating_sub(chance)).unwrap();
        self.server.restart().unwrap();
    }

    fn was_done(&self, answer: &str) -> Option<bool> {
        answer.contains("+QUEUED").then(|| was_done(answer))
    }
}

#[test]
fn rows_are_right_after_any_mishap_at_redis() {
    let rounds = std::env::var("NSF_REDIS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8_u64);
    let options = Options { fsync: Fsync::EverySecond, ..Options::default() };
    let Some(server) = Server::with("rows after mishaps at random", options) else { return };
    let proxies: Vec<Proxy> = (0..3).map(|_| Proxy::before(server.address(), is_save)).collect();
    rows_are_right_after_any_mishap(&mut Own { server, proxies }, rounds);
}
