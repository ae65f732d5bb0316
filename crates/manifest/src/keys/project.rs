//! The keys of the project file.

use super::drivers::{EXEC, SQL, WASM};
use super::{Form, Keys, Which, member};

/// The project file.
pub static PROJECT: Keys = Keys {
    name: "project",
    about: "The project file, `ketch.json` (or `aicra.json`, where everything stands that stood there). It may be left out, and \
            so may each member. Every setting that is inherited may stand in it, and holds for all of the project's endpoints.",
    members: &[
        member(
            "root",
            Form::Text,
            ".",
            "The folder of controllers, middlewares and the rest: relative to the file, or absolute.",
        ),
        member(
            "driver",
            Form::Word(&["exec", "wasm", "generic", "plugin"]),
            "exec",
            "What runs controllers, middlewares and type checkers whose file does not say: `generic` is `exec`, `plugin` is \
             `wasm`. Case makes no difference.",
        ),
        member("api", Form::Object(&API), "", "What the documents say of the API as a whole."),
        member(
            "types",
            Form::Object(&TYPES),
            "",
            "Where type checkers are, and whether the built-in types are there.",
        ),
        member("controllers", Form::Object(&CONTROLLERS), "", "Where controllers are."),
        member("middlewares", Form::Object(&MIDDLEWARES), "", "Where middlewares are."),
        member("migrations", Form::Object(&MIGRATIONS), "", "Where migrations are."),
        member(
            "caches",
            Form::Map(&CACHE),
            "`memory`, 64 MiB in this process",
            "Caches that the setting `cache` may name; `memory` is there in any case.",
        ),
        member(
            "redirects",
            Form::Texts,
            "none",
            "Origins that `_REDIRECT_` may lead to, beside the server's own: `\"https://app.example\"`.",
        ),
        member("exec", Form::Object(&EXEC), "", "Options of the driver `exec`, for the whole project."),
        member("sql", Form::Object(&SQL), "", "Options of the driver `sql`, for the whole project."),
        member("wasm", Form::Object(&WASM), "", "Options of the driver `wasm`, for the whole project."),
        member(
            "host",
            Form::Text,
            "",
            "Accepted for old files; it does nothing, `ketch serve --listen` says where to listen.",
        ),
        member("port", Form::Count, "", "Accepted for old files; it does nothing."),
        member("$schema", Form::Text, "", "For editors; the server passes it over."),
    ],
    settings: Which::Inherited,
};

pub(crate) static API: Keys = Keys {
    name: "api",
    about: "What the documents say of the API as a whole. The `version` in URLs is a setting, and another thing.",
    members: &[
        member("title", Form::Text, "API", "Its title."),
        member("version", Form::Text, "1.0.0", "The version of the whole, such as `1.4.2`."),
        member("description", Form::Text, "", "What it is, in a paragraph."),
    ],
    settings: Which::None,
};

pub(crate) static TYPES: Keys = Keys {
    name: "types",
    about: "Type checkers.",
    members: &[
        member(
            "default",
            Form::Flag,
            "true; in an `aicra.json` that has this section false",
            "Whether the built-in types are there.",
        ),
        member("folder", Form::Text, "type", "Their folder, below `root`."),
    ],
    settings: Which::None,
};

pub(crate) static CONTROLLERS: Keys = Keys {
    name: "controllers",
    about: "Controllers.",
    members: &[member("folder", Form::Text, "controller", "Their folder, below `root`.")],
    settings: Which::None,
};

pub(crate) static MIDDLEWARES: Keys = Keys {
    name: "middlewares",
    about: "Middlewares.",
    members: &[member("folder", Form::Text, "middleware", "Their folder, below `root`.")],
    settings: Which::None,
};

pub(crate) static CACHE: Keys = Keys {
    name: "cache",
    about: "A cache of whole replies: in this process, or with a `url` in Redis. [The guide](../guide/caching.md#without-rust).",
    members: &[
        member(
            "size",
            Form::Size,
            "64mb",
            "What it may weigh in this process; a reply may have an eighth of it.",
        ),
        member(
            "url",
            Form::Secret,
            "it is in this process",
            "The Redis that it is in, shared by processes and machines: `\"redis://127.0.0.1:6379/0\"`, or \
             `{\"env\": \"REDIS_URL\"}` where it has a password.",
        ),
        member(
            "prefix",
            Form::Text,
            "ketch:",
            "What its keys in Redis begin with; applications that share a Redis need one each.",
        ),
        member(
            "timeout",
            Form::Duration,
            "100ms",
            "The longest that Redis is waited for, 10s at most; then it is as if nothing were kept.",
        ),
        member("largest", Form::Size, "1mb", "The largest body that is kept in Redis."),
    ],
    settings: Which::None,
};

pub(crate) static MIGRATIONS: Keys = Keys {
    name: "migrations",
    about: "Migrations.",
    members: &[
        member("folder", Form::Text, "migrations", "Their folder, below `root`."),
        member(
            "part",
            Form::Text,
            "app",
            "The part that they are recorded as, when several projects share a database.",
        ),
    ],
    settings: Which::None,
};
