//! Checks how the workspace is put together: which module may name which, and which crate may depend on which.
//!
//! The rules:
//! * **No circle of modules.** For every module, take its direct children, each together with all of its descendants, and
//!   draw an arrow from one child to another where a file of the first names an item of the second. These arrows form no
//!   circle. A module and its own descendants may name each other freely.
//! * **Crates depend downwards.** The table in `docs/architecture.md` lists the crates from the bottom up. A crate depends
//!   on the crates that its row lists, no more and no fewer, and all of them stand above it in the table.
//!
//! `tests/workspace.rs` applies both rules to the workspace and tells how to read a failure. In here are the parts:
//! [`Source`] reads from tokens the names that one file imports and uses, [`Modules`] resolves them to the files that
//! define them, [`circles`] finds the circles, and [`crates`] compares manifests with the table.
//!
//! Limits: only paths are seen. A method call on a value ties two modules without a path, and so does a macro that is
//! called by its bare name. A glob import counts as an arrow to the module that it names. Code under `#[cfg(test)]`,
//! `main.rs` and the folders `tests` are not read.
#![forbid(unsafe_code)]

mod circle;
pub mod crates;
mod modules;
mod source;
mod token;

pub use circle::{Circle, circles};
pub use modules::{Arrow, ModulePath, Modules};
pub use source::{Import, Source};
