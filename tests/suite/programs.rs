//! Programs at random, made from the grammar itself: whatever `grammar/nsf.pest` can say comes in, what it learns tomorrow too.
//!
//! An item is derived from its rule, with choices by a seeded generator; names, numbers and texts come from short lists, for what
//! they are matters to no rule. Looking ahead is left out: an item that the parser refuses is thrown away and made anew.

use std::collections::{BTreeMap, BTreeSet};

use nsf_diagnostics::FileId;
use nsf_tests::random::Random;
use nsf_tests::{read, root};
use pest_meta::ast::{Expr, Rule, RuleType};
use pest_meta::parser;

/// Where items start; those with a body last.
const ITEMS: [&str; 13] = [
    "use_entry",
    "const_entry",
    "type_entry",
    "fn_entry",
    "builtin_entry",
    "primary_entry",
    "dimension_entry",
    "mapping_entry",
    "fields_entry",
    "settings_entry",
    "step_function_entry",
    "flow_entry",
    "test_entry",
];

/// The first of [`ITEMS`] that has a body.
const WITH_BODY: usize = 7;

/// Rules that only read an item in parts, look ahead, or are part of a word.
const NEVER_DERIVED: [&str; 3] = ["reserved", "not_a_count", "clause_start"];

/// Names; most are keywords elsewhere.
const NAMES: [&str; 22] = [
    "a",
    "b",
    "total",
    "order_id",
    "a_longer_name_of_a_field",
    "班级",
    "x1",
    "_",
    "r",
    "source",
    "by",
    "from",
    "with",
    "keep",
    "text",
    "list",
    "when",
    "expired",
    "published",
    "rejected",
    "max",
    "e",
];

const NUMERALS: [&str; 12] =
    ["0", "7", "42", "1_000", "0x1F", "1.5", "2e3", "1.5E-3", "80%", "30d", "1h30min", "500ms"];

const MOMENTS: [&str; 4] =
    ["@2023-05-20", "@2023-05-20T23:30Z", "@2023-05-20T23:30:00.5+08:00", "@2024-02-29T00:00:00Z"];

const PLAIN_TEXTS: [&str; 8] = [
    "\"\"",
    "\"a\"",
    "\"班级 ID\"",
    "\"no // comment\"",
    "\"a, b; c\"",
    "\"'\"",
    "\"in a sentence of some length\"",
    "\"#1\"",
];

