//! Which file answers which endpoint, and at which paths endpoints stand.

use axum::body::Body;
use http::Method;
use serde_json::Value;

use crate::place::Place;

/// A project with these endpoints, `GET /a/b`, and these files, each of which says what it is called.
fn project(endpoints: &[&str], files: &[&str]) -> Place {
    let place = Place::new(&[("api.json", &api(endpoints))]);
    for file in files {
        place.write(&format!("controller/{file}"), &serde_json::json!({ "file": file }).to_string());
    }
    place
}

/// The tree of these endpoints. `URL#n` of a path are its last segments: `GET /a #0 ?1`.
fn api(endpoints: &[&str]) -> String {
    let mut tree = serde_json::json!({});
    for endpoint in endpoints {
        let mut words = endpoint.split(' ');
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let mut takes = serde_json::Map::new();
        for slot in words {
            let (optional, number) = slot.split_at(1);
            let ty = if optional == "?" { "?string" } else { "string" };
            takes.insert(format!("URL#{number}"), serde_json::json!({ "info": "i", "type": ty }));
        }
        let mut node = &mut tree;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            if let Some(name) = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                let name = name.split(':').next().expect("a name");
                takes.insert(name.to_owned(), serde_json::json!({ "info": "i", "type": "string" }));
            }
            node = &mut node["/"][segment];
        }
        node[method] = serde_json::json!({ "info": "i", "in": takes });
    }
    tree.to_string()
}

async fn answers(place: &Place, request: &str) -> String {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let answer = place.client().send(method, path, &[], Body::empty()).await;
    match serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|it| it["file"].as_str().map(str::to_owned))
    {
        Some(file) => file,
        None => format!(
            "{}{}",
            answer.status.as_u16(),
            answer.header("location").map(|it| format!(" {it}")).unwrap_or_default()
        ),
    }
}

#[tokio::test]
async fn b12_a_file_answers_where_it_lies() {
    for (endpoint, files, request, expected) in [
        ("GET /", &["ROOT.said"][..], "GET /", "ROOT.said"),
        ("GET /a/b", &["a/b.said"], "GET /a/b", "a/b.said"),
        ("GET /a", &["a/ROOT.said", "a/b.said"], "GET /a", "a/ROOT.said"),
        ("GET /a", &["a.said", "a.GET.said"], "GET /a", "a.GET.said"),
        ("GET /a", &["a.said", "a/ROOT.GET.said"], "GET /a", "a/ROOT.GET.said"),
        ("POST /a", &["a.said", "a.GET.said"], "POST /a", "a.said"),
        ("GET /", &["ROOT.said", "ROOT.GET.said"], "GET /", "ROOT.GET.said"),
        ("GET /a", &["a.said", "ab.said", "a.md", ".a.said", "a.said~"], "GET /a", "a.said"),
        ("GET /user/{id:[0-9]+}", &["user/{id}.said"], "GET /user/7", "user/{id}.said"),
        ("GET /kebab-case", &["kebab-case.said"], "GET /kebab-case", "kebab-case.said"),
        ("PATCH /a", &["a.PATCH.said"], "PATCH /a", "a.PATCH.said"),
    ] {
        let place = project(&[endpoint], files);
        assert_eq!(answers(&place, request).await, expected, "{endpoint} of {files:?}");
    }
}

#[tokio::test]
async fn b12_a_route_and_its_child_may_both_be_there() {
    let place = project(&["GET /open", "GET /open/deep"], &["open.said", "open/deep.said"]);
    assert_eq!(answers(&place, "GET /open").await, "open.said");
    assert_eq!(answers(&place, "GET /open/deep").await, "open/deep.said");
}

#[test]
fn files_that_could_each_answer_are_told_at_load() {
    for files in [
        &["a.said", "a.sql"][..],
        &["a.said", "a"],
        &["a.said", "a/ROOT.said"],
        &["a.GET.said", "a/ROOT.GET.said"],
        &["a.GET.said", "a.GET"],
    ] {
        let problems = project(&["GET /a"], files).problems();
        assert_eq!(problems.len(), 1, "{files:?}: {problems:?}");
        let problem = problems[0].to_string();
        assert!(problem.contains("has several controllers") && problem.contains("GET /a"), "{problem}");
        assert!(files.iter().all(|file| problem.contains(&format!("controller/{file}`"))), "{problem}");
    }
}

#[test]
fn a_file_of_another_method_is_no_controller() {
    let problems = project(&["POST /a"], &["a.GET.said", "a.GET"]).problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("has no controller: write `controller/a`"), "{}", problems[0]);
}

