//! What the headers of a multipart body and of its parts say (RFC 7578, 4; RFC 2183; RFC 8187 for `filename*`).
//!
//! Strict where readers differ: what comes twice is refused, and only real parameters are taken for parameters.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The longest boundary (RFC 2046, 5.1.1), in characters.
const BOUNDARY: usize = 70;

/// What is said of a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) name: String,
    /// Its last component only.
    pub(crate) file_name: Option<String>,
    /// All headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

/// Why headers cannot be read; it reads on from "its headers".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The boundary that a content type names.
///
/// # Errors
/// When there is none, or one that RFC 2046 does not allow.
pub(crate) fn boundary(content_type: &str) -> Result<String, Unreadable> {
    let rest = content_type.find(';').map_or("", |at| &content_type[at..]);
    let boundary = parameters(rest)?.remove("boundary").ok_or(Unreadable("have no `boundary`"))?;
    let character = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    let good = (1..=BOUNDARY).contains(&boundary.len()) && boundary.chars().all(character);
    if good && !boundary.ends_with(' ') {
        return Ok(boundary);
    }
    Err(Unreadable(
        "have a `boundary` that is empty, longer than 70 characters, or of characters that it cannot hold",
    ))
}

impl Head {
    /// # Errors
    /// When they are no headers, or not those of a form's part.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, Unreadable> {
        let headers = headers(head)?;
        let once = |wanted: &str| {
            let mut found =
                headers.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
            let first = found.next();
            if found.next().is_some() {
                Err(Unreadable("say `Content-Disposition` or `Content-Type` twice"))
            } else {
                Ok(first)
            }
        };
        once("content-type")?;
        let disposition = once("content-disposition")?.ok_or(Unreadable("have no `Content-Disposition`"))?;
        let (kind, rest) = disposition.split_at(disposition.find(';').unwrap_or(disposition.len()));
        if !kind.trim_ascii().eq_ignore_ascii_case("form-data") {
            return Err(Unreadable("have a `Content-Disposition` other than `form-data`"));
        }
        let mut parameters = parameters(rest)?;
        let name = parameters.remove("name").ok_or(Unreadable("have no `name`"))?;
        let file_name = match parameters.remove("filename*") {
            Some(extended) => Some(extended_value(&extended)?),
            None => parameters.remove("filename"),
        };
        Ok(Self { name, file_name: file_name.as_deref().map(last_component), headers })
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Headers, folded lines put together (RFC 5322, 2.2.3).
fn headers(head: &[u8]) -> Result<Vec<(String, String)>, Unreadable> {
    let text = std::str::from_utf8(head).map_err(|_| Unreadable("are not UTF-8"))?;
    let mut all: Vec<(String, String)> = Vec::new();
    if text.is_empty() {
        return Ok(all);
    }
    for line in text.split("\r\n") {
        if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Err(Unreadable("hold control characters"));
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = all.last_mut().ok_or(Unreadable("begin with a folded line"))?;
            value.push(' ');
            value.push_str(line.trim_ascii());
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(Unreadable("hold a line that is no header"))?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Unreadable("hold a header whose name is none"));
        }
        all.push((name.to_ascii_lowercase(), value.trim_ascii().to_owned()));
    }
    Ok(all)
}

/// A character of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

type Parameters = std::collections::HashMap<String, String>;

/// Parameters, each behind its semicolon. One that comes twice is refused.
fn parameters(mut rest: &str) -> Result<Parameters, Unreadable> {
    const BROKEN: Unreadable = Unreadable("have parameters that cannot be read");
    let mut all = Parameters::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(after) = rest.strip_prefix(';') else { break };
        rest = after.trim_ascii_start();
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let (name, after) = rest.split_once('=').ok_or(BROKEN)?;
        let name = name.trim_ascii_end();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(BROKEN);
        }
        let after = after.trim_ascii_start();
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted).ok_or(BROKEN)?,
            None => {
                let (bare, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                if bare.contains('"') {
                    return Err(BROKEN);
                }
                (bare.trim_ascii_end().to_owned(), after)
            }
        };
        if all.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(Unreadable("say a parameter twice"));
        }
    }
    if rest.is_empty() { Ok(all) } else { Err(BROKEN) }
}

/// A quoted string behind its first quote, and what follows it. A backslash escapes a quote and a backslash only:
/// browsers send others as they are.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

/// A value with its character set before it (RFC 8187, 3.2): `UTF-8''%e2%82%ac`.
fn extended_value(text: &str) -> Result<String, Unreadable> {
    const BROKEN: Unreadable = Unreadable("have a `filename*` that is not of the form `UTF-8''…`");
    let mut pieces = text.splitn(3, '\'');
    let (Some(charset), Some(_language), Some(encoded)) = (pieces.next(), pieces.next(), pieces.next())
    else {
        return Err(BROKEN);
    };
    let decoded = percent_decode_str(encoded).decode_utf8().map_err(|_| BROKEN)?;
    if !charset.eq_ignore_ascii_case("utf-8") || decoded.chars().any(char::is_control) {
        return Err(BROKEN);
    }
    Ok(decoded.into_owned())
}

/// The name without the folders of the sender's machine; empty when nothing is left.
fn last_component(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if matches!(last, "." | "..") { String::new() } else { last.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(disposition: &str) -> Result<(String, Option<String>), Unreadable> {
        let head = Head::parse(format!("Content-Disposition: {disposition}").as_bytes())?;
        Ok((head.name, head.file_name))
    }

    #[test]
    fn a_name_in_quotes_is_no_parameter() {
        let hidden = head(r#"form-data; filename="a; name=evil"; name="good""#).unwrap();
        assert_eq!(hidden, ("good".to_owned(), Some("a; name=evil".to_owned())));
        assert!(head(r#"form-data; name="a"; name="b""#).is_err());
        assert!(head(r#"form-data; name="a" x"#).is_err());
        assert!(head(r#"form-data; name="a"#).is_err());
    }

    #[test]
    fn file_names_lose_their_folders() {
        let name = |text: &str| head(&format!("form-data; name=a; filename=\"{text}\"")).unwrap().1.unwrap();
        assert_eq!(name("../../../etc/passwd"), "passwd");
        assert_eq!(name(r"C:\\boats\\list.csv"), "list.csv");
        assert_eq!(name(r"C:\boats\list.csv"), "list.csv");
        assert_eq!((name(".."), name("a/.."), name("")), (String::new(), String::new(), String::new()));
        let extended = head("form-data; name=a; filename=x; filename*=UTF-8''..%2f%e2%82%ac.txt").unwrap();
        assert_eq!(extended.1.unwrap(), "€.txt");
        assert!(head("form-data; name=a; filename*=UTF-8''%ff").is_err());
    }

    #[test]
    fn boundaries_are_what_rfc_2046_allows() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\""), Ok("a b".to_owned()));
        assert_eq!(boundary("multipart/form-data;charset=x; BOUNDARY = a "), Ok("a".to_owned()));
        for bad in [
            "",
            "; boundary=",
            "; boundary=\"\"",
            "; boundary=\"a \"",
            "; boundary=a; boundary=b",
            "; boundary=ä",
        ] {
            assert!(boundary(&format!("multipart/form-data{bad}")).is_err(), "{bad}");
        }
        assert!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))).is_err());
    }
}
