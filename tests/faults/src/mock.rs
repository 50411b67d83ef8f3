//! librdkafka's mock cluster as a process of its own: it ends itself by an assertion where a member of its group joins again while
//! an earlier request of it is still to be answered (`rdkafka_mock_cgrp.c`), and must not take whoever watches with it.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};

use crate::rows::refusals::REFUSALS;

/// What this program is called with to be the mock cluster.
pub const WORD: &str = "mock-cluster";

/// Says that an order is carried out.
const DONE: &str = "done";

/// A mock cluster in another process; it ends with this.
pub struct Mock {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Where clients connect first.
    pub brokers: String,
}

impl Mock {
    /// Starts one; `program` is this program.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(program: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (orders, answers) = pipes.ok_or_else(|| io::Error::other("it has no pipes"))?;
        let mut mock = Self { child, orders, answers: BufReader::new(answers), brokers: String::new() };
        mock.brokers = mock.answer()?;
        Ok(mock)
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// Where it has ended, or cannot.
    pub fn create_topic(&mut self, name: &str, partitions: i32) -> io::Result<()> {
        self.order(&format!("topic {name} {partitions}"))
    }

    /// Lets the next requests of a kind be answered with an error; both by their places among those that the row knows.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn refuse(&mut self, api: usize, answer: usize, count: u64) -> io::Result<()> {
        self.order(&format!("refuse {api} {answer} {count}"))
    }

    /// Nothing is refused any more.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn relent(&mut self) -> io::Result<()> {
        self.order("relent")
    }

    /// Whether it is still there.
    pub fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn order(&mut self, words: &str) -> io::Result<()> {
        writeln!(self.orders, "{words}")?;
        self.orders.flush()?;
        match self.answer()? {
            answer if answer == DONE => Ok(()),
            answer => Err(io::Error::other(format!("the mock cluster cannot `{words}`: {answer}"))),
        }
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(io::Error::other("the mock cluster has ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the mock cluster, until the orders end: says where it is, and carries out each line.
///
/// # Errors
/// Where there is none, or an answer cannot be given.
pub fn serve(orders: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mock = MockCluster::new(3).map_err(io::Error::other)?;
    writeln!(answers, "{}", mock.bootstrap_servers())?;
    answers.flush()?;
    for order in orders.lines() {
        let done = carry_out(&mock, &order?);
        writeln!(answers, "{}", done.err().unwrap_or_else(|| DONE.to_owned()))?;
        answers.flush()?;
    }
    Ok(())
}

fn carry_out(mock: &MockCluster<'_, DefaultProducerContext>, order: &str) -> Result<(), String> {
    let words: Vec<&str> = order.split(' ').collect();
    let number = |word: &str| word.parse::<usize>().map_err(|error| format!("`{word}`: {error}"));
    match words.as_slice() {
        ["topic", name, partitions] => {
            mock.create_topic(name, number(partitions)? as i32, 3).map_err(|error| error.to_string())
        }
        ["refuse", api, answer, count] => {
            let (api, answers) = REFUSALS.get(number(api)?).ok_or("there is no such request")?;
            let answer = answers.get(number(answer)?).ok_or("there is no such answer")?;
            // What nobody asked for yet would pile up, until a group that is joined again needs minutes for it.
            mock.clear_request_errors(*api);
            mock.request_errors(*api, &vec![*answer; number(count)?]);
            Ok(())
        }
        ["relent"] => {
            REFUSALS.iter().for_each(|(api, _)| mock.clear_request_errors(*api));
            Ok(())
        }
        _ => Err("it is no order".to_owned()),
    }
}
