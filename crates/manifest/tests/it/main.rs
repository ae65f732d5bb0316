//! Projects as their users see them: a folder of files, and requests.

mod arguments;
mod hello;
mod place;
mod replies;
mod said;
mod types;
