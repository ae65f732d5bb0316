//! The keys of the API file.

use super::drivers::{EXEC, SQL, WASM};
use super::{Form, Keys, Member, Which, member};

/// A node of the tree.
pub static NODE: Keys = Keys {
    name: "node",
    about: "A path and what answers there. The file itself is the node of `/`. Every setting that is inherited may stand \
            on it, and holds for all methods at and below it.",
    members: &[
        member("GET", Form::Object(&METHOD), "", "What answers GET, and HEAD."),
        member("POST", Form::Object(&METHOD), "", "What answers POST."),
        member("PUT", Form::Object(&METHOD), "", "What answers PUT."),
        member("PATCH", Form::Object(&METHOD), "", "What answers PATCH."),
        member("DELETE", Form::Object(&METHOD), "", "What answers DELETE."),
        member(
            "/",
            Form::Map(&NODE),
            "",
            "The nodes below, by their segment: `\"user\"`, `\"{id}\"`, `\"{id:[0-9]+}\"`, a last `\"{*rest}\"`.",
        ),
        member("info", Form::Text, "", "What is here, for the documents."),
        member(
            "table",
            Form::Text,
            "",
            "A table of the database: the node gets endpoints to list, get, create, change and delete its rows.",
        ),
        member("owner", Form::Text, "rows belong to nobody", "The table's column of whom a row belongs to."),
        member(
            "columns",
            Form::Texts,
            "all but the owner's",
            "The table's columns that are shown and taken.",
        ),
        member("page", Form::Count, "100", "Rows on a page, at most."),
        INCLUDE,
        member(
            "exec",
            Form::Object(&EXEC),
            "",
            "Options of the driver `exec`, for all methods at and below it.",
        ),
        member(
            "sql",
            Form::Object(&SQL),
            "",
            "Options of the driver `sql`, for all methods at and below it.",
        ),
        member(
            "wasm",
            Form::Object(&WASM),
            "",
            "Options of the driver `wasm`, for all methods at and below it.",
        ),
        SCHEMA,
    ],
    settings: Which::Inherited,
};

/// A method of a node.
pub static METHOD: Keys = Keys {
    name: "method",
    about: "An endpoint: what it takes, what it gives, who may call it. Every setting may stand on it.",
    members: &[
        member(
            "info",
            Form::Text,
            "",
            "What it does, for the documents: the first paragraph is the summary.",
        ),
        member(
            "in",
            Form::Map(&PARAM),
            "nothing",
            "Its arguments. The name says where each comes from: `\"id\"` is the `{id}` of the path or a member of the body, \
             `\"GET@x\"` is of the query, `\"HEADER@x\"`, `\"COOKIE@x\"`, and `\"URL#0\"` is the first segment after the path.",
        ),
        member("out", Form::Map(&PARAM), "anything", "What it gives: the members of the reply."),
        member(
            "run",
            Form::Text,
            "the file of its path in the folder of controllers",
            "What answers: a file of the project, `exec:` and a program, or `native:` and the name of a function.",
        ),
        member(
            "returns",
            Form::Word(&["row", "rows", "count"]),
            "what its statements suggest",
            "What SQL gives: one row (404 when there is none), a page of rows, or how many were changed.",
        ),
        member("download", Form::Flag, "false", "Accepted for old files; it does nothing."),
        INCLUDE,
        member("exec", Form::Object(&EXEC), "", "Options of the driver `exec`."),
        member("sql", Form::Object(&SQL), "", "Options of the driver `sql`."),
        member("wasm", Form::Object(&WASM), "", "Options of the driver `wasm`."),
    ],
    settings: Which::All,
};

/// An argument or an output.
pub static PARAM: Keys = Keys {
    name: "argument",
    about: "An argument of a method, or a member of its output.",
    members: &[
        member("type", Form::Type, "it must be there", "Its type; `?` before it: it may be left out."),
        member("name", Form::Text, "its name in the request", "Its name for the controller."),
        member("default", Form::Any, "null", "What it is when it is left out; it must fit the type."),
        member("info", Form::Text, "", "What it is, for the documents."),
        INCLUDE,
    ],
    settings: Which::None,
};

const INCLUDE: Member = member(
    "$include",
    Form::TextOrTexts,
    "",
    "Files whose members stand here too, relative to the file that names them and inside of the project.",
);

const SCHEMA: Member = member("$schema", Form::Text, "", "For editors; the server passes it over.");
