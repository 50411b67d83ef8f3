//! A project on disk: which files it has, and their contents. The only place that looks for files.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nsf_diagnostics::FileId;
use nsf_plan::profile::Manifest;

use crate::problem::Problem;

/// The settings file that makes a folder a project of its own.
pub const SETTINGS_FILE: &str = "nsf.yaml";
/// The numbers that the compiler has given away.
pub const LOCK_FILE: &str = "nsf.lock";
/// Folders in which no program text is looked for.
const BUILD_FOLDER: &str = "target";
/// Folders in which no project is looked for.
const NO_PROGRAMS: [&str; 2] = [BUILD_FOLDER, "node_modules"];
/// Files and folders that are looked at in search of projects.
const MOST_ENTRIES: usize = 100_000;
/// Folders within folders that are searched.
const DEPTH_LIMIT: usize = 64;
/// Bytes of a program text that are read at most, well above what the compiler takes.
const READ_LIMIT: u64 = 256 * 1024 * 1024;

/// The files of a project as they were read.
#[derive(Debug)]
pub struct Project {
    /// The folder; paths of files are relative to it.
    pub root: PathBuf,
    /// What stands before a file's path when it is shown: the root as the user wrote it.
    pub shown_root: String,
    /// The name in the settings, or else the folder's.
    pub name: String,
    /// The program texts by path.
    pub files: Vec<ProgramFile>,
    /// The settings, empty when there is no file.
    pub manifest: Manifest,
    /// The text of the settings file, if there is one.
    pub settings: Option<String>,
    /// The text of the lock file, if there is one.
    pub lock: Option<String>,
    /// Whether the lock file of the folder is this project's.
    pub has_lock: bool,
}

/// One program text.
#[derive(Debug)]
pub struct ProgramFile {
    /// Where it is, relative to the project, with `/` between folders.
    pub path: String,
    /// What the file holds; it need not be UTF-8.
    pub bytes: Vec<u8>,
}

impl Project {
    /// Reads the project that `path` names: a folder, or a single `.nsf` file. Without a path it is the nearest folder
    /// with an `nsf.yaml` at or above the current one, or else the current one.
    ///
    /// # Errors
    /// When there is no such path, nothing to compile in it, or a file cannot be read.
    pub fn load(path: Option<&Path>) -> Result<Self, Problem> {
        let given = match path {
            Some(path) => path.to_path_buf(),
            None => nearest_project(),
        };
        let metadata = fs::metadata(&given).map_err(|error| not_found(&given, &error))?;
        let (root, paths) = if metadata.is_dir() {
            let paths = program_paths(&given)?;
            if paths.is_empty() {
                return Err(nothing_to_compile(&given));
            }
            (given, paths)
        } else {
            let root = given.parent().map_or_else(PathBuf::new, Path::to_path_buf);
            (root, vec![single_file(&given)?])
        };
        // Settings and numbers are those of the whole folder, so one file of several has none.
        let whole = metadata.is_dir() || is_alone(&root);
        Self::read(root, &paths, whole)
    }

    fn read(root: PathBuf, paths: &[String], whole: bool) -> Result<Self, Problem> {
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let full = root.join(path);
            let bytes = read_program(&full).map_err(|error| Problem::file("read", &full, &error))?;
            files.push(ProgramFile { path: path.clone(), bytes });
        }
        let own = |name: &str| if whole { optional_text(&root.join(name)) } else { Ok(None) };
        let (settings, lock) = (own(SETTINGS_FILE)?, own(LOCK_FILE)?);
        let manifest = settings.as_deref().map(Manifest::parse).unwrap_or_default();
        let name = manifest.name.clone().unwrap_or_else(|| folder_name(&root));
        let shown_root = shown_root(&root);
        Ok(Self { root, shown_root, name, files, manifest, settings, lock, has_lock: whole })
    }

    /// Whether the bytes of a file are its text; the ids of the project's files are their places in the list.
    pub fn is_text(&self, file: FileId) -> bool {
        self.files.get(file.0 as usize).is_none_or(|file| std::str::from_utf8(&file.bytes).is_ok())
    }

    /// The project's folder, never empty.
    pub fn folder(&self) -> &Path {
        if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root }
    }
}

