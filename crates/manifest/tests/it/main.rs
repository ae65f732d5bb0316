//! Projects as their users see them: a folder of files, and requests.

mod arguments;
mod hello;
mod place;
mod types;
