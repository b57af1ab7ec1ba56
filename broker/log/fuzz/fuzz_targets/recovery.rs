//! Recovery of a damaged directory: a small log, in which the input overwrites bytes of one file. The log is refused, or
//! its records are the first ones of those that were written, in order.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use posthouse_log::{Log, Options};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

const KIND: u8 = 20;
const RECORDS: u8 = 40;

fn options() -> Options {
    Options { segment_bytes: 16 << 10, first_segment_bytes: 16 << 10, chunk_bytes: 16 << 10, ..Options::new([7; 16]) }
}

fn payload(number: u8) -> Vec<u8> {
    vec![number; 8 + usize::from(number) * 20]
}

/// A log that was not closed.
static WHOLE: LazyLock<Storage> = LazyLock::new(|| {
    let storage = Storage::new(0);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), options()).expect("an empty directory");
    while recovery.next_record().expect("an empty log").is_some() {}
    let mut log = recovery.finish().expect("an empty log").0;
    for number in 0..RECORDS {
        log.append(KIND, &[&payload(number)]);
        log.commit();
        while log.durable() < log.end() {
            log.wait(None);
        }
    }
    storage
});

fuzz_target!(|input: &[u8]| {
    let Some((&[file, high, low], damage)) = input.split_first_chunk::<3>() else { return };
    let storage = WHOLE.fork();
    let names = storage.names();
    let name = &names[usize::from(file) % names.len()];
    let mut bytes = storage.contents(name);
    let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
    let end = bytes.len().min(at + damage.len());
    bytes[at..end].copy_from_slice(&damage[..end - at]);
    storage.set_contents(name, bytes);

    let Ok(mut recovery) = Log::open(SimulatedDisk::open(&storage), options()) else { return };
    let mut number = 0;
    while let Ok(Some(record)) = recovery.next_record() {
        assert_eq!((record.kind, &record.payload[..]), (KIND, &payload(number)[..]));
        number += 1;
    }
});
