//! A project that an editor has open. What was read of it stays until its files may have changed; then only those are read again
//! that have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nsf_analysis::Analysis;
use nsf_analysis::project::{Parsed, ParsedFile, ParsedProject};
use nsf_diagnostics::{FileId, SourceFile, SourceText};
use nsf_lsp::{Document, Open, Read};
use nsf_plan::profile::{Manifest, Profile};

use crate::checked::Files;
use crate::problem::Problem;
use crate::project::{LOCK_FILE, SETTINGS_FILE, folder_name, optional_text, program_paths, programs_in, read_program};

/// How old a file must be for its time to tell whether it has changed: clocks of file systems are coarse.
const SETTLED: Duration = Duration::from_secs(2);

/// A project on disk.
pub struct Edited {
    root: PathBuf,
    /// Whether its files were looked at.
    seen: bool,
    /// Whether there are settings that are open, and perhaps not on disk.
    open_settings: bool,
    files: BTreeMap<String, OnDisk>,
    settings: Option<String>,
    lock: Option<SourceText>,
    /// The settings as they were last read, open or not, and what they say.
    settings_read: Option<String>,
    manifest: Manifest,
    /// What was open then.
    open: BTreeSet<String>,
    /// Why something cannot be read.
    unreadable: Vec<String>,
}

/// A program text as it is on disk.
struct OnDisk {
    stamp: Option<Stamp>,
    /// None until the file is needed, and where it cannot be read.
    text: Option<Text>,
}

struct Text {
    parsed: Arc<Parsed>,
    /// What the file holds, where that is no text.
    bytes: Option<Vec<u8>>,
}

/// What tells that a file is still the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: SystemTime,
}

impl Stamp {
    /// None where a file that is written now could have the same.
    fn of(metadata: &Metadata) -> Option<Self> {
        let modified = metadata.modified().ok()?;
        let is_settled = modified.elapsed().is_ok_and(|age| age > SETTLED);
        is_settled.then_some(Self { length: metadata.len(), modified })
    }
}

impl Edited {
    /// The project of a folder, of which nothing is read yet.
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            seen: false,
            open_settings: false,
            files: BTreeMap::new(),
            settings: None,
            lock: None,
            settings_read: None,
            manifest: Manifest::default(),
            open: BTreeSet::new(),
            unreadable: Vec::new(),
        }
    }

    /// Looks at the files, and forgets what was read of those that have changed; whether any has. What has no settings is the
    /// folder's own files: whatever lies in folders below may be anything.
    fn look(&mut self) -> bool {
        self.unreadable.clear();
        let (settings, lock) = (self.optional(SETTINGS_FILE), self.optional(LOCK_FILE).map(SourceText::new));
        let is_same_lock = match (&self.lock, &lock) {
            (Some(before), Some(now)) => before.is(now),
            (before, now) => before.is_none() && now.is_none(),
        };
        let mut changed = !self.seen || settings != self.settings || !is_same_lock;
        (self.seen, self.settings, self.lock) = (true, settings, lock);
        let has_settings = self.open_settings || self.settings.is_some();
        let paths = if has_settings { program_paths(&self.root) } else { Ok(programs_in(&self.root)) };
        let paths = paths.unwrap_or_else(|problem| {
            self.unreadable.push(problem.message);
            programs_in(&self.root)
        });
        let mut before = std::mem::take(&mut self.files);
        for path in paths {
            let stamp = fs::metadata(self.root.join(&path)).ok().and_then(|metadata| Stamp::of(&metadata));
            let same = before.remove(&path).filter(|own| own.stamp.is_some() && own.stamp == stamp);
            changed |= same.is_none();
            self.files.insert(path, OnDisk { stamp, text: same.and_then(|own| own.text) });
        }
        changed | !before.is_empty()
    }

    fn optional(&mut self, name: &str) -> Option<String> {
        optional_text(&self.root.join(name)).unwrap_or_else(|problem| {
            self.unreadable.push(problem.message);
            None
        })
    }

    /// Reads the texts that are not open, as far as that was not done.
    fn read(&mut self, open: &BTreeMap<String, &Document>) {
        for (path, own) in self.files.iter_mut().filter(|(path, _)| !open.contains_key(*path)) {
            if own.text.is_some() {
                continue;
            }
            let full = self.root.join(path);
            match read_program(&full) {
                Ok(bytes) => own.text = Some(Text::of(bytes)),
                Err(error) => {
                    let words = Problem::file("read", &full, &error).message;
                    if !self.unreadable.contains(&words) {
                        self.unreadable.push(words);
                    }
                }
            }
        }
    }

    fn gathered(&mut self, open: &BTreeMap<String, &Document>) -> ParsedProject {
        let mut parsed: BTreeMap<&str, Arc<Parsed>> = BTreeMap::new();
        for (path, own) in &self.files {
            parsed.extend(own.text.as_ref().map(|text| (path.as_str(), Arc::clone(&text.parsed))));
        }
        let documents = open.iter().filter(|(path, _)| path.ends_with(".nsf"));
        parsed.extend(documents.map(|(path, document)| (path.as_str(), Arc::clone(document.parsed()))));
        let files: Vec<ParsedFile> =
            parsed.into_iter().map(|(path, parsed)| ParsedFile { path: path.to_owned(), parsed }).collect();
        let written = |name: &str| open.get(name).map(|document| document.text());
        let settings = written(SETTINGS_FILE).map(|text| text.to_string()).or_else(|| self.settings.clone());
        let lock = written(LOCK_FILE).or(self.lock.as_ref()).cloned();
        self.manifest = settings.as_deref().map(Manifest::parse).unwrap_or_default();
        self.open = open.keys().cloned().collect();
        self.settings_read = settings;
        let name = self.manifest.name.clone().unwrap_or_else(|| folder_name(&self.root));
        ParsedProject { name, files, lock }
    }
}

