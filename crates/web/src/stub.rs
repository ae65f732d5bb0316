//! Stubs: files that answer in place of code, so that a front end can be built before there is any.
//!
//! Here is which file answers and that no request leads out of its folder. The setting's `headers` are not here: the
//! pipeline adds them to every good reply.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use ketch_model::{Content, Effective, Error, ErrorSpec, ReplySpec};
use ketch_syntax::{Template, suggestion};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::exchange::{Input, RequestId, Response};
use crate::file::{FileBody, Opened, beneath, beneath_both, content_type, is_plain, server_failed};
use crate::service::Handler;

/// The largest stub, in bytes.
const LARGEST: u64 = 16 << 20;
/// The largest stub that is read at once; a larger one goes out in pieces.
const AT_ONCE: u64 = 64 << 10;

/// The files that one endpoint answers with: one, or one for each value of its path parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StubFile {
    /// Where the folder is looked for, first first.
    roots: Vec<Root>,
    /// Nothing outside of it is read.
    folder: PathBuf,
    /// The path below the folder, part by part.
    below: Vec<Vec<Piece>>,
    /// 200 if none is said.
    status: Option<StatusCode>,
    delay: Option<Duration>,
}

/// Where a stub's folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Root {
    /// A folder that a program names: what it says below is trusted.
    Program(PathBuf),
    /// A project's folder, out of which nothing leads, links neither.
    Project(PathBuf),
}

/// What a part of a stub's path is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The value of a parameter of the route.
    Param(String),
}

/// What an endpoint's settings say about its stub; none when it has none. With a `base`, which is a project's folder, the
/// file is in it. Otherwise a relative path is looked for beside the executable, then in the working directory.
///
/// # Errors
/// Why there can be no such file: a message for the one who wrote the setting.
pub(crate) fn plan(
    settings: &Effective,
    route: &Template,
    base: Option<&Path>,
) -> Result<Option<StubFile>, String> {
    let Some(text) = &settings.stub.value else { return Ok(None) };
    let status = settings.status.value.and_then(|status| StatusCode::from_u16(status).ok());
    let (absolute, parts) = match base {
        Some(base) => parts(&in_project(text, base)?)?,
        None => parts(text)?,
    };
    let mut pieces = Vec::new();
    for part in &parts {
        pieces.push(read(part, text, route)?);
    }
    let params = |part: &Vec<Piece>| part.iter().any(|piece| matches!(piece, Piece::Param(_)));
    let constant = pieces.iter().position(params).unwrap_or(parts.len() - 1);
    let folder: PathBuf = parts[..constant].iter().collect();
    let roots = match (absolute, base) {
        (_, Some(base)) => {
            let whole: PathBuf = parts.iter().collect();
            stays(text, base, if pieces.iter().any(params) { &folder } else { &whole })?;
            vec![Root::Project(base.to_owned())]
        }
        (Some(root), None) => vec![Root::Program(root)],
        (None, None) => usual_roots(),
    };
    Ok(Some(StubFile {
        roots,
        folder,
        below: pieces.split_off(constant),
        status,
        delay: settings.delay.value,
    }))
}

impl StubFile {
    /// A handler that answers with the file. `declared` reads the arguments first, if there are any; its own reply is
    /// not used.
    pub(crate) fn handler(self, declared: Option<Handler>) -> Handler {
        let stub = Arc::new(self);
        Arc::new(move |input| {
            let stub = Arc::clone(&stub);
            let (path, id) = (stub.below(&input), input.exchange.id());
            let checked = declared.as_ref().map(|declared| declared(input));
            Box::pin(async move {
                if let Some(checked) = checked {
                    let _unused = checked.await?;
                }
                stub.answer(path, id).await
            })
        })
    }