const RAW_TEXTS: [&str; 5] = [r#"r"\d+""#, r##"r#"a "quoted" {x}"#"##, r#"r"""#, r#"r"//""#, "r\"two\n  lines\""];

/// Of the last list those that may stand within a text.
const ON_ONE_LINE: u64 = 4;

/// An item as its words; between two of them may stand a blank, a line end or a comment.
pub type Words = Vec<String>;

/// Derives items from the grammar.
pub struct Programs {
    rules: BTreeMap<String, Rule>,
    /// How many rules stand in one another at least.
    heights: BTreeMap<String, usize>,
    random: Random,
    /// How often each rule was used in items that were kept.
    pub used: BTreeMap<String, u64>,
    /// Items that were thrown away.
    pub refused: u64,
    /// Items that were kept.
    pub kept: u64,
}

/// What is derived so far.
#[derive(Default)]
struct Derived {
    words: Words,
    /// The word that is being put together from parts without blanks.
    word: Option<String>,
    used: BTreeSet<String>,
    /// Words after which the shortest way is taken.
    room: usize,
    /// Whether it stands within a text, whose line must not end.
    in_text: bool,
}

impl Programs {
    pub fn new(seed: u64) -> Self {
        let text = read(&root().join("grammar/nsf.pest"));
        let pairs = parser::parse(parser::Rule::grammar_rules, &text).unwrap();
        let rules = parser::consume_rules(pairs).map_err(|errors| errors.len()).unwrap();
        let rules: BTreeMap<String, Rule> = rules.into_iter().map(|rule| (rule.name.clone(), rule)).collect();
        let heights = heights(&rules);
        Self { rules, heights, random: Random::new(seed), used: BTreeMap::new(), refused: 0, kept: 0 }
    }

    /// Rules that items consist of, as far as they can be derived.
    pub fn all_rules(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = ITEMS.iter().map(|name| (*name).to_owned()).collect();
        while let Some(name) = open.pop() {
            let Some(rule) = self.rules.get(&name).filter(|_| !NEVER_DERIVED.contains(&name.as_str())) else {
                continue;
            };
            if found.insert(name) && leaf(&rule.name, false).is_none() {
                named(&rule.expr, &mut open);
            }
        }
        found
    }

    /// A program of one to six items.
    pub fn program(&mut self) -> Vec<Words> {
        let count = 1 + self.random.below(6);
        (0..count).map(|_| self.item()).collect()
    }

    /// An item that parses.
    pub fn item(&mut self) -> Words {
        loop {
            // Items with a body have more to say.
            let from = if self.random.percent(70) { WITH_BODY } else { 0 };
            let start = ITEMS[from + self.random.below((ITEMS.len() - from) as u64) as usize];
            let room = 10 + self.random.below(100) as usize;
            let mut derived = Derived { room, ..Derived::default() };
            self.rule(start, false, 0, &mut derived);
            let text = derived.words.join(" ");
            let parsed = nsf_syntax::parse(FileId::default(), &text);
            if parsed.errors.is_empty() && parsed.file.items.len() == 1 {
                self.kept += 1;
                for rule in derived.used {
                    *self.used.entry(rule).or_default() += 1;
                }
                return derived.words;
            }
            self.refused += 1;
        }
    }

    fn pick(&mut self, list: &[&str]) -> String {
        list[self.random.below(list.len() as u64) as usize].to_owned()
    }

    fn rule(&mut self, name: &str, atomic: bool, depth: usize, derived: &mut Derived) {
        derived.used.insert(name.to_owned());
        if let Some(list) = leaf(name, derived.in_text) {
            let text = self.pick(list);
            return derived.push(&text);
        }
        let Some(rule) = self.rules.get(name).cloned() else { return self.built_in(name, derived) };
        match rule.ty {
            RuleType::Atomic | RuleType::CompoundAtomic if !atomic => {
                derived.word = Some(String::new());
                self.expr(&rule.expr, true, depth + 1, derived);
                let word = derived.word.take().unwrap_or_default();
                derived.words.push(word);
            }
            RuleType::NonAtomic if atomic => {
                let room = derived.room.saturating_sub(derived.words.len()) / 4;
                let mut inner = Derived { room, in_text: true, ..Derived::default() };
                self.expr(&rule.expr, false, depth + 1, &mut inner);
                derived.used.extend(inner.used);
                derived.push(&inner.words.join(" "));
            }
            _ => self.expr(&rule.expr, atomic, depth + 1, derived),
        }
    }

    /// Classes of characters that pest knows by itself.
    fn built_in(&mut self, name: &str, derived: &mut Derived) {
        match name {
            "EOI" => {}
            "ASCII_DIGIT" => derived.push(&self.random.below(10).to_string()),
            "ASCII_HEX_DIGIT" => derived.push(&format!("{:x}", self.random.below(16))),
            other => panic!("the grammar uses {other}: say here which characters it is"),
        }
    }

    fn expr(&mut self, expr: &Expr, atomic: bool, depth: usize, derived: &mut Derived) {
        let short = depth > 60 || derived.words.len() >= derived.room;
        match expr {
            Expr::Str(text) => derived.push(text),
            Expr::Ident(name) => self.rule(name, atomic, depth, derived),
            Expr::PosPred(_) | Expr::NegPred(_) => {}
            Expr::Seq(left, right) => {
                self.expr(left, atomic, depth, derived);
                self.expr(right, atomic, depth, derived);
            }
            Expr::Choice(..) => {
                let mut ways = Vec::new();
                choices(expr, &mut ways);
                // `reject "why"` stands for a value behind `catch` alone.
                let rejects = derived.words.last().is_some_and(|last| last == "catch") && self.random.percent(50);
                let is_reject = |way: &&Expr| matches!(way, Expr::Ident(name) if name == "reject_value");
                if ways.iter().any(is_reject) {
                    ways.retain(|way| is_reject(way) == rejects);
                }
                let heights = &self.heights;
                let height = |way: &&Expr| height(way, heights).unwrap_or(usize::MAX);
                let least = ways.iter().map(height).min().unwrap();
                if short || self.random.percent((20 + depth as u64 * 4).min(85)) {
                    ways.retain(|way| height(way) == least);
                }
                let way = if self.random.percent(8) {
                    ways.iter().copied().min_by_key(|way| self.times_used(way)).unwrap()
                } else {
                    ways[self.random.below(ways.len() as u64) as usize]
                };
                self.expr(way, atomic, depth, derived);
            }
            Expr::Opt(inner) => {
                if !short && self.random.percent(45) {
                    self.expr(inner, atomic, depth, derived);
                }
            }
            Expr::Rep(inner) => self.times(inner, 0, atomic, depth, derived),
            Expr::RepOnce(inner) => self.times(inner, 1, atomic, depth, derived),
            Expr::RepMin(inner, least) | Expr::RepExact(inner, least) | Expr::RepMinMax(inner, least, _) => {
                for _ in 0..*least {
                    self.expr(inner, atomic, depth, derived);
                }
            }
            other => panic!("the grammar uses {other:?}: say here how it is derived"),
        }
    }

    /// How often the rule was used that an expression begins with, so that rare ones come in too.
    fn times_used(&self, way: &Expr) -> u64 {
        match way {
            Expr::Ident(name) => self.used.get(name).copied().unwrap_or(0),
            Expr::Seq(first, _) => self.times_used(first),
            _ => u64::MAX,
        }
    }

    /// As often as `least`, or a few times more.
    fn times(&mut self, inner: &Expr, least: usize, atomic: bool, depth: usize, derived: &mut Derived) {
        let mut times = 0;
        // What stands in braces one below the other comes often; what commas divide less so.
        let most: u64 = match inner {
            Expr::Ident(name) if name == "prefix" || name == "postfix" => 25,
            Expr::Ident(_) => 88,
            _ => 60,
        };
        let chance = most.saturating_sub(depth as u64 * 2).max(15);
        while times < least || depth <= 60 && derived.words.len() < derived.room && self.random.percent(chance) {
            self.expr(inner, atomic, depth, derived);
            times += 1;
        }
    }
}

impl Derived {
    fn push(&mut self, text: &str) {
        match &mut self.word {
            Some(word) => word.push_str(text),
            None => self.words.push(text.to_owned()),
        }
    }
}

/// What stands for a rule whose inner form matters to no other.
fn leaf(name: &str, in_text: bool) -> Option<&'static [&'static str]> {
    Some(match name {
        "name" => &NAMES,
        "numeral" => &NUMERALS,
        "moment" => &MOMENTS,
        "plain_text" => &PLAIN_TEXTS,
        "raw_text" if in_text => &RAW_TEXTS[..ON_ONE_LINE as usize],
        "raw_text" => &RAW_TEXTS,
        "text_chars" => &["a", " // b ", "班级", "', ;"],
        "number_sign" => &["#1", "#100001"],
        _ => return None,
    })
}

