//! Seats of connections: which idle connection makes room, shares of addresses, and that every seat comes back.

use super::*;
use crate::configuration::{Networks, Value as _};

fn seats(seats_max: usize) -> Arc<Seats> {
    let many = Networks::parse("127.0.0.0/8").expect("valid");
    Seats::new(SeatLimits { seats_max, unkeyed_max: 2, shares: Shares::new(80, many) })
}

fn take(seats: &Arc<Seats>, client: &str) -> Result<Arc<Seated>, Full> {
    let taken = seats.take(client.parse().expect("an address")).map(Arc::new);
    let table = seats.table();
    let counted: usize = table.addresses.values().map(|party| party.seats.len()).sum();
    assert_eq!(counted, table.seated, "each connection with a seat has an address");
    assert!(table.seated <= seats.limits.seats_max && table.leaving <= LEAVING_MAX);
    taken
}

fn makes_room(seated: &Seated) -> bool {
    seated.seat.leaves.load(Ordering::Relaxed)
}

/// As if the connection had been idle for longer than those without such a note.
fn idle_since(seated: &Seated, milliseconds: u64) {
    seated.seat.idle_since.store(milliseconds, Ordering::Relaxed);
}

#[test]
fn idle_connections_make_room_in_order() {
    let seats = seats(1);
    let seated = take(&seats, "127.0.0.1").expect("room");
    let rank = |now| seated.seat.rank(now).map(|(class, _)| class);
    idle_since(&seated, 0);
    assert_eq!((rank(999), rank(1_000)), (Some(Class::New), Some(Class::Unkeyed)));
    drop(seated.under_way(Standing::Unkeyed));
    idle_since(&seated, 0);
    assert_eq!(rank(0), Some(Class::Unkeyed));
    let busy = seated.under_way(Standing::Keyed);
    assert_eq!(rank(0), None);
    drop(busy);
    seated.verified();
    idle_since(&seated, 0);
    assert_eq!((rank(9_999), rank(10_000)), (Some(Class::Keyed), Some(Class::LongIdle)));
    assert!(Class::Unkeyed < Class::LongIdle && Class::LongIdle < Class::New && Class::New < Class::Keyed);
}

#[test]
fn the_longest_idle_makes_room_and_one_without_a_key_before_one_with_it() {
    let seats = seats(4);
    let all: Vec<_> = (0..4).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    all[0].verified();
    for seated in &all[1..3] {
        drop(seated.under_way(Standing::Unkeyed));
    }
    for (seated, since) in all.iter().zip([0, 2, 1, 3]) {
        idle_since(seated, since);
    }
    let busy = all[3].under_way(Standing::Unkeyed).expect("allowed");
    let mut newcomers = Vec::new();
    for leaving in [2, 1] {
        let newcomer = take(&seats, "127.0.0.1").expect("one makes room");
        assert!(makes_room(&all[leaving]), "{leaving}");
        newcomers.push((newcomer.under_way(Standing::Keyed), newcomer));
    }
    let last = take(&seats, "127.0.0.1").expect("one makes room");
    assert!(makes_room(&all[0]) && !makes_room(&all[3]));
    let also_busy = last.under_way(Standing::Keyed);
    assert_eq!(take(&seats, "127.0.0.1").err(), Some(Full::Listener), "requests are under way on all");
    drop((busy, newcomers, also_busy, last));
    drop(all);
    assert_eq!(seats.table().leaving, 0);
    assert!(seats.table().addresses.is_empty());
}

#[test]
fn one_that_was_chosen_and_then_used_makes_no_room() {
    let seats = seats(3);
    let all: Vec<_> = (0..3).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    for (seated, since) in all.iter().zip([0, 1, 2]) {
        seated.verified();
        idle_since(seated, since);
    }
    let newcomer = take(&seats, "127.0.0.1").expect("one makes room");
    newcomer.verified();
    assert!(makes_room(&all[0]));
    idle_since(&all[1], 5);
    idle_since(&newcomer, 6);
    let another = take(&seats, "127.0.0.1").expect("one makes room");
    assert!(makes_room(&all[2]) && !makes_room(&all[1]));
    drop(another);
}

#[test]
fn an_address_has_a_share_and_gets_more_only_from_itself() {
    let seats = seats(10);
    let hog: Vec<_> = (0..8).map(|_| take(&seats, "192.0.2.1").expect("80 %")).collect();
    let working: Vec<_> = hog.iter().map(|seated| seated.under_way(Standing::Keyed)).collect();
    assert_eq!(take(&seats, "192.0.2.1").err(), Some(Full::Address));
    let other = take(&seats, "192.0.2.2").expect("room is left");
    drop(working);
    let ninth = {
        std::thread::sleep(Duration::from_millis(20));
        take(&seats, "192.0.2.1").expect("one of its own makes room")
    };
    assert!(hog.iter().any(|seated| makes_room(seated)) && !makes_room(&other));
    drop(ninth);
    let network: Vec<_> = ["2001:db8::1", "2001:db8::2"].map(|client| take(&seats, client)).into();
    assert!(network[0].is_ok(), "{network:?}");
}

#[test]
fn a_connection_that_has_closed_makes_no_room() {
    let seats = seats(70);
    let mut all: Vec<_> = (0..70).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    let one = take(&seats, "127.0.0.1").expect("one makes room, and others are chosen to");
    // All of those that were chosen close by themselves.
    all.clear();
    drop(one);
    let counts = |table: &Table| (table.seated, table.leaving);
    assert_eq!(counts(&seats.table()), (0, 0));
    let again: Vec<_> = (0..71).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    assert_eq!(again.iter().filter(|seated| makes_room(seated)).count(), 1);
}

#[test]
fn only_so_many_make_room_before_they_are_closed() {
    let seats = seats(100);
    let all: Vec<_> = (0..100).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    let newcomers: Vec<_> = (0..LEAVING_MAX).map(|_| take(&seats, "127.0.0.1").expect("room")).collect();
    assert_eq!(take(&seats, "127.0.0.1").err(), Some(Full::Listener));
    drop(all);
    assert!(take(&seats, "127.0.0.1").is_ok());
    drop(newcomers);
}

#[test]
fn requests_without_a_key_are_under_way_on_a_part_of_the_seats() {
    let seats = seats(10);
    let seated = take(&seats, "127.0.0.1").expect("room");
    let first = seated.under_way(Standing::Unkeyed);
    let second = seated.under_way(Standing::Unkeyed);
    assert!(first.is_some() && second.is_some() && seated.under_way(Standing::Unkeyed).is_none());
    assert!(seated.under_way(Standing::Keyed).is_some());
    drop(first);
    assert!(seated.under_way(Standing::Unkeyed).is_some() && seated.is_busy());
    drop(second);
    assert!(!seated.is_busy());
}
