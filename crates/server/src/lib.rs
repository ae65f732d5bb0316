//! The server: the parts wired into one value that is checked whole and binds last.
