//! What may stand in column 0, and the heads of items.

use gen_lsp_types::CompletionItemKind;
use nsf_syntax::ast::{ItemKind, SettingsKeyword};

use super::Completion;
use super::candidate::{Candidate, Rank};

/// Each kind of item: its keyword, what it is, and a form to fill in.
const FORMS: [(&str, &str, &str); 23] = [
    ("flow", "what happens to the records of a stream", "flow ${1:name} from ${2:source} {\n  $0\n}"),
    (
        "source",
        "a typed stream",
        "source ${1:name} {\n  from: kafka(\"${2:topic}\")\n  record {\n    ${3:id}: ${4:text}\n  }$0\n}",
    ),
    (
        "state",
        "keyed state with a typed value",
        "state ${1:name} by (${2:key}) {\n  keep: ${3:30d}\n  value { ${4:total}: ${5:int64 = 0} }$0\n}",
    ),
    (
        "table",
        "rows that are looked up by key",
        "table ${1:name} {\n  from: ${2:mysql}(\"${3:table}\")\n  record { ${4:id}: ${5:int64} }\n  key:  ${4:id}$0\n}",
    ),
    ("verify", "a function of checks", "verify ${1:name}(${2:input}: ${3:text}) {\n  require $0\n}"),
    (
        "calculate",
        "a function that makes fields",
        "calculate ${1:name}(${2:input}: ${3:int64}) -> (${4:output}: ${5:int64}) {\n  ${4:output} = $0\n}",
    ),
    (
        "load",
        "a function that reads a row",
        "load ${1:name}(${2:key}: ${3:int64}) from ${4:state} -> (${5:output}: ${6:int64}) {\n  ${5:output} = $0\n}",
    ),
    ("save", "a function that changes a state", "save ${1:name}(${2:input}: ${3:int64}) into ${4:state} {\n  $0\n}"),
    ("expand", "a function that sends", "expand ${1:name}(${2:input}: ${3:int64}) {\n  expand $0\n}"),
    ("fn", "a pure function", "fn ${1:name}(${2:input}: ${3:int64}) -> ${4:int64} = $0"),
    ("const", "a named value", "const ${1:NAME} = $0"),
    ("type", "a named type", "type ${1:Name} = $0"),
    (
        "mapping",
        "a conversion of values by a table",
        "mapping ${1:name}: ${2:int32} -> ${3:text} {\n  ${4:0} => \"$0\"\n  else keep\n}",
    ),
    ("use", "brings names of another file in", "use $0"),
    (
        "test",
        "runs records through the real engine",
        "test \"${1:title}\" {\n  given ${2:source} [\n    { $3 },\n  ]\n  expect $0\n}",
    ),
    ("primary", "a field that alone identifies a dimension", "primary ${1:name}: ${2:int64} #${3:1} \"${4:label}\"$0"),
    ("dimension", "a combination of primaries", "dimension ${1:name} (${2:primary}) #${3:1001} \"${4:label}\"$0"),
    (
        "fields",
        "the fields of a dimension",
        "fields ${1:dimension} {\n  ${2:name}: ${3:text} #${4:100001} \"${5:label}\"$0\n}",
    ),
    (
        "tenant",
        "who owns data",
        "tenant ${1:name} {\n  app_id:  \"${2:0102}\"\n  app_key: secret(\"${3:APP_KEY}\")\n  zone:    \"${4:UTC}\"$0\n}",
    ),
    ("space", "where dimensions are stored", "space ${1:name} { store: ${2:mysql} }$0"),
    (
        "ingest",
        "the standard ingest protocol on a topic",
        "ingest ${1:name} {\n  arris_id: \"${2:ARRIS-}\"\n  tenant:   ${3:tenant}\n  from:     kafka(\"${4:topic}\")\n  accept:   ${5:dimension}$0\n}",
    ),
    (
        "subscription",
        "who is told of changes to a dimension",
        "subscription ${1:name} on ${2:dimension} {\n  tenant:  ${3:tenant}\n  listen:  ${4:field}\n  on:      ${5:create, binlog}\n  publish: ${6:field}\n  to:      kafka(\"${7:topic}\")$0\n}",
    ),
    ("monitor", "tracing of records", "monitor ${1:name} on ${2:flow} {\n  $0\n}"),
];

