//! The frames of the native protocol, as pure functions over bytes: no sockets, clock or entropy.
#![forbid(unsafe_code)]
