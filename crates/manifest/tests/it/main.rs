//! Projects as their users see them: a folder of files, and requests.

mod access;
mod arguments;
mod broken;
mod caches;
mod documents;
#[cfg(target_os = "linux")]
mod exec;
mod files;
mod folders;
mod guide;
mod hello;
mod middlewares;
mod native;
mod odd_files;
mod outputs;
mod outside;
mod own;
mod panics;
mod place;
mod replies;
mod said;
mod schemas;
mod seed;
mod types;
