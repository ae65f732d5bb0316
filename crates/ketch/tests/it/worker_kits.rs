//! The kits of `sdk/`: the same project in each language, behind the real server, as workers and as programs for each call.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use axum::body::Body;
use ketch::Server;
use ketch::http::Method;
use ketch::test::{Client, client, soak_factor};
use serde_json::{Value, json};

use crate::scratch::Scratch;

/// A controller that prints to stdout on the way, a middleware and a type checker, each of one function.
struct Language {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const PYTHON: Language = Language {
    name: "python",
    files: &[
        (
            "controller/greet.py",
            r#"#!/usr/bin/env python3
import os, sys; sys.path.append("lib")
from ketch_worker import HttpError, serve

def get(call):
    print("stray")
    os.system("echo stray")
    name = call.args["name"]
    if name == "nobody":
        raise HttpError(404, "no_such_person", "there is nobody")
    if name == "broken":
        raise KeyError("secret")
    if name == "new":
        return {"text": "Welcome"}, 201
    return {"text": f"Hello, {name}", "caller": call.caller.id, "scopes": list(call.caller.scopes)}

serve(get=get)
"#,
        ),
        (
            "middleware/1-who.py",
            r#"#!/usr/bin/env python3
import sys; sys.path.append("lib")
from ketch_worker import HttpError, serve

def inspect(request):
    if request.headers.get("x-who") == "stranger":
        raise HttpError(401, "stranger", "who are you?")
    return {"scope": ["user"], "claims": {"id": request.headers["x-who"]}} if "x-who" in request.headers else []

serve(inspect=inspect)
"#,
        ),
        (
            "type/slug.py",
            r#"#!/usr/bin/env python3
import sys; sys.path.append("lib")
from ketch_worker import serve

serve(match=lambda name: name == "slug", check=lambda name, value: isinstance(value, str) and value.islower())
"#,
        ),
    ],
};

const NODE: Language = Language {
    name: "node",
    files: &[
        (
            "controller/greet.js",
            r#"#!/usr/bin/env node
const { HttpError, Reply, serve } = require('../lib/ketch-worker.cjs');

serve({
  async get({ args, caller }) {
    console.log('stray');
    process.stdout.write('stray\n');
    if (args.name === 'nobody') throw new HttpError(404, 'no_such_person', 'there is nobody');
    if (args.name === 'broken') throw new Error('secret');
    if (args.name === 'new') return new Reply({ text: 'Welcome' }, 201);
    return { text: `Hello, ${args.name}`, caller: caller.id, scopes: caller.scopes };
  },
});
"#,
        ),
        (
            "middleware/1-who.js",
            r#"#!/usr/bin/env node
const { HttpError, serve } = require('../lib/ketch-worker.cjs');

serve({
  inspect({ headers }) {
    const id = headers['x-who'];
    if (id === 'stranger') throw new HttpError(401, 'stranger', 'who are you?');
    return id ? { scope: ['user'], claims: { id } } : [];
  },
});
"#,
        ),
        (
            "type/slug.js",
            r#"#!/usr/bin/env node
const { serve } = require('../lib/ketch-worker.cjs');

serve({ match: (name) => name === 'slug', check: (name, value) => /^[a-z]+$/.test(value) });
"#,
        ),
    ],
};

const BASH: Language = Language {
    name: "bash",
    files: &[
        (
            "controller/greet",
            r#"#!/usr/bin/env bash
source lib/ketch-worker.sh

get() {
  echo stray
  case ${args[name]} in
    nobody) http_error 404 no_such_person "there is nobody" ;;
    broken) return 3 ;;
    new)
      field text Welcome
      status 201
      ;;
    *)
      field text "Hello, ${args[name]}"
      field caller "$caller_id"
      field_json scopes "[$(printf '"%s"' "${scopes[@]}")]"
      ;;
  esac
}

serve
"#,
        ),
        (
            "middleware/1-who",
            r#"#!/usr/bin/env bash
source lib/ketch-worker.sh

inspect() {
  case ${headers[x-who]} in
    '') ;;
    stranger) http_error 401 stranger "who are you?" ;;
    *)
      grant user
      claim id "${headers[x-who]}"
      ;;
  esac
}

serve
"#,
        ),
        (
            "type/slug",
            r#"#!/usr/bin/env bash
source lib/ketch-worker.sh

match() { [[ $1 == slug ]]; }
check() { [[ $3 == string && $2 =~ ^[a-z]+$ ]]; }

serve
"#,
        ),
    ],
};

const GO: Language = Language {
    name: "go",
    files: &[
        (
            "controller/greet/main.go",
            r#"package main

import (
	"errors"
	"fmt"

	kit "project/lib/ketchworker"
)

func main() { kit.ServeAll(kit.Functions{Get: greet}) }

func greet(call *kit.Call) (kit.Fields, error) {
	fmt.Println("stray")
	var args struct{ Name string }
	if err := call.Bind(&args); err != nil {
		return nil, err
	}
	switch args.Name {
	case "nobody":
		return nil, kit.HTTPError(404, "no_such_person", "there is nobody")
	case "broken":
		panic(errors.New("secret"))
	case "new":
		return kit.Fields{"text": "Welcome"}.Status(201), nil
	}
	return kit.Fields{"text": "Hello, " + args.Name, "caller": call.Caller.ID, "scopes": call.Caller.Scopes}, nil
}
"#,
        ),
        (
            "middleware/1-who/main.go",
            r#"package main

import kit "project/lib/ketchworker"

func main() {
	kit.ServeAll(kit.Functions{Inspect: func(request *kit.Request) (kit.Verdict, error) {
		switch id := request.Headers["x-who"]; id {
		case "":
			return kit.Verdict{}, nil
		case "stranger":
			return kit.Verdict{}, kit.HTTPError(401, "stranger", "who are you?")
		default:
			return kit.Verdict{Scope: []string{"user"}, Claims: map[string]any{"id": id}}, nil
		}
	}})
}
"#,
        ),
        (
            "type/slug/main.go",
            r#"package main

import (
	"regexp"

	kit "project/lib/ketchworker"
)

var slug = regexp.MustCompile(`^[a-z]+$`)

func main() {
	kit.ServeAll(kit.Functions{
		Match: func(name string) (bool, error) { return name == "slug", nil },
		Check: func(name string, value any) (bool, error) {
			text, ok := value.(string)
			return ok && slug.MatchString(text), nil
		},
	})
}
"#,
        ),
    ],
};

