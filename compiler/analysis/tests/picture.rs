//! Pictures of graphs: of a small one as it is, and what holds for those of generated programs of any size.
//!
//! `PICTURES=folder cargo test -p nsf-analysis --test picture` writes the pictures that are looked at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use nsf_analysis::graph::print::{self, Scope, View};
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check};

fn analyse(text: String) -> Analysis {
    let file = InputFile { path: "shop.nsf".to_owned(), text };
    let analysis = check(&ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None });
    assert!(!analysis.has_errors(), "{:#?}", analysis.diagnostics);
    analysis
}

/// Whole numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as usize
    }
}

const WORDS: [&str; 12] = [
    "order", "payment", "refund", "parcel", "visit", "basket", "coupon", "review", "supplier", "invoice", "return",
    "price",
];

/// A program of so many flows: some read topics of their own, some what others publish; they share tables and dimensions.
fn program(flows: usize, seed: u64) -> String {
    let mut numbers = Numbers(seed);
    let mut text = String::from(
        "primary customer: int64 #1\nprimary shop: int64 #2\n\nspace main { store: mysql }\n\n\
         dimension customer_facts (customer) #1001 in main\ndimension shop_facts (customer, shop) #2001 in main\n\n",
    );
    let mut facts: Vec<(usize, String)> = Vec::new();
    let mut body = String::new();
    let tables = flows.div_ceil(6);
    for table in 0..tables {
        write!(
            body,
            "table {name}_info {{\n  from: mysql(\"{name}s\")\n  record {{ shop: int64  city: text  opened: date }}\n  key:  shop\n}}\n\n",
            name = WORDS[table % WORDS.len()].to_owned() + &table.to_string()
        )
        .unwrap();
    }
    for flow in 0..flows {
        let name = format!("{}_{flow}", WORDS[numbers.below(WORDS.len())]);
        // A third of the flows go on with what an earlier one publishes.
        let topic = match flow {
            0..3 => format!("{name}s"),
            _ if numbers.below(3) == 0 => format!("{name}s"),
            _ => format!("out_{}", numbers.below(flow)),
        };
        write!(
            body,
            "source {name} {{\n  from: kafka(\"{topic}\")\n  record {{ customer: int64  shop: int64  total: int64 }}\n  key:  customer\n}}\n\n\
             state {name}_sums by (customer) {{\n  keep: 30d\n  value {{ total: int64 = 0  times: int64 = 0 }}\n}}\n\n\
             flow sum_{name} from {name} {{\n  verify {{ drop when total < 0 \"negative\" }}\n"
        )
        .unwrap();
        if numbers.below(2) == 0 {
            let table = numbers.below(tables);
            let table = WORDS[table % WORDS.len()].to_owned() + &table.to_string();
            write!(body, "  load {table}_info else reject \"no shop\"\n  calculate {{ city = {table}_info.city }}\n  stop when city == \"Rome\"\n").unwrap();
        }
        write!(body, "  save {name}_sums {{ total += total  times += 1 }}\n  load {name}_sums\n").unwrap();
        if numbers.below(2) == 0 {
            write!(body, "  calculate {{ mean = div({name}_sums.total, {name}_sums.times) }}\n  stop when mean < 10\n")
                .unwrap();
        }
        writeln!(body, "  expand kafka(\"out_{flow}\", key: customer) {{ customer, shop, total: {name}_sums.total }}")
            .unwrap();
        if numbers.below(3) == 0 {
            let dimension = numbers.below(2);
            facts.push((dimension, name.clone()));
            let dimension = ["customer_facts", "shop_facts"][dimension];
            writeln!(body, "  expand {dimension} {{ {name}_total: {name}_sums.total }}").unwrap();
        }
        body.push_str("}\n\n");
    }
    for (index, dimension) in ["customer_facts", "shop_facts"].into_iter().enumerate() {
        writeln!(text, "fields {dimension} {{").unwrap();
        writeln!(text, "  seen: int64? #100001").unwrap();
        let own = facts.iter().filter(|(dimension, _)| *dimension == index).enumerate();
        for (number, (_, name)) in own {
            writeln!(text, "  {name}_total: int64 #{} derived", 100_002 + number).unwrap();
        }
        text.push_str("}\n\n");
    }
    text + &body
}

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area(i32, i32, i32, i32);

