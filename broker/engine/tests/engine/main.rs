//! The engine through its public interface, in one test binary: tables of its semantics, random histories against a
//! simple model, and replay of random histories.

mod access;
mod histories;
mod model;
mod registry;
mod semantics;
mod world;
