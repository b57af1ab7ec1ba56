//! System calls that the standard library lacks, each behind a safe function.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, RawFd},
    ptr,
    time::Duration,
};

use bytes::Bytes;

/// The slices of one vectored write at most: `UIO_MAXIOV` (readv(2)).
pub(crate) const SLICES_MAX: usize = 1024;

/// A non-blocking eventfd with the count zero.
///
/// # Errors
///
/// What eventfd(2) returns, such as `EMFILE`.
pub(crate) fn eventfd() -> io::Result<File> {
    // SAFETY: the call takes no pointers.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just created and has no other owner.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Sleeps until the descriptor is readable, the time-out passes, or a signal arrives.
///
/// # Errors
///
/// What ppoll(2) returns, except for `EINTR`.
pub(crate) fn sleep_until_readable(descriptor: RawFd, timeout: Option<Duration>) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let limit = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both pointers lead to live values, or are null, which means no time-out. One entry is announced.
    let result = unsafe { libc::ppoll(&raw mut entry, 1, limit, ptr::null()) };
    if result < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// Lets a file share all blocks of another one (ioctl_ficlone(2)).
///
/// # Errors
///
/// What ioctl(2) returns, such as `EOPNOTSUPP` or `EXDEV`.
pub(crate) fn share_blocks(from: &File, to: &File) -> io::Result<()> {
    // SAFETY: `FICLONE` takes a descriptor by value and no pointers, and both descriptors are open.
    let result = unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE, from.as_raw_fd()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Allocates the blocks of a file (fallocate(2)), so that a full disk is known before the first write.
///
/// # Errors
///
/// `StorageFull` or `QuotaExceeded` if there is no room, or what fallocate(2) returns.
pub(crate) fn allocate(file: &File, length: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(length).map_err(io::Error::other)?;
    loop {
        // SAFETY: the call takes no pointers, and the descriptor is open.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // On such a file system, the writes that follow allocate the blocks.
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(()),
            _ => return Err(error),
        }
    }
}

/// The bytes of `data` from `done` on, as the array of a vectored call of at most [`SLICES_MAX`] slices. Its pointers
/// are valid as long as the caller keeps `data`.
pub(crate) fn slices(data: &[Bytes], done: usize) -> Vec<libc::iovec> {
    let mut skip = done;
    let mut slices = Vec::with_capacity(data.len());
    for bytes in data {
        if skip >= bytes.len() {
            skip -= bytes.len();
            continue;
        }
        let rest = &bytes[skip..];
        skip = 0;
        slices.push(libc::iovec { iov_base: rest.as_ptr().cast_mut().cast(), iov_len: rest.len() });
        if slices.len() == SLICES_MAX {
            break;
        }
    }
    slices
}

/// Writes the bytes of `data` from `done` on to a file at `offset`. Returns how many bytes were written, which may be
/// fewer.
///
/// # Errors
///
/// What pwritev(2) returns.
pub(crate) fn write_at(file: &File, data: &[Bytes], done: usize, offset: u64) -> io::Result<usize> {
    let slices = slices(data, done);
    let count = libc::c_int::try_from(slices.len()).map_err(io::Error::other)?;
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: each of the `count` entries points to memory of `data`. `data` is borrowed during the call and, as
    // `Bytes`, does not change.
    let result = unsafe { libc::pwritev(file.as_raw_fd(), slices.as_ptr(), count, offset) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
