//! Replies of a project that are kept: for whom, and when they cannot be.

use axum::body::Body;
use http::Method;
use ketch_testkit::Client;

use crate::place::Place;

fn place(settings: &str, said: &str) -> Place {
    let api = format!(r#"{{ "cache": "memory", "ttl": "1h", {settings} "GET": {{ "info": "i" }} }}"#);
    Place::new(&[("api.json", &api), ("controller/ROOT.said", said)])
}

/// Whether it was kept, and the text.
async fn get(client: &Client, target: &str, headers: &[(&str, &str)]) -> (bool, String) {
    let answer = client.send(Method::GET, target, headers, Body::empty()).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    (answer.header("cache-status") == Some("ketch; hit"), answer.text())
}

#[tokio::test]
async fn a_cache_is_there_without_a_word_and_who_has_other_credentials_has_other_replies() {
    let client = place("", "\"echo\"").client();
    for headers in
        [&[][..], &[("authorization", "Bearer a")], &[("authorization", "Bearer b")], &[("cookie", "a=b")]]
    {
        assert!(!get(&client, "/", headers).await.0, "{headers:?}");
        assert!(get(&client, "/?not=declared", headers).await.0, "{headers:?}");
    }
}

/// What is given the whole request sees more than is declared.
#[tokio::test]
async fn what_sees_the_whole_request_says_what_its_replies_depend_on() {
    let told: Vec<String> = place("", "\"whole\"").problems().iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].contains("lets the endpoint see the whole request"), "{told:?}");
    let client = place(r#""vary": ["accept"],"#, "\"whole\"").client();
    assert_eq!(get(&client, "/?a=1", &[]).await, (false, "a=1".to_owned()));
    assert_eq!(get(&client, "/?a=2", &[]).await, (false, "a=2".to_owned()));
    assert_eq!(get(&client, "/?a=1", &[]).await, (true, "a=1".to_owned()));
    assert!(!get(&client, "/?a=1", &[("accept", "text/html")]).await.0);
}
