//! The key under which a reply is kept: two requests that an endpoint can tell apart never have the same one.
//!
//! A key is text: the endpoint and its revision, the canonical URL, then every header it depends on and the caller, each part with its
//! length before it. What identifies somebody (`Authorization`, `Cookie`) is in it as SHA-256 only.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write;
use std::net::SocketAddr;

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use ketch_model::{Caller, Endpoint, In, Sees};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest, Sha256};

/// What a key function is given: a request, and the key it would usually have.
pub struct CacheKey<'a> {
    pub(super) parts: &'a Parts,
    pub(super) caller: &'a Caller,
    pub(super) peer: Option<SocketAddr>,
    pub(super) recipe: &'a Recipe,
}

impl CacheKey<'_> {
    /// The request without its body.
    pub fn parts(&self) -> &Parts {
        self.parts
    }

    /// Who calls, as far as the middlewares know.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// The other end of the socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The key that the request has without the function.
    pub fn usual(&self) -> String {
        self.recipe.usual(self.parts, self.caller)
    }
}

impl fmt::Debug for CacheKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheKey").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// What the key of an endpoint's replies is made of.
#[derive(Debug)]
pub(super) struct Recipe {
    endpoint: String,
    query: Queried,
    /// In alphabetical order, so that it does not matter in which they are declared.
    headers: Vec<HeaderName>,
    audience: Audience,
}

/// The part of the query that an endpoint can see.
#[derive(Debug)]
enum Queried {
    /// These parameters, in alphabetical order: others cannot bust the cache.
    Named(Vec<String>),
    All,
}

/// Whom a reply may be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everyone: the endpoint cannot know who calls.
    Everyone,
    /// One caller, because the signature, a header, the scope or a middleware shows who it is.
    Caller,
}

impl Recipe {
    /// The recipe that covers all that the endpoint and its middlewares can see of a request.
    pub(super) fn of(endpoint: &Endpoint, revision: Option<u64>) -> Self {
        let settings = &endpoint.settings;
        let everything = endpoint.args.iter().any(|arg| arg.sees == Sees::Everything);
        let known = endpoint.args.iter().any(|arg| arg.sees != Sees::Itself || arg.place == In::Cookie);
        let guarded = !settings.scope.value.is_public() || !settings.middleware.is_empty();
        let query = if everything {
            Queried::All
        } else {
            let named = endpoint.args.iter().filter(|arg| arg.place == In::Query);
            Queried::Named(sorted(named.map(|arg| arg.name.clone())))
        };
        let declared = settings.vary.iter().map(|name| name.value.as_str());
        let taken = endpoint.args.iter().filter(|arg| arg.place == In::Header).map(|arg| arg.name.as_str());
        // The settings have been checked; an argument's name is a header's, or the argument could not be read.
        let headers = declared.chain(taken).filter_map(|name| HeaderName::try_from(name).ok());
        let mut headers: Vec<HeaderName> = headers.collect();
        headers.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        headers.dedup();
        let secret = headers.iter().any(is_secret);
        // A path begins with a slash, so this is no other path's.
        let revision = revision.map(|revision| format!("{revision:016x}")).unwrap_or_default();
        Self {
            endpoint: format!("{} {revision}{}", endpoint.method, endpoint.path),
            query,
            headers,
            audience: if known || guarded || secret { Audience::Caller } else { Audience::Everyone },
        }
    }

    /// The headers that the reply depends on, for `Vary`.
    pub(super) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    pub(super) fn audience(&self) -> Audience {
        self.audience
    }

    /// The path and the part of the query that counts, in one spelling: what an entry is purged by.
    pub(super) fn url(&self, parts: &Parts) -> String {
        let mut out = String::with_capacity(64);
        push_path(&mut out, parts.uri.path());
        self.push_query(&mut out, parts);
        out
    }