pub(super) fn all() -> Vec<Candidate> {
    FORMS
        .iter()
        .map(|(word, detail, form)| {
            Candidate::new(*word, CompletionItemKind::Snippet, Rank::Due).detail(*detail).snippet(*form)
        })
        .collect()
}

/// What an item is, by its keyword.
pub(super) fn docs(word: &str) -> Option<&'static str> {
    FORMS.iter().find(|(own, ..)| *own == word).map(|(_, docs, _)| *docs)
}

/// What a built-in type is.
pub(super) fn type_docs(name: &str) -> Option<&'static str> {
    let generic = GENERIC_TYPES.iter().map(|(own, docs, _)| (own, docs));
    let all = BUILT_IN_TYPES.iter().map(|(own, docs)| (own, docs)).chain(generic);
    all.into_iter().find(|(own, _)| **own == name).map(|(_, docs)| *docs)
}

const BUILT_IN_TYPES: [(&str, &str); 20] = [
    ("text", "Unicode text"),
    ("int64", "whole numbers of 64 bits"),
    ("bool", "`true` or `false`"),
    ("timestamp", "a moment, to the millisecond"),
    ("duration", "a span of time, to the millisecond"),
    ("date", "a day"),
    ("float64", "floating point of 64 bits"),
    ("decimal", "28 exact digits"),
    ("int32", "whole numbers of 32 bits"),
    ("int16", "whole numbers of 16 bits"),
    ("int8", "whole numbers of 8 bits"),
    ("uint64", "whole numbers from 0, 64 bits"),
    ("uint32", "whole numbers from 0, 32 bits"),
    ("uint16", "whole numbers from 0, 16 bits"),
    ("uint8", "whole numbers from 0, 8 bits"),
    ("float32", "floating point of 32 bits"),
    ("json", "any JSON value"),
    ("bytes", "bytes"),
    ("link", "a name and a URL"),
    ("attachment", "a file's name and its URL"),
];

const GENERIC_TYPES: [(&str, &str, &str); 5] = [
    ("list", "values in order", "list<${1:text}>$0"),
    ("set", "values, each once", "set<${1:text}>$0"),
    ("map", "values by key", "map<${1:text}, ${2:int64}>$0"),
    ("select", "one of a mapping's values", "select<${1:mapping}>$0"),
    ("multi", "several of a mapping's values", "multi<${1:mapping}>$0"),
];

impl Completion<'_, '_> {
    /// The types that may stand here.
    pub(super) fn types(&self) -> Vec<Candidate> {
        let built_in = BUILT_IN_TYPES
            .iter()
            .map(|(name, detail)| Candidate::new(*name, CompletionItemKind::Struct, Rank::Near).detail(*detail));
        let generic = GENERIC_TYPES.iter().map(|(name, detail, form)| {
            Candidate::new(*name, CompletionItemKind::Struct, Rank::Other).detail(*detail).snippet(*form)
        });
        let own = self.named(CompletionItemKind::Struct, Rank::Due, |kind| matches!(kind, ItemKind::Type(_)));
        own.into_iter().chain(built_in).chain(generic).collect()
    }

