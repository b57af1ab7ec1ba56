//! The disk by io_uring (io_uring(7)). The loop sleeps in the ring itself, so that a commit takes one system call and
//! an idle broker takes none.
//!
//! Every operation in the ring has a [`Slot`], which owns the memory and the file that the kernel uses until the
//! completion has been reaped. Dropping the ring waits for the last completion. One more entry, a poll of the alarm's
//! eventfd, has no slot because it uses no memory.

use std::{collections::VecDeque, fmt, io, mem, os::fd::AsRawFd, path::Path, sync::Arc, task::Waker, time::Duration};

use bytes::Bytes;
use io_uring::{IoUring, cqueue, opcode, squeue, types};

use crate::{
    BLOCK_BYTES, Buffer, Completion, Disk, DiskOutcome, Entry, Operation, OperationId,
    alarm::Alarm,
    background::{Background, Ticket},
    directory::Directory,
    memory::ReadPools,
    system,
};

/// Entries of the submission queue. Operations that do not fit wait in [`Ring::backlog`], so that this bounds only how
/// many one system call submits.
const ENTRIES: u32 = 128;
/// The user data of the poll. Slots are numbered from zero and never reach it.
const ALARM: u64 = u64::MAX;

/// An operation that the kernel works on, or that waits for room in the submission queue.
struct Slot {
    ticket: Ticket,
    file: Arc<std::fs::File>,
    offset: u64,
    /// Bytes that earlier, short completions have covered, a multiple of [`BLOCK_BYTES`].
    done: usize,
    total: usize,
    work: Work,
}

enum Work {
    Write {
        data: Vec<Bytes>,
        /// The array that the kernel reads to find the bytes of `data`.
        slices: Vec<libc::iovec>,
        durable: bool,
    },
    Read {
        buffer: Buffer,
    },
}

// SAFETY: the raw pointers of `slices` lead to `data` in the same slot, and `Bytes` may move between threads.
unsafe impl Send for Work {}

/// The disk by io_uring.
pub struct Ring {
    ring: IoUring,
    slots: Vec<Option<Slot>>,
    unused: Vec<usize>,
    /// Slots that wait for room in the submission queue, oldest first.
    backlog: VecDeque<usize>,
    /// Whether the poll of the alarm is in the ring.
    armed: bool,
    pools: ReadPools,
    background: Background,
    alarm: Arc<Alarm>,
}

