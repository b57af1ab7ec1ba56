//! What the parts of a policy take in an index, against what [`memory`](crate::parse::memory) says. A type that grows
//! beyond it does not compile.
//!
//! A vector that has just grown is half empty. A hash table has seven entries in sixteen places then, of an index and a
//! byte each. Pointers have 64 bits, and an allocation takes 16 bytes at least.

use super::graph::{Clause, Joint, Placed, Step};
use super::interner::{Handle, Interner};
use super::intervals::Intervals;
use crate::condition::{Condition, Literal};
use crate::conjunction::Key;
use crate::parse::memory::{
    CONDITION_BYTES, CONJUNCTION_BYTES, ELEMENT_BYTES, KEY_BYTES, KEY_PART_BYTES, PART_BYTES, PLACE_BYTES,
    POLICY_BYTES, REFERENCE_BYTES, TEXT_BYTES,
};

/// An allocation besides what is stored in it: what the allocator rounds up to.
const ALLOCATION: usize = 16;
/// The two counts of an `Arc`.
const COUNTS: usize = 16;
/// The smallest allocation of a vector of handles, which has room for four.
const SOME_HANDLES: usize = 4 * HANDLE + ALLOCATION;
const HANDLE: usize = size_of::<Handle<Joint>>();
/// The note of a search about a path, clause, condition or conjunction, in a vector.
const MARK: usize = 2 * 8;

/// An entry of a hash table whose values have so many bytes.
const fn hashed(value: usize) -> usize {
    (value + 1) * 16 / 7 + 1
}

/// An entry of an interner.
const fn interned<T>() -> usize {
    2 * Interner::<T>::SLOT_BYTES + hashed(HANDLE)
}

const fn holds(bytes: u64, parts: &[usize]) -> bool {
    let (mut sum, mut next) = (0, 0);
    while next < parts.len() {
        sum += parts[next];
        next += 1;
    }
    sum as u64 <= bytes
}

const _: () = {
    assert!(holds(TEXT_BYTES, &[COUNTS, ALLOCATION]));
    assert!(holds(PART_BYTES, &[interned::<Step>(), COUNTS + ALLOCATION, 2 * MARK]));
    assert!(holds(KEY_PART_BYTES, &[size_of::<&str>()]));
    assert!(holds(CONDITION_BYTES, &[interned::<Placed>(), MARK, HANDLE, size_of::<Condition>()]));
    assert!(holds(ELEMENT_BYTES, &[size_of::<Literal>()]) && holds(ELEMENT_BYTES, &[size_of::<Condition>()]));
    assert!(holds(KEY_BYTES, &[interned::<Clause>(), MARK, 3 * ALLOCATION, 2 * COUNTS]));
    assert!(holds(REFERENCE_BYTES, &[size_of::<Key>(), 2 * HANDLE]) && holds(REFERENCE_BYTES, &[SOME_HANDLES]));
    let keys_of = 2 * size_of::<Vec<u32>>() + SOME_HANDLES + HANDLE;
    assert!(holds(CONJUNCTION_BYTES, &[interned::<Joint>(), MARK, COUNTS + 3 * ALLOCATION, keys_of]));
    assert!(holds(POLICY_BYTES, &[hashed(size_of::<(u32, &[u32])>()), 2 * ALLOCATION]));
    // Prefixes and suffixes: a node of a balanced tree is five elevenths full at least.
    let affix = (size_of::<&[u8]>() + size_of::<Vec<u32>>()) * 11 / 5;
    assert!(holds(PLACE_BYTES, &[affix, SOME_HANDLES, ALLOCATION]));
    assert!(holds(PLACE_BYTES, &[2 * Intervals::<u32>::NODE_BYTES]));
};
