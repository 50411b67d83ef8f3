//! Words and signs that other languages use for what NSF says otherwise.

use nsf_diagnostics::closest;

use crate::scan::ITEM_KEYWORDS;

/// The words that start a statement of SQL.
pub(crate) const STATEMENTS: [&str; 6] = ["SELECT", "INSERT", "CREATE", "UPDATE", "DELETE", "WITH"];

/// The keyword nearest to a misspelt one.
pub(crate) fn near(word: &str, known: &[&'static str]) -> Option<&'static str> {
    // Most candidates are too long or too short; telling that is cheap.
    let length = word.chars().count();
    let like = known.iter().copied().filter(|known| known.len().abs_diff(length) <= (length / 3).max(1));
    closest(word, like)
}

/// What a word at the start of a step, check or clause means in other languages, if `known` has a word for it.
pub(crate) fn statement(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let meant = match word.to_ascii_lowercase().as_str() {
        "if" | "case" | "switch" => "when",
        "for" | "foreach" | "while" | "loop" => "each",
        "return" | "exit" | "break" | "continue" | "end" | "abort" => "stop",
        "goto" => "jump",
        "set" | "let" | "compute" | "assign" | "calc" | "select" => "calculate",
        "emit" | "send" | "publish" | "output" | "write" | "sink" | "print" | "log" => "expand",
        "lookup" | "read" | "fetch" | "join" => "load",
        "filter" | "validate" | "where" => "verify",
        "update" | "store" | "put" => "save",
        "partition" | "key_by" | "group" => "repartition",
        "assert" | "ensure" | "check" => "require",
        "discard" | "ignore" | "skip" => "drop",
        "fail" | "error" | "raise" | "throw" => "reject",
        "dedup" | "distinct" | "deduplicate" => "unique",
        "then" => "expect",
        _ => return None,
    };
    known.iter().copied().find(|word| *word == meant)
}

/// What a word at the start of an item means in other languages.
pub(crate) fn item(word: &str) -> Option<&'static str> {
    let meant = match word.to_ascii_lowercase().as_str() {
        "import" | "include" | "require" | "from" | "package" | "module" => "use",
        "let" | "var" | "val" | "static" | "define" => "const",
        "def" | "func" | "function" | "fun" | "sub" => "fn",
        "struct" | "class" | "record" | "interface" | "typedef" | "alias" => "type",
        "enum" | "map" | "dict" => "mapping",
        "stream" | "input" | "topic" | "reader" => "source",
        "pipeline" | "job" | "task" | "process" | "query" | "select" => "flow",
        "lookup" | "view" => "table",
        "dim" => "dimension",
        "field" | "column" | "columns" => "fields",
        "subscribe" | "listen" => "subscription",
        "store" | "database" => "space",
        "calc" | "compute" => "calculate",
        "filter" | "validate" => "verify",
        "trace" => "monitor",
        "spec" | "it" => "test",
        _ => return None,
    };
    ITEM_KEYWORDS.iter().copied().find(|keyword| *keyword == meant)
}
