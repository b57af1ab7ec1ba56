//! Block-aligned memory for direct input and output.
//!
//! A [`Region`] is an anonymous mapping (mmap(2)): its pages are zero and take no memory before they are touched. A
//! [`Buffer`] owns one region and can be read and written. A [`Chunk`] is append-only: the bytes appended so far are
//! shared as [`Bytes`] while its owner appends more. When the last user drops its reference, the region returns to its
//! [`Pool`]. The pool keeps a bounded number of regions, which saves the page faults of new mappings.
//!
//! This is not the memory of a disk: a disk in memory, for tests, is the crate `posthouse-simulated-disk`.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

/// The unit of direct input and output in bytes. Addresses, offsets and lengths are multiples of it. 4 KiB is the
/// largest logical block of common devices, and the page size of x86-64 and of most ARM kernels.
pub const BLOCK_BYTES: usize = 4096;

/// An anonymous mapping: page-aligned and initialised with zeros.
struct Region {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a region is plain memory without ties to a thread. Its owner decides which part may be accessed: a `Buffer`
// by borrowing, a `Chunk` by the invariant stated there.
unsafe impl Send for Region {}
// SAFETY: as above. A shared `Region` gives access to nothing but an address and a length.
unsafe impl Sync for Region {}

impl Region {
    /// Maps at least `length` bytes, rounded up to whole blocks.
    ///
    /// # Panics
    ///
    /// If the kernel refuses: the process is out of memory or of mappings.
    fn map(length: usize) -> Self {
        let length = length.max(1).next_multiple_of(BLOCK_BYTES);
        // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no existing memory.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert!(address != libc::MAP_FAILED, "out of memory: {length} bytes for the disk");
        let start = NonNull::new(address.cast()).expect("the kernel does not map address zero");
        Self { start, length }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `map` made the mapping with this address and length, and only this drop unmaps it. No reference into
        // it exists: every one borrows from the owner of this region or keeps it alive.
        let result = unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
        debug_assert_eq!(result, 0, "unmapping what was mapped cannot fail");
    }
}

/// A bounded store of unused regions of one size. Clones share the store.
#[derive(Clone)]
pub struct Pool(Arc<Store>);

/// The unused regions. Locked only to take one or to return one.
struct Store {
    length: usize,
    keep: usize,
    free: Mutex<Vec<Region>>,
    /// Regions that were taken and have not returned.
    in_use: AtomicUsize,
}

impl Pool {
    /// A pool of regions of `length` bytes, rounded up to whole blocks. It keeps at most `keep` unused ones.
    #[must_use]
    pub fn new(length: usize, keep: usize) -> Self {
        let length = length.max(1).next_multiple_of(BLOCK_BYTES);
        Self(Arc::new(Store { length, keep, free: Mutex::new(Vec::new()), in_use: AtomicUsize::new(0) }))
    }

    /// The length of each region in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.length
    }

    /// How many regions owners and readers of buffers and chunks hold.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// A buffer of [`Pool::length`] bytes. Its content is unspecified: it may be that of an earlier use.
    #[must_use]
    pub fn buffer(&self) -> Buffer {
        Buffer { held: self.held() }
    }

    /// An empty chunk with room for [`Pool::length`] bytes.
    #[must_use]
    pub fn chunk(&self) -> Chunk {
        Chunk::over(self.held())
    }

    /// An unused region, or a new one if there is none.
    fn held(&self) -> Held {
        self.0.in_use.fetch_add(1, Ordering::Relaxed);
        let unused = self.0.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Held { region: Some(unused.unwrap_or_else(|| Region::map(self.0.length))), home: Some(Arc::clone(&self.0)) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("length", &self.0.length).field("keep", &self.0.keep).finish()
    }
}

/// A region, and the pool that it returns to.
struct Held {
    /// `None` only during the drop.
    region: Option<Region>,
    home: Option<Arc<Store>>,
}

impl Held {
    /// A region of its own that returns to no pool.
    fn unpooled(length: usize) -> Self {
        Self { region: Some(Region::map(length)), home: None }
    }

