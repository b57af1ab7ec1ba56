//! The memory of bodies: shares of addresses and of requests without a key, the pace of a body, and which body makes room
//! for another.

use std::net::IpAddr;

use super::*;
use crate::configuration::{Networks, Value as _};
use crate::listener::address::Shares;

const PACE: Pace = Pace { bytes_per_second_min: 100, grace: Duration::from_secs(5), whole: Duration::from_secs(30) };

fn bodies() -> Bodies {
    Bodies::new(RoomLimits { bytes_max: 1000, unkeyed_bytes_max: 250 })
}

fn address(text: &str) -> Address {
    let address: IpAddr = text.parse().expect("an address");
    let shares = Shares::new(80, Networks::parse("127.0.0.0/8").expect("valid"));
    Address::new(AddressKey::of(address), shares.of(address))
}

/// The room of a connection whose own is taken.
fn none() -> &'static OwnRoom {
    Box::leak(Box::new(OwnRoom(Cell::new(0))))
}

fn keyed(address: &Address) -> Owner<'_> {
    Owner { own: none(), address, standing: Standing::Keyed }
}

fn unkeyed(address: &Address) -> Owner<'_> {
    Owner { own: none(), address, standing: Standing::Unkeyed }
}

async fn room<'a>(bodies: &'a Bodies, owner: Owner<'a>, bytes: u64) -> Result<Room<'a>, NoRoom> {
    let mut room = Room::new(bodies, owner);
    room.grow(bytes).await.map(|()| room)
}

#[tokio::test]
async fn room_is_bounded_and_given_back() {
    let (bodies, local, remote) = (bodies(), address("127.0.0.1"), address("192.0.2.1"));
    {
        let anonymous = room(&bodies, unkeyed(&local), 250).await.expect("a quarter");
        assert!(room(&bodies, unkeyed(&local), 1).await.is_err());
        let hog = room(&bodies, keyed(&remote), 600).await.expect("80 % of 750");
        assert!(room(&bodies, keyed(&remote), 1).await.is_err());
        let mut last = room(&bodies, keyed(&local), 150).await.expect("all that is left");
        assert!(room(&bodies, keyed(&local), 1).await.is_err());
        last.shrink(50);
        last.shrink(70);
        let again = room(&bodies, keyed(&local), 100).await.expect("what was given back");
        drop((anonymous, hog, last, again));
    }
    for counter in [&bodies.all, &bodies.unkeyed, local.body_bytes(), remote.body_bytes()] {
        assert_eq!(counter.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn small_bodies_have_room_in_their_connections_own() {
    let (bodies, local, own) = (bodies(), address("127.0.0.1"), OwnRoom::new());
    let owner = Owner { own: &own, ..keyed(&local) };
    let mut first = room(&bodies, owner, OWN_BODY_BYTES - 10).await.expect("room");
    first.grow(10).await.expect("room");
    assert_eq!((own.0.get(), bodies.all.load(Ordering::Relaxed)), (0, 0));
    first.grow(600).await.expect("room beside others");
    let second = room(&bodies, owner, 200).await.expect("room beside others");
    assert_eq!(bodies.all.load(Ordering::Relaxed), 800);
    first.shrink(OWN_BODY_BYTES);
    assert_eq!((own.0.get(), bodies.all.load(Ordering::Relaxed)), (0, 200));
    first.shrink(100);
    drop(second);
    assert_eq!((own.0.get(), bodies.all.load(Ordering::Relaxed)), (OWN_BODY_BYTES - 100, 0));
    drop(first);
    assert_eq!(own.0.get(), OWN_BODY_BYTES);
}

#[tokio::test]
async fn the_latest_body_makes_room_and_one_without_a_key_first() {
    let (bodies, local) = (bodies(), address("127.0.0.1"));
    let rooms = [
        room(&bodies, keyed(&local), 400).await.expect("room"),
        room(&bodies, keyed(&local), 350).await.expect("room"),
        room(&bodies, unkeyed(&local), 250).await.expect("room"),
    ];
    let watches = rooms.each_ref().map(|room| Watch::begin(room, PACE, 0));
    let late = |watch: &Watch<'_>, milliseconds| {
        let now = bodies.milliseconds(Instant::now());
        watch.arriving.on_time_until.store(now.saturating_sub(milliseconds), Ordering::Relaxed);
    };
    let makes_room = |watch: &Watch<'_>| watch.arriving.makes_room.load(Ordering::Relaxed);
    assert!(room(&bodies, keyed(&local), 10).await.is_err(), "none is late");
    std::thread::sleep(Duration::from_millis(1_200));
    for (watch, milliseconds) in watches.iter().zip([1_000, 1_100, 100]) {
        late(watch, milliseconds);
    }
    assert!(room(&bodies, unkeyed(&local), 10).await.is_err(), "those that are late are trusted more");
    std::thread::sleep(Duration::from_millis(50));
    let [first, second, third] = rooms;
    let [_, mut second_watch, third_watch] = watches;
    let cut = async {
        assert_eq!(second_watch.cut().await, Cut::MakesRoom);
        drop(second);
    };
    let (newcomer, ()) = tokio::join!(room(&bodies, keyed(&local), 10), cut);
    assert!(newcomer.is_ok());
    assert!(!makes_room(&third_watch));
    late(&third_watch, 600);
    // A search that found nothing is followed by a pause.
    std::thread::sleep(Duration::from_millis(50));
    let cut = async {
        let mut third_watch = third_watch;
        assert_eq!(third_watch.cut().await, Cut::MakesRoom);
        drop(third);
    };
    let (newcomer, ()) = tokio::join!(room(&bodies, unkeyed(&local), 240), cut);
    assert!(newcomer.is_ok());
    drop(first);
}

#[tokio::test]
async fn a_body_that_stops_is_cut() {
    let (bodies, local) = (bodies(), address("127.0.0.1"));
    let room = room(&bodies, keyed(&local), 10).await.expect("room");
    let mut watch = Watch::begin(&room, Pace { grace: Duration::from_millis(1), ..PACE }, 0);
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(watch.cut().await, Cut::Slow);
    drop(watch);
    assert_eq!(bodies.arriving().bodies.len(), 0);
}

#[test]
fn what_arrives_earns_time() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    for (until, now, bytes, length_bytes, expected) in [
        // At the lowest rate a body is as late as before.
        (0, 2, 200, 1_000, 2),
        (0, 2, 100, 1_000, 1),
        // What is earned beyond the present does not count.
        (0, 2, 100_000, 100_000, 2),
        // A body of 30,000 bytes has to arrive at 1,000 a second.
        (0, 10, 1_000, 30_000, 1),
        (0, 10, 0, 0, 0),
        (5, 10, u64::MAX, u64::MAX, 10),
    ] {
        let until = PACE.earn(after(until), after(now), bytes, length_bytes);
        assert_eq!(until, after(expected), "{bytes} of {length_bytes} at {now} s");
    }
}
