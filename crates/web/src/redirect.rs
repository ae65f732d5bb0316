//! Redirects that do not leave: a target that comes from the request stays on the origin, or goes to one that is named.
//!
//! Not here: the redirect to the path without its slash, which the pipeline makes itself.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use ketch_model::{Error, ErrorSpec, ReplySpec};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use url::{Origin, Url};

use crate::exchange::Response;
use crate::reply::{Reply, ReplyDocs};

/// A redirect (RFC 9110 section 15.4): 303 unless its type says another of 301, 302, 307 and 308.
///
/// 303 is right after a form: the browser goes on with a GET. 307 and 308 keep the method and the body; 301 and 308 are
/// for good. Where it leads is checked, because targets tend to come from the request itself (`?next=…`).
///
/// ```
/// use ketch_web::Redirect;
/// # fn main() -> Result<(), ketch_model::Error> {
/// let after_login: Redirect = Redirect::to("/boats?page=2")?;
/// let moved: Redirect<308> = Redirect::to("/v2/boats")?;
/// assert!(Redirect::<303>::to("//evil.example").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect<const STATUS: u16 = 303> {
    location: HeaderValue,
}

/// How often a path is decoded in search of what it hides.
const LAYERS: usize = 4;

impl<const STATUS: u16> Redirect<STATUS> {
    const KNOWN: () = assert!(
        matches!(STATUS, 301 | 302 | 303 | 307 | 308),
        "a redirect's status is 301, 302, 303, 307 or 308"
    );

    /// Leads to a path of the same origin: it begins with exactly one slash.
    ///
    /// # Errors
    /// 400 `bad_redirect` for whatever a browser might read as another place, however it is encoded; and for empty
    /// segments, dot segments and characters that no honest path has. Letters outside of ASCII are encoded.
    pub fn to(target: impl AsRef<str>) -> Result<Self, Error> {
        let () = Self::KNOWN;
        let location = same_origin(target.as_ref()).ok_or_else(refused)?;
        Ok(Self { location })
    }

    /// Leads to a path of the same origin, or to a URL of one of these origins, `https://app.example`.
    ///
    /// # Errors
    /// 400 `bad_redirect` as for [`to`](Self::to), and for any other origin, user name or password. 500 when one of
    /// `origins` is no origin.
    pub fn to_allowed(target: impl AsRef<str>, origins: &[&str]) -> Result<Self, Error> {
        let () = Self::KNOWN;
        let target = target.as_ref();
        let allowed = origins.iter().map(|origin| read_origin(origin)).collect::<Result<Vec<_>, _>>()?;
        if target.starts_with('/') {
            return Self::to(target);
        }
        let location = elsewhere(target, &allowed).ok_or_else(refused)?;
        Ok(Self { location })
    }

    /// Leads to a URL that the program itself holds, wherever that is. It is a constant, so that nothing of a request
    /// gets here.
    ///
    /// # Errors
    /// 500 when it is no URL reference that a header can hold.
    pub fn elsewhere(url: &'static str) -> Result<Self, Error> {
        let () = Self::KNOWN;
        let visible = !url.is_empty() && url.bytes().all(|byte| byte.is_ascii_graphic());
        let location = HeaderValue::from_str(url).ok().filter(|_| visible);
        let location =
            location.ok_or_else(|| Error::internal(format!("`{url}` cannot be the target of a redirect")))?;
        Ok(Self { location })
    }
}

impl<const STATUS: u16> Reply for Redirect<STATUS> {
    fn reply(self) -> Result<Response, Error> {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::from_u16(STATUS).map_err(Error::internal)?;
        response.headers_mut().insert(LOCATION, self.location);
        Ok(response)
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let () = Self::KNOWN;
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::SEE_OTHER);
        docs.push(ReplySpec { status, description: "Go on at `Location`.".to_owned(), content: None });
        docs.errors(&[ErrorSpec {
            status: 400,
            code: CODE,
            description: "The place to go on at is not one that is led to from here",
        }]);
    }
}

const CODE: &str = "bad_redirect";

