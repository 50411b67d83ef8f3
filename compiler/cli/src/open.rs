//! Shows a file in the program that this machine opens such files with.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::problem::{Problem, cause};

/// How long an opener may take to say that it cannot.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes a picture to a new file for temporary files. It is left there: the program that shows it reads it later.
///
/// # Errors
/// When no file can be written.
pub fn temporary(project: &str, text: &str) -> Result<PathBuf, Problem> {
    let plain: String = project.chars().map(|own| if own.is_alphanumeric() { own } else { '-' }).collect();
    let folder = std::env::temp_dir();
    let write = || -> io::Result<PathBuf> {
        let mut file = tempfile::Builder::new().prefix(&format!("nsfc-{plain}-")).suffix(".svg").tempfile()?;
        file.write_all(text.as_bytes())?;
        let (_, path) = file.keep().map_err(|error| error.error)?;
        Ok(path)
    };
    write().map_err(|error| {
        Problem::failure(format!("cannot write the picture to a file in `{}`: {}", folder.display(), cause(&error)))
            .help("name a file yourself: nsfc graph --open --output graph.svg")
    })
}

/// Shows a file and goes on.
///
/// # Errors
/// When nothing here opens files, or it refuses this one.
pub fn show(file: &Path) -> Result<(), Problem> {
    let (program, arguments) = opener();
    let mut command = Command::new(program);
    command.args(arguments).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let help = format!("the picture is in {}; a browser shows it", file.display());
    match command.spawn().and_then(ended) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::failure(format!("`{program}` found no program that shows pictures")).help(help)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Problem::failure(format!("nothing on this machine opens pictures: there is no `{program}`")).help(help))
        }
        Err(error) => Err(Problem::failure(format!("cannot start `{program}`: {}", cause(&error))).help(help)),
    }
}

/// Whether an opener did not fail. Some are the program that shows the file itself, and go on as long as a person looks.
fn ended(mut child: Child) -> io::Result<bool> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

/// The program that knows which program opens a file, and what it is told before the file.
const fn opener() -> (&'static str, &'static [&'static str]) {
    if cfg!(windows) {
        // The text in quotes is the title of a window, which `start` would take the file for.
        ("cmd", &["/C", "start", ""])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    }
}