    /// The usual key.
    pub(super) fn usual(&self, parts: &Parts, caller: &Caller) -> String {
        let mut out = String::with_capacity(192);
        push(&mut out, &self.endpoint);
        match &self.query {
            // Such an endpoint can see how the path is spelt.
            Queried::All => out.push_str(parts.uri.path()),
            Queried::Named(_) => push_path(&mut out, parts.uri.path()),
        }
        self.push_query(&mut out, parts);
        // No spelling of a URL has a space in it, so this is where it ends.
        out.push(' ');
        for name in &self.headers {
            let values = parts.headers.get_all(name);
            if is_secret(name) {
                push_secret(&mut out, values.iter());
                continue;
            }
            write!(out, "{}h", values.iter().count()).expect("a String takes everything");
            values.iter().for_each(|value| push_value(&mut out, value));
        }
        if self.audience == Audience::Caller {
            push_caller(&mut out, parts, caller);
        }
        out
    }

    /// The key that a function made, told apart from other endpoints' keys.
    pub(super) fn own(&self, text: &str) -> String {
        let mut out = String::with_capacity(self.endpoint.len() + text.len() + 8);
        push(&mut out, &self.endpoint);
        out.push('!');
        out.push_str(text);
        out
    }

    fn push_query(&self, out: &mut String, parts: &Parts) {
        let Some(query) = parts.uri.query() else { return };
        match &self.query {
            Queried::All => push_pairs(out, sorted_pairs(query)),
            Queried::Named(names) if names.is_empty() => {}
            Queried::Named(names) => {
                let pairs = names.iter().flat_map(|name| values(query, name).map(move |value| (name, value)));
                push_pairs(out, pairs.map(|(name, value)| (Cow::Borrowed(name.as_bytes()), value)));
            }
        }
    }
}

/// A URL as somebody writes it, in the spelling of [`Recipe::url`].
pub(super) fn spelt(url: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut out = String::with_capacity(url.len());
    push_path(&mut out, path);
    push_pairs(&mut out, sorted_pairs(query));
    out
}

/// Everything but letters, digits and `-._~`, which are the same escaped or not (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn push_path(out: &mut String, path: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if path.bytes().all(plain) {
        return out.push_str(path);
    }
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        let decoded: Cow<'_, [u8]> = percent_decode(segment.as_bytes()).into();
        out.extend(percent_encode(&decoded, ESCAPED));
    }
}

type Text<'a> = Cow<'a, [u8]>;

fn push_pairs<'a>(out: &mut String, pairs: impl IntoIterator<Item = (Text<'a>, Text<'a>)>) {
    for (at, (name, value)) in pairs.into_iter().enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        out.extend(percent_encode(&name, ESCAPED));
        out.push('=');
        out.extend(percent_encode(&value, ESCAPED));
    }
}

/// Every pair of a query, by name; the values of one name stay in their order.
fn sorted_pairs(query: &str) -> Vec<(Text<'_>, Text<'_>)> {
    let mut pairs: Vec<_> = pairs(query).map(|(name, value)| (decode(name), decode(value))).collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The values of a name, as arguments see them (`query::values`), but for bytes that are no UTF-8.
fn values<'q>(query: &'q str, name: &'q str) -> impl Iterator<Item = Text<'q>> {
    let is_name = move |key: &str| key == name || *decode(key) == *name.as_bytes();
    pairs(query).filter(move |(key, _)| is_name(key)).map(|(_, value)| decode(value))
}

fn decode(text: &str) -> Text<'_> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(percent_decode(text.replace('+', " ").as_bytes()).collect())
}

/// Text with its length before it.
fn push(out: &mut String, text: &str) {
    write!(out, "{}:{text}", text.len()).expect("a String takes everything");
}

/// A header's value, which may be no UTF-8.
fn push_value(out: &mut String, value: &HeaderValue) {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => push(out, text),
        Err(_) => {
            out.push('x');
            push(out, &hex(value.as_bytes()));
        }
    }
}

fn push_caller(out: &mut String, parts: &Parts, caller: &Caller) {
    // Whoever only has the operator's name does not see what the operator sees.
    if caller.is_operator() {
        out.push('o');
    }
    match caller.id() {
        Some(id) => push(out, id),
        None => out.push('-'),
    }
    write!(out, "{}s", caller.scopes().count()).expect("a String takes everything");
    caller.scopes().for_each(|scope| push(out, scope));
    push_secret(out, parts.headers.get_all(AUTHORIZATION).iter());
    push_secret(out, parts.headers.get_all(COOKIE).iter());
}