    /// The region.
    fn region(&self) -> &Region {
        self.region.as_ref().expect("only the drop takes the region")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(region), Some(home)) = (self.region.take(), &self.home) {
            home.in_use.fetch_sub(1, Ordering::Relaxed);
            let mut free = home.free.lock().unwrap_or_else(PoisonError::into_inner);
            if free.len() < home.keep {
                free.push(region);
            }
        }
    }
}

/// Block-aligned memory with one owner. Dereferences to a slice of bytes.
pub struct Buffer {
    held: Held,
}

impl Buffer {
    /// A zeroed buffer of `length` bytes, rounded up to whole blocks. It belongs to no pool.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        Self { held: Held::unpooled(length) }
    }

    /// The first `length` bytes, shared and immutable from now on. Does not copy.
    ///
    /// # Panics
    ///
    /// If the buffer is shorter.
    #[must_use]
    pub fn freeze(self, length: usize) -> Bytes {
        assert!(length <= self.len(), "{length} bytes of a buffer of {}", self.len());
        let mut bytes = Bytes::from_owner(self);
        bytes.truncate(length);
        bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let region = self.held.region();
        // SAFETY: the mapping is initialised, `region.length` long and alive as long as `self`. It is written to only
        // through `deref_mut`, which takes `&mut self`.
        unsafe { slice::from_raw_parts(region.start.as_ptr(), region.length) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let region = self.held.region();
        // SAFETY: as in `deref`. `&mut self` makes this the only reference into the mapping.
        unsafe { slice::from_raw_parts_mut(region.start.as_ptr(), region.length) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Buffer").field("length", &self.len()).finish()
    }
}

/// Block-aligned memory that only grows. Its one owner appends bytes, which never change afterwards, so that readers
/// share the bytes present while more are appended.
///
/// The invariant behind the unsafe code: a byte below `length` is never written again, and no reference is ever made to
/// a byte at or above `length`.
pub struct Chunk {
    held: Arc<Held>,
    capacity: usize,
    length: usize,
    /// The bytes below `view.len()`. Made again by `bytes` when `length` has grown.
    view: Bytes,
}

/// Keeps the region of a chunk alive for readers of its first `length` bytes.
struct Prefix {
    held: Arc<Held>,
    length: usize,
}

impl AsRef<[u8]> for Prefix {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the mapping is initialised and alive as long as `held`. Only `Chunk::bytes` makes a prefix, with the
        // length of the chunk at that time, and a byte below a chunk's length is never written again.
        unsafe { slice::from_raw_parts(self.held.region().start.as_ptr(), self.length) }
    }
}

impl Chunk {
    /// An empty chunk with room for `capacity` bytes, rounded up to whole blocks. It belongs to no pool.
    #[must_use]
    pub fn unpooled(capacity: usize) -> Self {
        Self::over(Held::unpooled(capacity))
    }

    /// An empty chunk over a whole region.
    fn over(held: Held) -> Self {
        let capacity = held.region().length;
        Self { held: Arc::new(held), capacity, length: 0, view: Bytes::new() }
    }

    /// How many bytes it can hold, a multiple of [`BLOCK_BYTES`].
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it holds no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many more bytes fit.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.capacity - self.length
    }

    /// Appends the parts, one after the other.
    ///
    /// # Panics
    ///
    /// If they do not fit into [`Chunk::remaining`].
    pub fn append(&mut self, parts: &[&[u8]]) {
        for part in parts {
            assert!(part.len() <= self.remaining(), "{} bytes into {} of a chunk", part.len(), self.remaining());
            // SAFETY: the assertion keeps the target within the mapping. No reference covers the target: views end at
            // an earlier length, and only this method, through `&mut self`, writes at or above the present one. `part`
            // cannot overlap the target, because a reference covers `part`.
            unsafe {
                let target = self.held.region().start.as_ptr().add(self.length);
                ptr::copy_nonoverlapping(part.as_ptr(), target, part.len());
            }
            self.length += part.len();
        }
    }

    /// All bytes appended so far. Allocates only if bytes were appended since the last call. Slices of the result do
    /// not allocate.
    pub fn bytes(&mut self) -> &Bytes {
        if self.view.len() != self.length {
            self.view = Bytes::from_owner(Prefix { held: Arc::clone(&self.held), length: self.length });
        }
        &self.view
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chunk").field("length", &self.length).field("capacity", &self.capacity).finish()
    }
}

