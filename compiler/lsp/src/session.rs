//! The open documents and the projects that they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gen_lsp_types::{self as lsp, TextDocumentContentChangeEvent as Change, Uri};
use lsp_server::{Message, Notification, Request, RequestId};
use nsf_analysis::Analysis;
use nsf_diagnostics::FileId;
use serde::Serialize;

use crate::Host;
use crate::client::Client;
use crate::convert::{Texts, path_of, uri_of};
use crate::documents::{Document, Documents};
use crate::project::{Opened, Told};
use crate::view::{Around, Place, View};

/// The file that makes a folder a project.
const SETTINGS_FILE: &str = "nsf.yaml";

/// All that the server knows.
pub(crate) struct Session<'h> {
    host: &'h dyn Host,
    pub(crate) client: Client,
    pub(crate) documents: Documents,
    /// By folder, or by the address of a document that is no file's.
    projects: BTreeMap<PathBuf, Opened>,
    /// The folders that the client works in.
    folders: BTreeSet<PathBuf>,
    /// What is to be sent.
    pub(crate) outbox: Vec<Message>,
    /// What has failed and was said to the user.
    failed: BTreeSet<String>,
    /// Names of what is told, so far.
    ids: u64,
    /// Requests to the client, so far.
    asked: u64,
    /// Whether the projects in the folders were looked for.
    discovered: bool,
    /// Whether something has changed that the client does not know of.
    files_changed: bool,
    /// Whether what the client has asked for is no longer so.
    asks_too_late: bool,
}

impl<'h> Session<'h> {
    pub(crate) fn new(host: &'h dyn Host, client: Client, folders: Vec<PathBuf>) -> Self {
        Self {
            host,
            client,
            documents: Documents::default(),
            projects: BTreeMap::new(),
            folders: folders.into_iter().collect(),
            outbox: Vec::new(),
            failed: BTreeSet::new(),
            ids: 0,
            asked: 0,
            discovered: false,
            files_changed: false,
            asks_too_late: false,
        }
    }

    pub(crate) fn open(&mut self, uri: Uri, version: i32, text: &str) {
        let key = self.project_of(&uri);
        self.documents.insert(Document::new(uri, version, text, key.clone()));
        let project = self.project(&key);
        project.look_again();
        project.touch();
    }

    pub(crate) fn change(&mut self, uri: &Uri, version: i32, changes: Vec<Change>) {
        let Some(document) = self.documents.get_mut(&Documents::path(uri)) else { return };
        document.change(version, changes, self.client.encoding);
        if let Some(project) = self.projects.get_mut(&document.project) {
            project.touch();
        }
    }

    /// What was written may differ from the text that is open, and other files may have been written too.
    pub(crate) fn save(&mut self, uri: &Uri) {
        let project = self.documents.get(&Documents::path(uri)).map(|document| document.project.clone());
        if let Some(project) = project.and_then(|key| self.projects.get_mut(&key)) {
            project.look_again();
        }
    }

    /// What the file on disk holds counts again.
    pub(crate) fn close(&mut self, uri: &Uri) {
        if let Some(document) = self.documents.remove(&Documents::path(uri)) {
            self.leave(&document.project);
        }
    }

    /// Files have changed, come or gone.
    pub(crate) fn changed(&mut self, paths: &[PathBuf]) {
        self.files_changed = true;
        if paths.iter().any(|path| path.file_name().is_some_and(|name| name == SETTINGS_FILE)) {
            self.find_projects_again();
        }
        for (key, project) in &mut self.projects {
            if paths.iter().any(|path| path.starts_with(key)) {
                project.look_again();
            }
        }
    }

    pub(crate) fn change_folders(&mut self, added: Vec<PathBuf>, removed: &[PathBuf]) {
        self.folders.extend(added);
        self.folders.retain(|folder| !removed.contains(folder));
        (self.discovered, self.files_changed) = (false, true);
        let keys: Vec<PathBuf> = self.projects.keys().cloned().collect();
        keys.iter().for_each(|key| self.leave(key));
    }

