//! The catalogue's pages as files that an editor can open: written where the user's caches are, when first needed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use nsf_diagnostics::Code;

use crate::project::replace_file;

/// The pages of this version.
pub struct Pages {
    /// None where there is no folder for caches: nothing is written elsewhere.
    folder: Option<PathBuf>,
    /// Where a page is, as far as it was asked for; none where it cannot be written.
    written: RefCell<BTreeMap<&'static str, Option<PathBuf>>>,
}

impl Pages {
    /// For whom they are of no use.
    pub const fn none() -> Self {
        Self { folder: None, written: RefCell::new(BTreeMap::new()) }
    }

    /// Those in the folder for the caches of the user.
    pub fn of_user() -> Self {
        Self::within(caches())
    }

    fn within(caches: Option<PathBuf>) -> Self {
        let folder = caches.map(|caches| caches.join("nsfc").join(env!("CARGO_PKG_VERSION")).join("codes"));
        Self { folder, written: RefCell::default() }
    }

    /// The file with the page of a code.
    pub fn page(&self, code: &Code) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let mut written = self.written.borrow_mut();
        written.entry(code.id).or_insert_with(|| write(folder, code)).clone()
    }
}

/// Writes a page, unless it is there; one of another build of the same version is replaced.
fn write(folder: &Path, code: &Code) -> Option<PathBuf> {
    let path = folder.join(format!("{}-{}.md", code.id, code.slug));
    if fs::read(&path).is_ok_and(|before| before == code.page.as_bytes()) {
        return Some(path);
    }
    fs::create_dir_all(folder).ok()?;
    replace_file(&path, code.page).ok()?;
    Some(path)
}

/// Where the system wants what can be made again.
fn caches() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return named("LOCALAPPDATA");
    }
    let home = || named("HOME");
    if cfg!(target_os = "macos") {
        return home().map(|home| home.join("Library/Caches"));
    }
    named("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests {
    use nsf_diagnostics::codes;

    use super::*;

    #[test]
    fn a_page_is_written_when_it_is_asked_for_and_put_right_where_it_is_another() {
        let caches = tempfile::tempdir().unwrap();
        let pages = || Pages::within(Some(caches.path().to_path_buf()));
        assert_eq!(fs::read_dir(caches.path()).unwrap().count(), 0, "nothing is written before");
        let page = pages().page(&codes::E0204).unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), codes::E0204.page);
        fs::write(&page, "of another build").unwrap();
        let again = pages();
        assert_eq!(again.page(&codes::E0204).as_ref(), Some(&page));
        assert_eq!(fs::read_to_string(&page).unwrap(), codes::E0204.page);
        assert_eq!(fs::read_dir(page.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn where_nothing_can_be_written_there_is_no_page() {
        assert_eq!(Pages::within(None).page(&codes::E0204), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Pages::within(Some(file.path().to_path_buf())).page(&codes::E0204), None);
    }
}