/// The ways of a choice.
fn choices<'e>(expr: &'e Expr, ways: &mut Vec<&'e Expr>) {
    match expr {
        Expr::Choice(left, right) => {
            choices(left, ways);
            choices(right, ways);
        }
        other => ways.push(other),
    }
}

/// The rules that an expression derives.
fn named(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::Ident(name) => names.push(name.clone()),
        Expr::Seq(left, right) | Expr::Choice(left, right) => {
            named(left, names);
            named(right, names);
        }
        Expr::Opt(inner) | Expr::Rep(inner) | Expr::RepOnce(inner) => named(inner, names),
        Expr::RepMin(inner, _) | Expr::RepExact(inner, _) | Expr::RepMinMax(inner, ..) => named(inner, names),
        _ => {}
    }
}

/// How deep rules stand in one another at least: by this the shortest way is known.
fn heights(rules: &BTreeMap<String, Rule>) -> BTreeMap<String, usize> {
    let mut heights = BTreeMap::new();
    loop {
        let known: usize = heights.len();
        for (name, rule) in rules {
            let found = if leaf(name, false).is_some() { Some(0) } else { height(&rule.expr, &heights) };
            if let Some(found) = found.filter(|_| !heights.contains_key(name)) {
                heights.insert(name.clone(), found + 1);
            }
        }
        if heights.len() == known {
            return heights;
        }
    }
}

/// The height of an expression, if it is known yet.
fn height(expr: &Expr, heights: &BTreeMap<String, usize>) -> Option<usize> {
    match expr {
        Expr::Ident(name) if name.starts_with(|first: char| first.is_ascii_uppercase()) => Some(0),
        Expr::Ident(name) => heights.get(name).copied(),
        Expr::Seq(left, right) => Some(height(left, heights)?.max(height(right, heights)?)),
        Expr::Choice(left, right) => match (height(left, heights), height(right, heights)) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        },
        Expr::RepOnce(inner) | Expr::RepMin(inner, _) | Expr::RepExact(inner, _) | Expr::RepMinMax(inner, ..) => {
            height(inner, heights)
        }
        _ => Some(0),
    }
}

/// Items after which every rule was used.
const ENOUGH: u32 = 4000;

#[test]
fn every_rule_of_the_grammar_comes_into_the_programs() {
    let mut programs = Programs::new(1);
    for _ in 0..ENOUGH {
        programs.item();
    }
    let missing: Vec<String> =
        programs.all_rules().into_iter().filter(|rule| !programs.used.contains_key(rule)).collect();
    assert!(missing.is_empty(), "never derived in {ENOUGH} items: {missing:?}");
    assert!(programs.kept * 10 > programs.refused, "{} kept, {} refused", programs.kept, programs.refused);
}
