//! Which requests of guests may leave: hosts, addresses and how much comes back.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::options::Options;

/// A server that answers every connection with this.
async fn serves(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let (address, count) = (listener.local_addr().expect("it has one"), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _read = stream.read(&mut head).await;
                let _written = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, count)
}

fn outgoing(rules: &[&str], names: Names) -> Outgoing {
    let hosts = rules.iter().map(|rule| HostRule::parse(rule).expect("a rule")).collect();
    let grants = Grants { hosts, ..Options::default().grants };
    Outgoing { names, ..Outgoing::new(&grants, Arc::new(Ledger::new("test".into()))) }
}

async fn ask(outgoing: &mut Outgoing, uri: &str, options: RequestOptions) -> Result<(u16, Bytes), Error> {
    let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
    let request = Request::get(uri).body(body).expect("a request");
    let sent = Box::into_pin(outgoing.send_request(request, Some(options), Box::new(async { Ok(()) }))).await;
    let (answer, connection) = sent?;
    let moving = tokio::spawn(Box::into_pin(connection));
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    moving.abort();
    Ok((status, body?))
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn only_hosts_that_are_listed_are_asked() {
    let (address, count) = serves(HELLO).await;
    let port = address.port();
    let listed = format!("127.0.0.1:{port}");
    let mut outgoing = outgoing(&[&listed], Names::System);
    let answer = ask(&mut outgoing, &format!("http://127.0.0.1:{port}/"), RequestOptions::default()).await;
    assert_eq!(answer.expect("it is listed"), (200, Bytes::from("hello")));
    for other in [
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        "http://127.0.0.1/".to_owned(),
        "http://example.org/".to_owned(),
    ] {
        let refused = ask(&mut outgoing, &other, RequestOptions::default()).await;
        assert!(matches!(refused, Err(Error::HttpRequestDenied)), "{other}: {refused:?}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_followed() {
    let (address, count) = serves(HELLO).await;
    let port = address.port();
    fn private(_: &str) -> Vec<IpAddr> {
        ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"]
            .map(|text| text.parse().expect("an address"))
            .into()
    }
    let rule = format!("api.example.org:{port}");
    let mut outgoing = outgoing(&[&rule], Names::Told(private));
    let refused = ask(&mut outgoing, &format!("http://{rule}/"), RequestOptions::default()).await;
    assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{refused:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0, "nobody connected");
}

#[tokio::test]
async fn localhost_is_this_machine_and_nothing_else() {
    let (address, count) = serves(HELLO).await;
    let port = address.port();
    fn elsewhere(_: &str) -> Vec<IpAddr> {
        ["10.0.0.1", "192.168.0.1", "::ffff:169.254.169.254", "fd00::1", "1.1.1.1"]
            .map(|text| text.parse().expect("an address"))
            .into()
    }
    let rule = format!("localhost:{port}");
    let mut led = outgoing(&[&rule], Names::Told(elsewhere));
    let refused = ask(&mut led, &format!("http://{rule}/"), RequestOptions::default()).await;
    assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{refused:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0, "nobody connected");
    fn mapped(_: &str) -> Vec<IpAddr> {
        vec!["10.0.0.1".parse().expect("an address"), "127.0.0.1".parse().expect("an address")]
    }
    let mut outgoing = outgoing(&[&rule], Names::Told(mapped));
    // Other spellings of the name, as clients write them, are the same host; other names below it are not.
    for uri in
        [format!("http://{rule}/"), format!("http://LOCALHOST:{port}/"), format!("http://localhost.:{port}/")]
    {
        let answer = ask(&mut outgoing, &uri, RequestOptions::default()).await;
        assert_eq!(answer.expect("it is listed").0, 200, "{uri}");
    }
    for uri in [format!("http://a.localhost:{port}/"), format!("http://127.0.0.1:{port}/")] {
        let refused = ask(&mut outgoing, &uri, RequestOptions::default()).await;
        assert!(matches!(refused, Err(Error::HttpRequestDenied)), "{uri}: {refused:?}");
    }
}

#[tokio::test]
async fn a_port_is_granted_and_its_neighbours_are_not() {
    let ((address, count), (other, others)) = (serves(HELLO).await, serves(HELLO).await);
    let mut outgoing = outgoing(&[&address.to_string(), "example.org:443", "127.0.0.1:80"], Names::System);
    for uri in [
        format!("http://127.0.0.1:{}/", other.port()),
        // The port follows from the scheme when none is said.
        "http://example.org/".to_owned(),
        "https://example.org:80/".to_owned(),
        "https://127.0.0.1/".to_owned(),
        // What stands before an `@` is no host.
        format!("http://{address}@127.0.0.1:{}/", other.port()),
    ] {
        let refused = ask(&mut outgoing, &uri, RequestOptions::default()).await;
        assert!(matches!(refused, Err(Error::HttpRequestDenied)), "{uri}: {refused:?}");
    }
    assert_eq!((count.load(Ordering::SeqCst), others.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_each_time() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn rebound(_: &str) -> Vec<IpAddr> {
        // Public when it is looked up first, and this machine ever after. Nobody answers at the first one.
        let text = if ASKED.fetch_add(1, Ordering::SeqCst) == 0 { "192.0.9.9" } else { "127.0.0.1" };
        vec![text.parse().expect("an address")]
    }
    let (address, count) = serves(HELLO).await;
    let rule = format!("rebind.example.org:{}", address.port());
    let mut outgoing = outgoing(&[&rule], Names::Told(rebound));
    let quick =
        RequestOptions { connect_timeout: Some(Duration::from_millis(50)), ..RequestOptions::default() };
    let first = ask(&mut outgoing, &format!("http://{rule}/"), quick).await;
    assert!(first.is_err(), "{first:?}");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "a name is looked up once for a connection");
    let second = ask(&mut outgoing, &format!("http://{rule}/"), quick).await;
    assert!(matches!(second, Err(Error::DestinationIpProhibited)), "{second:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (target, count) = serves(HELLO).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
    let (address, _) = serves(head.leak()).await;
    let rules = [address.to_string(), target.to_string()];
    let mut outgoing = outgoing(&[&rules[0], &rules[1]], Names::System);
    let answer = ask(&mut outgoing, &format!("http://{address}/"), RequestOptions::default()).await;
    assert_eq!(answer.expect("an answer").0, 302);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_that_stand_still_or_are_too_large_are_broken_off() {
    let still = Some(Duration::from_millis(50));
    let slow =
        RequestOptions { first_byte_timeout: still, between_bytes_timeout: still, connect_timeout: None };
    for (answer, what) in [
        ("", "no answer"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "half an answer"),
        ("nonsense\r\n\r\n", "no HTTP"),
    ] {
        let (address, _) = serves(answer).await;
        let rule = address.to_string();
        let broken = ask(&mut outgoing(&[&rule], Names::System), &format!("http://{rule}/"), slow).await;
        assert!(broken.is_err(), "{what}: {broken:?}");
    }
    let body = Bytes::from(vec![b'x'; 1000]);
    let body = http_body_util::Full::new(body).map_err(|never| -> hyper::Error { match never {} });
    let bounded = Bounded { body, left: 999, between: BETWEEN_BYTES, patience: None };
    assert!(matches!(bounded.collect().await, Err(Error::HttpResponseBodySize(_))));
}

#[tokio::test]
async fn a_call_sends_so_many_requests_and_no_more() {
    let (address, count) = serves(HELLO).await;
    let rule = address.to_string();
    let mut outgoing = outgoing(&[&rule], Names::System);
    let mut good = 0;
    for _ in 0..200 {
        good += usize::from(
            ask(&mut outgoing, &format!("http://{rule}/"), RequestOptions::default()).await.is_ok(),
        );
    }
    assert_eq!((good, count.load(Ordering::SeqCst)), (64, 64));
}
