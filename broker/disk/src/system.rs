//! System calls that the standard library lacks, each behind a safe function.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, RawFd},
    ptr,
    time::Duration,
};

use bytes::Bytes;

/// How many slices go into one vectored write at most (the kernel's `UIO_MAXIOV`).
pub(crate) const SLICES_MAX: usize = 1024;

/// A non-blocking eventfd with count zero.
pub(crate) fn eventfd() -> io::Result<File> {
    // SAFETY: takes no pointers.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Sleeps until the descriptor is readable, the time-out or a signal.
pub(crate) fn sleep_until_readable(descriptor: RawFd, timeout: Option<Duration>) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let limit = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both pointers are to live values (or null, which means no time-out), and one entry is announced.
    let result = unsafe { libc::ppoll(&raw mut entry, 1, limit, ptr::null()) };
    if result < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// Reserves the blocks of a file, so that a full disk shows before anything is written.
pub(crate) fn allocate(file: &File, length: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(length).map_err(io::Error::other)?;
    loop {
        // SAFETY: takes no pointers; the descriptor is open.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // A file system without it gets its blocks by the writes that follow.
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(()),
            _ => return Err(error),
        }
    }
}

/// The bytes of `data` from `done` on, as an array for a vectored call. The pointers in it are good as long as the
/// caller keeps `data`.
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

/// Writes the bytes of `data` from `done` on to a place in a file, perhaps not all of them.
pub(crate) fn write_at(file: &File, data: &[Bytes], done: usize, offset: u64) -> io::Result<usize> {
    let slices = slices(data, done);
    let count = libc::c_int::try_from(slices.len()).map_err(io::Error::other)?;
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: each of the `count` entries points to memory of `data`, which is borrowed during the call and, being
    // `Bytes`, unchanging.
    let result = unsafe { libc::pwritev(file.as_raw_fd(), slices.as_ptr(), count, offset) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