impl Ring {
    /// Opens a directory, which must exist.
    ///
    /// # Errors
    ///
    /// The kernel is older than Linux 5.19 or forbids io_uring, or the directory cannot be used.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::over(Self::set_up()?, Directory::open(directory)?)
    }

    /// Sets up an io_uring without a directory, so that [`Native::open`](crate::Native::open) learns first whether it
    /// may.
    ///
    /// # Errors
    ///
    /// What io_uring_setup(2) returns, or `Unsupported` if a needed feature is missing.
    pub(crate) fn set_up() -> io::Result<IoUring> {
        // `IORING_SETUP_COOP_TASKRUN` and `IORING_SETUP_TASKRUN_FLAG`, Linux 5.19 and later: the kernel posts
        // completions when the loop enters it, instead of interrupting the loop earlier.
        let ring = IoUring::builder().setup_coop_taskrun().setup_taskrun_flag().build(ENTRIES)?;
        let parameters = ring.params();
        if !parameters.is_feature_nodrop() || !parameters.is_feature_ext_arg() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this kernel's io_uring is too old"));
        }
        Ok(ring)
    }

    /// A disk over an io_uring and a directory.
    ///
    /// # Errors
    ///
    /// No eventfd or no thread can be had.
    pub(crate) fn over(ring: IoUring, directory: Directory) -> io::Result<Self> {
        let alarm = Alarm::new()?;
        let background = Background::start(directory, &alarm)?;
        Ok(Self {
            ring,
            slots: Vec::new(),
            unused: Vec::new(),
            backlog: VecDeque::new(),
            armed: false,
            pools: ReadPools::new(),
            background,
            alarm,
        })
    }

    /// Whether files are opened with `O_DIRECT`.
    pub(crate) fn direct(&self) -> bool {
        self.background.directory().direct()
    }

    /// Puts an operation into a free slot, and the slot into the backlog.
    fn enqueue(&mut self, slot: Slot) {
        let index = if let Some(index) = self.unused.pop() {
            self.slots[index] = Some(slot);
            index
        } else {
            self.slots.push(Some(slot));
            self.slots.len() - 1
        };
        self.backlog.push_back(index);
    }

    /// Moves the poll and the backlog into the submission queue, as far as there is room.
    fn fill(&mut self) {
        if !self.armed {
            let poll = opcode::PollAdd::new(types::Fd(self.alarm.descriptor()), libc::POLLIN.cast_unsigned().into())
                .multi(true)
                .build()
                .user_data(ALARM);
            // SAFETY: the entry refers to no memory. The alarm's descriptor stays open until the drop of `self` has
            // dropped the ring.
            self.armed = unsafe { self.ring.submission().push(&poll) }.is_ok();
        }
        while let Some(&index) = self.backlog.front() {
            let slot = self.slots[index].as_mut().expect("the backlog names slots in use");
            let entry = slot.entry().user_data(index as u64);
            // SAFETY: everything that the entry refers to (the open file, the bytes or the buffer, the array of slices)
            // lies outside the slot itself. The slot keeps it alive, unmoved and unchanged until the completion of this
            // entry is reaped: only `reap` takes or changes slots whose entry has been pushed, and the drop waits for
            // all of them or leaks them. The kernel writes only to the buffer of a read, and no other code has access
            // to it.
            if unsafe { self.ring.submission().push(&entry) }.is_err() {
                return;
            }
            self.backlog.pop_front();
        }
    }

    /// Submits the queue. Sleeps until a completion if `sleep` is `Some`, and at most for the time-out inside it.
    ///
    /// # Errors
    ///
    /// What io_uring_enter(2) returns, except for conditions that pass.
    fn enter(&mut self, sleep: Option<Option<Duration>>) -> io::Result<()> {
        let result = match sleep {
            None => self.ring.submit(),
            Some(None) => self.ring.submit_and_wait(1),
            Some(Some(timeout)) => {
                let limit = types::Timespec::from(timeout);
                self.ring.submitter().submit_with_args(1, &types::SubmitArgs::new().timespec(&limit))
            }
        };
        match result {
            Ok(_) => Ok(()),
            // A signal, the time-out, a full completion queue, a shortage of kernel memory. Each passes by itself or
            // when `reap` empties the queue. Entries that were not submitted stay in the queue.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ETIME | libc::EBUSY | libc::EAGAIN)) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes all entries of the completion queue: completions of finished operations, and slots that go on into the
    /// backlog.
    fn reap(&mut self, completions: &mut Vec<Completion>) {
        let mut woken = false;
        loop {
            let Some(entry) = self.ring.completion().next() else { break };
            if entry.user_data() == ALARM {
                woken = true;
                self.armed &= cqueue::more(entry.flags());
                continue;
            }
            let index = usize::try_from(entry.user_data()).expect("slot numbers fit");
            let mut slot = self.slots[index].take().expect("an entry completes once");
            match slot.progress(entry.result()) {
                None => {
                    self.slots[index] = Some(slot);
                    self.backlog.push_back(index);
                }
                Some(result) => {
                    self.unused.push(index);
                    completions.push(slot.complete(result));
                }
            }
        }
        if woken {
            self.alarm.drain();
        }
    }

    /// Whether a slot is in use.
    fn busy(&self) -> bool {
        self.unused.len() < self.slots.len()
    }
}

impl Slot {
    /// The entry for the rest of the operation.
    fn entry(&mut self) -> squeue::Entry {
        let file = types::Fd(self.file.as_raw_fd());
        let offset = self.offset + self.done as u64;
        match &mut self.work {
            Work::Write { data, slices, durable } => {
                *slices = system::slices(data, self.done);
                let flags = if *durable { libc::RWF_DSYNC } else { 0 };
                if let [slice] = slices[..] {
                    let length = u32::try_from(slice.iov_len).unwrap_or(LENGTH_MAX);
                    opcode::Write::new(file, slice.iov_base.cast(), length).offset(offset).rw_flags(flags).build()
                } else {
                    let count = u32::try_from(slices.len()).expect("bounded by SLICES_MAX");
                    opcode::Writev::new(file, slices.as_ptr(), count).offset(offset).rw_flags(flags).build()
                }
            }
            Work::Read { buffer } => {
                let rest = &mut buffer[self.done..self.total];
                let length = u32::try_from(rest.len()).unwrap_or(LENGTH_MAX);
                opcode::Read::new(file, rest.as_mut_ptr(), length).offset(offset).build()
            }
        }
    }

    /// Takes a result of the kernel. `None`: bytes are missing, or the call was interrupted, and the operation must be
    /// submitted again.
    fn progress(&mut self, result: i32) -> Option<io::Result<()>> {
        match usize::try_from(result) {
            Ok(0) if self.total > 0 => Some(Err(match self.work {
                Work::Write { .. } => io::ErrorKind::WriteZero.into(),
                Work::Read { .. } => io::ErrorKind::UnexpectedEof.into(),
            })),
            Ok(count) if self.done + count < self.total => {
                // The rest starts at a block, as direct input and output needs. The bytes between are moved a second
                // time.
                self.done = (self.done + count) / BLOCK_BYTES * BLOCK_BYTES;
                None
            }
            Ok(_) => Some(Ok(())),
            Err(_) if matches!(-result, libc::EINTR | libc::EAGAIN) => None,
            Err(_) => Some(Err(io::Error::from_raw_os_error(-result))),
        }
    }

    /// The completion of the operation.
    fn complete(self, result: io::Result<()>) -> Completion {
        self.ticket.complete(result.map(|()| match self.work {
            Work::Write { mut data, .. } => {
                data.clear();
                DiskOutcome::Written(data)
            }
            Work::Read { buffer } => DiskOutcome::Read(buffer.freeze(self.total)),
        }))
    }
}

/// The bytes that one entry moves at most, if the operation is longer than 32 bits can say: whole blocks.
const LENGTH_MAX: u32 = u32::MAX / 4096 * 4096;

impl Disk for Ring {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        operation.check_alignment();
        let ticket = Ticket::new(id);
        match operation {
            Operation::Create { name, length } => self.background.create(ticket, name, length),
            Operation::Open { name } => self.background.open(ticket, name),
            Operation::Write { file, offset, data, durable } => {
                let file = Arc::clone(self.background.file(file));
                let total = data.iter().map(Bytes::len).sum();
                let work = Work::Write { data, slices: Vec::new(), durable };
                self.enqueue(Slot { ticket, file, offset, done: 0, total, work });
            }
            Operation::Read { file, offset, length } => {
                let file = Arc::clone(self.background.file(file));
                let total = usize::try_from(length).expect("a usize has at least 32 bits");
                let work = Work::Read { buffer: self.pools.take(total) };
                self.enqueue(Slot { ticket, file, offset, done: 0, total, work });
            }
            Operation::Sync { file } => self.background.sync(ticket, file),
            Operation::Rename { from, to } => self.background.rename(ticket, from, to),
            Operation::Recycle { from, to } => self.background.recycle(ticket, from, to),
            Operation::Remove { name } => self.background.remove(ticket, name),
            Operation::Find { file, name } => self.background.find(ticket, file, name),
            Operation::Close { file } => self.background.close(ticket, file),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        let before = completions.len();
        self.fill();
        self.background.collect(completions);
        self.reap(completions);
        let idle = completions.len() == before && timeout != Some(Duration::ZERO);
        if idle && self.alarm.begin_sleep() {
            // Entries in the backlog found no room. The kernel must take the queue first, without a sleep.
            let sleep = self.backlog.is_empty().then_some(timeout);
            let result = self.enter(sleep);
            self.alarm.end_sleep();
            result?;
        } else {
            self.alarm.skip_sleep();
            let queue = self.ring.submission();
            // If there is nothing to submit and nothing to post, reading the completion queue needs no system call.
            if !queue.is_empty() || queue.taskrun() || queue.cq_overflow() {
                drop(queue);
                self.enter(None)?;
            }
        }
        self.reap(completions);
        self.background.collect(completions);
        // Operations that go on, and those in the backlog, are submitted now instead of before the next sleep.
        if !self.backlog.is_empty() {
            self.fill();
            self.enter(None)?;
        }
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.alarm.waker()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.background.directory().list()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Entries in the backlog never reach the kernel. The others must complete before their memory is freed.
        for index in mem::take(&mut self.backlog) {
            self.slots[index] = None;
            self.unused.push(index);
        }
        let mut completions = Vec::new();
        while self.busy() {
            if self.enter(Some(None)).is_err() {
                // The kernel may still use the memory of these slots, so it is leaked.
                mem::forget(mem::take(&mut self.slots));
                return;
            }
            self.reap(&mut completions);
            for index in mem::take(&mut self.backlog) {
                self.slots[index] = None;
                self.unused.push(index);
            }
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ring").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_way(work: Work) -> Slot {
        let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
        Slot { ticket: Ticket::new(OperationId(1)), file, offset: 0, done: 0, total: 3 * BLOCK_BYTES, work }
    }

    fn write() -> Slot {
        let data = vec![Buffer::zeroed(BLOCK_BYTES).freeze(4096), Buffer::zeroed(2 * BLOCK_BYTES).freeze(8192)];
        under_way(Work::Write { data, slices: Vec::new(), durable: true })
    }

    fn slices(slot: &Slot) -> Vec<usize> {
        match &slot.work {
            Work::Write { slices, .. } => slices.iter().map(|slice| slice.iov_len).collect(),
            Work::Read { .. } => Vec::new(),
        }
    }

    #[test]
    fn a_short_write_goes_on_from_the_start_of_a_block() {
        let mut slot = write();
        slot.entry();
        assert_eq!(slices(&slot), [4096, 8192]);
        assert!(slot.progress(5000).is_none());
        assert_eq!(slot.done, 4096);
        slot.entry();
        assert_eq!(slices(&slot), [8192]);
        assert!(slot.progress(4096).is_none());
        slot.entry();
        assert_eq!(slices(&slot), [4096]);
        assert!(matches!(slot.progress(4096), Some(Ok(()))));
    }

    #[test]
    fn interrupted_operations_are_submitted_again_and_others_fail() {
        let mut slot = write();
        assert!(slot.progress(-libc::EINTR).is_none());
        assert!(slot.progress(-libc::EAGAIN).is_none());
        assert_eq!(slot.done, 0);
        let error = slot.progress(-libc::EIO).unwrap().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
        assert_eq!(slot.progress(0).unwrap().unwrap_err().kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn a_read_behind_the_end_of_the_file_fails() {
        let mut slot = under_way(Work::Read { buffer: Buffer::zeroed(3 * BLOCK_BYTES) });
        assert!(slot.progress(4096).is_none());
        assert_eq!(slot.progress(0).unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