fn push_secret<'a>(out: &mut String, values: impl Iterator<Item = &'a HeaderValue>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return out.push('-');
    }
    let mut hash = Sha256::new();
    for value in values {
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value.as_bytes());
    }
    out.push('#');
    out.push_str(&hex(&hash.finalize()));
}

fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// For fuzzing: reads two requests from `data` and panics when they have the same key although the endpoint can tell
/// them apart, or different keys although it cannot.
#[doc(hidden)]
pub fn check(data: &[u8]) {
    let mut fields = data.split(|byte| *byte == 0);
    let mut next = || fields.next().unwrap_or_default();
    let names = ["a", "b c"].map(str::to_owned).to_vec();
    let recipes = [
        (Queried::Named(names), Audience::Everyone),
        (Queried::All, Audience::Everyone),
        (Queried::Named(Vec::new()), Audience::Caller),
    ];
    let (one, other) = (Seen::read(&mut next), Seen::read(&mut next));
    let (Some(one), Some(other)) = (one, other) else { return };
    for (query, audience) in recipes {
        let headers = vec![HeaderName::from_static("accept"), HeaderName::from_static("x-a")];
        let recipe = Recipe { endpoint: "GET /".to_owned(), query, headers, audience };
        let keys = [&one, &other].map(|seen| recipe.usual(&seen.parts, &seen.caller));
        let same = one.through(&recipe) == other.through(&recipe);
        assert_eq!(keys[0] == keys[1], same, "{keys:?}");
    }
}

/// A request for [`check`], and what an endpoint can see of it.
struct Seen {
    parts: Parts,
    caller: Caller,
}