    /// A document without a check: what is answered needs its text alone.
    pub(crate) fn view(&self, uri: &Uri) -> Option<View<'_>> {
        Some(self.documents.get(&Documents::path(uri))?.view(&self.client))
    }

    /// A document with what was last found in its project. It is of the text as it is after [`Session::settle`].
    pub(crate) fn place(&self, uri: &Uri) -> Option<Place<'_>> {
        let path = Documents::path(uri);
        let project = self.opened(&path)?;
        self.place_in(&path, project, project.analysis()?, project.file(&path)?)
    }

    /// The same for what a document and the files that it uses tell enough of, as it is after [`Session::settle_near`].
    pub(crate) fn place_near(&self, uri: &Uri) -> Option<Place<'_>> {
        let path = Documents::path(uri);
        let project = self.opened(&path)?;
        match project.near(&path) {
            Some(part) => self.place_in(&path, project, &part.analysis, part.file),
            None => self.place(uri),
        }
    }

    /// The project of a document.
    fn opened(&self, path: &Path) -> Option<&Opened> {
        self.projects.get(&self.documents.get(path)?.project)
    }

    fn place_in<'s>(
        &'s self,
        path: &Path,
        project: &'s Opened,
        analysis: &'s Analysis,
        file: FileId,
    ) -> Option<Place<'s>> {
        let (view, around) = (self.documents.get(path)?.view(&self.client), self.around());
        Some(Place { view, around, folder: project.folder(), analysis, file, project: project.on_disk() })
    }

    /// Checks what has changed, and takes down what is to be said of it.
    pub(crate) fn settle(&mut self) {
        self.settle_while(&|| true);
    }

    /// The same, but that a large project is left as it is once `goes_on` has said no.
    pub(crate) fn settle_while(&mut self, goes_on: &dyn Fn() -> bool) {
        let keys: Vec<PathBuf> = self.projects.keys().cloned().collect();
        let mut is_settled = true;
        for key in keys {
            let Some(project) = self.projects.get_mut(&key) else { continue };
            if !self.client.watches {
                project.look_if_old();
            }
            if !project.is_dirty() {
                continue;
            }
            let open = self.documents.of(&key);
            let around = Around { host: self.host, client: &self.client, documents: &self.documents };
            let ids = &mut self.ids;
            let checked = catch_unwind(AssertUnwindSafe(|| {
                let unreadable = project.check(&open, goes_on)?;
                Some((project.tell(around, ids), unreadable, project.take_told_near()))
            }));
            match checked {
                Ok(Some((news, unreadable, told_near))) => {
                    unreadable.iter().for_each(|words| self.show(words));
                    self.asks_too_late |= (self.files_changed || told_near) && !news.is_empty();
                    self.publish_all(&key, &news);
                }
                Ok(None) => is_settled = false,
                Err(_) => self.fail("check"),
            }
        }
        self.files_changed &= !is_settled;
        if std::mem::take(&mut self.asks_too_late) && self.client.pulls && self.client.refreshes {
            self.ask("workspace/diagnostic/refresh");
        }
    }

    /// Whether a large project waits for a check.
    pub(crate) fn is_large(&self) -> bool {
        self.projects.values().any(|project| project.is_dirty() && project.is_large())
    }

    /// Looks at a document so that [`Session::place_near`] is of its text as it is now: by itself where its project is large, else
    /// in the whole.
    pub(crate) fn settle_near(&mut self, uri: &Uri) {
        let path = Documents::path(uri);
        self.look_near(&path);
        let knows = self.opened(&path).is_some_and(|project| project.near(&path).is_some());
        if !knows {
            self.settle();
        }
    }

    /// Looks at the documents by themselves that have changed in large projects, since their writers wait.
    pub(crate) fn look_at_changed(&mut self) {
        let waits = |(path, document): (&Path, &Document)| {
            let project = self.projects.get(&document.project)?;
            let is_told = project.told().get(path).is_some_and(|told| told.version == Some(document.version));
            (project.is_dirty() && !is_told).then(|| path.to_path_buf())
        };
        let waiting: Vec<PathBuf> = self.documents.iter().filter_map(waits).collect();
        waiting.iter().for_each(|path| self.look_near(path));
    }

    fn look_near(&mut self, path: &Path) {
        let Some(key) = self.documents.get(path).map(|document| document.project.clone()) else { return };
        let Some(project) = self.projects.get_mut(&key) else { return };
        let open = self.documents.of(&key);
        let around = Around { host: self.host, client: &self.client, documents: &self.documents };
        let ids = &mut self.ids;
        match catch_unwind(AssertUnwindSafe(|| project.look_near(path, &open, around, ids))) {
            Ok(true) => self.publish_all(&key, &[path.to_path_buf()]),
            Ok(false) => {}
            Err(_) => self.fail("check"),
        }
    }

    /// Says what was taken down of some files, to a client that does not ask.
    fn publish_all(&mut self, key: &Path, news: &[PathBuf]) {
        if !self.client.pulls {
            news.iter().for_each(|path| self.publish(key, path));
        }
    }

    /// Whether there is something of no use.
    pub(crate) fn is_untidy(&self) -> bool {
        self.projects.values().any(Opened::is_untidy)
    }

    /// Lets go of it.
    pub(crate) fn tidy(&mut self) {
        self.projects.values_mut().for_each(Opened::tidy);
    }

    /// Looks for the projects in the folders that the client works in. They are checked from then on, whether something of them
    /// is open or not.
    pub(crate) fn discover(&mut self) {
        if std::mem::replace(&mut self.discovered, true) {
            return;
        }
        let host = self.host;
        let found: Vec<PathBuf> = self.folders.iter().flat_map(|folder| host.projects_in(folder)).collect();
        found.iter().for_each(|key| {
            self.project(key);
        });
    }

    /// What was said of a document or file, if anything.
    pub(crate) fn told(&self, uri: &Uri) -> Option<&Told> {
        let path = Documents::path(uri);
        let key = self.documents.get(&path).map(|document| document.project.clone());
        let key = key.unwrap_or_else(|| self.project_of(uri));
        self.projects.get(&key)?.told().get(&path)
    }

    /// All that was said, by the addresses of the files.
    pub(crate) fn all_told(&self) -> impl Iterator<Item = (Uri, &Told)> {
        let all = self.projects.values().flat_map(|project| project.told());
        all.filter_map(|(path, told)| Some((self.uri(path)?, told)))
    }

    /// What was last found in each project.
    pub(crate) fn analyses(&self) -> impl Iterator<Item = (&Analysis, Texts<'_>)> {
        let found = self.projects.values().filter_map(|project| Some((project.analysis()?, project.folder())));
        found.map(|(analysis, folder)| (analysis, Texts::of(analysis, folder, self.around())))
    }

    fn around(&self) -> Around<'_> {
        Around { host: self.host, client: &self.client, documents: &self.documents }
    }

    /// The address of a file, as the client has written it where it is open.
    fn uri(&self, path: &Path) -> Option<Uri> {
        let open = self.documents.get(path).map(|document| document.uri.clone());
        open.or_else(|| uri_of(path))
    }

    /// Something of the server itself has failed: the client's log has it each time, the user sees it once.
    pub(crate) fn fail(&mut self, what: &str) {
        let words = failed(what);
        if self.failed.insert(what.to_owned()) {
            self.show(&words);
        } else {
            self.log(&words);
        }
    }

    pub(crate) fn log(&mut self, words: &str) {
        self.notify("window/logMessage", &serde_json::json!({ "type": 1, "message": words }));
    }

    fn show(&mut self, words: &str) {
        self.log(words);
        self.notify("window/showMessage", &serde_json::json!({ "type": 1, "message": words }));
    }

    /// Asks the client for something that has no answer of interest.
    fn ask(&mut self, method: &str) {
        self.asked += 1;
        let id = RequestId::from(format!("nsfc {}", self.asked));
        self.outbox.push(Request { id, method: method.to_owned(), params: serde_json::Value::Null }.into());
    }

    pub(crate) fn notify(&mut self, method: &str, params: &impl Serialize) {
        if let Ok(params) = serde_json::to_value(params) {
            self.outbox.push(Notification { method: method.to_owned(), params }.into());
        }
    }

    /// Says what was found in a file.
    fn publish(&mut self, key: &Path, path: &Path) {
        let Some(told) = self.projects.get(key).and_then(|project| project.told().get(path)).cloned() else { return };
        let Told { version, diagnostics, .. } = told;
        self.publish_as(path, version, diagnostics);
    }

    fn publish_as(&mut self, path: &Path, version: Option<i32>, diagnostics: Vec<lsp::Diagnostic>) {
        if let Some(uri) = self.uri(path) {
            let params = lsp::PublishDiagnosticsParams { uri, version, diagnostics };
            self.notify("textDocument/publishDiagnostics", &params);
        }
    }

    /// The key of the project that a document is of.
    fn project_of(&self, uri: &Uri) -> PathBuf {
        path_of(uri).map_or_else(|| Documents::path(uri), |path| self.host.project_of(&path))
    }

    fn project(&mut self, key: &Path) -> &mut Opened {
        let make =
            || if key.is_absolute() { Opened::new(key.to_path_buf(), self.host.project(key)) } else { Opened::alone() };
        self.projects.entry(key.to_path_buf()).or_insert_with(make)
    }

    /// A document of a project is closed, or a folder: what was said of a project in which nothing is open is taken back, unless
    /// it is in a folder that the client works in, of which the user wants to know all.
    fn leave(&mut self, key: &Path) {
        let in_use = !self.documents.of(key).is_empty() || self.folders.iter().any(|folder| key.starts_with(folder));
        if in_use {
            if let Some(project) = self.projects.get_mut(key) {
                project.look_again();
                project.touch();
            }
            return;
        }
        let Some(project) = self.projects.remove(key) else { return };
        for (path, told) in project.told() {
            if !self.client.pulls && (!told.diagnostics.is_empty() || told.version.is_some()) {
                self.publish_as(path, None, Vec::new());
            }
        }
    }

    /// Settings have come or gone: documents may be of other projects.
    fn find_projects_again(&mut self) {
        self.discovered = false;
        let mut left = BTreeSet::new();
        let host = self.host;
        for (path, document) in self.documents.iter_mut().filter(|(path, _)| path.is_absolute()) {
            let key = host.project_of(path);
            if document.project != key {
                left.insert(std::mem::replace(&mut document.project, key));
            }
        }
        let keys: BTreeSet<PathBuf> = self.documents.iter_mut().map(|(_, document)| document.project.clone()).collect();
        keys.iter().for_each(|key| self.project(key).touch());
        left.iter().for_each(|key| self.leave(key));
    }
}

/// What is said of a failure of the server itself.
pub(crate) fn failed(what: &str) -> String {
    format!("nsfc failed at `{what}`, and goes on; this is a mistake in nsfc, please report it with the file")
}
