//! The whole, end to end: real servers, real bytes.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]
#![expect(clippy::print_stdout, reason = "a run says what it has measured")]

#[cfg(unix)]
mod aicra_project;
mod arguments;
mod bodies;
#[cfg(unix)]
mod build_sources;
mod cache;
mod cache_arguments;
mod cache_purge;
mod cache_redis;
mod cache_rules;
mod cache_stalls;
mod child;
mod compile_fail;
mod compression;
#[cfg(unix)]
mod control;
mod cors;
mod database;
mod database_faults;
mod declared;
#[cfg(unix)]
mod dev;
mod events;
mod files;
mod floods;
mod framing;
mod framing_cases;
mod framing_head_cases;
mod fuel;
mod fuel_readme;
mod hangups;
mod headers;
mod http2;
mod http2_cases;
mod http2_frames;
mod http2_stalls;
mod jobs;
mod jobs_admin;
mod jobs_cases;
#[cfg(unix)]
mod jobs_command;
#[cfg(unix)]
mod jobs_odd_servers;
mod jobs_orders;
mod jobs_stop;
mod manifest_bodies;
mod manifest_caches;
mod manifest_commands;
#[cfg(unix)]
mod manifest_guards;
mod manifest_here;
mod manifest_pages;
mod manifest_place;
mod manifest_reload;
mod manifest_sql;
mod manifest_sql_inputs;
mod manifest_table;
#[cfg(unix)]
mod manifest_watch;
#[cfg(unix)]
mod manifest_workers;
mod messages;
mod middleware;
mod migrate;
mod mounts;
mod multipart;
mod names;
mod new_project;
mod openapi;
mod openapi_import;
mod overload;
mod panics;
mod probe;
#[cfg(unix)]
mod program;
mod quiet;
mod rate;
mod raw;
mod redirects;
mod replies;
mod rules;
#[cfg(unix)]
mod said;
mod scratch;
mod shutdown;
mod slow;
mod storm;
mod streams;
mod stubs;
mod takeover;
mod traversal;
mod traversal_cases;
mod walk;
mod watch;
mod websocket;
#[cfg(unix)]
mod worker_kits;
