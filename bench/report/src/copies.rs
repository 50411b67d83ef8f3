//! Makes a large project of renamed copies of `examples/classroom`, with or without mistakes.
//!
//! A project has room for a thousand dimensions with as many primaries, so each copy holds the flow twice: the second one
//! under names of its own and without the dimension, whose derived fields only one flow may write.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What begins an item and is followed by its name.
const ITEMS: &[&str] = &[
    "tenant",
    "primary",
    "mapping",
    "space",
    "dimension",
    "ingest",
    "subscription",
    "source",
    "table",
    "state",
    "verify",
    "calculate",
    "flow",
];

/// The mistakes: what is replaced, and by what. Each is of another pass: types, settings, fields, syntax.
const MISTAKES: &[(&str, &str)] = &[
    ("float64?", "flaot64?"),
    ("create, binlog", "creat, binlog"),
    (".sent\n", ".snt\n"),
    ("drop   when", "drop   whn"),
];

/// The file that a copy holds twice, the second time without the lines that name the dimension.
const TWICE: &str = "duration.nsf";
const DIMENSION: &str = "class_stu_plan";

/// What was made.
pub struct Copies {
    /// Lines in all files.
    pub lines: usize,
    /// Mistakes in all files.
    pub mistakes: usize,
}

/// Writes copies into `folder`, which is emptied first, until there are `lines` lines; with a mistake in every so many, if any.
pub fn write_copies(
    original: &Path,
    folder: &Path,
    lines: usize,
    lines_per_mistake: Option<usize>,
) -> io::Result<Copies> {
    let files = nsf_files(original)?;
    if files.is_empty() {
        return Err(io::Error::other(format!("{} has no .nsf file", original.display())));
    }
    let mut parts = Vec::new();
    for file in &files {
        let (name, text) = (file.file_name().unwrap_or_default().to_os_string(), fs::read_to_string(file)?);
        if name == TWICE {
            let lines = text.lines().filter(|line| !line.contains(DIMENSION));
            let again = lines.fold(String::new(), |text, line| text + line + "\n");
            parts.push(("again.nsf".into(), again, "_again"));
        }
        parts.push((name, text, ""));
    }
    let names: Vec<&str> = parts.iter().flat_map(|(_, text, _)| item_names(text)).collect();
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut written = Copies { lines: 0, mistakes: 0 };
    for number in 0.. {
        if written.lines >= lines {
            break;
        }
        let copy = folder.join(format!("copy{number}"));
        fs::create_dir_all(&copy)?;
        for (name, text, mark) in &parts {
            let mut text = renamed(text, &names, number, mark);
            written.lines += text.lines().count();
            let due = lines_per_mistake.is_some_and(|every| written.lines / every > written.mistakes);
            if due && misspell(&mut text, written.mistakes) {
                written.mistakes += 1;
            }
            fs::write(copy.join(name), text)?;
        }
    }
    Ok(written)
}

fn nsf_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with(".nsf") {
            found.extend(nsf_files(&path)?);
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "nsf") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn item_names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (keyword, rest) = line.split_once(' ')?;
        let end = rest.trim_start().find(|character: char| !is_name(character))?;
        ITEMS.contains(&keyword).then(|| &rest.trim_start()[..end])
    })
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// One copy's text: every item and every topic has a name and a number of its own; `mark` goes behind the number.
fn renamed(text: &str, names: &[&str], number: usize, mark: &str) -> String {
    let mut copy = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        copy.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|character: char| !is_name(character)).unwrap_or(word.len());
        copy.push_str(&renamed_word(&word[..end], &copy, names, number, mark));
        rest = &word[end..];
    }
    copy.push_str(rest);
    copy.replace("use classroom.", &format!("use copy{number}."))
}

fn renamed_word(word: &str, before: &str, names: &[&str], number: usize, mark: &str) -> String {
    let begins_text_of = |connector: &str| before.ends_with(&format!("{connector}(\""));
    if names.contains(&word) || ["kafka", "mysql", "redis"].iter().any(|name| begins_text_of(name)) {
        format!("{word}_{number}{mark}")
    } else if before.ends_with('#') && word.len() == 4 {
        // A dimension's code: the count of its primaries, then a number.
        format!("{}{number:03}", &word[..1])
    } else if let (true, 1, Ok(code)) = (before.ends_with('#'), word.len(), word.parse::<usize>()) {
        format!("{}", number * 3 + code)
    } else if before.ends_with("ARRIS-f0102-") {
        format!("{number:010}gca")
    } else {
        word.to_string()
    }
}

/// Puts a mistake into the file, beginning to look at the one that is next in turn; false when none fits.
fn misspell(text: &mut String, turn: usize) -> bool {
    for offset in 0..MISTAKES.len() {
        let (right, wrong) = MISTAKES[(turn + offset) % MISTAKES.len()];
        if text.contains(right) {
            *text = text.replacen(right, wrong, 1);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "use classroom.fields\n\ntenant xuefu {\n}\nprimary stu_id: int64 #2 \"学生ID\"\n\
        dimension class (stu_id) #1001 in main\nfields class {\n  class_name: text #100001\n}\n\
        source seg { from: kafka(\"stay_seg\") }\nstate s by (stu_id) { store: redis(\"psd:{stu_id}\") }\n\
        ingest i { arris_id: \"ARRIS-f0102-0000000000gca\" }\n";

    #[test]
    fn a_copy_has_names_codes_and_topics_of_its_own() {
        let names: Vec<&str> = item_names(TEXT).collect();
        assert_eq!(names, ["xuefu", "stu_id", "class", "seg", "s", "i"]);
        let copy = renamed(TEXT, &names, 7, "");
        let wanted = "use copy7.fields\n\ntenant xuefu_7 {\n}\nprimary stu_id_7: int64 #23 \"学生ID\"\n\
            dimension class_7 (stu_id_7) #1007 in main\nfields class_7 {\n  class_name: text #100001\n}\n\
            source seg_7 { from: kafka(\"stay_seg_7\") }\n\
            state s_7 by (stu_id_7) { store: redis(\"psd_7:{stu_id_7}\") }\n\
            ingest i_7 { arris_id: \"ARRIS-f0102-0000000007gca\" }\n";
        assert_eq!(copy, wanted);
    }

    #[test]
    fn mistakes_take_turns_and_fall_back_to_one_that_fits() {
        let mut text = "refund_rate: float64?".to_string();
        assert!(misspell(&mut text, 1));
        assert_eq!(text, "refund_rate: flaot64?");
        assert!(!misspell(&mut "nothing".to_string(), 0));
    }
}
