//! `#[arg(…)]`, `#[derive(Query)]`, `#[derive(Scalar)]` and bodies that state rules: what is read, refused and documented.

use ketch::prelude::*;
use ketch::test::{Scenario, check, client};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ROUTE: &str = "constant/{id}";
const SHORT: &str = "10s";

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema, Scalar)]
#[serde(rename_all = "kebab-case")]
enum Rig {
    Sloop,
    GaffKetch,
}

/// A part of a list.
#[derive(Debug, Query, Validate)]
struct Paging {
    /// How many at most.
    #[arg(default = 20, min = 1, max = 100)]
    #[garde(skip)]
    limit: u32,
    #[garde(skip)]
    after: Option<u32>,
    /// The order.
    #[arg(name = "sort-by", default = "name", pattern = "name|length")]
    #[garde(length(max = 4))]
    sort_by: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
struct NewBoat {
    #[garde(length(chars, min = 1, max = 10))]
    boat_name: String,
    #[garde(range(min = 2.5, max = 60.0))]
    length: f32,
    #[garde(dive)]
    crew: Vec<Sailor>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Sailor {
    #[garde(range(min = 16))]
    age: u8,
}

struct Ruled;

#[service(root = "-", timeout = SHORT)]
impl Ruled {
    #[get("list")]
    async fn list(&self, paging: Paging, rig: Option<Rig>) -> String {
        format!("{} {:?} {} {rig:?}", paging.limit, paging.after, paging.sort_by)
    }

    #[get("berth/{number}/{rig}")]
    async fn berth(
        &self,
        /// The berth's number.
        #[arg(min = 1, max = 40, example = 7)]
        number: u16,
        rig: Rig,
        #[arg(max = 3)] word: Vec<String>,
        #[arg(default = -5, min = -10)] shift: i8,
    ) -> String {
        format!("{number} {rig:?} {word:?} {shift}")
    }

    #[post]
    async fn register(
        &self,
        boat: Json<NewBoat>,
        #[arg(pattern = "[A-Z]{2}")] flag: String,
    ) -> Created<String> {
        Created(format!("{} {flag}", boat.boat_name))
    }

    #[post]
    async fn sign_on(
        &self,
        sailor: Form<Sailor>,
        #[arg(max = 3, name = "x-watch")] watch: Header<u8>,
        #[arg(pattern = "[a-z]+")] berth: Cookie<Option<String>>,
    ) -> String {
        format!("{} {} {:?}", sailor.0.age, watch.0, berth.0)
    }

