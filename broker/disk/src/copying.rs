//! Copies of files of a data directory, for backups and restores. Not for the core loop: every call blocks.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use crate::{BLOCK_BYTES, Buffer, directory::FILE_MODE, system};

/// Bytes of one read and of one write. 1 MiB reaches the full speed of common disks.
const PIECE_BYTES: usize = 1024 * 1024;

/// What a copy is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopiedPart {
    /// How many bytes come from the source, from its beginning on.
    pub bytes: u64,
    /// The length of the copy in bytes, at least `bytes`: zeros follow behind these.
    pub length: u64,
}

/// Creates a file that shares the blocks of another one until either is written to (`FICLONE` of ioctl_ficlone(2)). It is for
/// its owner only, and durable when this returns; its name is not.
///
/// # Errors
///
/// The file exists, the file systems cannot share blocks (`EOPNOTSUPP`, `EXDEV`, `EINVAL` and others), or what open(2) and
/// fsync(2) return. No file is left then.
pub fn clone_file(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    made(to, |target| {
        system::share_blocks(&source, &target)?;
        target.sync_all()
    })
}

/// Creates a file with bytes of another one. It is for its owner only, and durable when this returns; its name is not. Reads
/// and writes go past the page cache where the file systems allow it, so that a large copy does not displace what others
/// have there. Calls `before` with the length of each piece before it is copied.
///
/// # Errors
///
/// The file exists, the source ends early (`UnexpectedEof`), `before` returned an error, or what the system calls return. No
/// file is left then.
pub fn copy_file(
    from: &Path,
    to: &Path,
    part: CopiedPart,
    before: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<()> {
    assert!(part.bytes <= part.length, "zeros follow behind the bytes");
    let source = Readable::open(from)?;
    made(to, |target| {
        let target = Writable { direct: direct(to), buffered: target };
        let mut buffer = Buffer::zeroed(PIECE_BYTES);
        let mut at = 0;
        while at < part.length {
            let piece = usize::try_from(part.length - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            before(piece as u64)?;
            let read = usize::try_from(part.bytes.saturating_sub(at)).map_or(piece, |left| left.min(piece));
            source.read(&mut buffer, read, at)?;
            buffer[read..piece].fill(0);
            target.write(&buffer, piece, at)?;
            at += piece as u64;
        }
        target.buffered.sync_all()
    })
}

/// Creates a file, lets `fill` fill it, and removes it if that fails.
fn made(path: &Path, fill: impl FnOnce(File) -> io::Result<()>) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
    let filled = fill(file);
    if filled.is_err() {
        // The error that is returned is the first one.
        let _ = std::fs::remove_file(path);
    }
    filled
}

/// A second handle of a file for direct writes, if its file system takes them.
fn direct(path: &Path) -> Option<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path).ok()
}

/// A source, opened past the page cache if its file system takes that.
struct Readable {
    direct: Option<File>,
    buffered: File,
}

impl Readable {
    fn open(path: &Path) -> io::Result<Self> {
        let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path).ok();
        Ok(Self { direct, buffered: File::open(path)? })
    }

    /// Reads `length` bytes into the front of the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof`, or what pread(2) returns.
    fn read(&self, buffer: &mut Buffer, length: usize, offset: u64) -> io::Result<()> {
        // A direct read takes whole blocks. What lies behind `length` is overwritten by the caller.
        let whole = length.next_multiple_of(BLOCK_BYTES);
        if let Some(direct) = &self.direct
            && direct.read_exact_at(&mut buffer[..whole], offset).is_ok()
        {
            return Ok(());
        }
        self.buffered.read_exact_at(&mut buffer[..length], offset)
    }
}

/// A target, with a handle for direct writes if its file system takes them.
struct Writable {
    direct: Option<File>,
    buffered: File,
}

impl Writable {
    /// Writes the first `length` bytes of the buffer.
    ///
    /// # Errors
    ///
    /// What pwrite(2) returns.
    fn write(&self, buffer: &Buffer, length: usize, offset: u64) -> io::Result<()> {
        let bytes = &buffer[..length];
        match &self.direct {
            Some(direct) if length.is_multiple_of(BLOCK_BYTES) => match direct.write_all_at(bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.buffered.write_all_at(bytes, offset),
                written => written,
            },
            Some(_) | None => self.buffered.write_all_at(bytes, offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn free(_: u64) -> io::Result<()> {
        Ok(())
    }

    #[test]
    fn a_copy_has_the_bytes_and_zeros_behind_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let bytes: Vec<u8> =
            (0..3 * PIECE_BYTES + 5000).map(|number| u8::try_from(number % 251 + 1).unwrap()).collect();
        fs::write(path("a"), &bytes).unwrap();
        let total = bytes.len() as u64;
        for (number, (taken, length)) in
            [(total, total), (0, 8192), (5000, 8192), (4096, 4096), (1 << 20, 3 << 20), (total - 100, total + 4096)]
                .into_iter()
                .enumerate()
        {
            let (to, mut told) = (path(&number.to_string()), 0);
            let part = CopiedPart { bytes: taken, length };
            copy_file(&path("a"), &to, part, &mut |piece| {
                told += piece;
                Ok(())
            })
            .unwrap();
            let mut expected = bytes[..usize::try_from(taken).unwrap()].to_vec();
            expected.resize(usize::try_from(length).unwrap(), 0);
            assert!(fs::read(&to).unwrap() == expected, "{taken} of {length}");
            assert_eq!((told, fs::metadata(&to).unwrap().permissions().mode() & 0o777), (length, 0o600));
        }
        let part = CopiedPart { bytes: total + 1, length: total + 1 };
        assert_eq!(
            copy_file(&path("a"), &path("b"), part, &mut free).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        let stopped = |_| Err(io::ErrorKind::Interrupted.into());
        let part = CopiedPart { bytes: total, length: total };
        let error = copy_file(&path("a"), &path("b"), part, &mut { stopped }).unwrap_err();
        assert_eq!((error.kind(), path("b").exists()), (io::ErrorKind::Interrupted, false));
        let error = copy_file(&path("a"), &path("0"), part, &mut free).unwrap_err();
        assert_eq!((error.kind(), path("0").exists()), (io::ErrorKind::AlreadyExists, true));
    }

    #[test]
    fn blocks_are_shared_or_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&from, [7; 8192]).unwrap();
        match clone_file(&from, &to) {
            Ok(()) => assert_eq!(fs::read(&to).unwrap(), [7; 8192]),
            Err(_) => assert!(!to.exists()),
        }
    }
}
