//! `nsfc new`: a small project that runs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::output::{Output, Style};
use crate::problem::Problem;

/// Start a project: a small program that runs, with a test and some records to try it on
#[derive(clap::Args)]
pub struct New {
    /// The folder to make; it must not exist yet, or be empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// The files of a new project: path, and text with `{{name}}` for the project's name.
const FILES: &[(&str, &str)] = &[
    ("nsf.yaml", include_str!("../../template/nsf.yaml")),
    ("shop.nsf", include_str!("../../template/shop.nsf")),
    ("data/orders.ndjson", include_str!("../../template/data/orders.ndjson")),
    ("README.md", include_str!("../../template/README.md")),
    (".gitignore", include_str!("../../template/gitignore")),
];

impl New {
    /// Writes the files and says what to do next.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let name = project_name(&self.directory)?;
        must_be_free(&self.directory)?;
        for (path, text) in FILES {
            write(&self.directory.join(path), &text.replace("{{name}}", &name))?;
        }
        let folder = self.directory.display();
        let mut text = output.paint(&format!("Made the project {name} in {folder}"), Style::Good);
        text.push_str("\n\n");
        for (path, _) in FILES.iter().filter(|(path, _)| !path.starts_with('.')) {
            text.push_str(&format!("  {path}\n"));
        }
        let enter = if self.directory == Path::new(".") { String::new() } else { format!("  cd {folder}\n") };
        text.push_str(&format!(
            "\nTry it:\n\n{enter}  nsfc test\n  nsfc run --input orders=data/orders.ndjson --output customer=-\n"
        ));
        output.result(&text)?;
        Ok(Outcome::Clean)
    }
}

/// The project is named like its folder; what a name may not hold becomes `_`.
fn project_name(directory: &Path) -> Result<String, Problem> {
    let absolute = std::path::absolute(directory).map_err(|error| Problem::file("make", directory, &error))?;
    let last = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = last.chars().map(|sign| if unicode_ident::is_xid_continue(sign) { sign } else { '_' }).collect();
    let name = if is_identifier(&name) { name } else { format!("project_{name}") };
    Ok(name.trim_end_matches('_').to_owned())
}

/// Whether `text` could be a name in a program.
fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || unicode_ident::is_xid_start(first))
        && characters.all(unicode_ident::is_xid_continue)
}

/// Nothing that is there already is overwritten.
fn must_be_free(directory: &Path) -> Result<(), Problem> {
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Problem::usage(format!("the folder `{}` is not empty", directory.display()))
                .help("name a folder that does not exist yet; nothing was written")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) if directory.is_file() => {
            Err(Problem::usage(format!("`{}` exists and is not a folder", directory.display()))
                .help("name a folder that does not exist yet; nothing was written"))
        }
        Err(error) => Err(Problem::file("look into", directory, &error)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Problem::file("make the folder", folder, &error))?;
    }
    fs::write(path, text).map_err(|error| Problem::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_like_its_folder() {
        assert_eq!(project_name(Path::new("/tmp/shop")).unwrap(), "shop");
        assert_eq!(project_name(Path::new("my-shop")).unwrap(), "my_shop");
        assert_eq!(project_name(Path::new("/x/2023")).unwrap(), "project_2023");
        assert_eq!(project_name(Path::new("a/b/..")).unwrap(), "project");
    }
}