/// Pools of buffers for reads, one for each power of two from a block to [`POOLED_READ_BYTES_MAX`].
#[derive(Debug)]
pub(crate) struct ReadPools {
    classes: Vec<Pool>,
}

/// Reads of up to this many bytes use a pool. Longer reads are rare, and get a mapping each.
const POOLED_READ_BYTES_MAX: usize = 1024 * 1024;
/// The unused bytes that each pool keeps at most: it bounds the memory of an idle broker.
const POOLED_READ_BYTES_KEPT: usize = 2 * 1024 * 1024;

impl ReadPools {
    /// Empty pools.
    pub(crate) fn new() -> Self {
        let mut classes = Vec::new();
        let mut length = BLOCK_BYTES;
        while length <= POOLED_READ_BYTES_MAX {
            classes.push(Pool::new(length, (POOLED_READ_BYTES_KEPT / length).min(128)));
            length *= 2;
        }
        Self { classes }
    }

    /// A buffer of at least `length` bytes. Its content is unspecified.
    pub(crate) fn take(&self, length: usize) -> Buffer {
        match self.classes.iter().find(|pool| pool.length() >= length) {
            Some(pool) => pool.buffer(),
            None => Buffer::zeroed(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_shares_what_it_holds_while_it_grows() {
        let pool = Pool::new(8192, 1);
        let mut chunk = pool.chunk();
        chunk.append(&[b"one ", b"two"]);
        let first = chunk.bytes().clone();
        chunk.append(&[b" three"]);
        assert_eq!(&first[..], b"one two");
        assert_eq!(&chunk.bytes()[..], b"one two three");
        assert_eq!(chunk.bytes().as_ptr(), first.as_ptr());
        assert_eq!(first.as_ptr() as usize % BLOCK_BYTES, 0);
        drop(chunk);
        assert_eq!(&first.slice(4..)[..], b"two");
        assert_eq!(pool.in_use(), 1, "a reader holds the whole region");
        drop(first);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn readers_on_other_threads_see_whole_records_while_the_owner_appends() {
        let pool = Pool::new(256 * 1024, 2);
        let (sender, receiver) = std::sync::mpsc::channel::<(u8, Bytes)>();
        let reader = std::thread::spawn(move || {
            receiver.iter().map(|(value, bytes)| usize::from(bytes.iter().all(|byte| *byte == value))).sum::<usize>()
        });
        let mut chunk = pool.chunk();
        for round in 0..1000_usize {
            let value = u8::try_from(round % 251).unwrap();
            let start = chunk.len();
            chunk.append(&[&[value; 200]]);
            sender.send((value, chunk.bytes().slice(start..))).unwrap();
        }
        drop(sender);
        assert_eq!(reader.join().unwrap(), 1000);
    }

    #[test]
    #[should_panic(expected = "of a chunk")]
    fn a_chunk_refuses_more_than_fits() {
        let mut chunk = Chunk::unpooled(1);
        chunk.append(&[&[0; BLOCK_BYTES], &[0]]);
    }

    #[test]
    fn memory_returns_to_its_pool_with_the_last_reader_and_the_pool_is_bounded() {
        let pool = Pool::new(BLOCK_BYTES, 1);
        let mut chunk = pool.chunk();
        chunk.append(&[b"x"]);
        let address = chunk.bytes().as_ptr();
        let reader = chunk.bytes().clone();
        drop(chunk);
        let other = pool.buffer();
        assert_ne!(other.as_ptr(), address, "a reader still holds it");
        drop(reader);
        assert_eq!(pool.buffer().as_ptr(), address);
        drop((other, pool.buffer(), pool.buffer()));
        assert_eq!(pool.0.free.lock().unwrap().len(), 1);
    }

    #[test]
    fn buffers_are_aligned_writable_and_freeze_without_a_copy() {
        let mut buffer = Buffer::zeroed(5000);
        assert_eq!(buffer.len(), 8192);
        assert!(buffer.iter().all(|byte| *byte == 0));
        buffer[4999] = 7;
        let address = buffer.as_ptr();
        let bytes = buffer.freeze(5000);
        assert_eq!((bytes.len(), bytes[4999], bytes.as_ptr()), (5000, 7, address));
    }
}
