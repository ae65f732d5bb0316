//! Connecting: whose certificate is believed, and what is said when it fails.

use std::fs;

use ketch_db::postgres::Postgres;
use ketch_db::{Db, Error, Options, params};
use ketch_testkit::postgres::Postgres as Server;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::postgres_scratch::Place;
use crate::scratch::Scratch;

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("there is randomness");
    CertifiedIssuer::self_signed(params, key).expect("a key signs its own certificate")
}

async fn encrypted(url: &str) -> Result<bool, Error> {
    let options = Options::default();
    let db = Db::with_driver(Postgres::connect(url, &options).await?, &options);
    db.query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", params! {}).await
}

#[tokio::test]
async fn certificates_are_checked_as_far_as_the_url_says() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    let server = Server::start_with_tls(&certificate.pem(), &key.serialize_pem());
    let scratch = Scratch::new();
    let (good, bad) = (scratch.path("ours.pem"), scratch.path("theirs.pem"));
    fs::write(&good, ours.pem()).unwrap();
    fs::write(&bad, theirs.pem()).unwrap();
    let (good, bad) = (good.display().to_string(), bad.display().to_string());
    let by_address = server.fresh();
    let by_name = by_address.replace("127.0.0.1", "localhost");
    for (url, query, wanted) in [
        (&by_name, "sslmode=disable".to_owned(), Some(false)),
        (&by_name, String::new(), Some(true)),
        (&by_name, "sslmode=require".to_owned(), Some(true)),
        (&by_name, format!("sslmode=verify-full&sslrootcert={good}"), Some(true)),
        (&by_address, format!("sslmode=verify-ca&sslrootcert={good}"), Some(true)),
        // The name in the certificate is another.
        (&by_address, format!("sslmode=verify-full&sslrootcert={good}"), None),
        // Somebody else has signed it.
        (&by_name, format!("sslmode=verify-full&sslrootcert={bad}"), None),
        (&by_name, format!("sslmode=verify-ca&sslrootcert={bad}"), None),
        (&by_name, format!("sslmode=require&sslrootcert={bad}"), None),
    ] {
        let said = encrypted(&format!("{url}?{query}")).await;
        match wanted {
            Some(wanted) => assert_eq!(said, Ok(wanted), "{query}"),
            None => assert!(
                matches!(&said, Err(Error::Open(why)) if why.contains("certificate")),
                "{query}: {said:?}"
            ),
        }
    }
}

#[tokio::test]
async fn what_fails_is_said_without_the_password() {
    let place = Place::new();
    let password = Server::shared().password();
    let port = Server::shared().port();
    let options = Options::default();
    let wrong_password = place.url().replace(password, "hunter2");
    let nobody = place.url().replace(&format!(":{port}/"), ":1/");
    let no_tls = format!("{}?sslmode=require", place.url());
    let no_database = place.url().replace("/test_", "/nowhere_");
    for (url, wanted) in [
        (&wrong_password, "password authentication failed"),
        (&nobody, "refused"),
        (&no_tls, "TLS"),
        (&no_database, "does not exist"),
    ] {
        let error = Postgres::connect(url, &options).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains(wanted) && said.contains("127.0.0.1"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains(password), "{said}");
        assert_eq!(matches!(error, Error::Unavailable(_)), url == &nobody, "{said}");
    }
    let engine = Postgres::connect(&place.url(), &options).await.unwrap();
    assert!(!format!("{engine:?}").contains(password), "{engine:?}");
}
