//! Mishaps at random over MariaDB: see [`nsf_tests::lanes::model`]. `NSF_MYSQL_ROUNDS` sets how many rounds are run.

use std::time::Duration;

use nsf_engine::store::LaneStore;
use nsf_mysql::{MysqlDatabase, Node};
use nsf_tests::lanes::{
    model::{Servers, rows_are_right_after_any_mishap},
    proxy::Proxy,
};

use crate::{
    doubt::{is_save, was_done},
    support::{Server, lanes, server},
};

struct Own {
    server: Server,
    proxies: Vec<Proxy>,
}

/// What was confirmed within the last second may be lost with the server.
const CARELESS: &str = "SET GLOBAL innodb_flush_log_at_trx_commit = 0";

impl Servers for Own {
    fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    fn begin(&mut self, round: u64) {
        self.server.states(&self.server.database(), &format!("round{round}"));
        // The tables are on the disk, whatever is lost later.
        std::thread::sleep(Duration::from_millis(1500));
    }

    fn worker(&self, round: u64, proxy: usize) -> Box<dyn LaneStore> {
        let mut settings = self.server.settings();
        settings.node = Node::new("127.0.0.1", self.proxies[proxy].address.port());
        settings.response_timeout = Duration::from_millis(500);
        Box::new(MysqlDatabase::new(settings).unwrap().store(lanes(&format!("round{round}")), None).unwrap())
    }

    fn cut(&mut self) {
        self.server.cut();
    }

    fn lose_the_tail(&mut self, _: u64) {
        self.server.maria.kill();
        self.server.maria.restart().unwrap();
        self.server.query(CARELESS);
    }

    fn was_done(&self, answer: &str) -> Option<bool> {
        Some(was_done(answer))
    }
}

#[test]
fn rows_are_right_after_any_mishap_at_mysql() {
    let rounds = std::env::var("NSF_MYSQL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4_u64);
    let Some(server) = server("rows after mishaps at random") else { return };
    server.query(CARELESS);
    let proxies: Vec<Proxy> = (0..3).map(|_| Proxy::before(server.maria.address(), is_save)).collect();
    rows_are_right_after_any_mishap(&mut Own { server, proxies }, rounds);
}
