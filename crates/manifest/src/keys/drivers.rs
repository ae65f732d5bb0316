//! The options of drivers.

use super::{Form, Keys, Which, member};

/// Options of the driver `exec`.
pub static EXEC: Keys = Keys {
    name: "exec",
    about: "How programs are run, and their limits: [worker-protocol.md](worker-protocol.md).",
    members: &[
        member(
            "mode",
            Form::Word(&["oneshot", "worker"]),
            "oneshot",
            "A process for each call, or a pool of processes that outlive it.",
        ),
        member("workers", Form::Count, "the processors, 4 at most", "Processes of a worker's pool, 1 to 64."),
        member("processes", Form::Count, "four for each processor", "Oneshot processes at a time, 1 to 256."),
        member(
            "queue",
            Form::Count,
            "64",
            "Requests that may wait for a process, up to 4096; beyond it 503.",
        ),
        member("wait", Form::Duration, "1s", "The longest that one waits for a process; then 503."),
        member("recycle", Form::Count, "10000", "Calls after which a worker is replaced; 0 for never."),
        member("idle", Form::Duration, "5m", "How long a worker that is not called stays."),
        member("grace", Form::Duration, "2s", "The time from asking a process to end to killing its group."),
        member("output", Form::Size, "1mb", "The largest output of a call."),
        member("memory", Form::Size, "2gb", "Data of each process; `\"-\"` for no bound."),
        member(
            "cpu",
            Form::Duration,
            "no bound",
            "Processor time of each process, in whole seconds; `\"-\"` for no bound.",
        ),
        member("files", Form::Count, "256", "Open files of each process."),
        member(
            "env",
            Form::Variables,
            "none",
            "Variables of its environment: a text, or `true` to pass on the server's own.",
        ),
    ],
    settings: Which::None,
};

/// Options of the driver `sql`.
pub static SQL: Keys = Keys {
    name: "sql",
    about: "What SQL gives and needs.",
    members: &[
        member("page", Form::Count, "100; without `:limit` 1000", "Rows on a page, at most."),
        member("cursor", Form::Text, "none", "The column that pages go on from."),
        member("anonymous", Form::Flag, "false", "Whether `:caller_id` may be null where nobody is known."),
    ],
    settings: Which::None,
};

/// Options of the driver `wasm`.
pub static WASM: Keys = Keys {
    name: "wasm",
    about: "How components are run, their limits, and what they are granted.",
    members: &[
        member(
            "reuse",
            Form::Count,
            "1",
            "Calls of one instance; it is dropped sooner after a trap or a time-out.",
        ),
        member("timeout", Form::Duration, "the endpoint's", "The longest that a call runs."),
        member("instances", Form::Count, "32", "Instances at a time, 1 to 1000."),
        member("wait", Form::Duration, "1s", "The longest that a call waits for an instance; then 503."),
        member("memory", Form::Size, "64mb", "Memory of an instance."),
        member("output", Form::Size, "8mb", "The largest output of a call."),
        member("database", Form::Flag, "false", "Whether it may use the database, as its caller."),
        member("hosts", Form::Texts, "none", "Hosts that it may call: `\"api.example.org:443\"`."),
        member(
            "roots",
            Form::Texts,
            "none",
            "PEM files of authorities that it trusts over TLS, beside the operating system's.",
        ),
        member(
            "folders",
            Form::Folders,
            "none",
            "Folders of the project that it may use: `\"ro\"` or `\"rw\"` for each.",
        ),
        member("env", Form::TextMap, "none", "Variables of its environment."),
    ],
    settings: Which::None,
};
