//! The route template: `say/{greeting}/{count:[0-9]+}/{*rest}`.
//!
//! Only the form is read here. Whether a regular expression is one is for the route table to say, which has the
//! engine.

use std::fmt;

/// A route, cut into segments. Runs of slashes and slashes at the ends count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Text that must be there as it is.
    Literal(String),
    /// `{name}`, `{name:regex}` or a final `{*name}`.
    Param(Param),
}

/// One `{…}` of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name, which is the argument's name.
    pub name: String,
    /// The regular expression that the whole segment must match.
    pub pattern: Option<String>,
    /// Whether it takes the rest of the path, slashes included.
    pub catch_all: bool,
}

/// Why a template cannot be read. Displayed, it says how to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError(String);

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When a brace is not closed, a parameter is not a whole segment, a name is no identifier or comes twice, a
    /// catch-all is not last, or a literal holds what cannot be in a path.
    ///
    /// ```
    /// use ketch_syntax::Template;
    /// let template = Template::parse("say/{greeting}/{count:[0-9]{1,3}}").unwrap();
    /// let names: Vec<_> = template.params().map(|p| p.name.as_str()).collect();
    /// assert_eq!(names, ["greeting", "count"]);
    /// assert!(Template::parse("say/:greeting").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut template = Self::default();
        for segment in split(text)? {
            template.push(&segment)?;
        }
        Ok(template)
    }

    /// The segments, first first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The parameters, first first.
    pub fn params(&self) -> impl Iterator<Item = &Param> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Param(param) => Some(param),
            Segment::Literal(_) => None,
        })
    }

    /// The template as OpenAPI writes paths: parameters without their patterns.
    ///
    /// ```
    /// # use ketch_syntax::Template;
    /// assert_eq!(Template::parse("a/{n:[0-9]+}/{*rest}").unwrap().plain(), "/a/{n}/{rest}");
    /// ```
    pub fn plain(&self) -> String {
        self.write(|param| format!("{{{}}}", param.name))
    }

    fn push(&mut self, text: &str) -> Result<(), TemplateError> {
        if self.params().any(|param| param.catch_all) {
            return Err(TemplateError(
                "a `{*…}` takes the rest of the path, so it must come last".to_owned(),
            ));
        }
        let Some(inner) = in_braces(text) else {
            self.segments.push(Segment::Literal(literal(text)?));
            return Ok(());
        };
        let param = param(inner)?;
        if self.params().any(|earlier| earlier.name == param.name) {
            return Err(TemplateError(format!("`{{{}}}` appears twice", param.name)));
        }
        self.segments.push(Segment::Param(param));
        Ok(())
    }

    fn write(&self, show: impl Fn(&Param) -> String) -> String {
        let mut out = String::new();
        for segment in &self.segments {
            out.push('/');
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Param(param) => out.push_str(&show(param)),
            }
        }
        if out.is_empty() {
            out.push('/');
        }
        out
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(|param| match (&param.pattern, param.catch_all) {
            (_, true) => format!("{{*{}}}", param.name),
            (Some(pattern), false) => format!("{{{}:{pattern}}}", param.name),
            (None, false) => format!("{{{}}}", param.name),
        }))
    }
}

/// Cuts at the slashes that are outside of braces, and drops what is empty.
fn split(text: &str) -> Result<Vec<String>, TemplateError> {
    let mut segments = Vec::new();
    let mut segment = String::new();
    let mut depth = 0_usize;
    let mut escaped = false;
    for letter in text.chars() {
        let inside = depth > 0;
        match letter {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '{' => depth += 1,
            '}' if inside => depth -= 1,
            '}' => return Err(TemplateError(format!("`{text}`: a `}}` without its `{{`"))),
            '/' if !inside => {
                segments.push(std::mem::take(&mut segment));
                continue;
            }
            _ => {}
        }
        segment.push(letter);
    }
    if depth > 0 {
        return Err(TemplateError(format!("`{segment}`: missing `}}`")));
    }
    segments.push(segment);
    segments.retain(|segment| !segment.is_empty());
    Ok(segments)
}