#[test]
fn b11_a_go_plugin_is_told_what_to_become() {
    let place = project(&["GET /a/b", "GET /"], &["a/b/main.go", "ROOT/main.go"]);
    place.write("aicra.json", r#"{ "driver": "plugin" }"#);
    let problems = place.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    for source in ["controller/ROOT/main.go", "controller/a/b/main.go"] {
        let told = problems.iter().map(ToString::to_string).find(|problem| problem.contains(source));
        let told = told.unwrap_or_else(|| panic!("{source}: {problems:?}"));
        for part in ["has not been built", "`ketch build`", "plugins of Go are not loaded"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[tokio::test]
async fn run_names_another_file_or_driver() {
    let api = r#"{ "/": { "a": { "GET": { "info": "i", "run": "bin/tool.said" }, "POST": { "info": "i", "run": "said:bin/tool" } },
        "b": { "GET": { "info": "i", "run": "controller/c.said" } } } }"#;
    let place = Place::new(&[("api.json", api)]);
    place.write("bin/tool.said", r#"{ "file": "tool.said" }"#);
    place.write("bin/tool", r#"{ "file": "tool" }"#);
    place.write("controller/c.said", r#"{ "file": "c" }"#);
    for (request, file) in [("GET /a", "tool.said"), ("POST /a", "tool"), ("GET /b", "c")] {
        assert_eq!(answers(&place, request).await, file);
    }
}

const TREE: [&str; 9] = [
    "GET /user ?0",
    "GET /user/post #0 ?1",
    "GET /user/{id}/likes",
    "GET /item #0",
    "POST /item",
    "GET /item/new",
    "GET /open #0 ?1",
    "GET /open/deep/er",
    "DELETE /deep/a/b",
];

#[tokio::test]
async fn b4_paths_and_their_positional_arguments() {
    let files = [
        "user.said",
        "user/post.said",
        "user/{id}/likes.said",
        "item.said",
        "item/new.said",
        "open.said",
        "open/deep/er.said",
        "deep/a/b.said",
    ];
    let place = project(&TREE, &files);
    for (request, expected) in [
        // Optional ones at the end may be left out, required ones not.
        ("GET /user", "user.said"),
        ("GET /user/ada", "user.said"),
        ("GET /item", "405"),
        ("GET /item/7", "item.said"),
        ("POST /item", "item.said"),
        ("POST /item/7", "405"),
        ("GET /open", "404"),
        ("GET /open/12", "open.said"),
        ("GET /open/12/abc", "open.said"),
        // What is left over is nothing that is known.
        ("GET /user/ada/x", "404"),
        ("GET /item/7/x", "404"),
        ("GET /open/12/abc/x", "404"),
        ("GET /nowhere", "404"),
        ("GET /", "404"),
        // What is written beats what is positional; where it leads nowhere the other is tried.
        ("GET /item/new", "item/new.said"),
        ("GET /user/post", "user.said"),
        ("GET /user/post/5", "user/post.said"),
        ("GET /user/5/likes", "user/{id}/likes.said"),
        ("GET /open/deep", "open.said"),
        ("GET /open/deep/er", "open/deep/er.said"),
        ("GET /open/deep/x", "open.said"),
        ("DELETE /deep/a/b", "deep/a/b.said"),
        ("GET /deep/a/b", "405"),
        ("GET /deep/a", "404"),
        // Empty segments are no values, and a slash at the end is not there.
        ("GET /open//b", "404"),
        ("GET //open/12", "404"),
        ("GET /open/12/", "308 /open/12"),
        ("GET /user/", "308 /user"),
        ("GET /USER", "404"),
        // An encoded slash is part of a value.
        ("GET /item/a%2Fb", "item.said"),
        ("HEAD /item/7", "200"),
    ] {
        assert_eq!(answers(&place, request).await, expected, "{request}");
    }
}

#[tokio::test]
async fn b4_positional_values_reach_the_controller_decoded_and_left_out_ones_are_their_default() {
    let api = r#"{ "/": { "a": { "GET": { "info": "i", "in": {
        "URL#0": { "info": "i", "type": "string", "name": "first" },
        "URL#1": { "info": "i", "type": "?string", "name": "second", "default": "none" },
        "URL#2": { "info": "i", "type": "?string", "name": "third" }
    } } } } }"#;
    let place = Place::new(&[("api.json", api), ("controller/a.said", "\"echo\"")]);
    let client = place.client();
    for (path, first, second, third) in [
        ("/a/x%20y", "x y", "none", Value::Null),
        ("/a/1/2", "1", "2", Value::Null),
        ("/a/1/a%2Fb/c", "1", "a/b", "c".into()),
    ] {
        let said: Value = client.get(path).await.json();
        assert_eq!(
            (said["first"].as_str(), said["second"].as_str(), &said["third"]),
            (Some(first), Some(second), &third),
            "{path}"
        );
    }
}

#[test]
fn b19_paths_that_answer_the_same_are_told_at_load() {
    let clash = [
        &["GET /a/{x}", "GET /a/{y}"][..],
        &["GET /a #0", "GET /a/{y}"],
        &["GET /a ?0", "GET /a/{y}"],
        &["GET /a #0 #1", "GET /a/{x}/{y}"],
        &["GET /{x}/c", "GET /{y}/c"],
    ];
    for endpoints in clash {
        let problems = project(
            endpoints,
            &["a.said", "a/{x}.said", "a/{y}.said", "a/{x}/{y}.said", "{x}/c.said", "{y}/c.said"],
        )
        .problems();
        assert_eq!(problems.len(), 1, "{endpoints:?}: {problems:?}");
        assert!(problems[0].to_string().contains("is already answered"), "{}", problems[0]);
    }
    let fine = [
        &["GET /a", "POST /a"][..],
        &["GET /a", "GET /b"],
        &["GET /a", "GET /a/b"],
        &["GET /a/b", "GET /a/c"],
        &["GET /a/b", "GET /a/{x}"],
        &["GET /a/b", "GET /a #0"],
    ];
    for endpoints in fine {
        let problems =
            project(endpoints, &["a.said", "b.said", "a/b.said", "a/c.said", "a/{x}.said"]).problems();
        assert_eq!(problems, [], "{endpoints:?}");
    }
}

#[test]
fn positional_arguments_are_counted_from_0() {
    let problems = project(&["GET /a #0 #2"], &["a.said"]).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("there is no `URL#1`"), "{}", problems[0]);
}
