//! How many threads serve connections, and how many do the rest, by the machine's cores.
//!
//! The core loop has a thread of its own, as have the log's lines and, without an I/O ring, the disk. They are not counted
//! here: they sleep most of the time.

use std::thread;

use crate::configuration::Settings;

/// The most I/O shards that are started unless the configuration says otherwise. Beyond these a broker waits for its core
/// loop.
const SHARDS_MAX: usize = 16;

/// The most threads of the background. Push delivery is the largest of its works, and waits for endpoints.
const BACKGROUND_MAX: usize = 4;

/// The numbers of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// I/O shards: one at least.
    pub shards: u16,
    /// Threads of the background: one at least.
    pub background: usize,
}

impl Threads {
    /// The numbers of a configuration on a machine with so many cores. If the configuration leaves the choice, one core
    /// is left to the core loop.
    #[must_use]
    pub fn of(settings: &Settings, cores: usize) -> Self {
        let rest = cores.saturating_sub(1).max(1);
        let shards = match settings.general.worker_threads.count() {
            0 => rest.min(SHARDS_MAX),
            configured => configured,
        };
        Self {
            shards: u16::try_from(shards).expect("the setting's highest value is far below"),
            background: rest.min(BACKGROUND_MAX),
        }
    }
}

/// The cores that this process may use; 1 if that is not known.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::configuration::Configuration;

    fn threads(source: &str, cores: usize) -> (u16, usize) {
        let path = Some(Path::new("posthouse.toml"));
        let configuration = Configuration::from_parts(path, source, &BTreeMap::new(), &|_| None).expect("valid");
        let Threads { shards, background } = Threads::of(&configuration.settings, cores);
        (shards, background)
    }

    #[test]
    fn a_core_is_left_to_the_core_loop() {
        let table = [(1, (1, 1)), (2, (1, 1)), (3, (2, 2)), (4, (3, 3)), (8, (7, 4)), (17, (16, 4)), (128, (16, 4))];
        for (cores, expected) in table {
            assert_eq!(threads("", cores), expected, "{cores} cores");
        }
        assert_eq!(threads("worker_threads = 1024", 4), (1024, 3));
    }
}
