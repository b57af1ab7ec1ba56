//! Histories of sends and receipts as text, and the account of each.
//!
//!     send s [refused|uncertain]   the next message of stream s: acknowledged, or not
//!     get q s n                    message n of stream s comes at destination q, for one unit of time
//!     settle q s n                 it is settled
//!     release q s n                it could not be settled
//!     wait                         a unit of time goes by
//!     corrupt q, foreign q         a damaged body, a message of another run comes at q

use super::*;

const RUN: u32 = 77;

fn account(streams: u32, destinations: u32, routing: Routing, history: &str) -> Account {
    let ledger = Ledger::new(RUN, streams, destinations, routing);
    let mut now = 1;
    for line in history.split(',').map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().expect("a number");
        let stamp = || Stamp { run: RUN, stream: number(2), sequence: number(3).into(), due: Moment::from_nanos(0) };
        let get = |destination, message| {
            ledger.receive(destination, &message, Moment::from_nanos(now), Moment::from_nanos(now + 1));
        };
        match words[0] {
            "send" => {
                let sequence = ledger.attempt(number(1));
                match words.get(2) {
                    None => ledger.acknowledge(number(1), sequence),
                    Some(&"refused") => ledger.refuse(number(1)),
                    Some(_) => {}
                }
            }
            "get" => {
                get(number(1), Ok(stamp()));
            }
            "settle" => ledger.settle(number(1), &stamp()),
            "wait" => now += 1,
            "release" => ledger.release(number(1), &stamp()),
            "corrupt" => {
                get(number(1), Err(Corrupt));
            }
            "foreign" => {
                let stamp = Stamp { run: RUN + 1, stream: 0, sequence: 0, due: Moment::from_nanos(0) };
                get(number(1), Ok(stamp));
            }
            other => panic!("`{other}`"),
        }
    }
    ledger.account(Verification::Complete)
}

/// Lost, duplicated, corrupted, reordered, misrouted, unknown.
fn faults(account: &Account) -> [u64; 6] {
    [account.lost, account.duplicated, account.corrupted, account.reordered, account.misrouted, account.unknown]
}

#[test]
fn one_queue() {
    let table = [
        ("", [0, 0, 0, 0, 0, 0]),
        ("send 0, get 0 0 0", [0, 0, 0, 0, 0, 0]),
        ("send 0, send 0, get 0 0 1", [1, 0, 0, 0, 0, 0]),
        ("send 0, send 0, get 0 0 0", [1, 0, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, get 0 0 0, get 0 0 0", [0, 2, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, release 0 0 0, get 0 0 0", [0, 0, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, release 0 0 0, get 0 0 0, get 0 0 0", [0, 1, 0, 0, 0, 0]),
        // No other consumer may get it within the visibility timeout, settled or not.
        ("send 0, get 0 0 0, settle 0 0 0, wait, get 0 0 0", [0, 1, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, wait, get 0 0 0", [0, 0, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, wait, get 0 0 0, get 0 0 0", [0, 1, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, wait, get 0 0 0, settle 0 0 0, get 0 0 0", [0, 1, 0, 0, 0, 0]),
        ("send 0, corrupt 0", [1, 0, 1, 0, 0, 0]),
        ("send 0, send 0, get 0 0 1, get 0 0 0", [0, 0, 0, 1, 0, 0]),
        ("send 0, send 1, get 0 1 0, get 0 0 0", [0, 0, 0, 0, 0, 0]),
        ("send 0, get 0 0 0, get 0 0 1", [0, 0, 0, 0, 0, 1]),
        ("send 0, get 0 0 0, get 0 9 0", [0, 0, 0, 0, 0, 1]),
        ("foreign 0", [0, 0, 0, 0, 0, 1]),
        ("send 0 refused", [0, 0, 0, 0, 0, 0]),
        ("send 0 uncertain", [0, 0, 0, 0, 0, 0]),
        ("send 0 uncertain, get 0 0 0", [0, 0, 0, 0, 0, 0]),
    ];
    for (history, expected) in table {
        assert_eq!(faults(&account(2, 1, Routing::Copies, history)), expected, "{history}");
    }
}

#[test]
fn fan_out() {
    let all = "send 0, send 0, get 0 0 0, get 0 0 1, get 1 0 0, get 1 0 1";
    assert_eq!(faults(&account(1, 2, Routing::Copies, all)), [0; 6]);
    assert_eq!(account(1, 2, Routing::Copies, all).received, 4);
    assert_eq!(faults(&account(1, 2, Routing::Copies, "send 0, get 0 0 0")), [1, 0, 0, 0, 0, 0]);
    // With filters, destination n takes each sequence that is n modulo the destinations.
    assert_eq!(faults(&account(1, 2, Routing::Lots, "send 0, send 0, get 0 0 0, get 1 0 1")), [0; 6]);
    assert_eq!(faults(&account(1, 2, Routing::Lots, "send 0, send 0, get 0 0 0, get 0 0 1")), [1, 0, 0, 0, 1, 0]);
    assert_eq!(faults(&account(1, 2, Routing::Lots, "send 0, get 1 0 0")), [1, 0, 0, 0, 1, 0]);
}

#[test]
fn sends_are_acknowledged_refused_or_uncertain() {
    let account =
        account(1, 1, Routing::Copies, "send 0, send 0 refused, send 0 uncertain, send 0, get 0 0 0, get 0 0 3");
    let sends = [account.attempted, account.acknowledged, account.refused, account.uncertain, account.received];
    assert_eq!(sends, [4, 2, 1, 1, 2]);
    assert!(account.breaches(&Promise::FIFO).is_empty());
}

#[test]
fn breaches_are_what_the_promise_forbids() {
    let history = "send 0, send 0, send 0, get 0 0 1, get 0 0 0, get 0 0 0";
    let account = account(1, 1, Routing::Copies, history);
    assert_eq!(account.breaches(&Promise::AT_LEAST_ONCE), ["1 message acknowledged and lost"]);
    assert_eq!(
        account.breaches(&Promise::FIFO),
        ["1 message acknowledged and lost", "1 message duplicated", "1 message out of order"]
    );
    assert_eq!(account.breaches(&Promise::NONE), [""; 0]);
    let unverified = Account { verified: false, ..account };
    assert_eq!(unverified.breaches(&Promise::AT_LEAST_ONCE), [""; 0]);
}

#[test]
fn thousands_are_counted() {
    let ledger = Ledger::new(RUN, 1, 1, Routing::Copies);
    for sequence in 0..10_000 {
        assert_eq!(ledger.attempt(0), sequence);
        ledger.acknowledge(0, sequence);
        if sequence % 100 != 99 {
            let stamp = Stamp { run: RUN, stream: 0, sequence, due: Moment::from_nanos(0) };
            let now = Moment::from_nanos(0);
            assert_eq!(ledger.receive(0, &Ok(stamp), now, now), Reception::First);
        }
    }
    assert_eq!(ledger.missing(), 100);
}
