//! Files that nobody means: whatever is in them, a project is read to its end and says what is wrong.

use std::fs;

use ketch_manifest::Project;
use ketch_model::Problem;
use proptest::prelude::*;

use crate::place::Place;

fn open(place: &Place) -> Vec<Problem> {
    let mut problems = Vec::new();
    let _project = Project::open(place.path(), &mut problems);
    problems
}

/// The pieces of manifests, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\n"),
        Just("\""),
        Just("null"),
        Just("true"),
        Just("1e999"),
        Just("-0"),
        Just("/* */"),
        Just("// x\n"),
        Just("\u{feff}"),
        Just("é"),
        Just("\"/\":"),
        Just("\"GET\":"),
        Just("\"in\":"),
        Just("\"type\":"),
        Just("\"?int\""),
        Just("\"{id}\":"),
        Just("\"URL#0\":"),
        Just("\"$include\":"),
        Just("\"api.json\""),
        Just("\"scope\":"),
        Just("\"default\":"),
        Just("\"+middleware\":"),
        Just("\"GET@a\":"),
        Just("\"folder\":"),
        Just("\"../..\""),
        Just("\"\\ud800\""),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ketch_manifest::__fuzz::manifest(&bytes);
        let place = Place::new(&[]);
        for name in ["api.json", "ketch.json", "type/a.json"] {
            place.write(name, "{}");
            fs::write(place.path().join(name), &bytes).expect("it can be written");
            let _problems = open(&place);
        }
    }

    #[test]
    fn pieces_of_manifests_are_read_to_their_end(text in pieces()) {
        ketch_manifest::__fuzz::manifest(text.as_bytes());
        let place = Place::new(&[("api.json", &text)]);
        let once = open(&place);
        prop_assert_eq!(once, open(&place));
    }
}

#[test]
fn a_hundred_thousand_levels_are_a_problem_and_no_overflow() {
    for (open_, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"/\":{\"a\":", "}}")] {
        let text = format!("{}1{}", open_.repeat(100_000), close.repeat(100_000));
        let place = Place::new(&[("api.json", &text)]);
        let problems = open(&place);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].message.contains("nested more than 96 deep"), "{}", problems[0]);
    }
}

#[test]
fn the_deepest_that_is_allowed_is_read() {
    let text = format!("{}{}", "{\"/\":{\"a\":".repeat(47), "{}".to_owned() + &"}}".repeat(47));
    assert_eq!(open(&Place::new(&[("api.json", &text)])), []);
}

#[test]
fn a_file_that_is_too_large_is_told_without_being_read_whole() {
    let text = format!("{{ \"info\": \"{}\" }}", "x".repeat(4 << 20));
    let problems = open(&Place::new(&[("api.json", &text)]));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("larger than 4 MiB"), "{}", problems[0]);
}

#[test]
fn a_mark_before_the_text_has_no_column() {
    let problems = open(&Place::new(&[("api.json", "\u{feff}{ \"GTE\": 1 }")]));
    assert_eq!(problems[0].to_string(), "api.json:1:3: /: `GTE` is no key here; did you mean `GET`?");
}

#[test]
fn ends_of_lines_of_either_kind_are_one_line() {
    let problems = open(&Place::new(&[("api.json", "{\r\n  // é\r\n  \"é\": 1, \"GTE\": 1\r\n}")]));
    let places: Vec<String> = problems.iter().filter_map(|it| Some(it.place.as_ref()?.to_string())).collect();
    assert_eq!(places, ["api.json:3:3", "api.json:3:11"]);
}

#[test]
fn a_byte_that_is_no_text_is_told_with_its_place() {
    let place = Place::new(&[("api.json", "{}")]);
    fs::write(place.path().join("api.json"), b"{\n  \"info\": \"\xff\" }").expect("it can be written");
    assert_eq!(
        open(&place)[0].to_string(),
        "api.json:2:12: JSON: here is a byte that is not UTF-8: save the file as UTF-8"
    );
    fs::write(place.path().join("api.json"), b"\xff\xfe{\0}\0").expect("it can be written");
    assert!(open(&place)[0].to_string().contains("UTF-16"), "{:?}", open(&place));
}

#[test]
fn a_folder_and_a_pipe_are_no_files() {
    let place = Place::new(&[("api.json/x", "")]);
    assert!(open(&place)[0].to_string().contains("is no file"), "{:?}", open(&place));
    let nowhere = place.path().join("nowhere");
    let mut problems = Vec::new();
    assert!(Project::open(&nowhere, &mut problems).is_none());
    assert!(problems[0].message.contains("is not there"), "{}", problems[0]);
}

#[test]
fn inclusions_that_multiply_are_bounded() {
    // Each file names the next one 8 times: 8^7 files, if nobody counted.
    let files: Vec<(String, String)> = (0..8)
        .map(|at| {
            let name = if at == 0 { "api.json".to_owned() } else { format!("f{at}.json") };
            let children: Vec<String> = (0..8)
                .map(|child| format!("\"n{child}\": {{ \"$include\": \"f{}.json\" }}", at + 1))
                .collect();
            (name, format!("{{ \"/\": {{ {} }} }}", children.join(", ")))
        })
        .chain([("f8.json".to_owned(), "{}".to_owned())])
        .collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let problems = open(&Place::new(&files));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("more than 512 inclusions"), "{}", problems[0]);
}

#[cfg(unix)]
#[test]
fn a_link_leads_no_file_of_elsewhere_into_a_project() {
    let other = Place::new(&[("secret.json", "{ \"info\": \"secret\" }")]);
    let place = Place::new(&[("api.json", "{ \"$include\": \"link.json\" }")]);
    std::os::unix::fs::symlink(other.path().join("secret.json"), place.path().join("link.json"))
        .expect("a link");
    assert!(open(&place)[0].message.contains("leads out of the project"), "{:?}", open(&place));
}
