//! A storm: input comes at a steady pace, two workers take it, and something breaks again and again meanwhile. When all is
//! taken, rows and outputs are compared with what they must be.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nsf_tests::random::Random;

use super::Trial;
use crate::{
    bank::{Dose, Outputs},
    redis_servers::Form,
    stage::{CANARY, Servers, Stage},
    worker::Worker,
};

/// Faults in one trial; then its results are compared and the next begins.
const FAULTS_A_TRIAL: u32 = 20;

/// How a storm goes.
pub struct Weather {
    /// Between two faults, in milliseconds: at least, and so much more by chance.
    pub calm: (u64, u64),
    /// How Redis is started.
    pub redis: Form,
    /// Whether workers see Kafka and Redis through proxies.
    pub proxied: bool,
    /// How long everything may take to be whole after the last fault.
    pub deadline: Duration,
    /// Whether outputs may come twice.
    pub repeats: bool,
    /// Over how long the input comes at least.
    pub pace: Duration,
    /// In which trials workers keep their partitions over a restart.
    pub named: Named,
    /// What is looked at beside when all has been compared.
    pub after: fn(&mut Scene<'_>) -> Result<(), String>,
    /// Whether records of one key must be worked on in their order.
    pub ordered: bool,
}

/// In which trials workers keep their partitions over a restart; a row may change it as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// In none.
    Never,
    /// In every second one.
    Alternating,
    /// In all.
    Always,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            calm: (300, 1_700),
            redis: Form::default(),
            proxied: false,
            deadline: Duration::from_secs(60),
            repeats: true,
            pace: Duration::ZERO,
            named: Named::Alternating,
            after: |_| Ok(()),
            ordered: true,
        }
    }
}

/// What a fault can reach.
pub struct Scene<'s> {
    /// The servers.
    pub servers: &'s mut Servers,
    /// The program and what is fed.
    pub stage: Stage,
    /// The two workers.
    pub workers: Vec<Worker>,
    /// For what is left to chance.
    pub random: Random,
    /// Whether workers that are started from now on keep their partitions over a restart.
    pub named: bool,
    /// Set where the rest of the input is to come at once.
    pub hurry: Arc<AtomicBool>,
}

impl Scene<'_> {
    /// Starts the worker of a place.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&mut self, at: usize) -> io::Result<Worker> {
        self.start_with(at, &[])
    }

    /// The same with further variables of the environment.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_with(&mut self, at: usize, further: &[(&str, &str)]) -> io::Result<Worker> {
        let (profile, instance) = (if self.named { "named" } else { "prod" }, format!("worker-{at}"));
        let further: Vec<(&str, &str)> = further.iter().copied().chain([("INSTANCE", instance.as_str())]).collect();
        self.stage.workers.start_as(profile, &further)
    }

    /// Forgets what is stored of the trial: the workers, which must not run, will begin anew.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub fn forget(&mut self) -> io::Result<()> {
        self.servers.redis.forget()
    }

    /// Starts the worker of a place again, which was killed or has ended.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn replace(&mut self, at: usize) -> io::Result<()> {
        self.workers[at].kill();
        self.workers[at] = self.start(at)?;
        Ok(())
    }
}

/// What all trials of a row came to.
#[derive(Debug, Default)]
struct Sum {
    faults: u32,
    trials: u32,
    messages: u64,
    repeated: u64,
    differing: u64,
    slowest: Duration,
}

