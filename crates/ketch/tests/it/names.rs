//! Names and forms that a user may well choose, and that what `#[service]` generates must not stumble over.

use std::marker::PhantomData;

use ketch::prelude::*;
use ketch::schemars::JsonSchema;
use ketch::serde::Serialize;
use ketch::serde::de::DeserializeOwned;
use ketch::test::client;

struct Repositories;

#[service]
#[expect(clippy::unused_self, reason = "what matters is how they are called")]
impl Repositories {
    #[post]
    async fn clone(&self) -> &'static str {
        "clone"
    }

    #[post]
    fn drop(&self) -> &'static str {
        "drop"
    }

    #[post]
    fn into(&self) -> &'static str {
        "into"
    }

    #[get]
    fn settings(&self) -> &'static str {
        "settings"
    }

    #[get]
    fn name() -> &'static str {
        "name"
    }

    #[get]
    async fn r#match(&self, r#type: String, input: String, faults: String, service: String) -> String {
        [r#type, input, faults, service].join(" ")
    }

    #[get]
    fn local(&self, docs: String, schemas: String, all: String, owned: String, self_: String) -> String {
        [docs, schemas, all, owned, self_].join(" ")
    }
}

#[tokio::test]
async fn endpoints_and_arguments_may_have_the_names_of_what_is_generated() {
    let client = client(Server::new().add(Repositories));
    for name in ["clone", "drop", "into"] {
        let answer = client.post(&format!("/repositories/{name}"), &()).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, name));
    }
    for (request, expected) in [
        ("settings", "settings"),
        ("name", "name"),
        ("match?type=a&input=b&faults=c&service=d", "a b c d"),
        ("local?docs=a&schemas=b&all=c&owned=d&self_=e", "a b c d e"),
    ] {
        assert_eq!(client.get(&format!("/repositories/{request}")).await.text(), expected, "{request}");
    }
}

struct Echo<T>(PhantomData<fn() -> T>);

#[service]
impl<T> Echo<T>
where
    T: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static,
{
    #[post]
    async fn twice(&self, value: Json<T>, times: Option<u8>) -> Json<(T, u8)> {
        Json((value.into_inner(), times.unwrap_or(2)))
    }
}

#[tokio::test]
async fn a_service_may_be_generic_in_what_it_takes() {
    let client = client(Server::new().add(Echo::<u32>(PhantomData)));
    let answer = client.post("/echo/twice?times=3", &7).await;
    assert_eq!(answer.text(), "[7,3]");
}