impl Area {
    fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    fn holds(self, other: Self) -> bool {
        self.0 <= other.0 && self.1 <= other.1 && other.2 <= self.2 && other.3 <= self.3
    }

    /// Whether a point is on its border.
    fn has_at_border(self, (x, y): (i32, i32)) -> bool {
        let inside = self.0 <= x && x <= self.2 && self.1 <= y && y <= self.3;
        inside && (x == self.0 || x == self.2 || y == self.1 || y == self.3)
    }
}

/// A picture, read again.
struct Picture {
    /// Box and cluster of each node, by the node's position.
    nodes: Vec<(Area, Option<usize>)>,
    clusters: Vec<Area>,
    edges: Vec<Line>,
}

/// An edge with the points of its line, and its texts.
struct Line {
    edge: usize,
    from: usize,
    to: usize,
    points: Vec<(i32, i32)>,
    texts: Vec<Area>,
}

fn number(node: roxmltree::Node<'_, '_>, name: &str) -> i32 {
    node.attribute(name).unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

fn numbers(text: &str) -> Vec<i32> {
    let parts = text.split(|own: char| !own.is_ascii_digit() && own != '-').filter(|part| !part.is_empty());
    parts.map(|part| part.parse().unwrap()).collect()
}

impl Picture {
    fn read(text: &str) -> Self {
        let document = roxmltree::Document::parse(text).unwrap();
        assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        let groups = |class: &str| {
            let class = class.to_owned();
            let is_one = move |node: &roxmltree::Node<'_, '_>| {
                node.attribute("class").is_some_and(|own| own.split(' ').next() == Some(&class))
            };
            document
                .descendants()
                .filter(move |node| node.has_tag_name("g") || node.has_tag_name("rect"))
                .filter(is_one)
        };
        let clusters: Vec<Area> = groups("card")
            .map(|card| {
                let (x, y) = (number(card, "x"), number(card, "y"));
                Area(x, y, x + number(card, "width"), y + number(card, "height"))
            })
            .collect();
        let cards: Vec<roxmltree::NodeId> = groups("cluster").map(|cluster| cluster.id()).collect();
        let mut nodes: Vec<(i32, (Area, Option<usize>))> = groups("node")
            .map(|node| {
                let corners = numbers(node.attribute("data-box").unwrap());
                let area = Area(corners[0], corners[1], corners[0] + corners[2], corners[1] + corners[3]);
                let cluster = node.ancestors().find_map(|own| cards.iter().position(|card| *card == own.id()));
                (number(node, "data-node"), (area, cluster))
            })
            .collect();
        nodes.sort_by_key(|(index, _)| *index);
        assert!(nodes.iter().enumerate().all(|(index, (own, _))| index as i32 == *own));
        let edges = groups("edge").map(Line::read).collect();
        Self { nodes: nodes.into_iter().map(|(_, node)| node).collect(), clusters, edges }
    }
}

impl Line {
    fn read(group: roxmltree::Node<'_, '_>) -> Self {
        let class = |node: &roxmltree::Node<'_, '_>, class: &str| {
            node.attribute("class").is_some_and(|own| own.split(' ').any(|part| part == class))
        };
        let line = group.children().find(|node| class(node, "line")).unwrap();
        let points = numbers(line.attribute("d").unwrap());
        let texts = group.children().filter(|node| node.has_tag_name("text")).map(|text| {
            let size = if class(&text, "added") { 10 } else { 11 };
            let columns = text.text().unwrap().chars().count() as i32;
            let (x, y) = (number(text, "x"), number(text, "y"));
            Area(x, y - size + 2, x + columns * size * 6 / 10, y + 2)
        });
        Self {
            edge: number(group, "data-edge") as usize,
            from: number(group, "data-from") as usize,
            to: number(group, "data-to") as usize,
            points: points.chunks(2).map(|point| (point[0], point[1])).collect(),
            texts: texts.collect(),
        }
    }

    /// Whether any part of it runs through an area.
    fn runs_through(&self, area: Area) -> bool {
        self.points.windows(2).any(|pair| {
            let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
            Area(x.min(to_x), y.min(to_y), x.max(to_x) + 1, y.max(to_y) + 1).meets(Area(
                area.0 + 1,
                area.1 + 1,
                area.2 - 1,
                area.3 - 1,
            ))
        })
    }
}

/// What is wrong in a picture.
fn complaints(view: &View, picture: &Picture) -> Vec<String> {
    let mut found = Vec::new();
    for (index, (area, cluster)) in picture.nodes.iter().enumerate() {
        if *cluster != view.nodes[index].cluster {
            found.push(format!("node {index} is in cluster {cluster:?}"));
        }
        for (other, (other_area, _)) in picture.nodes[..index].iter().enumerate() {
            if area.meets(*other_area) {
                found.push(format!("nodes {other} and {index} overlap"));
            }
        }
        for (other, card) in picture.clusters.iter().enumerate() {
            let right = if *cluster == Some(other) { card.holds(*area) } else { !card.meets(*area) };
            if !right {
                found.push(format!("node {index} of {cluster:?} and the card {other} do not stand right"));
            }
        }
    }
    let mut texts: Vec<Area> = Vec::new();
    for line in &picture.edges {
        let (from, to) = (picture.nodes[line.from].0, picture.nodes[line.to].0);
        if !from.has_at_border(line.points[0]) || !to.has_at_border(*line.points.last().unwrap()) {
            found.push(format!(
                "edge {} does not go from border to border: {:?} {from:?} {to:?}",
                line.edge, line.points
            ));
        }
        for (index, (area, _)) in picture.nodes.iter().enumerate() {
            if line.runs_through(*area) {
                found.push(format!("edge {} runs through node {index}", line.edge));
            }
        }
        for text in &line.texts {
            found.extend(
                texts
                    .iter()
                    .filter(|other| other.meets(*text))
                    .map(|other| format!("texts overlap: {text:?} {other:?}")),
            );
            let nodes = picture.nodes.iter().filter(|(area, _)| area.meets(*text));
            found.extend(nodes.map(|(area, _)| format!("a text lies on a node: {text:?} {area:?}")));
            let crossing = picture.edges.iter().filter(|other| other.edge != line.edge && other.runs_through(*text));
            found.extend(crossing.map(|other| format!("edge {} runs through a text of {}", other.edge, line.edge)));
        }
        texts.extend(&line.texts);
    }
    let mut edges: Vec<usize> = picture.edges.iter().map(|line| line.edge).collect();
    edges.sort_unstable();
    if !edges.into_iter().eq(0..view.edges.len()) || picture.nodes.len() != view.nodes.len() {
        found.push("something is not drawn, or twice".to_owned());
    }
    found
}

#[test]
fn pictures_of_5_to_300_nodes_are_clear() {
    for (flows, seed) in [(1, 1), (2, 2), (5, 1), (5, 2), (8, 4), (12, 5), (30, 3)] {
        let analysis = analyse(program(flows, seed));
        let view = View::of(&analysis, &Scope::default()).unwrap();
        let text = print::svg(&view);
        if let Ok(folder) = std::env::var("PICTURES") {
            std::fs::write(format!("{folder}/generated-{flows}-{seed}.svg"), &text).unwrap();
        }
        let picture = Picture::read(&text);
        let found = complaints(&view, &picture);
        assert!(found.is_empty(), "{flows} flows, seed {seed}: {found:#?}");
        let again = analyse(program(flows, seed));
        assert!(
            print::svg(&View::of(&again, &Scope::default()).unwrap()) == text,
            "another picture of the same program"
        );
        if flows == 30 {
            assert!(view.nodes.len() >= 300, "{}", view.nodes.len());
        }
    }
}

/// The programs of the tests and examples, with and without mistakes, each file by itself.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            programs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "nsf") {
            found.push(path);
        }
    }
}

