//! W4 for controllers: whatever a project names and whatever a client asks for, nothing outside of the project's folder is
//! run, and nothing outside is read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ketch_testkit::Scratch;

use crate::place::Place;

/// A folder beside the project, with programs that leave a mark when they are run.
struct Outside {
    folder: Scratch,
}

impl Outside {
    fn new() -> Self {
        let outside = Self { folder: Scratch::new() };
        for name in ["run", "run.wasm", "run.sql", "hello"] {
            let text = format!("#!/bin/sh\necho ran >> {}\necho '{{}}'\n", outside.mark().display());
            fs::write(outside.path(name), text).expect("it can be written");
            fs::set_permissions(outside.path(name), fs::Permissions::from_mode(0o755))
                .expect("it can be run");
        }
        fs::write(outside.path("api.json"), r#"{ "GET": { "info": "outside-canary" } }"#)
            .expect("it can be written");
        outside
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mark(&self) -> PathBuf {
        self.path("mark")
    }

    /// Whether anything of it was run.
    fn ran(&self) -> bool {
        self.mark().exists()
    }
}

fn api(run: &str) -> String {
    let run = serde_json::Value::from(run);
    format!(r#"{{ "/": {{ "hello": {{ "GET": {{ "info": "Says hello.", "run": {run} }} }} }} }}"#)
}

/// The problems of a project that must have some, as text.
fn problems(place: &Place) -> String {
    let problems = place.problems();
    assert!(!problems.is_empty(), "nothing was wrong with it");
    problems.iter().map(|problem| problem.to_string() + "\n").collect()
}

/// Names of a file outside, in all the ways a `run` can say it. `up` leads from the project's folder to the one above.
fn hostile(outside: &Path) -> Vec<String> {
    let shown = outside.display().to_string();
    let name = outside.file_name().expect("it has a name").to_string_lossy().into_owned();
    let up = |steps: &str| format!("{steps}{name}/run");
    let mut names = vec![
        format!("{shown}/run"),
        format!("/{shown}/run"),
        format!("{shown}/../{name}/run"),
        format!("/proc/self/root{shown}/run"),
        format!("file://{shown}/run"),
        up("../"),
        up("./../"),
        up("controller/../../"),
        up("controller/./../../"),
        up("controller/..//../"),
        up("..//"),
        up("nothing/../../"),
        up("controller/../controller/../../"),
        up("..\\"),
        up("%2e%2e/"),
        up("..%2f"),
        up("..\u{0}/"),
        up("../\u{0}"),
        format!("{shown}/run\u{0}"),
        "..".to_owned(),
        ".".to_owned(),
        "/".to_owned(),
        String::new(),
        "controller".to_owned(),
        "controller/..".to_owned(),
        "link/run".to_owned(),
        "controller/link".to_owned(),
        "controller/chain".to_owned(),
        "controller/loop".to_owned(),
        "controller/fifo".to_owned(),
        "/bin/sh".to_owned(),
        "/dev/stdin".to_owned(),
        "controller/zero".to_owned(),
    ];
    let with_driver: Vec<String> = names
        .iter()
        .flat_map(|name| ["exec:", "sql:", "wasm:"].map(|driver| format!("{driver}{name}")))
        .collect();
    names.extend(with_driver);
    names
}

#[expect(clippy::disallowed_methods, reason = "there is no safe call for mkfifo(3) in the standard library")]
fn trapped(outside: &Outside) -> Place {
    let place = Place::new(&[("controller/.keep", ""), ("api.json", "{}")]);
    let controller = place.path().join("controller");
    symlink(outside.folder.path(), place.path().join("link")).expect("a link can be made");
    symlink(outside.path("run"), controller.join("link")).expect("a link can be made");
    symlink("link", controller.join("chain")).expect("a link can be made");
    symlink("loop", controller.join("loop")).expect("a link can be made");
    symlink("/dev/zero", controller.join("zero")).expect("a link can be made");
    let made = std::process::Command::new("mkfifo").arg(controller.join("fifo")).status();
    assert!(made.expect("mkfifo is there").success());
    place
}

#[test]
fn a_run_that_leads_out_of_the_folder_is_a_problem() {
    let outside = Outside::new();
    let place = trapped(&outside);
    let names = hostile(outside.folder.path());
    for name in &names {
        place.write("api.json", &api(name));
        let problems = problems(&place);
        assert!(!problems.contains("outside-canary"), "{name:?}: {problems}");
    }
    assert!(!outside.ran());
    println!("{} hostile values of `run`, 0 accepted", names.len());
}

/// As files are found by themselves: linked files and linked folders, for each kind of program.
#[test]
fn a_link_out_of_the_folder_is_a_problem_and_never_run() {
    let outside = Outside::new();
    let plain = r#"{ "/": { "hello": { "GET": { "info": "Says hello." } } } }"#;
    let typed = r#"{ "/": { "hello": { "GET": { "info": "Says hello.", "in": { "GET@a": { "info": "a", "type": "own" } } } } } }"#;
    let good = "#!/bin/sh\ncat >/dev/null\necho '{}'\n";
    for ending in ["", ".wasm", ".sql"] {
        let run = outside.path(&format!("run{ending}"));
        for (api, at) in [(plain, "controller/hello"), (plain, "middleware/1-open"), (typed, "type/own")] {
            let place = Place::new(&[("api.json", api)]);
            if at != "controller/hello" {
                place.write("controller/hello", good);
            }
            let link = place.path().join(format!("{at}{ending}"));
            fs::create_dir_all(link.parent().expect("it has a folder")).expect("it can be made");
            symlink(&run, &link).expect("a link can be made");
            let problems = problems(&place);
            assert!(problems.contains("leads out of the project's folder"), "{at}{ending}: {problems}");
        }
    }
    for folder in ["controller", "middleware", "type"] {
        let place = Place::new(&[("api.json", if folder == "type" { typed } else { plain })]);
        if folder != "controller" {
            place.write("controller/hello", good);
        }
        symlink(outside.folder.path(), place.path().join(folder)).expect("a link can be made");
        let problems = problems(&place);
        assert!(problems.contains("leads out of the project's folder"), "{folder}: {problems}");
    }
    assert!(!outside.ran());
}

#[test]
fn a_link_inside_the_folder_is_followed() {
    let place = Place::new(&[
        ("api.json", r#"{ "/": { "hello": { "GET": { "info": "Says hello." } } } }"#),
        ("shared/hello", "#!/bin/sh\ncat >/dev/null\necho '{}'\n"),
        ("controller/.keep", ""),
    ]);
    symlink("../shared/hello", place.path().join("controller/hello")).expect("a link can be made");
    assert_eq!(place.problems().len(), 0, "{:?}", place.problems());
}

/// The path of a request chooses among the routes and never among files.
#[tokio::test]
async fn no_url_reaches_a_file() {
    let outside = Outside::new();
    let place = Place::new(&[
        (
            "api.json",
            r#"{ "/": { "a": { "GET": { "info": "One.", "in": { "URL#0": { "info": "x", "type": "string", "name": "x" } } } } } }"#,
        ),
        ("controller/a", "#!/bin/sh\ncat\n"),
        ("controller/_secret", "#!/bin/sh\necho '{\"secret\": true}'\n"),
    ]);
    symlink(outside.folder.path(), place.path().join("controller/out")).expect("a link can be made");
    let client = place.client();
    let name = outside.folder.path().file_name().expect("it has a name").to_string_lossy().into_owned();
    let steps = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%5c",
        "..;/",
        "....//",
        "%252e%252e%252f",
        "..%00/",
        "./../",
    ];
    let mut asked = 0;
    for step in steps {
        for count in 1..4 {
            let up = step.repeat(count);
            for target in [
                format!("{name}/run"),
                "controller/_secret".to_owned(),
                "_secret".to_owned(),
                "out/run".to_owned(),
            ] {
                for path in
                    [format!("/{up}{target}"), format!("/a/{up}{target}"), format!("/a/x/{up}{target}")]
                {
                    let answer = client.get(&path).await;
                    asked += 1;
                    assert!(!answer.text().contains("\"secret\": true"), "{path}: {}", answer.text());
                    assert!(
                        [200, 308, 400, 404].contains(&answer.status.as_u16()),
                        "{path}: {}",
                        answer.status
                    );
                    if answer.status == 200 {
                        assert!(path.starts_with("/a/"), "{path}: only the one endpoint answers");
                    }
                }
            }
        }
    }
    for path in
        ["/secret", "/controller/secret", "/out/run", "/controller/out/run", "/a.POST", "/a%00", "/a.GET"]
    {
        assert_eq!(client.get(path).await.status, 404, "{path}");
        asked += 1;
    }
    assert!(!outside.ran());
    println!("{asked} hostile URLs, 0 reached a file");
}

/// What a client sends is a name below the stub's folder, or nothing.
#[tokio::test]
async fn a_stub_reads_nothing_outside_whatever_is_asked_for() {
    let outside = Outside::new();
    let place = Place::new(&[
        (
            "api.json",
            r#"{ "/": { "s": { "/": { "{name}": { "GET": { "info": "A stub.", "stub": "stubs/{name}.json",
            "in": { "name": { "info": "which", "type": "string" } } } } } } } }"#,
        ),
        ("stubs/good.json", r#"{ "good": true }"#),
        ("stubs/.hidden.json", r#"{ "outside-canary": true }"#),
        ("secret.json", r#"{ "outside-canary": true }"#),
    ]);
    symlink(outside.path("api.json"), place.path().join("stubs/link.json")).expect("a link can be made");
    symlink(outside.folder.path(), place.path().join("stubs/folder")).expect("a link can be made");
    let client = place.client();
    assert_eq!(client.get("/s/good").await.status, 200);
    let name = outside.folder.path().file_name().expect("it has a name").to_string_lossy().into_owned();
    let shown = outside.folder.path().display().to_string().replace('/', "%2f");
    for stub in [
        "link".to_owned(),
        "folder%2fapi".to_owned(),
        ".hidden".to_owned(),
        "..%2fsecret".to_owned(),
        "..%5csecret".to_owned(),
        "%2e%2e%2fsecret".to_owned(),
        "..%252fsecret".to_owned(),
        "good.json%00".to_owned(),
        format!("..%2f..%2f{name}%2fapi"),
        format!("{shown}%2fapi"),
    ] {
        let answer = client.get(&format!("/s/{stub}")).await;
        assert!(!answer.text().contains("outside-canary"), "{stub}: {}", answer.text());
        assert!([400, 404].contains(&answer.status.as_u16()), "{stub}: {}", answer.status);
    }
}

