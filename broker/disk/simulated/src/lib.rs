//! The disk in memory, for tests, fuzzing and simulations: it obeys the contract of [`Disk`](posthouse_disk::Disk) and
//! makes the faults that the contract allows.
//!
//! A [`Storage`] holds files and outlives the process under test, as a disk outlives a broker. [`SimulatedDisk::open`]
//! opens it for that process. The test keeps the `Storage`, sets [`Faults`], cuts
//! power, and opens the next disk.
//!
//! # Faults
//!
//! * **Power is lost** ([`Storage::lose_power`]). Of a write under way, all sectors survive, none, a front part, or a
//!   random part. Of a completed write that was not durable and not synced, a random part survives, sector by sector. An
//!   operation on a name (create, rename, remove) that was under way has happened, or not.
//! * **The process is killed** ([`Storage::kill`]). Completed writes are there. Operations under way end as above.
//! * **Order** ([`Faults::order`]). Operations take effect, and complete, in the order of submission or in a random one.
//! * **Pace** ([`Faults::completions_max`], [`Faults::hanging`], [`Faults::hanging_reads`]). A wait takes in a bounded number of completions, or
//!   none of a given kind.
//! * **No room** ([`Faults::capacity_bytes`]). A creation that does not fit fails with `StorageFull`.
//! * **A broken disk** ([`Faults::writes_until_failure`]). Writes fail from a given one on. A failed write changes
//!   nothing.
//! * **A refusal** ([`Faults::refusals`]). Operations of a kind fail with a given error number, and change nothing.
//! * **Failing reads** ([`Faults::read_errors`]). The next reads fail with given errors, one each.
//! * **A halt** ([`Faults::operations_until_halt`]). After a number of operations, `wait` fails and nothing completes.
//! * **Damage** ([`Storage::set_contents`], [`Storage::remove`]). The test changes bytes or removes files itself.
//!
//! A sector of [`SECTOR_BYTES`] bytes holds its old bytes or its new ones after each of these. A write acknowledged as
//! durable survives. What the contract excludes is not simulated: a sector torn within itself, a durable write that is
//! lost or lands elsewhere, bytes that change at rest. `docs/format.md` says which of these the log detects; a test
//! makes them with [`Storage::set_contents`].
//!
//! # Invariants
//!
//! * Everything follows from the seed, the faults and the calls. There is no clock, no thread and no other entropy.
//! * Every operation completes exactly once, unless the disk is halted or replaced.
//! * An operation that violates the contract (a misaligned write, a file that is not open) panics, because it is a
//!   defect of the caller.

#![forbid(unsafe_code)]

mod disk;
mod faults;
mod files;
mod loss;
mod random;
mod state;
mod storage;
#[cfg(test)]
mod tests;

pub use disk::SimulatedDisk;
pub use faults::{Faults, OperationKind, Order, Refusal};
pub use files::SECTOR_BYTES;
pub use storage::Storage;
