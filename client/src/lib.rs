//! The client library of Posthouse.
#![forbid(unsafe_code)]