    /// A stub over code, and what the documents say of it: what the type promises, its status too where none is said.
    pub(crate) fn over(
        mut self,
        (replies, mut errors): (Vec<ReplySpec>, Vec<ErrorSpec>),
    ) -> (Self, (Vec<ReplySpec>, Vec<ErrorSpec>)) {
        let promised = |reply: &ReplySpec| reply.status.is_success() && reply.content.is_some();
        let Some(promised) = replies.into_iter().find(promised) else {
            let described = self.describe();
            return (self, described);
        };
        let status = *self.status.get_or_insert(promised.status);
        errors.push(NO_STUB);
        (self, (vec![ReplySpec { status, ..promised }], errors))
    }

    /// What the documents say of a stub whose type says nothing.
    pub(crate) fn describe(&self) -> (Vec<ReplySpec>, Vec<ErrorSpec>) {
        let status = self.status();
        let content = Content { media_type: self.media_type(), schema: json!({}) };
        let description = "The stub.".to_owned();
        let reply = ReplySpec { status, description, content: Some(content).filter(|_| !bodiless(status)) };
        (vec![reply], vec![NO_STUB])
    }

    /// The media type that follows from the extension, if that is the same for every file.
    fn media_type(&self) -> &'static str {
        let last = self.below.last().and_then(|part| part.last());
        let Some(Piece::Text(end)) = last else { return "*/*" };
        let extension = end.rsplit_once('.').map(|(_, extension)| extension);
        extension.and_then(|extension| mime_guess::from_ext(extension).first_raw()).unwrap_or("*/*")
    }

    /// Waits, and answers with the file as it is now.
    ///
    /// # Errors
    /// 404 `no_stub` when there is none, 500 when it is too large.
    async fn answer(&self, path: Option<PathBuf>, id: RequestId) -> Result<Response, Error> {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        let path = path.ok_or_else(|| missing("a parameter's value names no file".to_owned()))?;
        let content_type = content_type(&path);
        let (roots, folder) = (self.roots.clone(), self.folder.clone());
        let read = tokio::task::spawn_blocking(move || first(&roots, &folder, &path));
        let content = read.await.map_err(Error::internal)??;
        let mut response = Response::default();
        *response.status_mut() = self.status();
        if bodiless(self.status()) {
            return Ok(response);
        }
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_str(&content_type).map_err(Error::internal)?);
        *response.body_mut() = match content {
            Found::Whole(bytes) => Body::from(bytes),
            Found::Large(opened) => Body::new(FileBody::new(opened.file, 0, opened.length, Some(id))),
        };
        Ok(response)
    }

    fn status(&self) -> StatusCode {
        self.status.unwrap_or(StatusCode::OK)
    }

    /// The path below the folder for a request; none when a value would be no single visible name.
    fn below(&self, input: &Input) -> Option<PathBuf> {
        let mut path = PathBuf::new();
        for part in &self.below {
            let mut name = String::new();
            for piece in part {
                match piece {
                    Piece::Text(text) => name.push_str(text),
                    Piece::Param(param) => name.push_str(&value(input, param)?),
                }
            }
            path.push(name);
        }
        Some(path)
    }
}

const NO_STUB: ErrorSpec =
    ErrorSpec { status: 404, code: "no_stub", description: "There is no file to answer with" };

fn bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
}

/// The file's content, as far as it is read at once.
enum Found {
    Whole(Bytes),
    Large(Opened),
}

/// The first file there is.
fn first(roots: &[Root], folder: &Path, path: &Path) -> Result<Found, Error> {
    let mut reasons = Vec::new();
    for root in roots {
        let (opened, root) = match root {
            Root::Program(root) => (beneath(&root.join(folder), path), root),
            Root::Project(root) => (beneath_both(root, folder, path), root),
        };
        match opened {
            Ok(opened) if opened.length > LARGEST => {
                let (name, length) = (root.join(folder).join(path), opened.length);
                let name = name.display();
                return Err(Error::internal(format!(
                    "the stub {name} has {length} bytes, and at most {LARGEST} are answered"
                )));
            }
            Ok(opened) => return content(opened).map_err(Error::internal),
            Err(fault) if server_failed(&fault) => return Err(Error::internal(fault)),
            Err(fault) => reasons.push(format!("{}: {fault}", root.join(folder).join(path).display())),
        }
    }
    Err(missing(reasons.join("; ")))
}