/// Runs trials until the fault has happened as often as the dose says.
pub fn storm(
    trial: &Trial<'_>,
    name: &str,
    weather: &Weather,
    mut fault: impl FnMut(&mut Scene<'_>) -> Result<(), String>,
) -> Result<String, String> {
    let mut servers = trial.servers(weather.redis.clone(), weather.proxied)?;
    let mut random = Random::new(trial.seed);
    let mut sum = Sum::default();
    while sum.faults < trial.dose {
        sum.trials += 1;
        let faults = FAULTS_A_TRIAL.min(trial.dose - sum.faults);
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let own = format!("{name}{}", sum.trials);
        let mut stage = Stage::new(&servers, &own, dose, trial.nsfc, trial.nsflow).map_err(words)?;
        stage.workers.environment.extend(trial.environment.iter().cloned());
        if !weather.ordered {
            stage.expected.forget_order();
        }
        let named = match weather.named {
            Named::Never => false,
            Named::Alternating => sum.trials % 2 == 0,
            Named::Always => true,
        };
        let random = Random::new(random.number());
        let hurry = Arc::default();
        let mut scene = Scene { servers: &mut servers, stage, workers: Vec::new(), random, named, hurry };
        let outputs = one(&mut scene, weather, faults, &mut fault, &mut sum).map_err(|wrong| {
            let journals = keep(name, &scene.stage.workers.journals());
            format!("trial {} of seed {} ({faults} faults): {wrong}\n{journals}", sum.trials, trial.seed)
        })?;
        keep(name, &scene.stage.workers.journals());
        sum.faults += faults;
        for (_, own) in &outputs {
            sum.messages += own.messages;
            sum.repeated += own.repeated;
            sum.differing += own.differing;
        }
    }
    if !weather.repeats && sum.repeated > 0 {
        return Err(format!("{} outputs came twice", sum.repeated));
    }
    let Sum { faults, trials, messages, repeated, differing, slowest } = sum;
    let same = repeated - differing;
    let others = if weather.ordered { String::new() } else { format!(" and {differing} with others") };
    Ok(format!(
        "{faults} faults in {trials} trials; {messages} messages, {same} of them again with the same bytes{others}; whole at most \
         {:.1} s after the last fault",
        slowest.as_secs_f64()
    ))
}

fn one(
    scene: &mut Scene<'_>,
    weather: &Weather,
    faults: u32,
    fault: &mut impl FnMut(&mut Scene<'_>) -> Result<(), String>,
    sum: &mut Sum,
) -> Result<Vec<(&'static str, Outputs)>, String> {
    let begun = Instant::now();
    for at in 0..2 {
        let worker = scene.start(at).map_err(words)?;
        scene.workers.push(worker);
    }
    // The input comes until about the last fault.
    let pace = Duration::from_millis(u64::from(faults) * (weather.calm.0 + weather.calm.1 / 2));
    let hurry = Arc::clone(&scene.hurry);
    let feeder = feed(&scene.stage, pace.max(weather.pace), &hurry);
    let changer = scene.stage.tariffs.keep_changing(&hurry);
    let mut faulty = || {
        for _ in 0..faults {
            std::thread::sleep(Duration::from_millis(weather.calm.0 + scene.random.below(weather.calm.1.max(1))));
            fault(scene)?;
        }
        Ok::<(), String>(())
    };
    let done = faulty();
    let broken = begun.elapsed();
    hurry.store(true, Ordering::Relaxed);
    let _ = changer.join();
    if let Err(wrong) = done {
        // Without input nothing goes on: then that is what is wrong.
        let fed =
            if feeder.is_finished() { feeder.join().map_err(|_| "the feeder broke off".to_owned())? } else { Ok(()) };
        return Err(fed.err().map_or_else(|| wrong.clone(), |fed| format!("{wrong}; the input ended early: {fed}")));
    }
    feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
    scene.stage.wait(scene.servers, weather.deadline)?;
    let whole = begun.elapsed();
    sum.slowest = sum.slowest.max(whole.saturating_sub(broken));
    for worker in &mut scene.workers {
        if worker.stop(Duration::from_secs(15)).map_err(words)?.is_none() {
            return Err(format!("a worker did not end when it was told to:\n{}", end_of(&worker.text())));
        }
    }
    let outcome = scene.stage.check(scene.servers)?;
    (weather.after)(scene)?;
    if scene.stage.workers.journals().contains(CANARY) {
        return Err("a worker's journal shows a secret".to_owned());
    }
    println!(
        "   trial {}: {faults} faults until {:.1} s, whole at {:.1} s, compared at {:.1} s: {} rows, {:?}, {} changes of the \
         table seen",
        sum.trials,
        broken.as_secs_f64(),
        whole.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        outcome.rows,
        outcome.outputs,
        outcome.changes
    );
    Ok(outcome.outputs)
}

/// Keeps what the workers of the row's last trial said; gives where, in words.
pub fn keep(name: &str, journals: &str) -> String {
    let folder = nsf_tests::tool::target_folder().join("faults-journals");
    let path = folder.join(format!("{name}.log"));
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, journals)) {
        Ok(()) => format!("the journals are in {}", path.display()),
        Err(error) => format!("the journals could not be kept: {error}"),
    }
}

/// Feeds the input on a thread of its own, over about so long; what is left at once when `hurry` says so.
pub fn feed(stage: &Stage, pace: Duration, hurry: &Arc<AtomicBool>) -> JoinHandle<Result<(), String>> {
    let (feeder, hurry) = (stage.feeder(), Arc::clone(hurry));
    std::thread::spawn(move || feeder.run(pace, &hurry))
}

/// A failure in words.
pub fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The end of a journal.
pub fn end_of(text: &str) -> &str {
    let from = text.len().saturating_sub(8_000);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[from..]
}
