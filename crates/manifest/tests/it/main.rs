//! Projects as their users see them: a folder of files, and requests.

mod access;
#[cfg(target_os = "linux")]
mod exec;
mod folders;
mod guide;
mod hello;
mod middlewares;
mod panics;
mod place;
mod replies;
mod said;
mod seed;
mod types;