const API: &str = r#"{ "/": { "greet": {
    "scope": [["user"]],
    "GET": {
        "info": "Greets.",
        "in": { "GET@name": { "info": "whom", "type": "slug" } },
        "out": { "text": { "info": "what is said", "type": "string" } },
    },
} } }"#;

impl Language {
    /// The project in a folder, with its kit and, where it is compiled, built.
    fn project(&self, mode: &str) -> Scratch {
        let place = Scratch::new(&format!("kit-{}-{mode}", self.name));
        place.write("api.json", API);
        // The first call of a busy machine may be slow; the mode is what is tried here.
        place.write("ketch.json", format!(r#"{{ "exec": {{ "mode": "{mode}", "workers": 1 }} }}"#));
        for (name, text) in self.files {
            let path = place.write(name, text);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        ketch(place.as_ref(), &["kit", self.name]);
        if self.name == "go" {
            // Sources are no programs.
            for (name, _) in self.files {
                fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o644)).unwrap();
            }
            let said = ketch(place.as_ref(), &["build"]);
            assert!(said.contains("built     controller/greet/main.go -> .build/controller/greet"), "{said}");
            let said = ketch(place.as_ref(), &["build"]);
            assert!(said.contains("unchanged controller/greet/main.go"), "{said}");
        }
        place
    }

    async fn answers(&self, mode: &str) {
        let place = self.project(mode);
        let client = client(Server::new().manifest(place.as_ref()));
        let what = format!("{} as {mode}", self.name);
        let ask = async |name: &str| ask_as(&client, "7", name).await;
        let good = json!({ "text": "Hello, ada", "caller": "7", "scopes": ["user"] });
        for _ in 0..2 {
            assert_eq!(ask("ada").await, (200, good.clone()), "{what}");
        }
        assert_eq!(ask("new").await, (201, json!({ "text": "Welcome" })), "{what}");
        let (status, body) = ask("nobody").await;
        let told = (status, &body["code"], &body["message"]);
        assert_eq!(told, (404, &json!("no_such_person"), &json!("there is nobody")), "{what}");
        let (status, body) = ask("broken").await;
        assert_eq!(status, 502, "{what}: {body}");
        assert!(!body.to_string().contains("secret"), "{what}: a cause stays here: {body}");
        assert_eq!(ask("ada").await, (200, good), "{what}: after a failure");
        assert_eq!(ask("ADA").await.0, 422, "{what}: the type is checked");
        let refused = ask_as(&client, "stranger", "ada").await;
        assert_eq!((refused.0, &refused.1["code"]), (401, &json!("stranger")), "{what}");
        assert_eq!(client.get("/greet?name=ada").await.status, 401, "{what}: nobody is no user");
    }
}

async fn ask_as(client: &Client, who: &str, name: &str) -> (u16, Value) {
    let path = format!("/greet?name={name}");
    let answer = client.send(Method::GET, &path, &[("x-who", who)], Body::empty()).await;
    (answer.status.as_u16(), answer.json())
}

#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn ketch(folder: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ketch")).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[tokio::test]
async fn python_answers_as_a_worker() {
    PYTHON.answers("worker").await;
}

#[tokio::test]
async fn python_answers_as_a_program_for_each_call() {
    PYTHON.answers("oneshot").await;
}

#[tokio::test]
async fn node_answers_as_a_worker() {
    NODE.answers("worker").await;
}

#[tokio::test]
async fn node_answers_as_a_program_for_each_call() {
    NODE.answers("oneshot").await;
}

#[tokio::test]
async fn bash_answers_as_a_worker() {
    BASH.answers("worker").await;
}

#[tokio::test]
async fn bash_answers_as_a_program_for_each_call() {
    BASH.answers("oneshot").await;
}

#[tokio::test]
async fn go_is_built_and_answers_as_a_worker() {
    GO.answers("worker").await;
}

#[tokio::test]
async fn go_answers_as_a_program_for_each_call() {
    GO.answers("oneshot").await;
}

/// Those that have no kit: a worker is a few lines.
async fn says_hello(language: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/examples").join(language);
    let client = client(Server::new().manifest(folder));
    for name in ["Ada", "Gr%C3%A1inne"] {
        let answer = client.get(&format!("/hello?name={name}")).await;
        let name = name.replace("%C3%A1", "\u{e1}");
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({ "text": format!("Hello, {name}") }))
        );
    }
}

/// In the soak only: their interpreters are not there on every machine, and it installs them.
#[tokio::test]
async fn the_examples_in_php_and_ruby_answer() {
    if soak_factor() > 1 {
        says_hello("php").await;
        says_hello("ruby").await;
    }
}
