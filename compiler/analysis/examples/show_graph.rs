//! Checks the `.nsf` files of the paths given and prints diagnostics, what does not fit in the plan, and the plan.

use nsf_analysis::graph::print::{self, Scope, View};
use nsf_analysis::project::{InputFile, ProjectInput};

fn main() {
    let mut input = ProjectInput { name: "shown".to_owned(), ..ProjectInput::default() };
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let path = path.rsplit_once("examples/classroom/").map_or(path.clone(), |(_, path)| path.to_owned());
        input.files.push(InputFile { path, text });
    }
    let analysis = nsf_analysis::check(&input);
    for diagnostic in &analysis.diagnostics {
        let place = analysis.sources.place(diagnostic.location());
        let (path, line) = place.map_or(("?", 0), |(path, place)| (path, place.line));
        println!("{path}:{line}: {}: {}", diagnostic.code.id, diagnostic.message);
    }
    let dag = &analysis.dag;
    println!("{} nodes, {} edges", dag.graph.node_count(), dag.graph.edge_count());
    let plan = nsf_analysis::lower::lower(dag, &analysis.sources);
    for problem in plan.problems() {
        println!("PROBLEM {problem}");
    }
    match std::env::var("FORMAT").as_deref() {
        Ok(format) => match View::of(&analysis, &Scope { of: std::env::var("FLOW").ok(), ..Scope::default() }) {
            Ok(view) => match format {
                "dot" => println!("{}", print::dot(&view)),
                "mermaid" => println!("{}", print::mermaid(&view)),
                "json" => println!("{}", print::json(&view)),
                _ => println!("{}", print::text(&view)),
            },
            Err(error) => println!("{error:?}"),
        },
        Err(_) => println!("{}", nsf_plan::document::to_yaml(&plan)),
    }
}