/// What is inside, when the first brace is closed by the last letter; `{a}{b}` and `{a}b` are no parameters.
fn in_braces(segment: &str) -> Option<&str> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    let mut depth = 0_usize;
    let mut escaped = false;
    for letter in inner.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    Some(inner)
}

fn literal(text: &str) -> Result<String, TemplateError> {
    if let Some(name) = text.strip_prefix(':') {
        return Err(TemplateError(format!("`:{name}` is another framework's syntax; write `{{{name}}}`")));
    }
    if text.contains(['{', '}']) {
        return Err(TemplateError(format!("`{text}`: a parameter is a whole segment, like `/{{id}}/`")));
    }
    if text == "." || text == ".." {
        return Err(TemplateError(format!(
            "`{text}` is not a segment: browsers resolve it before they send it"
        )));
    }
    let misfit = |c: &char| !(c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(*c));
    match text.chars().find(misfit) {
        None => Ok(text.to_owned()),
        Some(c) => Err(TemplateError(format!(
            "`{text}`: `{c}` cannot stand in a path as it is (RFC 3986); use letters, digits and `-._~`"
        ))),
    }
}

fn param(inner: &str) -> Result<Param, TemplateError> {
    let (name, pattern) = match inner.split_once(':') {
        Some((name, pattern)) => (name, Some(pattern.to_owned())),
        None => (inner, None),
    };
    let (name, catch_all) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
    let mut letters = name.chars();
    let identifier = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_');
    if !identifier {
        return Err(TemplateError(format!("`{{{inner}}}`: `{name}` is not a name; write `{{id}}`")));
    }
    match &pattern {
        Some(pattern) if pattern.is_empty() => {
            Err(TemplateError(format!("`{{{inner}}}`: the pattern after `:` is empty")))
        }
        Some(_) if catch_all => {
            Err(TemplateError(format!("`{{{inner}}}`: a catch-all takes anything, so it has no pattern")))
        }
        Some(pattern) if pattern.contains('/') => {
            Err(TemplateError(format!("`{{{inner}}}`: a pattern sees one segment, so it cannot contain `/`")))
        }
        _ => Ok(Param { name: name.to_owned(), pattern, catch_all }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_collapse_and_braces_nest() {
        let template = Template::parse("//a///b/{x:[0-9]{2}}/").unwrap();
        assert_eq!(template.to_string(), "/a/b/{x:[0-9]{2}}");
        assert_eq!(template.plain(), "/a/b/{x}");
        assert_eq!(Template::parse("").unwrap().to_string(), "/");
        assert_eq!(Template::parse("f/{*rest}").unwrap().to_string(), "/f/{*rest}");
        assert_eq!(
            Template::parse(r"{x:\{a\}}").unwrap().params().next().unwrap().pattern.as_deref(),
            Some(r"\{a\}")
        );
    }

    #[test]
    fn what_cannot_be_a_route_says_why() {
        let cases = [
            ("a/:id", "another framework's syntax; write `{id}`"),
            ("a/{id", "missing `}`"),
            ("a/id}", "without its `{`"),
            ("a/v{id}", "whole segment"),
            ("a/{x:b}{y:c}", "whole segment"),
            ("a/{x}-{y}", "whole segment"),
            ("{id}/{id}", "appears twice"),
            ("{*rest}/x", "must come last"),
            ("{}", "is not a name"),
            ("{1x}", "is not a name"),
            ("{x:}", "is empty"),
            ("{*x:[0-9]}", "no pattern"),
            ("{x:a/b}", "cannot contain `/`"),
            ("a b", "cannot stand in a path"),
            ("a?b", "cannot stand in a path"),
            ("a/../b", "browsers resolve it"),
        ];
        for (text, expected) in cases {
            let message = Template::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
