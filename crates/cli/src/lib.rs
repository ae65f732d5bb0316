//! The commands of a Ketch program, one file each.