fn refused() -> Error {
    let message =
        "the place to go on at is not one that is led to from here: send a path that begins with one slash";
    Error::new(400, CODE, message)
}

/// The path as a header's value, if it stays.
fn same_origin(target: &str) -> Option<HeaderValue> {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let path = &target[..end];
    let good = path.starts_with('/') && target.chars().all(plain) && stays(path);
    let base = Url::parse("http://origin.invalid/").ok()?;
    let encoded: String = utf8_percent_encode(target, percent_encoding::CONTROLS).collect();
    // The last word has a parser that reads as browsers do.
    let same = good && base.join(&encoded).is_ok_and(|url| url.origin() == base.origin());
    HeaderValue::from_str(&encoded).ok().filter(|_| same)
}

/// What may stand in a target as it is. Letters of any script are encoded; the look-alikes of slashes and dots, and
/// what is not seen at all, are none.
fn plain(letter: char) -> bool {
    if letter.is_ascii() {
        letter.is_ascii_graphic() && !"\\\"<>^`{|}".contains(letter)
    } else {
        letter.is_alphanumeric()
    }
}

/// Whether a path means the same to everybody, however often it is decoded on its way.
fn stays(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..LAYERS {
        let odd = |byte: u8| byte.is_ascii_control() || byte == b'\\';
        let dots = path.split('/').any(|segment| segment == "." || segment == "..");
        if path.contains("//") || dots || path.bytes().any(odd) {
            return false;
        }
        let Ok(decoded) = percent_decode_str(&path).decode_utf8() else { return false };
        if decoded == path {
            return true;
        }
        path = decoded.into_owned();
    }
    false
}

/// A whole URL of one of these origins, written anew as it was understood.
fn elsewhere(target: &str, allowed: &[Origin]) -> Option<HeaderValue> {
    let whole = ["https://", "http://"].iter().any(|scheme| target.starts_with(scheme));
    if !whole || !target.chars().all(plain) {
        return None;
    }
    let url = Url::parse(target).ok()?;
    let named = allowed.contains(&url.origin());
    // A host that is one only after repair (`https:///app.example`, `https://app%2eexample`) was meant to look like
    // something else.
    let host = url.host_str().is_some_and(|host| {
        target.split_once("://").is_some_and(|(_, rest)| {
            rest.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
        })
    });
    let nobody = url.username().is_empty() && url.password().is_none() && !target.contains('@');
    HeaderValue::from_str(url.as_str()).ok().filter(|_| named && host && nobody)
}

fn read_origin(text: &str) -> Result<Origin, Error> {
    let url = Url::parse(text).ok().filter(|url| url.origin().is_tuple());
    url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
        .map(|url| url.origin())
        .ok_or_else(|| Error::internal(format!("`{text}` is no origin: write `https://app.example`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(target: &str) -> Option<String> {
        let redirect = Redirect::<303>::to(target).ok()?;
        Some(redirect.location.to_str().unwrap().to_owned())
    }

    #[test]
    fn letters_of_any_script_are_encoded() {
        assert_eq!(location("/café?q=é#ü").as_deref(), Some("/caf%C3%A9?q=%C3%A9#%C3%BC"));
        assert_eq!(location("/caf%C3%A9").as_deref(), Some("/caf%C3%A9"));
    }

    #[test]
    fn a_query_may_hold_an_encoded_target() {
        let target = "/login?next=https%3A%2F%2Fapp.example%2F";
        assert_eq!(location(target).as_deref(), Some(target));
    }

    #[test]
    fn an_origin_that_is_none_is_the_programs_mistake() {
        let error = Redirect::<303>::to_allowed("/", &["app.example"]).unwrap_err();
        assert_eq!(error.status(), 500);
    }

    #[test]
    fn elsewhere_is_for_constants() {
        let redirect = Redirect::<307>::elsewhere("https://docs.example/ketch").unwrap();
        let response = redirect.reply().unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[LOCATION]),
            (307, &HeaderValue::from_static("https://docs.example/ketch"))
        );
        assert!(Redirect::<303>::elsewhere("https://docs.example/\r\nx: y").is_err());
    }
}
