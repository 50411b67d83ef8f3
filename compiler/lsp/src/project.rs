//! What was last found in a project, and what the client was told of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gen_lsp_types as lsp;
use nsf_analysis::project::{ParsedFile, ParsedProject};
use nsf_analysis::{Analysis, check_parsed};
use nsf_diagnostics::FileId;

use crate::convert::Texts;
use crate::view::Around;
use crate::{Found, Open, Project};

/// How long what was seen on disk counts where the client cannot tell of changes.
const FRESH: Duration = Duration::from_secs(2);

/// A project that a document was opened of.
pub(crate) struct Opened {
    /// The folder that the paths of its sources are relative to; empty where it is no folder's.
    folder: PathBuf,
    own: Box<dyn Project>,
    /// Whether something has changed since it was checked.
    pub(crate) dirty: bool,
    /// What was last found; none before the first check, and where it has failed.
    analysis: Option<Analysis>,
    /// What was found before that.
    spent: Option<Analysis>,
    /// What was said of its files.
    told: BTreeMap<PathBuf, Told>,
    /// What could not be read.
    unreadable: Vec<String>,
    looked: Instant,
}

/// What was said of a file.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Names it; another one whenever it is another.
    pub(crate) id: u64,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<lsp::Diagnostic>,
}

impl Opened {
    pub(crate) fn new(folder: PathBuf, own: Box<dyn Project>) -> Self {
        Self {
            folder,
            own,
            dirty: true,
            analysis: None,
            spent: None,
            told: BTreeMap::new(),
            unreadable: Vec::new(),
            looked: Instant::now(),
        }
    }

    /// The project of a document that is no file's.
    pub(crate) fn alone() -> Self {
        Self::new(PathBuf::new(), Box::new(Alone))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn on_disk(&self) -> &dyn Project {
        &*self.own
    }

    pub(crate) fn analysis(&self) -> Option<&Analysis> {
        self.analysis.as_ref()
    }

    pub(crate) fn told(&self) -> &BTreeMap<PathBuf, Told> {
        &self.told
    }

    /// Its files may have changed.
    pub(crate) fn look_again(&mut self) {
        self.dirty |= self.own.look_again();
        self.looked = Instant::now();
    }

    /// The same, where what was seen may be old.
    pub(crate) fn look_if_old(&mut self) {
        if self.looked.elapsed() > FRESH {
            self.look_again();
        }
    }

    /// Checks it; gives what cannot be read and could be, or was not tried, before.
    pub(crate) fn check(&mut self, open: &Open<'_>) -> Vec<String> {
        self.dirty = false;
        // What was found of older texts is of no use where the check fails.
        self.spent = self.analysis.take();
        let Found { analysis, unreadable } = self.own.check(open);
        self.analysis = Some(analysis);
        let news = unreadable.iter().filter(|words| !self.unreadable.contains(words)).cloned().collect();
        self.unreadable = unreadable;
        news
    }

    /// Lets go of what was found before: it takes a while, and nobody waits for it.
    pub(crate) fn tidy(&mut self) {
        self.spent = None;
    }

    /// A file among the sources of what was found.
    pub(crate) fn file(&self, path: &Path) -> Option<FileId> {
        let inner = path.strip_prefix(&self.folder).ok()?;
        let mut sources = self.analysis.as_ref()?.sources.iter();
        sources.find(|(_, source)| Path::new(&source.path) == inner).map(|(file, _)| file)
    }

    /// Takes down what is to be said of its files, and gives those of which that is something new. Something is to be said of
    /// each file that has diagnostics, of those that had some, and of the open ones: whoever opens a file waits for an answer.
    pub(crate) fn tell(&mut self, around: Around<'_>, ids: &mut u64) -> Vec<PathBuf> {
        let Some(analysis) = &self.analysis else { return Vec::new() };
        let texts = Texts::of(analysis, &self.folder, around);
        let documents = around.documents;
        let mut by_file: BTreeMap<PathBuf, Vec<lsp::Diagnostic>> = BTreeMap::new();
        for own in &analysis.diagnostics {
            if let (Some(path), Some(own)) = (texts.path(own.location().file), texts.diagnostic(own)) {
                by_file.entry(path).or_default().push(own);
            }
        }
        let open = analysis.sources.iter().filter_map(|(file, _)| texts.path(file));
        for path in open.filter(|path| documents.get(path).is_some()) {
            by_file.entry(path).or_default();
        }
        for (path, told) in &self.told {
            if !told.diagnostics.is_empty() || told.version.is_some() {
                by_file.entry(path.clone()).or_default();
            }
        }
        let mut news = Vec::new();
        let before = std::mem::take(&mut self.told);
        for (path, diagnostics) in by_file {
            let version = documents.get(&path).map(|document| document.version);
            let before = before.get(&path);
            let same = before.filter(|told| told.diagnostics == diagnostics);
            if same.is_none_or(|told| told.version != version) {
                news.push(path.clone());
            }
            let id = same.map_or_else(
                || {
                    *ids += 1;
                    *ids
                },
                |told| told.id,
            );
            self.told.insert(path, Told { id, version, diagnostics });
        }
        news
    }
}

/// Texts that are no file's.
struct Alone;

impl Project for Alone {
    fn look_again(&mut self) -> bool {
        false
    }

    fn check(&mut self, open: &Open<'_>) -> Found {
        let file = |(path, document): (&&Path, &&crate::Document)| ParsedFile {
            path: path.to_string_lossy().into_owned(),
            parsed: document.parsed().clone(),
        };
        let project = ParsedProject { name: "untitled".to_owned(), files: open.iter().map(file).collect(), lock: None };
        Found { analysis: check_parsed(&project), unreadable: Vec::new() }
    }
}