    /// The head of an item.
    pub(super) fn head(&self) -> Vec<Candidate> {
        let context = self.context;
        let before = context.before(0);
        let count = context.tokens.len();
        match context.keyword() {
            "use" => self.modules(),
            "flow" if before == "expired" => self.settings_items(&[SettingsKeyword::State]),
            "flow" if before == "from" || before == "," => {
                let mut found = self.settings_items(&[SettingsKeyword::Source, SettingsKeyword::Subscription]);
                found.extend(self.flows());
                if before == "from" {
                    found.push(Candidate::word("expired", "the values of a state that have ended"));
                }
                found
            }
            "flow" if count == 2 => vec![Candidate::word("from", "what the flow reads")],
            "fields" if count == 1 => self.dimensions(),
            "subscription" | "monitor" if count == 2 => vec![Candidate::word("on", "what it is of")],
            "subscription" if before == "on" => self.dimensions(),
            "monitor" if before == "on" => {
                let mut found = self.flows();
                found.extend(self.settings_items(&[SettingsKeyword::Source, SettingsKeyword::Ingest]));
                found.extend(self.dimensions());
                found
            }
            "state" if count == 2 => vec![Candidate::word("by", "the keys: `by (customer)`")],
            "dimension" if before == "in" || (before == "," && self.has_word("in")) => {
                self.settings_items(&[SettingsKeyword::Space])
            }
            "dimension" if before == ")" => vec![Candidate::word("in", "where it is stored")],
            "load" if before == "from" => {
                let mut found = self.settings_items(&[SettingsKeyword::State, SettingsKeyword::Table]);
                found.extend(self.dimensions());
                found
            }
            "load" if before == ")" && !self.has_word("from") => vec![Candidate::word("from", "what it reads")],
            "save" if before == "into" => self.settings_items(&[SettingsKeyword::State]),
            "save" if before == ")" => vec![Candidate::word("into", "the state that it changes")],
            _ if matches!(before, ":" | "->" | "<") => self.types(),
            "type" if before == "=" => self.types(),
            "const" | "fn" if self.has_word("=") => self.expression(),
            _ => Vec::new(),
        }
    }

    fn has_word(&self, word: &str) -> bool {
        (0..self.context.tokens.len()).any(|index| self.context.at(index) == word)
    }

    /// The modules of the project and of the standard library, of which the first parts are written.
    fn modules(&self) -> Vec<Candidate> {
        let words: Vec<&str> = (1..self.context.tokens.len()).map(|index| self.context.at(index)).collect();
        let written: String = words.concat();
        let library = nsf_analysis::LIBRARY.functions.values().flatten().map(|own| own.module.clone());
        let mut modules: Vec<String> = self.known.modules().map(|(_, name)| name).chain(library).collect();
        modules.sort_by_key(|name| (name.starts_with("std."), name.clone()));
        modules.dedup();
        let mut parts: Vec<(String, bool)> = Vec::new();
        for rest in modules.iter().filter_map(|name| name.strip_prefix(written.as_str())) {
            let (part, is_whole) = match rest.split_once('.') {
                Some((part, _)) => (part, false),
                None => (rest, true),
            };
            // Modules with the same beginning stand together.
            if !part.is_empty() && parts.last().is_none_or(|(own, _)| own != part) {
                parts.push((part.to_owned(), is_whole));
            }
        }
        let part = |(part, is_whole): (String, bool)| {
            let detail = if is_whole { format!("module {written}{part}") } else { format!("{written}{part}.…") };
            Candidate::new(part, CompletionItemKind::Module, Rank::Due).detail(detail)
        };
        parts.into_iter().map(part).collect()
    }

    /// The names that a module declares, but those that are brought in already.
    pub(super) fn names_of_module(&self) -> Vec<Candidate> {
        let context = self.context;
        let open = context.frame().open;
        let path: String = (1..open.saturating_sub(1)).map(|index| context.at(index)).collect();
        let named: Vec<&str> = (open + 1..context.tokens.len()).map(|index| context.at(index)).collect();
        let mut found: Vec<Candidate> = Vec::new();
        if let Some(file) = self.known.analysis.modules.get(&path) {
            let items = self.known.items_of(*file);
            found.extend(items.map(|own| self.candidate_of(&own, Rank::Due).import(None)));
        }
        let mut library: Vec<_> = nsf_analysis::LIBRARY
            .functions
            .values()
            .filter_map(|forms| forms.iter().find(|own| own.module == path))
            .collect();
        library.sort_by_key(|own| own.name.clone());
        found.extend(library.into_iter().map(|own| {
            Candidate::new(own.name.as_str(), CompletionItemKind::Function, Rank::Due)
                .detail(crate::signature::builtin(own))
                .docs(&own.docs)
        }));
        found.retain(|own| !named.contains(&own.label.as_str()));
        found
    }
}
