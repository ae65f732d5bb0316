//! Projects as their users see them: a folder of files, and requests.

mod access;
mod folders;
mod hello;
mod middlewares;
mod place;
mod replies;
mod said;
mod seed;
mod types;
