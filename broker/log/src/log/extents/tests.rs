//! The cache as a table of ranges: what is found, what grows together, what is dropped.

use super::*;

const KIB: u64 = 1024;
const SEGMENT: Position = Position::new(4096);

fn plan(record: u64, length: u64, window: u64, cause: Cause) -> Plan {
    let record = Position::new(record);
    let limit = Position::new(1 << 40);
    Plan { segment: SEGMENT, record, needed: record.plus(length), limit, reader: Reader::new(1), window, cause }
}

fn filled(extents: &mut Extents, plan: Plan) -> ExtentId {
    let id = extents.plan(plan);
    assert!(extents.make_room(id));
    extents.begin(id);
    let length = usize::try_from(extents.get(id).unwrap().end.since(id.start)).unwrap();
    extents.fill(id, Bytes::from(vec![7; length]));
    extents.check();
    id
}

fn holding(extents: &Extents, start: u64, length: u64) -> Option<u64> {
    let start = Position::new(start);
    extents.holding(start, start.plus(length)).map(|id| id.start.get())
}

#[test]
fn a_record_is_found_in_an_extent_that_holds_all_of_it() {
    let mut extents = Extents::new(64 * KIB);
    filled(&mut extents, plan(8200, 100, 0, Cause::Asked));
    assert_eq!(holding(&extents, 8192, 4096), Some(8192));
    assert_eq!(holding(&extents, 12_000, 288), Some(8192));
    assert_eq!(holding(&extents, 12_000, 289), None, "it goes on behind the extent");
    assert_eq!(holding(&extents, 8191, 10), None);
    // Another extent that begins in the same block holds it.
    filled(&mut extents, plan(12_000, 1000, 0, Cause::Asked));
    assert_eq!(holding(&extents, 12_000, 289), Some(8192));
    assert_eq!(extents.bytes(), 4096 + 8192);
}

#[test]
fn a_planned_extent_grows_with_what_follows_shortly_and_no_further() {
    let mut extents = Extents::new(1024 * KIB);
    let id = extents.plan(plan(8192, 100, 0, Cause::Asked));
    let grow = |extents: &mut Extents, start: u64, length: u64| {
        extents.grow(SEGMENT, Position::new(start), Position::new(start + length))
    };
    assert_eq!(grow(&mut extents, 12_288 + NEAR_BYTES, 5000), Some(id));
    assert_eq!(extents.get(id).unwrap().end, Position::new(12_288 + NEAR_BYTES + 8192));
    assert_eq!(grow(&mut extents, 8192 + 128 * KIB, 10), None, "too long for an eighth of the cache");
    assert_eq!(extents.grow(Position::new(1 << 20), Position::new(12_288), Position::new(12_300)), None);
    assert_eq!(grow(&mut extents, 4096, 10), None, "it lies before");
    extents.make_room(id);
    extents.begin(id);
    assert_eq!(grow(&mut extents, 12_288, 10), None, "its read is submitted");
}

#[test]
fn windows_double_up_to_a_part_of_the_cache() {
    let mut extents = Extents::new(4096 * KIB);
    let mut at = 8192;
    let mut windows = Vec::new();
    for _ in 0..6 {
        let window = extents.window_at(Position::new(at));
        let id = filled(&mut extents, plan(at, 100, window, Cause::Asked));
        windows.push(window / KIB);
        at = extents.get(id).unwrap().end.get() + 8;
    }
    assert_eq!(windows, [0, 64, 128, 256, 512, 512]);
    assert_eq!(extents.window_at(Position::new(at + GAP_BYTES_MAX + 4096)), 0, "not behind what was read");
    // What was read ahead and is not used leaves less for others.
    let id = filled(&mut extents, plan(at, 100, 512 * KIB, Cause::Ahead));
    let behind = extents.get(id).unwrap().end;
    assert_eq!(extents.window_at(behind) / KIB, 384, "a quarter of what is left of half of the cache");
    assert!(extents.touch(id) && !extents.touch(id), "the first one is told apart");
    assert_eq!(extents.window_at(behind) / KIB, 512);
}

#[test]
fn what_was_not_used_of_late_is_dropped_first() {
    let mut extents = Extents::new(16 * KIB);
    let [one, two, three, four] =
        [1, 2, 3, 4].map(|block| filled(&mut extents, plan(block * 4096, 100, 0, Cause::Asked)));
    // The first pass only marks what was read just now.
    let five = filled(&mut extents, plan(5 * 4096, 100, 0, Cause::Asked));
    assert!(extents.get(one).is_none());
    extents.touch(two);
    let six = filled(&mut extents, plan(6 * 4096, 100, 0, Cause::Asked));
    assert!(extents.get(two).is_some() && extents.get(three).is_none());
    assert!([four, five, six].iter().all(|id| extents.get(*id).is_some()));
    assert_eq!(extents.bytes(), 16 * KIB);
}

#[test]
fn there_is_no_room_while_others_are_read_and_one_may_be_longer_than_all() {
    let mut extents = Extents::new(16 * KIB);
    let one = extents.plan(plan(4096, 12 * KIB, 0, Cause::Asked));
    assert!(extents.make_room(one));
    extents.begin(one);
    let two = extents.plan(plan(1 << 20, 64 * KIB, 0, Cause::Asked));
    assert!(!extents.make_room(two));
    assert_eq!(extents.bytes(), 12 * KIB);
    extents.fill(one, Bytes::from(vec![7; 12 * 1024]));
    assert!(!extents.make_room(two), "it is longer than all that is kept");
    assert_eq!(extents.bytes(), 0, "what was ready is dropped");
    extents.begin(two);
    extents.check();
    assert_eq!(extents.give_up(two).len(), 0);
    assert_eq!(extents.bytes(), 0);
}

#[test]
fn what_is_read_ahead_and_not_used_is_counted_and_a_reclaimed_segment_is_forgotten() {
    let mut extents = Extents::new(1024 * KIB);
    let used = filled(&mut extents, plan(4096, 100, 64 * KIB, Cause::Ahead));
    filled(&mut extents, plan(1 << 20, 100, 64 * KIB, Cause::Ahead));
    let other = filled(&mut extents, plan(2 << 20, 100, 0, Cause::Asked));
    extents.touch(used);
    extents.forget(SEGMENT, Position::new(2 << 20));
    extents.check();
    assert_eq!((extents.read_ahead(), extents.dropped_unused()), (128 * KIB, 64 * KIB));
    assert_eq!((extents.bytes(), extents.get(other).is_some()), (4 * KIB, true));
}

#[test]
fn readers_that_hold_much_get_copies_of_what_is_small() {
    let mut extents = Extents::new(16 * KIB);
    let mut readers = Vec::new();
    for block in 1..6 {
        let id = filled(&mut extents, plan(block << 20, 8 * KIB, 0, Cause::Asked));
        let State::Ready(blocks) = &extents.get(id).unwrap().state else { panic!("it is filled") };
        readers.push(blocks.slice(..10));
        extents.forget(SEGMENT, Position::new(1 << 40));
        let is_copied = (extents.is_copied(4095, 8192), extents.is_copied(4096, 8192));
        assert_eq!(is_copied, (block > 2, false), "{block} extents are held");
    }
    drop(readers);
    assert!(!extents.is_copied(10, 8192));
}
