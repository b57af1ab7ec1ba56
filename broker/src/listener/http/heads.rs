//! The memory of requests over HTTP/2 that are under way, without their bodies: their heads, tasks and streams.
//!
//! A connection of HTTP/1.1 reads one head at a time into a buffer of its own, which the limits on connections and heads
//! bound. One of HTTP/2 has as many heads as streams, each of them decoded. All of them share one budget, which a request
//! takes its part of when it arrives. Those that show no key of a user share a part of it. One that finds no room is
//! answered 503 at once, so that its head is dropped.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Version;
use http::request::Parts;
use posthouse_aws::{Standing, TransportFault};

/// A request's task, and its stream.
pub(crate) const STREAM_BYTES: usize = 8 * 1024;
/// A header's entry beside its texts.
const ENTRY_BYTES: usize = 160;
/// `Retry-After` of a request that found no room.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The budget.
pub struct Heads {
    all: Left,
    /// What those may take of it that show no key.
    unkeyed: Left,
}

/// The bytes that are left. What finds none is refused and does not wait, so that there is nothing to lock.
struct Left(AtomicUsize);

/// Bytes that are held of what was left, until this is dropped.
struct Held<'a> {
    left: &'a Left,
    bytes: usize,
}

impl Left {
    /// Takes bytes; `None` if there are fewer.
    fn take(&self, bytes: usize) -> Option<Held<'_>> {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Held { left: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.left.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// What a request holds of the budget, until it is dropped. A request over HTTP/1.1 holds nothing.
#[expect(dead_code, reason = "it is held, not read")]
pub(super) struct HeadRoom<'a> {
    all: Option<Held<'a>>,
    unkeyed: Option<Held<'a>>,
}

impl Heads {
    /// A budget of so many bytes, of which requests without a key may take some.
    #[must_use]
    pub fn new(bytes_max: usize, unkeyed_bytes_max: usize) -> Self {
        Self { all: Left(AtomicUsize::new(bytes_max)), unkeyed: Left(AtomicUsize::new(unkeyed_bytes_max)) }
    }

    /// Room for a request that has just arrived.
    ///
    /// # Errors
    /// [`TransportFault::Overloaded`] if there is none.
    pub(super) fn admit(&self, parts: &Parts, standing: Standing) -> Result<HeadRoom<'_>, TransportFault> {
        if parts.version < Version::HTTP_2 {
            return Ok(HeadRoom { all: None, unkeyed: None });
        }
        let full = || TransportFault::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS };
        let bytes = bytes(parts);
        let unkeyed = match standing {
            Standing::Keyed => None,
            Standing::Unkeyed => Some(self.unkeyed.take(bytes).ok_or_else(full)?),
        };
        let all = Some(self.all.take(bytes).ok_or_else(full)?);
        Ok(HeadRoom { all, unkeyed })
    }
}

/// What a request takes in memory beside its body.
fn bytes(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ENTRY_BYTES);
    STREAM_BYTES + target + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, header: &str) -> Parts {
        let request = http::Request::get("/").version(version).header("x", header).body(());
        request.expect("valid").into_parts().0
    }

    #[test]
    fn what_streams_take_is_bounded_and_given_back() {
        let heads = Heads::new(2 * STREAM_BYTES + 2 * ENTRY_BYTES + 20, STREAM_BYTES + ENTRY_BYTES + 10);
        let small = request(Version::HTTP_2, "1");
        let first = heads.admit(&small, Standing::Keyed).expect("room");
        let second = heads.admit(&small, Standing::Keyed).expect("room");
        assert!(heads.admit(&small, Standing::Keyed).is_err(), "a third");
        assert!(heads.admit(&request(Version::HTTP_11, "1"), Standing::Keyed).is_ok(), "the connection has its head");
        drop(first);
        assert!(
            heads.admit(&request(Version::HTTP_2, &"1".repeat(100)), Standing::Keyed).is_err(),
            "longer than what was given back"
        );
        drop(heads.admit(&small, Standing::Keyed).expect("room again"));
        drop(second);
    }

    #[test]
    fn requests_without_a_key_leave_room_for_others() {
        let heads = Heads::new(2 * STREAM_BYTES + 2 * ENTRY_BYTES + 20, STREAM_BYTES + ENTRY_BYTES + 10);
        let small = request(Version::HTTP_2, "1");
        let stranger = heads.admit(&small, Standing::Unkeyed).expect("room");
        assert!(heads.admit(&small, Standing::Unkeyed).is_err(), "a second");
        let user = heads.admit(&small, Standing::Keyed).expect("room");
        drop(stranger);
        assert!(heads.admit(&small, Standing::Unkeyed).is_ok());
        drop(user);
    }
}