/// The bytes of a program text. The compiler refuses a file that is too large; of a very large one only as much is
/// read as it takes to be refused.
///
/// # Errors
/// When the file cannot be read.
pub fn read_program(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(READ_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Every `.nsf` file that `path` means, for commands that work file by file.
///
/// # Errors
/// As for [`Project::load`].
pub fn program_files(path: Option<&Path>) -> Result<Vec<PathBuf>, Problem> {
    let given = path.map_or_else(nearest_project, Path::to_path_buf);
    let metadata = fs::metadata(&given).map_err(|error| not_found(&given, &error))?;
    if !metadata.is_dir() {
        single_file(&given)?;
        return Ok(vec![given]);
    }
    let paths = program_paths(&given)?;
    if paths.is_empty() {
        return Err(nothing_to_compile(&given));
    }
    let prefix = shown_root(&given);
    Ok(paths.into_iter().map(|path| PathBuf::from(format!("{prefix}{path}"))).collect())
}

/// Replaces a file as a whole: a reader sees the old text or the new one, never a part.
///
/// # Errors
/// When the text cannot be written beside the file, or not put in its place.
pub fn replace_file(path: &Path, text: &str) -> Result<(), Problem> {
    // A link is followed, so that the file it leads to changes and the link stays.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = target.with_file_name(name);
    let written = fs::write(&part, text).and_then(|()| {
        if let Ok(metadata) = fs::metadata(&target) {
            fs::set_permissions(&part, metadata.permissions())?;
        }
        fs::rename(&part, &target)
    });
    written.map_err(|error| {
        // What is left of the attempt is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&part);
        Problem::file("write", path, &error)
    })
}

/// The nearest folder with settings at or above the current one, or else the current one.
fn nearest_project() -> PathBuf {
    let mut path = PathBuf::from(".");
    let mut above = std::env::current_dir().unwrap_or_default();
    loop {
        if above.join(SETTINGS_FILE).is_file() {
            return path;
        }
        if !above.pop() {
            return PathBuf::from(".");
        }
        path = if path == Path::new(".") { PathBuf::from("..") } else { path.join("..") };
    }
}

fn not_found(path: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        let problem = Problem::usage(format!("there is no file or folder `{}`", path.display()));
        let near = path.with_extension("nsf");
        return if path.extension().is_none() && near.is_file() {
            problem.help(format!("did you mean `{}`?", near.display()))
        } else {
            problem.help("name a project's folder or a .nsf file; without a path, the current project is meant")
        };
    }
    Problem::file("read", path, error)
}

fn nothing_to_compile(path: &Path) -> Problem {
    Problem::usage(format!("there is no .nsf file in `{}`", path.display()))
        .help("`nsfc new DIR` makes a small project to start from")
}

/// Whether a folder holds no program text but one. Folders in it are not looked into: they may be anything.
fn is_alone(root: &Path) -> bool {
    let folder = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "nsf")).count() == 1
}

/// The name of a file that was named itself.
fn single_file(path: &Path) -> Result<String, Problem> {
    if path.extension().is_none_or(|extension| extension != "nsf") {
        return Err(Problem::usage(format!("`{}` is not a .nsf file", path.display()))
            .help("name a project's folder or a .nsf file"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Problem::usage(format!("`{}` names no file", path.display())))
}

/// The program texts in a folder itself. One that cannot be looked into has none.
pub fn programs_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    names.filter(|name| name.ends_with(".nsf") && !name.starts_with('.') && folder.join(name).is_file()).collect()
}

/// The program texts of a folder, relative to it, by path.
///
/// # Errors
/// When a folder cannot be looked into.
pub fn program_paths(root: &Path) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    collect(root, "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// The folders with settings in a folder, itself among them. What cannot be looked into has none, and where there is very much
/// to look into the rest is left out: it may be all that a user has.
pub fn project_folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![(folder.to_path_buf(), 0)];
    let mut looked = 0;
    while let Some((folder, depth)) = waiting.pop() {
        if folder.join(SETTINGS_FILE).is_file() {
            found.push(folder.clone());
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked += 1;
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            let is_other = NO_PROGRAMS.iter().any(|other| name == *other);
            if depth < DEPTH_LIMIT && !hidden && !is_other && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push((entry.path(), depth + 1));
            }
        }
        if looked > MOST_ENTRIES {
            break;
        }
    }
    found.sort();
    found
}

