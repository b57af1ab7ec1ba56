//! Recovery of a damaged directory: a small log, encrypted or not, in which the input overwrites bytes of one file. The
//! log is refused, or its records are the first ones of those that were written, in order. The records of moves are decoded
//! from the input as well.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use posthouse_encryption::{Encryption, KeyRing, Random};
use posthouse_log::{KIND_RELOCATED, KIND_RELOCATIONS_KEPT, Log, Options, Record};
use posthouse_simulated_disk::{SimulatedDisk, Storage};

const KIND: u8 = 20;
const RECORDS: u8 = 40;

fn options(encryption: Encryption) -> Options {
    let bytes = 16 << 10;
    Options {
        segment_bytes: bytes,
        first_segment_bytes: bytes,
        chunk_bytes: 16 << 10,
        encryption,
        ..Options::new([7; 16])
    }
}

/// One key, and bytes that repeat, so that an input means the same in each run.
fn encryption() -> Encryption {
    let ring = KeyRing::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("a key");
    Encryption::new(ring, Random::new(|bytes| bytes.fill(9)))
}

fn payload(number: u8) -> Vec<u8> {
    vec![number; 8 + usize::from(number) * 20]
}

/// Logs that were not closed: not encrypted, and encrypted.
static WHOLE: LazyLock<[Storage; 2]> = LazyLock::new(|| [written(Encryption::off()), written(encryption())]);

fn written(encryption: Encryption) -> Storage {
    let storage = Storage::new(0);
    let mut recovery = Log::open(SimulatedDisk::open(&storage), options(encryption)).expect("an empty directory");
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
}

fuzz_target!(|input: &[u8]| {
    let Some((&[file, high, low], damage)) = input.split_first_chunk::<3>() else { return };
    let (file, is_encrypted) = (file >> 1, file & 1 == 1);
    let storage = WHOLE[usize::from(is_encrypted)].fork();
    let names = storage.names();
    let name = &names[usize::from(file) % names.len()];
    let mut bytes = storage.contents(name);
    let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
    let end = bytes.len().min(at + damage.len());
    bytes[at..end].copy_from_slice(&damage[..end - at]);
    storage.set_contents(name, bytes);

    let encryption = if is_encrypted { encryption() } else { Encryption::off() };
    let Ok(mut recovery) = Log::open(SimulatedDisk::open(&storage), options(encryption)) else { return };
    for kind in [KIND_RELOCATED, KIND_RELOCATIONS_KEPT] {
        let record = Record { position: recovery.position(), kind, payload: damage.to_vec().into() };
        let _ = recovery.relocated(&record);
    }
    let mut number = 0;
    while let Ok(Some(record)) = recovery.next_record() {
        assert_eq!((record.kind, &record.payload[..]), (KIND, &payload(number)[..]));
        number += 1;
    }
});
