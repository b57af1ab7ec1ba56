//! The files of a storage: their names, their bytes as read, and their bytes as they would survive a loss of power.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use posthouse_disk::{Buffer, DiskOutcome, Entry, FileId};

/// What a device writes whole or not at all: 512 bytes, the smallest logical block of common devices.
pub const SECTOR_BYTES: usize = 512;

/// A file, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NodeId(u64);

/// The bytes of a file. Both vectors have the same length.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What reads see: every completed write.
    pub(crate) seen: Vec<u8>,
    /// What survives a loss of power for certain.
    pub(crate) durable: Vec<u8>,
}

/// All files. A file is kept while it has a name or is open.
#[derive(Default, Debug)]
pub(crate) struct Files {
    names: BTreeMap<String, NodeId>,
    nodes: BTreeMap<NodeId, Node>,
    open: BTreeMap<FileId, NodeId>,
    nodes_made: u64,
    files_opened: u32,
    /// Files that have a name outside of the storage too.
    shared: BTreeSet<NodeId>,
}

impl Files {
    /// Creates a file of `length` zeros, durably, in place of any that has the name, and opens it.
    pub(crate) fn create(&mut self, name: &str, length: usize) -> DiskOutcome {
        self.insert(name.to_owned(), vec![0; length]);
        self.open(name).expect("the file was just created")
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `NotFound` if no file has the name.
    pub(crate) fn open(&mut self, name: &str) -> io::Result<DiskOutcome> {
        let node = *self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        let file = FileId(self.files_opened);
        self.files_opened += 1;
        self.open.insert(file, node);
        Ok(DiskOutcome::Opened { file, length: self.nodes[&node].seen.len() as u64 })
    }

    pub(crate) fn close(&mut self, file: FileId) {
        self.open.remove(&file).expect("only an open file is closed");
        self.drop_unused();
    }

    /// Closes all files, as the end of a process does.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
        self.drop_unused();
    }

    /// Renames a file, durably, in place of any that has the new name.
    ///
    /// # Errors
    ///
    /// `NotFound` if no file has the name.
    pub(crate) fn rename(&mut self, from: &str, to: String) -> io::Result<()> {
        let node = self.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.names.insert(to, node);
        self.drop_unused();
        Ok(())
    }

    /// As [`Files::rename`]. A file that has another name only loses this one.
    ///
    /// # Errors
    ///
    /// `NotFound` if no file has the name.
    pub(crate) fn recycle(&mut self, from: &str, to: String) -> io::Result<DiskOutcome> {
        if self.is_shared(*self.names.get(from).ok_or(io::ErrorKind::NotFound)?) {
            self.remove(from).map(|()| DiskOutcome::Shared)
        } else {
            self.rename(from, to).map(|()| DiskOutcome::Done)
        }
    }

    /// Gives a file a name outside of the storage too.
    ///
    /// # Errors
    ///
    /// `NotFound` if no file has the name.
    pub(crate) fn share(&mut self, name: &str) -> io::Result<()> {
        self.shared.insert(*self.names.get(name).ok_or(io::ErrorKind::NotFound)?);
        Ok(())
    }

    fn is_shared(&self, node: NodeId) -> bool {
        self.shared.contains(&node)
    }

    /// Removes the name of a file, durably.
    ///
    /// # Errors
    ///
    /// `NotFound` if no file has the name.
    pub(crate) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        self.drop_unused();
        Ok(())
    }

    /// Checks that a name leads to an open file.
    ///
    /// # Errors
    ///
    /// `NotFound` if it leads to another file or to none.
    pub(crate) fn find(&self, file: FileId, name: &str) -> io::Result<()> {
        let found = self.names.get(name) == Some(&self.node_of(file));
        found.then_some(()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The bytes of whole blocks of an open file.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the file ends before.
    pub(crate) fn read(&self, file: FileId, offset: u64, length: u32) -> io::Result<Buffer> {
        let (start, length) = (index(offset), index(length.into()));
        let node = &self.nodes[&self.node_of(file)];
        let bytes = node.seen.get(start..start + length).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut buffer = Buffer::zeroed(length);
        buffer[..length].copy_from_slice(bytes);
        Ok(buffer)
    }

    /// The node of an open file.
    pub(crate) fn node_of(&self, file: FileId) -> NodeId {
        *self.open.get(&file).expect("operations name open files")
    }

    /// The bytes of a node.
    pub(crate) fn node(&mut self, node: NodeId) -> &mut Node {
        self.nodes.get_mut(&node).expect("a file is kept while it is open")
    }

    /// The bytes of all files, in the order of their creation.
    pub(crate) fn nodes(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.values_mut()
    }

    /// How many bytes the files with a name have together.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.names.values().map(|node| self.nodes[node].seen.len() as u64).sum()
    }

    /// The names of all files, in ascending order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// What [`Disk::list`](posthouse_disk::Disk::list) returns.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entry = |(name, node): (&String, &NodeId)| Entry {
            name: name.clone(),
            length: self.nodes[node].seen.len() as u64,
            shared: self.is_shared(*node),
        };
        self.names.iter().map(entry).collect()
    }

    /// The durable bytes of the file with this name.
    pub(crate) fn durable(&self, name: &str) -> Option<&[u8]> {
        self.names.get(name).map(|node| &*self.nodes[node].durable)
    }

    /// Gives a file these bytes, durably. A file that exists keeps its identity: open handles see the bytes.
    pub(crate) fn set(&mut self, name: &str, bytes: Vec<u8>) {
        match self.names.get(name) {
            Some(node) => {
                let node = self.nodes.get_mut(node).expect("a file is kept while it has a name");
                *node = Node { seen: bytes.clone(), durable: bytes };
            }
            None => self.insert(name.to_owned(), bytes),
        }
    }

    fn insert(&mut self, name: String, bytes: Vec<u8>) {
        let node = NodeId(self.nodes_made);
        self.nodes_made += 1;
        self.nodes.insert(node, Node { seen: bytes.clone(), durable: bytes });
        self.names.insert(name, node);
        self.drop_unused();
    }

    fn drop_unused(&mut self) {
        let Self { names, nodes, open, .. } = self;
        nodes.retain(|node, _| names.values().chain(open.values()).any(|used| used == node));
    }
}

/// A number of the contract as an index into memory.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).expect("simulated files fit into memory")
}
