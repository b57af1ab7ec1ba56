//! The budget of answers: what one connection and all of them may take, in which order receives wait for room, and that
//! all room comes back.

use super::*;

const MIB: usize = 1024 * 1024;
/// A record of so many bytes takes so many bytes with what a message adds.
const RECORD: u32 = 1024 * 1024 - MESSAGE_BYTES;

/// 14 MiB for messages, 2 MiB for other answers, 2 MiB for one connection.
fn small() -> Arc<AnswerBudget> {
    AnswerBudget::new(16 * MIB, 2 * MIB)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

fn left(budget: &AnswerBudget) -> (usize, usize) {
    (budget.messages.available_permits(), budget.others.available_permits())
}

#[test]
fn small_answers_take_the_connections_own_bytes_and_no_others() {
    let budget = small();
    let account = budget.account();
    let mut room = account.no_room(Kind::Messages);
    assert_eq!(room.fit(&[100; 10]), 10);
    assert_eq!((room.bytes(), budget.held_bytes()), (11_240, 0));
    let mut second = account.no_room(Kind::Messages);
    assert_eq!(second.fit(&[100; 10]), 10, "what the connection's own bytes have no room for is taken of the budget");
    assert_eq!(budget.held_bytes(), 11_240);
    drop((room, second));
    assert_eq!((budget.held_bytes(), account.own.load(Ordering::Relaxed)), (0, OWN_BYTES));
}

#[test]
fn an_answer_takes_the_messages_that_there_is_room_for() {
    let budget = AnswerBudget::new(64 * MIB, 8 * MIB);
    let account = budget.account();
    let mut first = account.no_room(Kind::Messages);
    assert_eq!(first.fit(&[RECORD; 10]), 8, "what one connection may hold");
    let mut second = account.no_room(Kind::Messages);
    assert_eq!(second.fit(&[RECORD; 10]), 0);
    assert_eq!(second.bytes(), 0);
    drop(first);
    assert_eq!(second.fit(&[RECORD, RECORD]), 2);
    second.keep(RECORD);
    assert_eq!(budget.held_bytes(), u64::from(RECORD));
    let part = second.split(1000);
    drop(second);
    assert_eq!(budget.held_bytes(), 1000, "a part outlives the rest");
    drop(part);
    assert_eq!(left(&budget), (56 * MIB, 8 * MIB));
}

#[test]
fn many_answers_get_less_each_as_the_budget_is_used_up() {
    let budget = AnswerBudget::new(64 * MIB, 8 * MIB);
    let accounts: Vec<_> = (0..40).map(|_| budget.account()).collect();
    let mut rooms: Vec<_> = accounts.iter().map(|account| account.no_room(Kind::Messages)).collect();
    let counts: Vec<usize> = rooms.iter_mut().map(|room| room.fit(&[RECORD; 10])).collect();
    assert_eq!(counts[..5], [8, 8, 8, 8, 6]);
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 56);
    assert_eq!(left(&budget), (0, 8 * MIB), "other answers have room of their own");
}

#[test]
fn a_message_that_is_larger_than_all_room_goes_alone() {
    let budget = small();
    let account = budget.account();
    let mut room = account.no_room(Kind::Messages);
    assert_eq!(room.fit(&[u32::MAX, 1]), 1);
    assert_eq!(room.bytes(), 2 * 1024 * 1024);
    let mut other = account.no_room(Kind::Messages);
    assert_eq!(other.fit(&[u32::MAX, 1]), 0);
    assert_eq!(room.fit(&[u32::MAX, 1]), 2, "a room of everything has room for everything");
}

#[tokio::test]
async fn what_waits_for_room_takes_its_turn() {
    let budget = small();
    let accounts: Vec<_> = (0..8).map(|_| budget.account()).collect();
    let mut held = Vec::new();
    for account in &accounts[..7] {
        held.push(account.room_for_record(u64::MAX, soon()).await.expect("room"));
    }
    let account = &accounts[7];
    assert!(account.room_for_record(u64::from(RECORD), soon()).await.is_none(), "nothing is left");
    assert_eq!(left(&budget).0, 0);
    assert_eq!(account.share.available_permits(), 2 * MIB, "what gave up holds nothing");
    let later = Instant::now() + Duration::from_secs(60);
    let (first, second) =
        (account.room_for_record(u64::from(RECORD), later), account.room_for_record(u64::from(RECORD), later));
    let freed = async {
        tokio::task::yield_now().await;
        let mut newcomer = accounts[0].no_room(Kind::Messages);
        held.pop();
        assert_eq!(newcomer.fit(&[RECORD; 10]), 0, "those that wait come first");
    };
    let (first, second, ()) = tokio::join!(first, second, freed);
    assert_eq!(first.expect("freed").bytes(), 1024 * 1024);
    assert_eq!(second.expect("freed").bytes(), 1024 * 1024);
    assert_eq!(budget.waited(), 3);
}

#[tokio::test]
async fn a_small_answer_waits_for_its_own_connection_only() {
    let budget = small();
    let (account, other, third) = (budget.account(), budget.account(), budget.account());
    let _all = third.room(2 * MIB, Duration::ZERO).await.expect("all that is left for other answers than messages");
    let whole = account.room(OWN_BYTES as usize, Duration::ZERO).await.expect("its own bytes");
    assert!(other.room(1000, Duration::ZERO).await.is_some(), "as any other connection's");
    assert!(account.room(1000, Duration::from_millis(20)).await.is_none());
    let patience = Duration::from_secs(60);
    let freed = async {
        tokio::task::yield_now().await;
        drop(whole);
    };
    let (room, ()) = tokio::join!(account.room(1000, patience), freed);
    assert_eq!(room.expect("freed").bytes(), 1000);
}
