//! Five levels come to one value, and every value knows where it came from.

use ketch_model::{Effective, Inferred, Level, Leveled, Place, Problem, Scope, Settings, resolve};
use ketch_syntax::Key;
use proptest::prelude::*;

const INFERRED: Inferred<'static> = Inferred { root: "hola", route: "say" };

fn resolved(levels: &[(Level, Settings)]) -> Result<Effective, Vec<Problem>> {
    let levels: Vec<Leveled<'_>> = levels.iter().map(|(level, settings)| Leveled(*level, settings)).collect();
    resolve("HolaService::say", INFERRED, &levels)
}

/// The one problem of settings that stand at one level.
fn problem(level: Level, settings: Settings) -> String {
    let problems = resolved(&[(level, settings)]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

#[test]
fn nothing_said_means_names_and_defaults() {
    let effective = resolved(&[]).unwrap();
    assert_eq!(effective, Effective::inferred(INFERRED));
    assert_eq!(effective.path().unwrap().to_string(), "/hola/say");
    assert_eq!(effective.version.level, Level::Inferred);
}

#[test]
fn a_dash_turns_off_what_an_earlier_level_said() {
    let effective = resolved(&[
        (Level::Server, Settings::new().prefix("api").version("1").middleware(["access"]).timeout("5s")),
        (
            Level::Endpoint,
            Settings::new().no_prefix().no_root().version("-").middleware(["-"]).default_timeout(),
        ),
    ]);
    let effective = effective.unwrap();
    assert_eq!(effective.path().unwrap().to_string(), "/say");
    assert!(effective.middleware.is_empty());
    assert_eq!(effective.timeout.value, std::time::Duration::from_secs(30));
    assert_eq!(effective.timeout.level, Level::Endpoint);
}

#[test]
fn middleware_is_replaced_added_to_and_dropped_from() {
    let effective = resolved(&[
        (Level::Server, Settings::new().middleware(["a", "b"])),
        (Level::Service, Settings::new().add_middleware(["c", "a"])),
        (Level::Endpoint, Settings::new().drop_middleware(["b"])),
    ]);
    let names: Vec<(String, Level)> =
        effective.unwrap().middleware.into_iter().map(|name| (name.value, name.level)).collect();
    assert_eq!(names, [("a".to_owned(), Level::Server), ("c".to_owned(), Level::Service)]);
    assert!(
        problem(Level::Server, Settings::new().drop_middleware(["x"])).contains("drops what is not there")
    );
    assert!(problem(Level::Server, Settings::new().middleware(["-", "a"])).contains("stands alone"));
}

#[test]
fn a_scope_may_only_narrow_unless_it_says_public() {
    let staff = || (Level::Service, Settings::new().scope(Scope::any_of([["staff"]])));
    let narrowed =
        resolved(&[staff(), (Level::Endpoint, Settings::new().scope(Scope::any_of([["staff", "senior"]])))]);
    assert_eq!(narrowed.unwrap().scope.value.to_string(), "staff and senior");
    let widened = resolved(&[staff(), (Level::Endpoint, Settings::new().scope(Scope::any_of([["guest"]])))]);
    let text = widened.unwrap_err()[0].to_string();
    assert!(text.contains("lets in callers that the service attribute"), "{text}");
    assert!(text.contains("with the scope `\"public\"`"), "{text}");
    let opened = resolved(&[staff(), (Level::Endpoint, Settings::new().public())]).unwrap();
    assert!(opened.scope.value.is_public());
    assert_eq!(opened.scope.level, Level::Endpoint);
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_write() {
    let line = line!() + 1;
    let settings = Settings::new().version("v2").limit("64").timeout("soon").route("a/:id");
    let problems = resolved(&[(Level::EndpointCode, settings)]).unwrap_err();
    let expected = ["the `v` is added", "not a size", "not a duration", "write `{id}`"];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.message.contains(expected), "{problem}");
        let place = problem.place.as_ref().unwrap();
        assert_eq!((place.file.as_ref(), place.line), (file!(), line));
    }
    assert!(problem(Level::Server, Settings::new().route("x")).contains("belongs to one endpoint"));
}

proptest! {
    /// Whatever the levels say, each value is what the last level that spoke said, and names that level.
    #[test]
    fn the_last_level_that_speaks_wins(said in prop::collection::vec(prop::option::of("[0-9]{1,2}"), 5)) {
        let levels: Vec<(Level, Settings)> = Level::WRITTEN
            .into_iter()
            .zip(&said)
            .map(|(level, version)| (level, version.as_ref().map_or_else(Settings::new, |v| Settings::new().version(v))))
            .collect();
        let effective = resolved(&levels).unwrap();
        let last = said.iter().rposition(Option::is_some);
        prop_assert_eq!(effective.version.value.as_ref(), last.and_then(|at| said[at].as_ref()));
        prop_assert_eq!(effective.version.level, last.map_or(Level::Inferred, |at| Level::WRITTEN[at]));
        prop_assert_eq!(effective.version.place.map(|place: Place| place.file), last.map(|_| file!().into()));
    }
}

#[test]
fn a_list_that_a_level_empties_is_explained_by_that_level() {
    let service = Settings::new().middleware(["a"]).tags(["t"]);
    let endpoint = Settings::new().middleware(["-"]).drop_tags(["t"]);
    let levels = [Leveled(Level::Service, &service), Leveled(Level::EndpointCode, &endpoint)];
    let effective = resolve("S::a", Inferred { root: "s", route: "a" }, &levels).unwrap();
    for wanted in [Key::Middleware, Key::Tags] {
        let rows = effective.explain();
        let (_, row) = rows.iter().find(|(key, _)| *key == wanted).unwrap();
        assert_eq!((row.value.as_str(), row.level), ("-", Level::EndpointCode), "{wanted:?}");
        assert!(row.place.is_some(), "{wanted:?}");
    }
}