impl Text {
    fn of(bytes: Vec<u8>) -> Self {
        let parsed = Arc::new(Parsed::of(SourceText::new(nsf_syntax::decode(&bytes))));
        let bytes = std::str::from_utf8(&bytes).is_err().then_some(bytes);
        Self { parsed, bytes }
    }
}

impl nsf_lsp::Project for Edited {
    fn look_again(&mut self) -> bool {
        self.look()
    }

    fn texts(&mut self, open: &Open<'_>) -> Read {
        let inner = |path: &Path| Some(path.strip_prefix(&self.root).ok()?.to_str()?.replace('\\', "/"));
        let open: BTreeMap<String, &Document> =
            open.iter().filter_map(|(path, document)| Some((inner(path)?, *document))).collect();
        let open_settings = open.contains_key(SETTINGS_FILE);
        if !self.seen || open_settings != self.open_settings {
            self.open_settings = open_settings;
            self.look();
        }
        self.read(&open);
        Read { project: self.gathered(&open), unreadable: self.unreadable.clone() }
    }

    fn complete(&self, analysis: &mut Analysis) {
        let not_text = |(file, source): (FileId, &SourceFile)| {
            let own = self.files.get(&source.path).filter(|_| !self.open.contains(&source.path))?;
            Some((file, own.text.as_ref()?.bytes.as_deref()?))
        };
        let not_text = analysis.sources.iter().filter_map(not_text).collect();
        Files { not_text, settings: self.settings_read.as_deref(), manifest: &self.manifest }.add_mistakes(analysis);
    }

    fn connection(&self, kind: &str, cluster: Option<&str>) -> Option<String> {
        if !matches!(kind, "kafka" | "redis" | "mysql" | "webhook") {
            return None;
        }
        let line = |profile: &Profile| match profile.address(kind, cluster) {
            Some(address) => format!("in `{}`: `{address}`", profile.name),
            // What a profile does not speak of is on the machine itself.
            None => format!("in `{}`: local", profile.name),
        };
        let lines: Vec<String> = self.manifest.profiles.values().map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use nsf_lsp::Project;

    use super::*;

    fn checked(edited: &mut Edited) -> (Analysis, Vec<String>) {
        let Read { project, unreadable } = edited.texts(&Open::default());
        let mut analysis = nsf_analysis::check_parsed(&project);
        edited.complete(&mut analysis);
        (analysis, unreadable)
    }

    fn found(edited: &mut Edited) -> Vec<String> {
        let (analysis, _) = checked(edited);
        analysis.diagnostics.iter().map(|own| own.code.id.to_owned()).collect()
    }

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        let old = SystemTime::now() - 10 * SETTLED;
        fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    }

    #[test]
    fn what_was_read_stays_until_somebody_looks() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&path("a.nsf"), "use b\n\nconst A: int64 = B\n");
        write(&path("b.nsf"), "const B: int64 = 5\n");
        let mut edited = Edited::of(folder.path());
        assert!(found(&mut edited).is_empty());
        assert!(!edited.look_again(), "nothing has changed");
        fs::remove_file(path("b.nsf")).unwrap();
        assert!(found(&mut edited).is_empty(), "nobody has looked");
        assert!(edited.look_again());
        assert_eq!(found(&mut edited), ["E0201"]);
        // Settings and numbers are looked at too.
        write(&path("b.nsf"), "const B: int64 = 5\n");
        write(&path("nsf.yaml"), "nam: shop\n");
        assert!(edited.look_again());
        assert_eq!(found(&mut edited), ["E0693"]);
        assert!(!edited.look_again());
    }

    #[test]
    fn a_file_that_cannot_be_read_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a.nsf"), "const A: int64 = b\n");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("b.nsf")).unwrap();
        fs::write(folder.path().join("nsf.lock"), [0xff, 0xfe]).unwrap();
        let mut edited = Edited::of(folder.path());
        let (analysis, unreadable) = checked(&mut edited);
        assert_eq!(analysis.diagnostics.len(), 1);
        assert!(unreadable.iter().any(|words| words.contains("nsf.lock")), "{unreadable:?}");
        // Bytes that are no text are one mistake of their file.
        fs::write(folder.path().join("c.nsf"), b"const C: text = \"\xff\"\n").unwrap();
        assert!(edited.look_again());
        assert!(found(&mut edited).contains(&"E0124".to_owned()));
    }

    #[test]
    fn connections_are_shown_without_their_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let settings = "profiles:\n  dev: {}\n  prod:\n    kafka: { brokers: [ \"a:9092\", \"${OTHER}\" ] }\n    redis: { url: \
            \"redis://app:pass@word@cache:6379?token=abc\" }\n    webhooks: { crm: { url: \"https://crm.example/hook?key=abc\" } }\n";
        write(&folder.path().join("nsf.yaml"), settings);
        let mut edited = Edited::of(folder.path());
        assert_eq!(edited.connection("kafka", None), None, "nothing was read yet");
        found(&mut edited);
        let shown = |kind: &str, cluster: Option<&str>| edited.connection(kind, cluster).unwrap();
        assert_eq!(shown("kafka", None), "in `dev`: local\n\nin `prod`: `a:9092, ${OTHER}`");
        assert_eq!(shown("redis", None), "in `dev`: local\n\nin `prod`: `redis://cache:6379`");
        assert_eq!(shown("webhook", Some("crm")), "in `dev`: local\n\nin `prod`: `https://crm.example/hook`");
        assert_eq!(edited.connection("file", None), None);
    }
}