/// As for what is run, included or a schema: a project's stub is in its folder.
#[tokio::test]
async fn a_stub_that_leads_out_of_the_folder_is_told_at_its_place() {
    let outside = Outside::new();
    let api = |stub: &str| {
        let stub = serde_json::json!(stub);
        format!(
            "{{ \"/\": {{ \"{{name}}\": {{ \"GET\": {{ \"info\": \"A stub.\",\n  \"stub\": {stub},\n\
            \"in\": {{ \"name\": {{ \"info\": \"which\", \"type\": \"string\" }} }} }} }} }} }}"
        )
    };
    let place = Place::new(&[("stubs/good.json", r#"{ "good": true }"#)]);
    symlink(outside.path("api.json"), place.path().join("stubs/link.json")).expect("a link can be made");
    symlink(outside.folder.path(), place.path().join("out")).expect("a link can be made");
    let other = outside.path("api.json").display().to_string();
    for stub in [other.as_str(), "/{name}.json", "stubs/link.json", "out/{name}.json", "out/api.json"] {
        place.write("api.json", &api(stub));
        let problems: Vec<String> = place.problems().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 1, "{stub}: {problems:#?}");
        assert!(problems[0].contains("leads out of the project's folder"), "{problems:#?}");
        assert!(problems[0].contains("api.json:2:"), "{problems:#?}");
    }
    // By its whole path, the same file is in the folder.
    let good = place.path().join("stubs/good.json").display().to_string();
    place.write("api.json", &api(&good));
    assert_eq!(place.client().get("/x").await.text(), r#"{ "good": true }"#);
    // A link that comes when it is served already leads nowhere either.
    place.write("api.json", &api("later/{name}.json"));
    let client = place.client();
    symlink(outside.folder.path(), place.path().join("later")).expect("a link can be made");
    let answer = client.get("/api").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
}
