//! The limit on open files, and what of it clients and push delivery get.
//!
//! A process without a free descriptor can create no segment, read no cold message and answer no probe. Connections
//! therefore have limits that together leave [`FILES_BESIDE_CONNECTIONS`] of the files that the system allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of the log: 128 cold segments, the segments that are written and prepared, the superblock, the directory and
/// its lock.
const FILES_OF_LOG: u64 = 160;
/// Connections to the admin listener.
const FILES_OF_ADMIN: u64 = 64;
/// What the system's resolver opens for 64 lookups of push delivery at once.
const FILES_OF_LOOKUPS: u64 = 128;
/// Listeners, pollers, standard streams, and files that are read once.
const FILES_OF_PROCESS: u64 = 32;
/// Files that connections of clients and endpoints never take, beside those of the shards.
const FILES_BESIDE_CONNECTIONS: u64 = FILES_OF_LOG + FILES_OF_ADMIN + FILES_OF_LOOKUPS + FILES_OF_PROCESS;
/// An I/O shard's poller, what wakes it, and its end of the signals.
const FILES_OF_SHARD: u64 = 4;

/// How many connections may be open at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Connections {
    /// Of clients, to the AWS API.
    pub(crate) clients: u64,
    /// Of push delivery: to endpoints, gateways and the e-mail server.
    pub(crate) push: u64,
}

impl Connections {
    /// The part of these that fits into so many files, of which others take `beside`. Both get less in the same proportion, and at
    /// least one.
    fn within(self, files: u64, beside: u64) -> Self {
        let (wanted, room) = (self.clients + self.push, files.saturating_sub(beside));
        if room >= wanted {
            return self;
        }
        let clients = u128::from(self.clients) * u128::from(room) / u128::from(wanted);
        let clients = u64::try_from(clients).expect("it is at most `room`").max(1);
        Self { clients, push: room.saturating_sub(clients).max(1) }
    }
}

/// Raises the limit on open files as far as needed, with so many shards, and allowed. Returns how many of the wanted
/// connections may be open. If there are fewer, a warning says so.
pub(crate) fn reserve(wanted: Connections, shards: u16) -> Connections {
    let beside = FILES_BESIDE_CONNECTIONS + u64::from(shards) * FILES_OF_SHARD;
    let allowed = getrlimit(Resource::Nofile);
    let needed = wanted.clients + wanted.push + beside;
    if allowed.current.is_none_or(|current| current >= needed) {
        return wanted;
    }
    let current = allowed.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: allowed.maximum });
    let files = if raised.is_ok() { current } else { allowed.current.unwrap_or(current) };
    let within = wanted.within(files, beside);
    if within != wanted {
        tracing::warn!(
            files,
            needed,
            clients = within.clients,
            push = within.push,
            "fewer files may be open than `limits.connections_max` and `push.connections_max` need: fewer connections"
        );
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_files_of_the_log() {
        let wanted = Connections { clients: 10_000, push: 4_096 };
        for (files, clients, push) in [
            (1_048_576, 10_000, 4_096),
            (10_000 + 4_096 + FILES_BESIDE_CONNECTIONS, 10_000, 4_096),
            (4_096, 2_633, 1_079),
            (1_024, 454, 186),
            (FILES_BESIDE_CONNECTIONS + 2, 1, 1),
            (16, 1, 1),
        ] {
            assert_eq!(wanted.within(files, FILES_BESIDE_CONNECTIONS), Connections { clients, push }, "{files}");
            let all = clients + push + FILES_BESIDE_CONNECTIONS;
            assert!(all <= files.max(FILES_BESIDE_CONNECTIONS + 2), "{files}");
        }
    }
}
