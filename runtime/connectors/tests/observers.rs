//! Observers see a record's whole way.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use nsf_engine::{
    observe::{Observer, Point, RecordId},
    run::Options,
};
use support::{Project, numbered, passing};

#[derive(Default)]
struct Notes(Mutex<Vec<(u64, String)>>);

impl Observer for Notes {
    fn observe(&self, record: RecordId, point: Point<'_>) {
        self.0.lock().unwrap().push((record.offset, format!("{point:?}")));
    }
}

#[test]
fn an_observer_follows_one_record_from_entry_to_output_and_another_to_its_rejection() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..30));
    let notes = Arc::new(Notes::default());
    let options = Options { observer: Some(Arc::clone(&notes) as Arc<dyn Observer>), ..Options::default() };
    project.run(&passing(), &[("numbers", "in.ndjson")], &[], options).unwrap();
    let notes = notes.0.lock().unwrap();
    let of = |offset: u64| -> Vec<&str> {
        notes.iter().filter(|(own, _)| *own == offset).map(|(_, point)| point.as_str()).collect()
    };
    let step = |number: u32| format!("Step(\"pass/{number}\")");
    let passed = [
        "Entry(\"pass\")".to_owned(),
        step(0),
        step(1),
        step(2),
        "Output(\"pass/3\")".to_owned(),
        step(3),
        "Done(\"pass\")".to_owned(),
    ];
    assert_eq!(of(12), passed);
    assert_eq!(of(11), ["Entry(\"pass\")", &step(0), "Rejected(\"pass/1\", \"R0301\")"]);
    assert_eq!(of(14), ["Entry(\"pass\")", "Dropped(\"pass/0\", \"a seventh\")"]);
}