    #[get(ROUTE, headers = [CONSTANT])]
    async fn constant(&self, id: u32) -> String {
        id.to_string()
    }
}

const CONSTANT: &str = "x-boat: yes";

#[tokio::test]
async fn values_are_read_checked_and_refused_by_their_rules() {
    let client = client(Server::new().add(Ruled));
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "defaults", request: "GET /list", contains: &["20 None name None"], ..row },
        Scenario { name: "given", request: "GET /list?limit=100&after=3&sort-by=name&rig=gaff-ketch", contains: &["100 Some(3) name Some(GaffKetch)"], ..row },
        Scenario { name: "beyond", request: "GET /list?limit=101", status: 422, contains: &["rules_broken", "\"limit\"", "at most 100", "\"query\""], ..row },
        Scenario { name: "below", request: "GET /list?limit=0", status: 422, contains: &["at least 1"], ..row },
        Scenario { name: "a broken default is given", request: "GET /list?limit=x", status: 400, contains: &["invalid_arguments", "\"limit\""], ..row },
        Scenario { name: "unreadable decides", request: "GET /list?limit=0&after=x", status: 400, contains: &["2 arguments cannot be read or break their rules", "\"limit\"", "\"after\""], ..row },
        Scenario { name: "the pattern is of the whole", request: "GET /list?sort-by=names", status: 422, contains: &["sort-by", "name|length"], ..row },
        Scenario { name: "the struct's own rule", request: "GET /list?sort-by=length", status: 422, contains: &["\"parameter\":\"sort-by\"", "\"rule\""], ..row },
        Scenario { name: "no such name", request: "GET /list?rig=yawl", status: 400, contains: &["`rig` is not one of `sloop`, `gaff-ketch`"], ..row },
        Scenario { name: "in the path", request: "GET /berth/40/sloop?word=abc", contains: &["40 Sloop [\"abc\"] -5"], ..row },
        Scenario { name: "path beyond", request: "GET /berth/41/sloop", status: 422, contains: &["\"in\":\"path\"", "\"number\""], ..row },
        Scenario { name: "path unreadable", request: "GET /berth/x/sloop", status: 400, contains: &["\"in\":\"path\""], ..row },
        Scenario { name: "one of several", request: "GET /berth/1/sloop?word=abc&word=abcd", status: 422, contains: &["\"word\"", "at most 3 characters"], ..row },
        Scenario { name: "a negative bound", request: "GET /berth/1/sloop?shift=-11", status: 422, contains: &["at least -10"], ..row },
        Scenario { name: "a good body", request: "POST /register?flag=NL", body: r#"{"boatName":"J","length":3,"crew":[{"age":16}]}"#, status: 201, contains: &["J NL"], ..row },
        Scenario { name: "all violations", request: "POST /register?flag=nl", body: r#"{"boatName":"","length":1,"crew":[{"age":16},{"age":15}]}"#, status: 422,
            contains: &["4 values break their rules", "\"#/boatName\"", "\"#/length\"", "\"#/crew/1/age\"", "\"flag\""], lacks: &["crew/0"], ..row },
        Scenario { name: "unreadable body, broken flag", request: "POST /register?flag=nl", body: r#"{"boatName":1}"#, status: 400, contains: &["#/boatName", "\"flag\""], ..row },
        Scenario { name: "a form's rules", request: "POST /sign-on", headers: &[("content-type", "application/x-www-form-urlencoded"), ("x-watch", "4"), ("cookie", "berth=A1")], body: "age=15", status: 422,
            contains: &["3 values break", "\"#/age\"", "\"parameter\":\"x-watch\"", "\"in\":\"header\"", "\"in\":\"cookie\""], ..row },
        Scenario { name: "a good form", request: "POST /sign-on", headers: &[("content-type", "application/x-www-form-urlencoded"), ("x-watch", "3"), ("cookie", "berth=a")], body: "age=16", contains: &["16 3 Some(\"a\")"], ..row },
        Scenario { name: "a constant's route", request: "GET /constant/7", contains: &["7"], ..row },
    ];
    check(&client, &rows).await;
}

#[test]
fn the_documents_state_the_rules() {
    let built = Server::new().add(Ruled).build().unwrap();
    let endpoint = |name: &str| built.api().endpoints.iter().find(|e| e.names.endpoint == name).unwrap();
    let list = endpoint("list");
    let arg = |name: &str| list.args.iter().find(|arg| arg.name == name).unwrap();
    let limit = arg("limit");
    assert_eq!((limit.required, limit.about.as_deref()), (false, Some("How many at most.")));
    assert_eq!(limit.schema["minimum"], json!(1));
    assert_eq!(limit.schema["maximum"], json!(100));
    assert_eq!(limit.schema["default"], json!(20));
    assert_eq!(arg("sort-by").schema["pattern"], json!("^(?:name|length)$"));
    assert_eq!(arg("sort-by").schema["default"], json!("name"));
    let berth = endpoint("berth");
    assert_eq!(berth.args[0].example, Some(json!(7)));
    assert_eq!(berth.args[0].about.as_deref(), Some("The berth's number."));
    assert_eq!(berth.args[2].schema["items"]["maxLength"], json!(3));
    let boat: &Value = &built.api().schemas["NewBoat"];
    assert_eq!(boat["properties"]["boatName"]["maxLength"], json!(10));
    assert!(endpoint("register").args.iter().all(|arg| arg.rules));
    assert_eq!(endpoint("constant").settings.timeout.value.as_secs(), 10);
    assert_eq!(endpoint("constant").settings.headers[0].value, "x-boat: yes");
}

struct Wrong;

#[service]
impl Wrong {
    #[get]
    async fn pattern(&self, #[arg(pattern = "(")] word: Option<String>) -> String {
        word.unwrap_or_default()
    }
}

#[test]
fn a_pattern_that_is_none_keeps_the_server_from_being_built() {
    let problems = Server::new().add(Wrong).build().unwrap_err().to_string();
    assert!(problems.contains("Wrong::pattern: the pattern of `word` cannot be used"), "{problems}");
}

#[test]
fn a_server_explains_itself() {
    let text = Server::new().add(Ruled).explain().unwrap();
    assert!(text.contains("timeout     10s") && text.contains("crates/ketch/tests/it/rules.rs"), "{text}");
}

#[tokio::test]
async fn methods_stay_ordinary_methods() {
    assert_eq!(Ruled.berth(1, Rig::Sloop, Vec::new(), 2).await, "1 Sloop [] 2");
}