fn content(opened: Opened) -> io::Result<Found> {
    if opened.length > AT_ONCE {
        return Ok(Found::Large(opened));
    }
    let mut bytes = Vec::new();
    // What has no length is empty, or no file on a disk.
    let most = if opened.length == 0 { 0 } else { AT_ONCE };
    opened.file.take(most).read_to_end(&mut bytes)?;
    Ok(Found::Whole(bytes.into()))
}

/// The reason goes to the log at debug.
fn missing(reason: String) -> Error {
    Error::new(NO_STUB.status, NO_STUB.code, "there is no file to answer with").because(reason)
}

/// A parameter's value, decoded, if it is a plain name.
fn value(input: &Input, param: &str) -> Option<String> {
    let raw = input.exchange.param(param, input.parts.uri.path())?;
    let value = percent_decode_str(raw).decode_utf8().ok()?;
    is_plain(&value).then(|| value.into_owned())
}

/// Where a program's relative path is looked for. The working directory is looked up by the system for every request.
fn usual_roots() -> Vec<Root> {
    static BESIDE: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::current_exe().ok()?.parent().map(Path::to_owned));
    BESIDE.clone().into_iter().chain([PathBuf::from(".")]).map(Root::Program).collect()
}

/// A project's stub, below its folder. An absolute path must lead into it.
fn in_project(text: &str, base: &Path) -> Result<String, String> {
    if !Path::new(text).has_root() {
        return Ok(text.to_owned());
    }
    let known = [std::path::absolute(base), base.canonicalize()];
    let below = known.iter().flatten().find_map(|base| Path::new(text).strip_prefix(base).ok());
    below.and_then(Path::to_str).map(str::to_owned).ok_or_else(|| leads_out(text))
}

/// What is there already of a project's stub is in its folder, wherever links lead. What comes later is looked at when it
/// is asked for.
fn stays(text: &str, base: &Path, path: &Path) -> Result<(), String> {
    let (Ok(real), Ok(base)) = (base.join(path).canonicalize(), base.canonicalize()) else { return Ok(()) };
    if real.starts_with(base) { Ok(()) } else { Err(leads_out(text)) }
}

fn leads_out(text: &str) -> String {
    format!("the stub `{text}` leads out of the project's folder: put the file into it")
}

/// The root of an absolute path, and the parts of a path.
fn parts(text: &str) -> Result<(Option<PathBuf>, Vec<String>), String> {
    let shown = format!("the stub `{text}`");
    if text.ends_with('/') || text.contains('\0') {
        return Err(format!("{shown} names no file: write `\"stubs/later.json\"`"));
    }
    let mut root = PathBuf::new();
    let mut parts = Vec::new();
    for component in Path::new(text).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => root.push(component),
            Component::CurDir => {}
            Component::ParentDir => {
                return Err(format!("{shown} has a `..`: write the path without a way up"));
            }
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
        }
    }
    if parts.is_empty() {
        return Err(format!("{shown} names no file: write `\"stubs/later.json\"`"));
    }
    Ok((Some(root).filter(|root| root.has_root()), parts))
}