/// Adds the `.nsf` files of a folder and its folders. Hidden folders, `target`, links to folders, and folders that are
/// projects of their own are left out.
fn collect(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> Result<(), Problem> {
    if depth > DEPTH_LIMIT {
        return Err(Problem::failure(format!("`{}` is more than {DEPTH_LIMIT} folders deep", folder.display()))
            .help("name the project's own folder"));
    }
    let failed = |error: &io::Error| Problem::file("look into", folder, error);
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            if path.extension().is_some_and(|extension| extension == "nsf") {
                return Err(
                    Problem::failure(format!("the name of `{}` is not UTF-8", path.display())).help("rename the file")
                );
            }
            continue;
        };
        if kind.is_dir() {
            if !name.starts_with('.') && name != BUILD_FOLDER && !path.join(SETTINGS_FILE).is_file() {
                collect(&path, &format!("{prefix}{name}/"), depth + 1, found)?;
            }
        } else if name.ends_with(".nsf") && !name.starts_with('.') && path.is_file() {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// The text of a file that need not be there.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub fn optional_text(path: &Path) -> Result<Option<String>, Problem> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Problem::failure(format!(
                "`{}` is not UTF-8: byte {} cannot be read",
                path.display(),
                error.utf8_error().valid_up_to() + 1
            ))
            .help("save the file as UTF-8")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file("read", path, &error)),
    }
}

/// The name of the folder itself, for a project that has no other.
pub fn folder_name(root: &Path) -> String {
    let absolute = fs::canonicalize(if root.as_os_str().is_empty() { Path::new(".") } else { root });
    let name = absolute.ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| "project".to_owned())
}

/// `examples/classroom/` for `examples/classroom`, nothing for `.`.
fn shown_root(root: &Path) -> String {
    let text = root.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    let text = text.trim_start_matches("./");
    match text {
        "" | "." => String::new(),
        text if text.ends_with('/') => text.to_owned(),
        text => format!("{text}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn files_are_found_in_the_order_of_their_paths() {
        let folder = folder(&[
            ("b.nsf", ""),
            ("a/z.nsf", ""),
            ("a/notes.txt", ""),
            (".nsf/x.nsf", ""),
            (".git/y.nsf", ""),
            ("target/y.nsf", ""),
            ("other/nsf.yaml", "name: other"),
            ("other/y.nsf", ""),
        ]);
        let project = Project::load(Some(folder.path())).unwrap();
        let files: Vec<&str> = project.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["a/z.nsf", "b.nsf"]);
    }

    #[test]
    fn projects_are_found_in_a_folder() {
        let folder = folder(&[
            ("a/nsf.yaml", ""),
            ("a/inner/nsf.yaml", ""),
            ("b/c.nsf", ""),
            ("node_modules/x/nsf.yaml", ""),
            (".hidden/nsf.yaml", ""),
        ]);
        let inner = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        let found: Vec<String> = project_folders(folder.path()).iter().map(inner).collect();
        assert_eq!(found, ["a", "a/inner"]);
        assert!(project_folders(&folder.path().join("nowhere")).is_empty());
    }

    #[test]
    fn a_single_file_is_a_project() {
        let folder = folder(&[("one.nsf", "x"), ("two.nsf", "")]);
        let project = Project::load(Some(&folder.path().join("one.nsf"))).unwrap();
        assert_eq!(project.files.len(), 1);
        assert_eq!(project.files[0].path, "one.nsf");
    }

    #[test]
    fn settings_and_lock_are_read_when_they_are_there() {
        let folder = folder(&[("nsf.yaml", "name: shop\n"), ("nsf.lock", "x"), ("a.nsf", "")]);
        let project = Project::load(Some(folder.path())).unwrap();
        assert_eq!((project.name.as_str(), project.lock.as_deref()), ("shop", Some("x")));
    }

    #[test]
    fn what_is_not_there_is_said_plainly() {
        let folder = folder(&[("readme.txt", ""), ("shop.nsf", "")]);
        let problem = |path: &str| Project::load(Some(&folder.path().join(path))).unwrap_err();
        assert!(problem("nowhere").message.starts_with("there is no file or folder"));
        assert!(problem("shop").help.unwrap().contains("shop.nsf"));
        assert!(problem("readme.txt").message.ends_with("is not a .nsf file"));
        let empty = tempfile::tempdir().unwrap();
        assert!(Project::load(Some(empty.path())).unwrap_err().message.starts_with("there is no .nsf file"));
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = folder(&[("a.nsf", "old")]);
        let path = folder.path().join("a.nsf");
        replace_file(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_root_is_shown_as_it_was_written() {
        assert_eq!(shown_root(Path::new(".")), "");
        assert_eq!(shown_root(Path::new("./examples/x/")), "examples/x/");
        assert_eq!(shown_root(Path::new("..")), "../");
    }
}
