//! Every limit of the protocol that both sides know without negotiation. What a broker may set is in
//! [`crate::Challenge`] and in the answers that open a link. Relations between limits that other code relies on are
//! proved at the end of the file.

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 16;
/// Bytes of a frame's payload: a frame that carries 1 MiB of message has room for as many bytes of heads again, and
/// 64 KiB for its own.
pub const FRAME_BYTES_MAX: u32 = (2 << 20) + (64 << 10);
/// Bytes of a payload before READY was sent: HELLO, CHALLENGE, PROVE and READY are below 1 KiB in practice, and a
/// connection that has not proved its secret is given no larger buffer.
pub const HELLO_BYTES_MAX: u32 = 4 << 10;
/// Bytes of one text: longer than an ARN, a queue's URL, a trace header and a fault's sentence.
pub const TEXT_BYTES_MAX: usize = 8 << 10;
/// Bytes of a fault's name.
pub const FAULT_NAME_BYTES_MAX: usize = 128;
/// Bytes of a fault's sentence; what is longer is cut, so that SENT with a fault for each message is below a frame.
pub const FAULT_TEXT_BYTES_MAX: usize = 2 << 10;
/// Messages of one SEND.
pub const SEND_MESSAGES_MAX: u16 = 512;
/// Bytes of the bodies and attributes of one SEND: a message of the largest size that SQS knows fits.
pub const SEND_BYTES_MAX: usize = 1 << 20;
/// Messages of one DELIVER.
pub const DELIVER_MESSAGES_MAX: u16 = 1024;
/// Ranges of one SETTLE.
pub const SETTLE_RANGES_MAX: u16 = 1024;
/// Deliveries that the ranges of one SETTLE name together: as many exceptions as SETTLED can count. Ranges may overlap,
/// so that without this limit a small frame could ask for a million settlements.
pub const SETTLE_DELIVERIES_MAX: u32 = u16::MAX as u32;
/// Addresses of one READY.
pub const ADDRESSES_MAX: u16 = 64;
/// The largest message number, delivery number and credit: 2^63 - 1, so that no sum of one and a count overflows.
pub const NUMBER_MAX: u64 = (1 << 63) - 1;
/// A body below this size is copied behind its head; a larger one is a chunk of its own. A chunk costs an entry of the
/// vector that the kernel is given and a reference count, which is as much as copying about 1 KiB.
pub const COPIED_BODY_BYTES_MAX: usize = 1 << 10;

/// The most texts that one head has.
const HEAD_TEXTS_MAX: usize = 6;
/// The most bytes that the other fields of one head take.
const HEAD_FIXED_BYTES_MAX: usize = 1 << 10;

const _: () = assert!(
    HEAD_TEXTS_MAX * (2 + TEXT_BYTES_MAX) + HEAD_FIXED_BYTES_MAX <= u16::MAX as usize,
    "the length of a head has two bytes"
);
const _: () = assert!(SEND_BYTES_MAX + HEAD_TEXTS_MAX * TEXT_BYTES_MAX < FRAME_BYTES_MAX as usize, "one message fits");
const _: () = assert!(HELLO_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(
    SEND_MESSAGES_MAX as usize * (FAULT_NAME_BYTES_MAX + FAULT_TEXT_BYTES_MAX + 64) < FRAME_BYTES_MAX as usize,
    "SENT with a fault for each message is below a frame"
);