/// Reads one part of a stub's path: text and `{param}`.
fn read(part: &str, whole: &str, route: &Template) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some((text, after)) = rest.split_once('{') {
        let unclosed = || format!("the stub `{whole}` has a `{{` without its `}}`");
        let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
        let known = || route.params().map(|param| param.name.as_str());
        if !known().any(|param| param == name) {
            let hint = suggestion(name, known());
            return Err(format!("`{{{name}}}` in the stub `{whole}` is no parameter of `{route}`{hint}"));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Param(name.to_owned()));
        rest = after;
    }
    if rest.contains('}') {
        return Err(format!("the stub `{whole}` has a `}}` without its `{{`"));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use ketch_model::{Inferred, Level, Leveled, Settings, resolve};

    use super::*;

    fn planned(stub: &str, base: Option<&Path>) -> Result<Option<StubFile>, String> {
        let settings = Settings::new().stub(stub);
        let levels = [Leveled(Level::EndpointCode, &settings)];
        let inferred = Inferred { root: "mock", route: "{name}/{kind}" };
        let effective = resolve("Mock::later", inferred, &levels).unwrap();
        plan(&effective, &effective.path().unwrap(), base)
    }

    #[test]
    fn a_relative_path_is_looked_for_beside_the_program_and_where_it_runs() {
        let beside = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let roots = planned("sub/later.json", None).unwrap().unwrap().roots;
        assert_eq!(roots, [Root::Program(beside), Root::Program(PathBuf::from("."))]);
        assert_eq!(planned("-", None).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn an_absolute_path_is_looked_for_nowhere_else() {
        let stub = planned("/srv/stubs/later.json", None).unwrap().unwrap();
        assert_eq!(stub.roots, [Root::Program(PathBuf::from("/"))]);
        assert_eq!(stub.folder, Path::new("srv/stubs"));
    }

    #[test]
    fn a_project_s_stub_is_in_its_folder_and_looked_for_nowhere_else() {
        let base = Path::new("project");
        let inside = std::path::absolute(base).unwrap().join("sub/later.json").display().to_string();
        for text in ["sub/later.json", inside.as_str()] {
            let stub = planned(text, Some(base)).unwrap().unwrap();
            assert_eq!(stub.roots, [Root::Project(base.to_owned())], "{text}");
            assert_eq!(stub.folder, Path::new("sub"), "{text}");
        }
        for text in ["/srv/stubs/later.json", "/srv/stubs/{name}.json"] {
            let message = planned(text, Some(base)).unwrap_err();
            assert!(message.contains("leads out of the project's folder"), "{text}: {message}");
        }
    }

    #[test]
    fn the_folder_ends_before_the_first_parameter() {
        let cases = [
            ("later.json", "", 1),
            ("./a/b/later.json", "a/b", 1),
            ("a/{name}.json", "a", 1),
            ("a/b-{name}-{kind}/later.json", "a", 2),
            ("{name}/b/{kind}", "", 3),
        ];
        for (text, folder, below) in cases {
            let stub = planned(text, None).unwrap().unwrap();
            assert_eq!((stub.folder.as_path(), stub.below.len()), (Path::new(folder), below), "{text}");
        }
    }

    #[test]
    fn what_can_be_no_file_is_said_when_the_server_is_built() {
        let cases = [
            ("../later.json", "has a `..`"),
            ("a/../later.json", "has a `..`"),
            ("a/{name}/..", "has a `..`"),
            ("a/", "names no file"),
            ("", "names no file"),
            (".", "names no file"),
            ("a\0b", "names no file"),
            ("a/{nam}.json", "did you mean `name`?"),
            ("a/{name.json", "without its `}`"),
            ("a/name}.json", "without its `{`"),
            ("a/{}.json", "no parameter"),
        ];
        for (text, expected) in cases {
            let message = planned(text, None).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn the_first_file_there_is_answers() {
        let top = std::env::temp_dir().join(format!("ketch-stub-{}", std::process::id()));
        let folders: Vec<PathBuf> = ["one", "two", "three"].map(|name| top.join(name)).into();
        let roots: Vec<Root> = folders.iter().cloned().map(Root::Program).collect();
        let text = || match first(&roots, Path::new(""), Path::new("a.txt")) {
            Ok(Found::Whole(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
            Ok(Found::Large(_)) => "large".to_owned(),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(text(), "no_stub");
        for folder in folders.iter().rev() {
            std::fs::create_dir_all(folder).unwrap();
            let name = folder.file_name().unwrap().to_str().unwrap();
            std::fs::write(folder.join("a.txt"), name).unwrap();
            assert_eq!(text(), name);
        }
        std::fs::remove_dir_all(&top).unwrap();
    }
}