#[test]
fn every_program_of_the_tests_has_a_clear_picture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    for folder in ["examples", "tests/language", "tests/mistakes", "tests/run"] {
        programs(&root.join(folder), &mut paths);
    }
    assert!(paths.len() > 300, "{}", paths.len());
    for path in paths {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let file = InputFile { path: "shop.nsf".to_owned(), text };
        let analysis = check(&ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None });
        let view = View::of(&analysis, &Scope::default()).unwrap();
        let found = complaints(&view, &Picture::read(&print::svg(&view)));
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
        let marked = view.nodes.iter().map(|node| node.found.len()).sum::<usize>() + view.elsewhere.len();
        assert_eq!(marked, analysis.diagnostics.len(), "{}", path.display());
    }
}

#[test]
fn each_overlap_and_each_line_through_a_box_is_seen() {
    let analysis = analyse(program(2, 2));
    let view = View::of(&analysis, &Scope::default()).unwrap();
    let good = Picture::read(&print::svg(&view));
    let broken = |change: &dyn Fn(&mut Picture)| {
        let mut picture = Picture::read(&print::svg(&view));
        change(&mut picture);
        !complaints(&view, &picture).is_empty()
    };
    let outside = good.edges.iter().position(|line| line.points.len() > 2).unwrap();
    assert!(broken(&|picture| picture.nodes[1].0 = picture.nodes[2].0));
    assert!(broken(&|picture| picture.nodes[1].0.0 -= 1000));
    assert!(broken(&|picture| picture.edges[outside].points[0].0 += 3));
    let node = good.nodes[1].0;
    assert!(broken(&|picture| picture.edges[outside].points.insert(1, (node.0 + 5, node.1 + 5))));
    assert!(broken(&|picture| picture.edges[outside].texts.push(node)));
    assert!(broken(&|picture| drop(picture.edges.pop())));
}

