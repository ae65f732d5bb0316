//! Who may call: scopes of nodes and methods, what absent ones mean, and captures in them.

use axum::body::Body;
use http::Method;
use ketch_testkit::Client;

use crate::place::Place;

/// Middlewares that grant what the header `x-scope` lists, and identify who is in `x-id`.
const GRANT: (&str, &str) = ("middleware/1-grant.said", "\"grant\"");

/// The status of a request by somebody who holds these scopes; by nobody when there are none.
async fn ask(client: &Client, request: &str, scope: &str) -> u16 {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let headers = [("x-scope", scope)];
    let headers = if scope.is_empty() { &[][..] } else { &headers[..] };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    client.send(method, path, headers, Body::empty()).await.status.as_u16()
}

/// A project whose `/` has this scope.
fn guarded(file: (&str, &str), scope: &str) -> Place {
    let api = format!(r#"{{ "GET": {{ "info": "i" {scope} }} }}"#);
    Place::new(&[("api.json", &api), file, GRANT, ("controller/ROOT.said", "{}")])
}

const KETCH: (&str, &str) = ("ketch.json", "{}");
const SEED: (&str, &str) = ("aicra.json", r#"{ "driver": "generic" }"#);

#[tokio::test]
async fn b8_a_scope_is_any_of_its_lists_all_of_one() {
    let any = r#", "scope": [["A", "B"], ["C"]]"#;
    let both = r#", "scope": [["A", "B"], ["C", "D"]]"#;
    let cases = [
        ("", "", 200),
        ("", "X", 200),
        (r#", "scope": [[]]"#, "", 200),
        (r#", "scope": [[]]"#, "X", 200),
        (r#", "scope": [["A"]]"#, "", 401),
        (r#", "scope": [["A"]]"#, "A", 200),
        (r#", "scope": [["A"]]"#, "B", 403),
        (r#", "scope": [["A"]]"#, "a", 403),
        (r#", "scope": [["A"]]"#, "AA", 403),
        (r#", "scope": [["A", "B"]]"#, "", 401),
        (r#", "scope": [["A", "B"]]"#, "C", 403),
        (r#", "scope": [["A", "B"]]"#, "A", 403),
        (r#", "scope": [["A", "B"]]"#, "B", 403),
        (r#", "scope": [["A", "B"]]"#, "B A", 200),
        (any, "A", 403),
        (any, "A B", 200),
        (any, "C", 200),
        (both, "A B", 200),
        (both, "C D", 200),
        (both, "A D", 403),
        (both, "B C", 403),
        (both, "A B C D", 200),
        (r#", "scope": "public""#, "", 200),
    ];
    for (scope, held, expected) in cases {
        let client = guarded(KETCH, scope).client();
        assert_eq!(ask(&client, "GET /", held).await, expected, "{scope} with `{held}`");
        // What is said by lists is the same in the seed's projects.
        if scope.contains("[[") {
            let client = guarded(SEED, scope).client();
            assert_eq!(ask(&client, "GET /", held).await, expected, "seed: {scope} with `{held}`");
        }
    }
}

#[tokio::test]
async fn b8_in_a_seeds_project_absent_null_and_empty_deny_everybody() {
    for scope in ["", r#", "scope": null"#, r#", "scope": []"#] {
        let client = guarded(SEED, scope).client();
        assert_eq!(ask(&client, "GET /", "").await, 401, "{scope}");
        assert_eq!(ask(&client, "GET /", "A admin *").await, 403, "{scope}");
    }
    let open = guarded(SEED, r#", "scope": [["A"], []]"#).client();
    assert_eq!(ask(&open, "GET /", "").await, 200, "an empty list among others let everybody in");
}

#[test]
fn a_scope_that_says_nothing_clear_is_told_at_load() {
    for (scope, told) in [
        ("\"admin\"", "lists of names"),
        ("[\"admin\"]", "lists of names"),
        ("[[1]]", "lists of names"),
        ("[[\"\"]]", "without letters"),
        ("[[\"a\"], []]", "lets everyone in"),
        ("null", "lists of names"),
        ("true", "lists of names"),
        ("[[\"user[{id}]\"]]", "`{id}`, which the path `/` does not have"),
    ] {
        let problems = guarded(KETCH, &format!(r#", "scope": {scope}"#)).problems();
        assert_eq!(problems.len(), 1, "{scope}: {problems:?}");
        let problem = problems[0].to_string();
        assert!(problem.starts_with("api.json:1:") && problem.contains(told), "{problem}");
    }
}

const NESTED: &str = r#"{
    "GET": { "info": "i" },
    "/": {
        "open": { "GET": { "info": "i" } },
        "shop": {
            "scope": [["staff"]],
            "GET": { "info": "i" },
            "POST": { "info": "i", "scope": [["staff", "senior"]] },
            "DELETE": { "info": "i", "scope": [[]] },
            "/": {
                "boxes": { "GET": { "info": "i" } },
                "till": { "scope": [["staff", "till"], ["staff", "senior"]], "GET": { "info": "i" },
                    "/": { "deep": { "GET": { "info": "i" } },
                           "shown": { "scope": "public", "GET": { "info": "i" } } } }
            }
        },
        "user": { "/": { "{id}": {
            "scope": [["user[{id}]"], ["admin"]],
            "GET": { "info": "i", "in": { "id": { "info": "i", "type": "string" } } },
            "/": { "post": { "/": { "{pid}": { "GET": {
                "info": "i", "scope": [["user[{id}]", "post[{pid}]"], ["admin"]],
                "in": { "id": { "info": "i", "type": "string" }, "pid": { "info": "i", "type": "string" } }
            } } } } }
        } } }
    }
}"#;

const NESTED_CONTROLLERS: [&str; 9] = [
    "ROOT",
    "open",
    "shop/ROOT",
    "shop/boxes",
    "shop/till/ROOT",
    "shop/till/deep",
    "shop/till/shown",
    "user/{id}/ROOT",
    "user/{id}/post/{pid}",
];

#[tokio::test]
async fn w_every_route_lets_in_whom_it_says_and_nobody_else() {
    let controllers: Vec<String> =
        NESTED_CONTROLLERS.iter().map(|name| format!("controller/{name}.said")).collect();
    let mut files = vec![("api.json", NESTED), KETCH, GRANT];
    files.extend(controllers.iter().map(|name| (name.as_str(), "{}")));
    let place = Place::new(&files);
    let client = place.client();
    let callers = [
        "",
        "staff",
        "staff till",
        "staff senior",
        "till senior",
        "admin",
        "user[7]",
        "user[7] post[3]",
        "user[{id}]",
    ];
    let open = [200; 9];
    let table: [(&str, [u16; 9]); 15] = [
        ("GET /", open),
        ("GET /open", open),
        ("GET /shop", [401, 200, 200, 200, 403, 403, 403, 403, 403]),
        ("HEAD /shop", [401, 200, 200, 200, 403, 403, 403, 403, 403]),
        ("POST /shop", [401, 403, 403, 200, 403, 403, 403, 403, 403]),
        ("DELETE /shop", open),
        ("GET /shop/boxes", [401, 200, 200, 200, 403, 403, 403, 403, 403]),
        ("GET /shop/till", [401, 403, 200, 200, 403, 403, 403, 403, 403]),
        ("GET /shop/till/deep", [401, 403, 200, 200, 403, 403, 403, 403, 403]),
        ("GET /shop/till/shown", open),
        ("GET /user/7", [401, 403, 403, 403, 403, 200, 200, 200, 403]),
        ("GET /user/%37", [401, 403, 403, 403, 403, 200, 200, 200, 403]),
        ("GET /user/8", [401, 403, 403, 403, 403, 200, 403, 403, 403]),
        ("GET /user/7/post/3", [401, 403, 403, 403, 403, 200, 403, 200, 403]),
        ("GET /user/7/post/4", [401, 403, 403, 403, 403, 200, 403, 403, 403]),
    ];
    let mut wrong = Vec::new();
    for (request, expected) in table {
        for (caller, expected) in callers.iter().zip(expected) {
            let got = ask(&client, request, caller).await;
            if got != expected {
                wrong.push(format!("{request} by `{caller}`: {got}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("W: {} routes × {} callers as declared", table.len(), callers.len());
}

#[tokio::test]
async fn what_a_client_writes_is_never_the_form_of_a_scope() {
    let api = r#"{ "/": { "{a}": { "/": { "{b}": { "GET": {
        "info": "i", "scope": [["org[{a}].user[{b}]"]],
        "in": { "a": { "info": "i", "type": "string" }, "b": { "info": "i", "type": "string" } }
    } } } } } }"#;
    let place = Place::new(&[("api.json", api), KETCH, GRANT, ("controller/{a}/{b}.said", "{}")]);
    let client = place.client();
    for (path, held, expected) in [
        ("/1/2", "org[1].user[2]", 200),
        ("/1/3", "org[1].user[2]", 403),
        ("/1%5D.user%5B2/3", "org[1].user[2].user[3]", 403),
        ("/1]/2", "org[1]].user[2]", 403),
        ("/%00/2", "org[\u{0}].user[2]", 403),
        ("/%ff/2", "org[\u{fffd}].user[2]", 403),
    ] {
        // A header cannot hold a zero byte; nobody could have been granted such a scope in that way.
        let held = held.replace('\u{0}', "0");
        assert_eq!(ask(&client, &format!("GET {path}"), &held).await, expected, "{path} with {held}");
    }
}

#[test]
fn a_child_narrows_what_its_parent_asks_for_or_opens_to_all() {
    let child = |scope: &str| {
        let api = format!(
            r#"{{ "scope": [["staff"]], "/": {{ "a": {{ "GET": {{ "info": "i", "scope": {scope} }} }} }} }}"#
        );
        Place::new(&[("api.json", &api), KETCH, ("controller/a.said", "{}")]).problems()
    };
    for narrower in ["[[\"staff\"]]", "[[\"staff\", \"a\"], [\"b\", \"staff\"]]", "[[]]", "\"public\""] {
        assert_eq!(child(narrower), [], "{narrower}");
    }
    for wider in ["[]", "[[\"guest\"]]", "[[\"staff\"], [\"guest\"]]"] {
        let problems = child(wider);
        assert_eq!(problems.len(), 1, "{wider}: {problems:?}");
        let problem = problems[0].to_string();
        assert!(
            problem.contains("may only narrow") && problem.contains("manifest node (api.json:1:12)"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_refusal_says_how_to_be_known_and_comes_before_the_body_is_read() {
    let api = r#"{ "POST": { "info": "i", "scope": [["A"]], "limit": "10b",
        "in": { "n": { "info": "i", "type": "int" } } } }"#;
    let place = Place::new(&[("api.json", api), KETCH, GRANT, ("controller/ROOT.said", "{}")]);
    let client = place.client();
    // Were it read, it would be refused for its size, its form and its type.
    for (scope, id, expected) in [("", "", 401), ("B", "", 403), ("", "ada", 403)] {
        let headers = [("x-scope", scope), ("x-id", id), ("content-type", "text/x-odd")];
        let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let answer = client.send(Method::POST, "/", &headers, Body::from("{".repeat(100))).await;
        assert_eq!(answer.status.as_u16(), expected, "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), (expected == 401).then_some("Bearer"));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn documents_and_explain_show_scopes_as_they_are_written() {
    let files = NESTED_CONTROLLERS.map(|name| (format!("controller/{name}.said"), "{}"));
    let mut all = vec![("api.json", NESTED), KETCH, GRANT];
    all.extend(files.iter().map(|(name, text)| (name.as_str(), *text)));
    let place = Place::new(&all);
    let endpoints = place.endpoints();
    let of = |name: &str| endpoints.iter().find(|it| it.names.full() == name).expect("it is there");
    let row = |name: &str, key: &str| {
        let rows = of(name).settings.explain();
        let (_, row) = rows.into_iter().find(|(known, _)| known.name() == key).expect("every key has a row");
        format!(
            "{} ({}, {})",
            row.value,
            row.level,
            row.place.map(|place| place.to_string()).unwrap_or_default()
        )
    };
    assert_eq!(row("user::get_by_id", "scope"), "user[{id}] or admin (manifest node, api.json:18:22)");
    assert_eq!(
        row("user::get_by_id_post_by_pid", "scope"),
        "(user[{id}] and post[{pid}]) or admin (manifest method, api.json:21:39)"
    );
    assert_eq!(row("shop::delete", "scope"), "public (manifest method, api.json:9:47)");
    assert_eq!(row("root::get", "scope"), "public (inferred, )");
    assert_eq!(row("root::get", "middleware"), "1-grant (manifest folder, middleware/1-grant.said:1:1)");
}
