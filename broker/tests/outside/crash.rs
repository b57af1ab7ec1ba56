//! SIGKILL under load, in rounds: every acknowledged operation survives.
//!
//! Each body holds its message's name, so that a receiver can check that it is whole. The workers' decisions follow
//! from the seed. The interleaving in the broker and the moment of each kill do not.

mod compaction;
mod fan_out;
mod ledger;
mod native;
mod workers;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::copies::{self, verify::verify_as};
use crate::support::{Broker, Launch, Queue, eventually, seed, sleep_ms};

use compaction::what_stays_survives_while_files_are_emptied;
use fan_out::a_wide_fan_out_is_all_or_nothing;
use ledger::Ledger;
use native::native_clients_lose_and_double_nothing;
use workers::{FifoSender, StandardSender, consume, drain};

crate::cases! {
    acknowledged_means_on_disk,
    acknowledged_means_on_disk_with_threads,
    acknowledged_means_on_disk_with_encryption_and_backups,
    a_wide_fan_out_is_all_or_nothing,
    native_clients_lose_and_double_nothing,
    what_stays_survives_while_files_are_emptied,
}

/// Long enough that no handle expires between a receive and its delete, short enough to wait for.
const VISIBILITY_SECONDS: &str = "5";

/// Deletes that must have been acknowledged in each queue, so that kills hit something.
const LOAD_MIN: usize = 100;
/// How many times the rounds a slow machine gets until it has done that much.
const SLOW_MACHINE: u64 = 5;

fn acknowledged_means_on_disk() {
    kill_again_and_again(Launch::new(), "auto", 16, None);
}

fn acknowledged_means_on_disk_with_threads() {
    kill_again_and_again(Launch::new(), "threads", 8, None);
}

/// Each start goes on in a new segment with a new key. Each round is killed with a backup under way.
fn acknowledged_means_on_disk_with_encryption_and_backups() {
    let (keys, to) = (copies::keys(), copies::elsewhere());
    let launch = || Launch::new().flag("storage-encryption-key-file", copies::text(keys.path()));
    let backups = Backups { to: to.path(), keys: keys.path() };
    kill_again_and_again(launch(), "auto", 8, Some(&backups));
    let mut other = launch().data(&copies::whole(to.path())[0]).start();
    other.stop();
}

/// Where a broker with keys is backed up to.
struct Backups<'a> {
    to: &'a Path,
    keys: &'a Path,
}

impl Backups<'_> {
    /// Every backup that is there under the name of a whole one is whole.
    fn check(&self) {
        if !copies::whole(self.to).is_empty() {
            let (status, said) = verify_as(self.to, &["--key-file", copies::text(self.keys)]);
            assert_eq!(status, 0, "{said}");
        }
    }
}

/// Starts, loads and kills a broker on a disk of this kind in so many rounds.
fn kill_again_and_again(launch: Launch, disk: &str, rounds: u64, backups: Option<&Backups<'_>>) {
    let seed = seed(&format!("crash with disk = {disk}"));
    let mut random = StdRng::seed_from_u64(seed);
    // Small segments, frequent checkpoints and little memory for waiting messages, so that kills hit changes of segment,
    // checkpoints, recycled segments, and pages that are stored and read.
    let mut broker = launch
        .configured(&format!(
            "log = \"warn\"\ndisk = \"{disk}\"\n[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576\n\
             index_bytes_max = 4096\nfifo_window_messages = 10"
        ))
        .start();
    let client = broker.json_client();
    let standard = client.queue_with(&[("VisibilityTimeout", VISIBILITY_SECONDS)]);
    let fifo = client.fifo(&[("VisibilityTimeout", VISIBILITY_SECONDS)]);
    let (standard_ledger, fifo_ledger) = (Ledger::new("standard"), Ledger::new("fifo"));
    let mut senders: Vec<_> = (0..3).map(StandardSender::new).collect();
    let mut fifo_senders: Vec<_> = (0..2).map(FifoSender::new).collect();
    let is_load = || standard_ledger.deleted() > LOAD_MIN && fifo_ledger.deleted() > LOAD_MIN;
    let mut round = 0;
    while round < rounds || (round < rounds * SLOW_MACHINE && !is_load()) {
        let stop = AtomicBool::new(false);
        let load_ms = random.random_range(150..700);
        let backup = backups.map(|backups| copies::begin_backup(&broker, backups.to, &["--rate", "20000000"]));
        std::thread::scope(|scope| {
            let (broker, stop) = (&broker, &stop);
            for sender in &mut senders {
                let random = StdRng::seed_from_u64(seed ^ (round << 8) ^ sender.number());
                scope.spawn(|| sender.run(broker, &standard, &standard_ledger, stop, random));
            }
            for sender in &mut fifo_senders {
                let random = StdRng::seed_from_u64(seed ^ (round << 8) ^ 0x10 ^ sender.number());
                scope.spawn(|| sender.run(broker, &fifo, &fifo_ledger, stop, random));
            }
            for (number, (queue, ledger)) in
                [(&standard, &standard_ledger), (&standard, &standard_ledger), (&fifo, &fifo_ledger)]
                    .into_iter()
                    .enumerate()
            {
                let random = StdRng::seed_from_u64(seed ^ (round << 8) ^ 0x20 ^ number as u64);
                scope.spawn(move || consume(broker, queue, ledger, stop, random));
            }
            sleep_ms(load_ms);
            broker.crash();
            stop.store(true, Ordering::Relaxed);
        });
        broker.kill();
        if let (Some(backups), Some(mut backup)) = (backups, backup) {
            backup.wait().expect("it ends");
            backups.check();
        }
        broker.restart();
        for (queue, ledger) in [(&standard, &standard_ledger), (&fifo, &fifo_ledger)] {
            let total: u64 = queue.counts().iter().sum();
            ledger.check_count(total, round);
        }
        round += 1;
    }
    println!("crash with disk = {disk}: {round} rounds; {standard_ledger}; {fifo_ledger}");
    assert!(is_load(), "the load was a load");
    if let Some(backups) = backups {
        let (status, said) = copies::back_up(&broker, backups.to, &[]);
        assert_eq!(status, 0, "{said}");
        backups.check();
    }
    // One more round without a crash, then the queues are emptied.
    broker.stop();
    broker.restart();
    for sender in &mut fifo_senders {
        sender.settle(&broker, &fifo, &fifo_ledger);
    }
    audit(&broker, &standard, &standard_ledger);
    audit(&broker, &fifo, &fifo_ledger);
    broker.stop();
}

/// Empties the queues and compares their messages with the ledger.
fn audit(broker: &Broker, queue: &Queue, ledger: &Ledger) {
    eventually("everything that is owed", || {
        drain(broker, queue, ledger);
        (queue.counts() == [0, 0, 0]).then_some(())
    });
    ledger.check_all_paid();
}