const SMALL: &str = "\
source order {
  from: kafka(\"orders\")
  record { id: int64  total: int64  note: text? }
  key:  id
}

// <&> means something in XML, and 学生 is wide.
flow large from order {
  stop when note == \"<学生 & co>\"
  expand kafka(\"large\", key: id) { id, total }
}
";

#[test]
fn a_small_picture_looks_as_it_did() {
    let view = View::of(&analyse(SMALL.to_owned()), &Scope::default()).unwrap();
    let text = print::svg(&view);
    let picture = Picture::read(&text);
    assert_eq!(complaints(&view, &picture), Vec::<String>::new());
    insta::assert_snapshot!("small", text);
}

#[test]
fn a_program_with_errors_is_drawn_with_them() {
    let text = SMALL.replace("{ id, total }", "{ id, totl }");
    let file = InputFile { path: "shop.nsf".to_owned(), text };
    let analysis = check(&ProjectInput { name: "shop".to_owned(), files: vec![file], lock: None });
    let view = View::of(&analysis, &Scope::default()).unwrap();
    let text = print::svg(&view);
    Picture::read(&text);
    assert!(text.contains("class=\"node flow error\""), "{text}");
    assert!(text.contains("<text class=\"sign-text\""), "{text}");
    assert!(text.contains("errors: what was not understood is not shown"), "{text}");
}

#[test]
fn a_program_without_anything_has_a_picture_that_says_so() {
    let view = View::of(&analyse("const one: int64 = 1\n".to_owned()), &Scope::default()).unwrap();
    let text = print::svg(&view);
    Picture::read(&text);
    assert!(text.contains("there is nothing in it yet"), "{text}");
}
