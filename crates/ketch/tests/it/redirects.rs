//! W5: a return URL that comes with the request never leads away.

use ketch::prelude::*;
use ketch::test::client;
use url::Url;
use url::form_urlencoded::byte_serialize;

struct Login;

const ORIGIN: &str = "https://app.example";

#[service(root = "-")]
impl Login {
    /// Goes on within the site.
    #[get]
    async fn home(&self, next: String) -> Result<Redirect> {
        Redirect::to(next)
    }

    /// Goes on within the site, or at the application.
    #[get]
    async fn away(&self, next: String) -> Result<Redirect<307>> {
        Redirect::to_allowed(next, &[ORIGIN, "http://localhost:3000"])
    }

    #[get]
    async fn help(&self) -> Result<Redirect<308>> {
        Redirect::elsewhere("https://docs.example/help?from=app")
    }
}

/// As they are after decoding, each one a way that has led somewhere out of somebody's application.
const HOSTILE: [&str; 92] = [
    "",
    " ",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\\\\evil.example",
    "/a\\b",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%5c%5cevil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%2f%2fevil.example",
    "%2f%2fevil.example",
    "%2fevil.example",
    "/%252fevil.example",
    "/%25252fevil.example",
    "/%2525252fevil.example",
    "/%252525252525252fevil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%00/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\0/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\n//evil.example",
    "\u{1}//evil.example",
    "/ /evil.example",
    "/home\r\nLocation: https://evil.example",
    "/home\r\nSet-Cookie: a=b",
    "/home\u{85}x",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https:/\\evil.example",
    "http://evil.example",
    "http:evil.example",
    "hTtPs:\t//evil.example",
    "java\nscript:alert(1)",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://evil.example",
    "blob:https://app.example/x",
    "about:blank",
    "mailto:a@evil.example",
    "https://app.example@evil.example",
    "https://app.example:secret@evil.example",
    "https://app.example%40evil.example",
    "https://evil.example@app.example",
    "https://:@app.example",
    "https://app.example.evil.example",
    "https://app.exampleevil",
    "https://evilapp.example",
    "https://app.example:444",
    "https://app.example:443@evil.example",
    "http://app.example",
    "https://app.example\\@evil.example",
    "https://app.example\\.evil.example",
    "https://evil.example#https://app.example",
    "https://evil.example?https://app.example",
    "https://app\u{3002}example",
    "https://app%2eexample",
    "https://\u{ff41}pp.example",
    "//evil\u{3002}example",
    "/\u{ff0f}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "/\u{2215}evil.example",
    "/\u{29f5}evil.example",
    "/\u{ff3c}evil.example",
    "/\u{feff}/evil.example",
    "/\u{200b}/evil.example",
    "/\u{202e}/evil.example",
    "/..//evil.example",
    "/./\\evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "evil.example",
];

const HONEST: [(&str, &str); 12] = [
    ("/", "/"),
    ("/boats", "/boats"),
    ("/boats/", "/boats/"),
    ("/boats?page=2&sort=name", "/boats?page=2&sort=name"),
    ("/boats#top", "/boats#top"),
    ("/a/b.c/~d/e-f_g", "/a/b.c/~d/e-f_g"),
    ("/100%25", "/100%25"),
    ("/with%20space", "/with%20space"),
    ("/caf\u{e9}", "/caf%C3%A9"),
    ("/login?next=/boats", "/login?next=/boats"),
    ("/login?next=https%3A%2F%2Fevil.example", "/login?next=https%3A%2F%2Fevil.example"),
    ("/@user:name", "/@user:name"),
];

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn w5_no_return_url_leads_away() {
    let client = client(Server::new().add(Login));
    let here = Url::parse("https://site.example/home").unwrap();
    let mut left = Vec::new();
    for hostile in HOSTILE {
        for path in ["/home", "/away"] {
            let answer = client.get(&format!("{path}?next={}", encoded(hostile))).await;
            let leads = answer.header("location").map(|to| here.join(to).unwrap());
            if answer.status != 400 || leads.is_some() {
                left.push(format!("{path} {hostile:?}: {} {leads:?}", answer.status));
            } else {
                assert_eq!(answer.json::<serde_json::Value>()["code"], "bad_redirect");
            }
        }
    }
    assert!(left.is_empty(), "{} of {} leave:\n{}", left.len(), 2 * HOSTILE.len(), left.join("\n"));
    println!("W5: {} return URLs, 0 leave", 2 * HOSTILE.len());
}

#[tokio::test]
async fn honest_return_urls_pass() {
    let client = client(Server::new().add(Login));
    let here = Url::parse("https://site.example/home").unwrap();
    for (next, location) in HONEST {
        for (path, status) in [("/home", 303), ("/away", 307)] {
            let answer = client.get(&format!("{path}?next={}", encoded(next))).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (status, Some(location)),
                "{next}"
            );
            assert_eq!(here.join(location).unwrap().origin(), here.origin());
        }
    }
}

#[tokio::test]
async fn an_origin_that_is_named_may_be_led_to() {
    let client = client(Server::new().add(Login));
    let cases = [
        ("https://app.example", "https://app.example/"),
        ("https://app.example/", "https://app.example/"),
        ("https://app.example:443/boats?page=2#x", "https://app.example/boats?page=2#x"),
        ("https://APP.example/x", "https://app.example/x"),
        ("http://localhost:3000/callback", "http://localhost:3000/callback"),
    ];
    for (next, location) in cases {
        let answer = client.get(&format!("/away?next={}", encoded(next))).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, Some(location)), "{next}");
        assert_eq!(client.get(&format!("/home?next={}", encoded(next))).await.status, 400, "{next}");
    }
    assert_eq!(client.get("/help").await.header("location"), Some("https://docs.example/help?from=app"));
}
