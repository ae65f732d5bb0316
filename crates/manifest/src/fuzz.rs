//! The ways in for the fuzz targets of this repository. A function panics when the code under it breaks a promise. Not an
//! interface for people: it changes without notice.

use std::path::Path;

use ketch_model::Problem;

use crate::include::Includes;
use crate::project::ProjectFile;
use crate::source::Source;
use crate::tree;

/// Takes bytes for a project file and for an API file, of a project of either kind. Every problem is at a place of the
/// file, and says the same when it is looked for again.
pub fn manifest(bytes: &[u8]) {
    for name in ["ketch.json", "aicra.json"] {
        let once = problems(name, bytes);
        assert_eq!(once, problems(name, bytes), "another time other problems");
    }
}

fn problems(name: &str, bytes: &[u8]) -> Vec<Problem> {
    // No such folder: what is included is not there, and no file is a controller.
    let folder = Path::new("/nowhere/of/a/manifest");
    let mut problems = Vec::new();
    let source = match Source::decode("api.json", bytes.to_vec()) {
        Ok(source) => source,
        Err(problem) => {
            inside(&problem, &String::from_utf8_lossy(bytes));
            return vec![problem];
        }
    };
    let Some(value) = source.parse(&mut problems) else {
        assert!(!problems.is_empty(), "what cannot be read has a reason");
        problems.iter().for_each(|problem| inside(problem, source.text()));
        return problems;
    };
    let file = ProjectFile::of_value(folder, name, &value, &mut problems);
    let (api, _) = Includes::resolve(folder, "api.json", value, &mut problems);
    let _tree = tree::read(&api, &file, &mut problems);
    problems.iter().for_each(|problem| inside(problem, source.text()));
    problems
}

/// A place is a line of the text, and a column of it or the one after its end.
fn inside(problem: &Problem, text: &str) {
    let Some(place) = &problem.place else { return };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(place.line as usize - 1);
    let Some(line) = line else { panic!("{problem}: there is no such line") };
    assert!((1..=line.chars().count() + 1).contains(&(place.column as usize)), "{problem}: no such column");
}
