//! What survives a loss of power and a killed process, sector by sector.

use posthouse_disk::Operation;

use crate::{
    files::{Node, SECTOR_BYTES, index},
    random::Random,
    state::State,
};

/// Which sectors of a write that was under way have reached the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    All,
    None,
    /// The first sectors, up to this number.
    Front(usize),
    /// Each one with a chance of one half.
    Scattered,
}

impl Fate {
    fn of_write(sectors: usize, random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::All,
            1 => Self::None,
            2 => Self::Front(random.below(sectors + 1)),
            _ => Self::Scattered,
        }
    }

    fn includes(self, sector: usize, random: &mut Random) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Front(sectors) => sector < sectors,
            Self::Scattered => random.coin(),
        }
    }
}

impl State {
    /// Completed writes that are not durable survive in part. Then operations under way end, on top of that.
    pub(crate) fn lose_power(&mut self) {
        for node in self.files.nodes() {
            for (seen, durable) in node.seen.chunks(SECTOR_BYTES).zip(node.durable.chunks_mut(SECTOR_BYTES)) {
                if seen != &*durable && self.random.coin() {
                    durable.copy_from_slice(seen);
                }
            }
        }
        self.end_operations(|node| &mut node.durable);
        for node in self.files.nodes() {
            node.seen.clone_from(&node.durable);
        }
    }

    /// Ends all operations under way; completed ones have happened.
    pub(crate) fn kill(&mut self) {
        self.end_operations(|node| &mut node.seen);
    }

    /// Lets each write under way reach `bytes` in part, and each operation on a name happen or not; then closes all
    /// files.
    fn end_operations(&mut self, bytes: impl Fn(&mut Node) -> &mut Vec<u8>) {
        for (_, operation) in std::mem::take(&mut self.queue) {
            match operation {
                Operation::Write { file, offset, data, .. } => {
                    let written: Vec<u8> = data.iter().flat_map(|slice| slice.iter().copied()).collect();
                    let fate = Fate::of_write(written.len().div_ceil(SECTOR_BYTES), &mut self.random);
                    let node = self.files.node_of(file);
                    let bytes = bytes(self.files.node(node));
                    for (number, sector) in written.chunks(SECTOR_BYTES).enumerate() {
                        if fate.includes(number, &mut self.random) {
                            let at = index(offset) + number * SECTOR_BYTES;
                            bytes[at..at + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
                Operation::Create { .. }
                | Operation::Rename { .. }
                | Operation::Recycle { .. }
                | Operation::Remove { .. } => {
                    if self.random.coin() {
                        // Its result reaches no caller.
                        let _ = self.perform(operation);
                    }
                }
                Operation::Open { .. }
                | Operation::Read { .. }
                | Operation::Sync { .. }
                | Operation::Find { .. }
                | Operation::Close { .. } => {}
            }
        }
        self.files.close_all();
    }
}
