//! How many files the process may have open: each connection is one, and shells start programs with far fewer than the
//! system would allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system allows. Where it refuses, connections beyond the limit fail, and say so themselves.
pub(super) fn allow_all() {
    let allowed = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, maximum: allowed.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        allow_all();
        let allowed = getrlimit(Resource::Nofile);
        assert_eq!(allowed.current, allowed.maximum);
    }
}
