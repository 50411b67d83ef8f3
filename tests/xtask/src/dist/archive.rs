//! A folder packed so that the same files give the same bytes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// Packs all files under `folder` into `archive`, under `name/`: in order, of nobody, of one `time` in seconds since 1970.
/// What lies under `bin` can be run.
///
/// # Errors
/// When a file cannot be read or the archive not be written.
pub fn pack(folder: &Path, name: &str, archive: &Path, time: u64) -> io::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut files: Vec<(String, PathBuf)> = files
        .into_iter()
        .filter_map(|path| Some((format!("{name}/{}", path.strip_prefix(folder).ok()?.display()), path.clone())))
        .collect();
    files.sort();
    // The header of gzip has neither a name nor a time.
    let packed = GzBuilder::new().write(BufWriter::new(File::create(archive)?), Compression::best());
    let mut builder = Builder::new(packed);
    for (place, path) in files {
        let content = fs::read(&path)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(if path.starts_with(folder.join("bin")) { 0o755 } else { 0o644 });
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, place, content.as_slice())?;
    }
    builder.into_inner()?.finish()?.flush()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
