//! What was last found in a project, and what the client was told of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gen_lsp_types as lsp;
use nsf_analysis::project::{ParsedFile, ParsedProject};
use nsf_analysis::{Analysis, check_while};
use nsf_diagnostics::FileId;

use crate::convert::Texts;
use crate::near::{At, LARGE, Near, Part};
use crate::view::Around;
use crate::{Open, Project, Read};

/// How long what was seen on disk counts where the client cannot tell of changes.
const FRESH: Duration = Duration::from_secs(2);

/// A project that a document was opened of.
pub(crate) struct Opened {
    /// The folder that the paths of its sources are relative to; empty where it is no folder's.
    folder: PathBuf,
    own: Box<dyn Project>,
    /// Whether something has changed since it was checked.
    dirty: bool,
    /// Whether its documents are also checked by themselves.
    is_large: bool,
    /// What was last found; none before the first check, and where it has failed.
    analysis: Option<Analysis>,
    /// What was found before that.
    spent: Option<Analysis>,
    /// What was found of documents since.
    near: Near,
    /// Whether something was said of what was found of a document alone.
    told_near: bool,
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
            is_large: false,
            analysis: None,
            spent: None,
            near: Near::default(),
            told_near: false,
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

    /// Whether something has changed since it was checked.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Whether its documents are also checked by themselves.
    pub(crate) fn is_large(&self) -> bool {
        self.is_large
    }

    /// Something has changed.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
        self.near.touch();
    }

    /// Its files may have changed.
    pub(crate) fn look_again(&mut self) {
        if self.own.look_again() {
            self.touch();
        }
        self.looked = Instant::now();
    }

    /// The same, where what was seen may be old.
    pub(crate) fn look_if_old(&mut self) {
        if self.looked.elapsed() > FRESH {
            self.look_again();
        }
    }

    /// Checks it; gives what cannot be read and could be, or was not tried, before. None where the project is large and `goes_on`
    /// has said no: then it is as it was.
    pub(crate) fn check(&mut self, open: &Open<'_>, goes_on: &dyn Fn() -> bool) -> Option<Vec<String>> {
        self.dirty = false;
        // What was found of older texts is of no use where the check fails.
        self.spent = self.analysis.take();
        let Read { project, unreadable } = self.own.texts(open);
        self.is_large = project.size() > LARGE;
        let Some(mut analysis) = check_while(&project, if self.is_large { goes_on } else { &|| true }) else {
            self.analysis = self.spent.take();
            self.dirty = true;
            return None;
        };
        self.own.complete(&mut analysis);
        self.analysis = Some(analysis);
        self.near.forget();
        let news = unreadable.iter().filter(|words| !self.unreadable.contains(words)).cloned().collect();
        self.unreadable = unreadable;
        Some(news)
    }

    /// Looks at a document by itself, where the project is large and was not checked since something has changed. Whether something
    /// new is to be said of it.
    pub(crate) fn look_near(&mut self, path: &Path, open: &Open<'_>, around: Around<'_>, ids: &mut u64) -> bool {
        let (true, true, Some(document)) = (self.is_large, self.dirty, open.get(path)) else { return false };
        if self.near.part(path).is_some() {
            return false;
        }
        let Some(then) = self.file(path) else { return false };
        let Some(inner) = path.strip_prefix(&self.folder).ok().and_then(Path::to_str) else { return false };
        let Some(analysis) = &self.analysis else { return false };
        let Some(before) = analysis.files.get(then.0 as usize) else { return false };
        let inner = inner.replace('\\', "/");
        let at = At { path, inner: &inner, folder: &self.folder, around };
        let project = self.own.texts(open).project;
        if !self.near.check(&project, at) {
            return false;
        }
        let told = || self.told.get(path).map(|told| told.diagnostics.clone()).unwrap_or_default();
        let Some(diagnostics) = self.near.diagnostics(&project, at, before, told) else { return false };
        self.told_near = true;
        self.take_down(path.to_path_buf(), Some(document.version), diagnostics, ids)
    }

    /// What was found of a document by itself, as it is now.
    pub(crate) fn near(&self, path: &Path) -> Option<&Part> {
        self.near.part(path)
    }

    /// Whether something was said since the last time of what was found of a document by itself.
    pub(crate) fn take_told_near(&mut self) -> bool {
        std::mem::take(&mut self.told_near)
    }

    /// Whether there is something of no use.
    pub(crate) fn is_untidy(&self) -> bool {
        self.spent.is_some()
    }

    /// Lets go of what was found before.
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
        self.told.retain(|path, _| by_file.contains_key(path));
        let news = by_file.into_iter().filter_map(|(path, diagnostics)| {
            let version = documents.get(&path).map(|document| document.version);
            self.take_down(path.clone(), version, diagnostics, ids).then_some(path)
        });
        news.collect()
    }

    /// Takes down what is to be said of a file; whether it is something new.
    fn take_down(
        &mut self,
        path: PathBuf,
        version: Option<i32>,
        diagnostics: Vec<lsp::Diagnostic>,
        ids: &mut u64,
    ) -> bool {
        let before = self.told.get(&path);
        let same = before.filter(|told| told.diagnostics == diagnostics);
        let is_new = same.is_none_or(|told| told.version != version);
        let id = same.map(|told| told.id).unwrap_or_else(|| {
            *ids += 1;
            *ids
        });
        self.told.insert(path, Told { id, version, diagnostics });
        is_new
    }
}

/// Texts that are no file's.
struct Alone;

impl Project for Alone {
    fn look_again(&mut self) -> bool {
        false
    }

    fn texts(&mut self, open: &Open<'_>) -> Read {
        let file = |(path, document): (&&Path, &&crate::Document)| ParsedFile {
            path: path.to_string_lossy().into_owned(),
            parsed: document.parsed().clone(),
        };
        let project = ParsedProject { name: "untitled".to_owned(), files: open.iter().map(file).collect(), lock: None };
        Read { project, unreadable: Vec::new() }
    }
}
