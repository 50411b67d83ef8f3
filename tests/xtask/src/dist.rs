//! `cargo xtask dist`: the release archive: both programs, completions, pages of `man`, what an operator starts from, licences.
//!
//! The same commit, toolchain and C compiler give the same bytes: files are in order and of nobody, their time is the commit's
//! (`SOURCE_DATE_EPOCH` where that is set), and the paths of the machine that builds are not in the programs. It builds in a folder
//! of its own, since the flags for that would throw away every other build.

mod archive;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nsf_tests::{root, tool, tree};
use sha2::{Digest as _, Sha256};

use crate::command::{cargo, cargo_with};

/// The programs, by their packages.
const PROGRAMS: [&str; 2] = ["nsfc", "nsflow"];

/// What stands beside them: a path in the repository, and its place in the archive.
const BESIDE: [(&str, &str); 5] = [
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("runtime/daemon/METRICS.md", "METRICS.md"),
];

/// Builds the programs and packs the archive, with its SHA-256 beside it.
///
/// # Errors
/// What does not build, or cannot be written.
pub fn run() -> Result<(), String> {
    let folder = tool::target_folder().join("dist");
    let target = host()?;
    let name = format!("nsflow-{}-{target}", env!("CARGO_PKG_VERSION"));
    let programs = build(&folder.join("build"))?;
    let staged = folder.join(&name);
    stage(&staged, &programs)?;
    let archive = folder.join(format!("{name}.tar.gz"));
    archive::pack(&staged, &name, &archive, time()).map_err(|error| format!("{}: {error}", archive.display()))?;
    let sum = write_sum(&archive)?;
    fs::remove_dir_all(&staged).map_err(|error| format!("{}: {error}", staged.display()))?;
    println!("{}\n{}", archive.display(), sum.trim_end());
    Ok(())
}

/// Builds both programs, and gives where they are.
fn build(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = folder.display().to_string();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut places = vec![(folder.to_owned(), "/build"), (root().to_owned(), "/nsflow")];
    places.extend(home.map(|home| (home, "/cargo")));
    // The last that fits is taken, so the build's folder, which lies in the project's, comes last.
    places.reverse();
    let replaced = |flag: &str, between: &str| {
        let flags = places.iter().map(|(from, to)| format!("{flag}{between}{}={to}", from.display()));
        flags.collect::<Vec<_>>()
    };
    // Rust's flags are parted by this character, so that a path may hold blanks; those of C compilers have no such way.
    let rust = replaced("--remap-path-prefix", "=").join("\u{1f}");
    let c = replaced("-ffile-prefix-map", "=").join(" ");
    let environment = [("CARGO_ENCODED_RUSTFLAGS", rust.as_str()), ("CFLAGS", &c), ("CXXFLAGS", &c)];
    for program in PROGRAMS {
        let arguments = ["build", "--release", "--locked", "--package", program, "--target-dir", &shown];
        cargo_with(&arguments, &environment)?;
    }
    Ok(PROGRAMS
        .map(|program| folder.join("release").join(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
        .to_vec())
}

/// Puts all that the archive holds into a folder.
fn stage(folder: &Path, programs: &[PathBuf]) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| failed(folder, error))?;
    }
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).map_err(|error| failed(&bin, error))?;
    for program in programs {
        let name = program.file_name().ok_or_else(|| format!("{} has no name", program.display()))?;
        fs::copy(program, bin.join(name)).map_err(|error| failed(program, error))?;
    }
    let share = folder.join("share").display().to_string();
    for program in PROGRAMS {
        let example = format!("pages_of_{program}");
        cargo(&["run", "--quiet", "--locked", "--package", program, "--example", &example, "--", &share])?;
    }
    for (from, to) in BESIDE {
        let from = root().join(from);
        fs::copy(&from, folder.join(to)).map_err(|error| failed(&from, error))?;
    }
    let deploy = root().join("examples/deploy");
    tree::copy(&deploy, &folder.join("deploy")).map_err(|error| failed(&deploy, error))
}

/// Writes the archive's SHA-256 beside it, as `sha256sum --check` reads it, and gives that line.
fn write_sum(archive: &Path) -> Result<String, String> {
    let bytes = fs::read(archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let name = archive.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let line = format!("{digest}  {name}\n");
    let path = archive.with_file_name(format!("{name}.sha256"));
    fs::write(&path, &line).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(line)
}

/// The triple that is built for.
fn host() -> Result<String, String> {
    let text = output("rustc", &["-vV"]).ok_or("rustc does not say what it builds for")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| format!("rustc does not say what it builds for, but:\n{text}"))
}

/// The time of all files, in seconds since 1970: `SOURCE_DATE_EPOCH`, else the last commit's, else 0.
fn time() -> u64 {
    let asked = std::env::var("SOURCE_DATE_EPOCH").ok();
    let time = asked.or_else(|| output("git", &["log", "-1", "--format=%ct"]));
    time.and_then(|time| time.trim().parse().ok()).unwrap_or(0)
}

/// What a program prints, if it can be run and ends well.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).current_dir(root()).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_all_and_is_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        // What is built with optimisations takes minutes; what matters here is where the files come to be.
        let programs = PROGRAMS.map(|program| folder.path().join(program)).to_vec();
        programs.iter().for_each(|program| fs::write(program, "a program").unwrap());
        let staged = folder.path().join("staged");
        stage(&staged, &programs).unwrap();
        let pack = |name: &str| {
            let archive = folder.path().join(name);
            archive::pack(&staged, "nsflow-1", &archive, 1_700_000_000).unwrap();
            fs::read(archive).unwrap()
        };
        let packed = pack("one.tar.gz");
        assert_eq!(packed, pack("two.tar.gz"));

        let mut entries = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let entries = entries.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 1_700_000_000));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap())
        });
        let entries: Vec<(String, u32)> = entries.collect();
        assert!(entries.is_sorted(), "{entries:#?}");
        for (name, mode) in [
            ("bin/nsfc", 0o755),
            ("bin/nsflow", 0o755),
            ("share/bash-completion/completions/nsfc.bash", 0o644),
            ("share/zsh/site-functions/_nsflow", 0o644),
            ("share/fish/vendor_completions.d/nsfc.fish", 0o644),
            ("share/man/man1/nsfc-check.1", 0o644),
            ("share/man/man1/nsflow-run.1", 0o644),
            ("deploy/nsflow@.service", 0o644),
            ("LICENSE-MIT", 0o644),
            ("LICENSE-APACHE", 0o644),
            ("README.md", 0o644),
        ] {
            assert!(
                entries.contains(&(format!("nsflow-1/{name}"), mode)),
                "no {name} of mode {mode:o} in {entries:#?}"
            );
        }
        let sum = write_sum(&folder.path().join("one.tar.gz")).unwrap();
        assert!(sum.ends_with("  one.tar.gz\n") && sum.len() == 64 + 2 + "one.tar.gz\n".len(), "{sum}");
    }
}
