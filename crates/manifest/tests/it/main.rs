//! Projects as their users see them: a folder of files, and requests.

mod broken;
mod hello;
mod odd_files;
mod place;
mod replies;
mod said;
mod schemas;
mod types;
