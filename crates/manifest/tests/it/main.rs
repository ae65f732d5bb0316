//! Projects as their users see them: a folder of files, and requests.

mod arguments;
mod files;
mod hello;
mod native;
mod outputs;
mod place;
mod replies;
mod said;
mod types;