impl Seen {
    fn read<'d>(next: &mut impl FnMut() -> &'d [u8]) -> Option<Self> {
        let mut request = http::Request::builder().uri(next());
        for name in ["accept", "x-a", "x-a", "authorization", "cookie"] {
            let value = next();
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let mut caller = Caller::default();
        if let Ok(id) = std::str::from_utf8(next())
            && !id.is_empty()
        {
            caller.identify(id);
        }
        for scope in next().split(|byte| *byte == b',').filter(|scope| !scope.is_empty()) {
            caller.grant(String::from_utf8_lossy(scope));
        }
        Some(Self { parts: request.body(()).ok()?.into_parts().0, caller })
    }

    fn through(&self, recipe: &Recipe) -> impl PartialEq + use<> {
        let path = self.parts.uri.path();
        let bytes = |text: &str| text.as_bytes().to_vec();
        let query = self.parts.uri.query().unwrap_or_default();
        let (path, query) = match &recipe.query {
            Queried::All => (vec![bytes(path)], sorted_pairs(query)),
            Queried::Named(names) => (
                path.split('/').map(|segment| percent_decode(segment.as_bytes()).collect()).collect(),
                names
                    .iter()
                    .flat_map(|n| values(query, n).map(|v| (Cow::Borrowed(n.as_bytes()), v)))
                    .collect(),
            ),
        };
        let query: Vec<_> = query.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let all =
            |name: &str| -> Vec<HeaderValue> { self.parts.headers.get_all(name).iter().cloned().collect() };
        let caller = (recipe.audience == Audience::Caller)
            .then(|| (self.caller.clone(), all("authorization"), all("cookie")));
        (path, query, all("accept"), all("x-a"), caller)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipe(query: Queried, audience: Audience) -> Recipe {
        Recipe { endpoint: "GET /boats/{id}".to_owned(), query, headers: Vec::new(), audience }
    }

    fn key(recipe: &Recipe, uri: &str) -> String {
        let parts = http::Request::builder().uri(uri).body(()).unwrap().into_parts().0;
        recipe.usual(&parts, &Caller::default())
    }

    #[test]
    fn who_is_only_called_operator_does_not_share_with_the_operator() {
        let recipe = recipe(Queried::All, Audience::Caller);
        let key = |caller: &Caller| recipe.usual(&http::Request::new(()).into_parts().0, caller);
        assert_ne!(key(&Caller::operator()), key(&Caller::known("operator")));
    }

    #[test]
    fn what_an_endpoint_cannot_see_does_not_bust_the_cache() {
        let named = recipe(Queried::Named(vec!["a".to_owned(), "b".to_owned()]), Audience::Everyone);
        assert_eq!(key(&named, "/boats/7?b=2&a=1&utm=x"), "15:GET /boats/{id}/boats/7?a=1&b=2 ");
        assert_eq!(key(&named, "/boats/%37?%61=1&b=2"), key(&named, "/boats/7?b=2&a=1"));
        assert_eq!(key(&named, "/boats/7?a"), key(&named, "/boats/7?a="));
        assert_ne!(key(&named, "/boats/7?a=1&a=2"), key(&named, "/boats/7?a=2&a=1"));
        assert_ne!(key(&named, "/boats/a%2Fb"), key(&named, "/boats/a/b"));
        assert_ne!(key(&named, "/boats/7?a="), key(&named, "/boats/7"));
        let all = recipe(Queried::All, Audience::Everyone);
        assert_eq!(key(&all, "/boats/7?b=2&a=1"), key(&all, "/boats/7?a=1&b=2"));
        assert_ne!(key(&all, "/boats/7?a=1"), key(&all, "/boats/7?a=1&utm=x"));
    }

    #[test]
    fn credentials_are_in_no_key_as_they_are() {
        let mine = recipe(Queried::All, Audience::Caller);
        let with = |value: &str| {
            let request = http::Request::builder().uri("/").header("authorization", value);
            mine.usual(&request.body(()).unwrap().into_parts().0, &Caller::default())
        };
        assert!(!with("Bearer s3cret").contains("s3cret"));
        assert_ne!(with("Bearer s3cret"), with("Bearer other"));
        assert_ne!(with("Bearer s3cret"), key(&mine, "/"));
    }

    #[test]
    fn a_url_is_purged_however_it_is_spelt() {
        let named = recipe(Queried::Named(vec!["full".to_owned(), "a".to_owned()]), Audience::Everyone);
        let parts =
            http::Request::builder().uri("/boats/7?x=1&a=1&full=%31").body(()).unwrap().into_parts().0;
        let sorted = Recipe { query: Queried::Named(vec!["a".to_owned(), "full".to_owned()]), ..named };
        assert_eq!(sorted.url(&parts), "/boats/7?a=1&full=1");
        assert_eq!(spelt("/boats/%37?full=1&a=1"), sorted.url(&parts));
    }

    /// Requests that differ little, so that two of them often mean the same.
    fn request() -> impl Strategy<Value = Vec<u8>> {
        let uri = "/[a7]?(/|%2[Ff]|%61|:|%3a)?[a7]?(\\?((a|b\\+c|b%20c|%61|x)=?[a1:&%+]{0,2}&?){0,3})?";
        let text = "[ab0-9:,h#x-]{0,4}";
        (uri, prop::collection::vec(text, 5), "[a:1-]{0,3}", "[a,:1]{0,4}").prop_map(
            |(uri, headers, id, scopes)| {
                let mut all = vec![uri];
                all.extend(headers);
                all.extend([id, scopes]);
                all.join("\0").into_bytes()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn two_requests_have_one_key_just_when_the_endpoint_cannot_tell_them_apart(one in request(), other in request()) {
            check(&[one.as_slice(), other.as_slice()].join(&0));
        }

        /// One field moved by a byte: what was ambiguous once in many caches.
        #[test]
        fn a_byte_that_moves_to_the_next_field_changes_the_key(one in request(), at in any::<prop::sample::Index>()) {
            let mut other = one.clone();
            let at = at.index(other.len());
            if at + 1 < other.len() {
                other.swap(at, at + 1);
            }
            check(&[one.as_slice(), other.as_slice()].join(&0));
        }
    }
}
