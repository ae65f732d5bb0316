//! Every setting at every level: the later wins, `"-"` means none, and `explain` names the level and the place.

use ketch_model::{
    Effective, Inferred, Level, Leveled, Op, Place, Resolved, Scope, Settings, Value, resolve,
};
use ketch_syntax::{KEYS, Key, Kind, Spec};

const INFERRED: Inferred<'static> = Inferred { root: "hola", route: "say" };

/// Two good values of a key, and how `explain` shows them.
fn samples(spec: &Spec) -> [(Value, &'static str); 2] {
    let text = |text: &str| Value::Text(text.to_owned());
    let names = |name: &str| Value::Names(vec![name.to_owned()]);
    match (spec.key, spec.kind) {
        (Key::Cors, _) => {
            [(names("https://a.example"), "https://a.example"), (names("http://b:81"), "http://b:81")]
        }
        (Key::Headers, _) => [(names("x-a: 1"), "x-a: 1"), (names("x-b: 2"), "x-b: 2")],
        (_, Kind::Text) => [(text("one"), "one"), (text("two"), "two")],
        (_, Kind::Names) => [(names("one"), "one"), (names("two"), "two")],
        (_, Kind::Version) => [(text("1"), "1"), (text("2.1"), "2.1")],
        (_, Kind::Size) => [(text("1kb"), "1024 bytes"), (text("2b"), "2 bytes")],
        (_, Kind::Duration) => [(text("5s"), "5s"), (text("2m"), "120s")],
        (_, Kind::Flag) => [(Value::Flag(true), "true"), (text("true"), "true")],
        (_, Kind::Date) => [(text("2027-01-31"), "2027-01-31"), (text("2028-02-29"), "2028-02-29")],
        (_, Kind::FlagOrDate) => [(Value::Flag(true), "true"), (text("2027-01-31"), "2027-01-31")],
        (_, Kind::Rate) => {
            [(text("5/s"), "5 in 1s, 5 at once"), (text("1/m burst 2"), "1 in 60s, 2 at once")]
        }
        (_, Kind::Status) => [(text("201"), "201"), (text("299"), "299")],
        (_, Kind::Scope) => [
            (Value::Scope(Scope::any_of([["a"]])), "a"),
            (Value::Scope(Scope::any_of([["a", "b"]])), "a and b"),
        ],
    }
}

fn place(level: Level) -> Place {
    Place::new("src/hola.rs", level as u32 + 10, 1)
}

fn at(level: Level, key: Key, value: &Value) -> (Level, Settings) {
    (level, Settings::new().with(key, Op::Set, value.clone(), place(level)))
}

fn row(levels: &[(Level, Settings)], key: Key) -> Result<Resolved<String>, String> {
    let levels: Vec<Leveled<'_>> = levels.iter().map(|(level, settings)| Leveled(*level, settings)).collect();
    let effective = resolve("Hola::say", INFERRED, &levels).map_err(|problems| problems[0].to_string())?;
    Ok(effective.explain().into_iter().find(|(known, _)| *known == key).expect("every key has a row").1)
}

fn allowed(spec: &Spec) -> impl Iterator<Item = Level> {
    let inherited = spec.inherited;
    Level::WRITTEN
        .into_iter()
        .filter(move |level| inherited || matches!(level, Level::Endpoint | Level::EndpointCode))
}

#[test]
fn a_value_is_known_by_the_level_and_place_that_gave_it() {
    for spec in KEYS {
        let [(first, shown), _] = samples(spec);
        for level in Level::WRITTEN {
            let found = row(&[at(level, spec.key, &first)], spec.key);
            if allowed(spec).any(|allowed| allowed == level) {
                let expected = Resolved { value: shown.to_owned(), level, place: Some(place(level)) };
                assert_eq!(found, Ok(expected), "{:?} at {level}", spec.key);
            } else {
                let problem = found.unwrap_err();
                assert!(problem.contains("belongs to one endpoint"), "{:?} at {level}: {problem}", spec.key);
            }
        }
    }
}

#[test]
fn the_later_of_any_two_levels_wins() {
    for spec in KEYS {
        let [(first, _), (second, shown)] = samples(spec);
        let levels: Vec<Level> = allowed(spec).collect();
        for (index, earlier) in levels.iter().enumerate() {
            for later in &levels[index + 1..] {
                let said = [at(*earlier, spec.key, &first), at(*later, spec.key, &second)];
                let found = row(&said, spec.key).unwrap();
                assert_eq!((found.value.as_str(), found.level), (shown, *later), "{:?}", spec.key);
            }
        }
    }
}

#[test]
fn a_dash_means_none_whatever_was_said_before() {
    let silent = Effective::inferred(INFERRED);
    for spec in KEYS.iter().filter(|spec| spec.kind != Kind::Scope) {
        let [(first, _), _] = samples(spec);
        let none = match spec.kind {
            Kind::Names => Value::Names(vec!["-".to_owned()]),
            _ => Value::Text("-".to_owned()),
        };
        let found =
            row(&[at(Level::Endpoint, spec.key, &first), at(Level::EndpointCode, spec.key, &none)], spec.key);
        let expected = match spec.key {
            Key::Root | Key::Route => "-".to_owned(),
            key => silent.explain().into_iter().find(|(known, _)| *known == key).unwrap().1.value,
        };
        assert_eq!(found.unwrap().value, expected, "{:?}", spec.key);
    }
}

#[test]
fn lists_are_added_to_and_dropped_from_item_by_item() {
    for spec in KEYS.iter().filter(|spec| spec.kind == Kind::Names) {
        let [(first, shown), (second, added)] = samples(spec);
        let add = Settings::new().with(spec.key, Op::Add, second.clone(), place(Level::Endpoint));
        let drop = Settings::new().with(spec.key, Op::Drop, first.clone(), place(Level::EndpointCode));
        let mut levels = vec![at(Level::Server, spec.key, &first), (Level::Endpoint, add)];
        assert_eq!(row(&levels, spec.key).unwrap().value, shown);
        levels.push((Level::EndpointCode, drop.clone()));
        let left = row(&levels, spec.key).unwrap();
        assert_eq!((left.value.as_str(), left.level), (added, Level::Endpoint), "{:?}", spec.key);
        let problem = row(&[(Level::EndpointCode, drop)], spec.key).unwrap_err();
        assert!(problem.contains("drops what is not there"), "{problem}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let wrong = [
        (Key::Version, "v2", "the `v` is added"),
        (Key::Ttl, "soon", "not a duration"),
        (Key::Rate, "often", "not a rate"),
        (Key::Limit, "much", "not a size"),
        (Key::Sunset, "tomorrow", "not a day"),
        (Key::Deprecated, "2027-13-01", "not a day"),
        (Key::Status, "404", "a status of success"),
        (Key::Compress, "yes", "`true` or `false`"),
        (Key::Route, "{", "bad route"),
    ];
    for (key, text, message) in wrong {
        let problem = row(&[at(Level::Endpoint, key, &Value::Text(text.to_owned()))], key).unwrap_err();
        assert!(
            problem.starts_with("src/hola.rs:16:1: Hola::say: ") && problem.contains(message),
            "{problem}"
        );
    }
    let wrong = [
        (Key::Cors, "https://app.example/", "no origin"),
        (Key::Cors, "app.example", "no origin"),
        (Key::Cors, "https://*.example", "no origin"),
        (Key::Headers, "x-total", "no header"),
        (Key::Headers, "x total: 1", "no header"),
        (Key::Headers, "Content-Length: 1", "frames the reply"),
        (Key::Headers, "x-total: 1\r\nset-cookie: a=b", "no header"),
        (Key::Vary, "accept language", "no header's name"),
    ];
    for (key, item, message) in wrong {
        let problem =
            row(&[at(Level::Endpoint, key, &Value::Names(vec![item.to_owned()]))], key).unwrap_err();
        assert!(problem.contains(message), "{problem}");
    }
}
