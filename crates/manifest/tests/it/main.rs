//! Projects as their users see them: a folder of files, and requests.

#[cfg(target_os = "linux")]
mod exec;
mod hello;
mod place;
mod replies;
mod said;
mod types;
