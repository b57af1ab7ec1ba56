//! A system's clock that jumps, driven under the real binary: a library that `cc` compiles here and the dynamic linker
//! loads before all others shifts what the process reads (`clock/shifted.c`).

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::queue::Message;
use crate::support::{Launch, Queue, eventually, sleep_ms};

crate::cases! {
    a_jump_of_three_days_for_a_moment_has_no_effect,
    a_start_with_a_clock_ahead_is_undone_by_the_next,
}

const DAY_SECONDS: i64 = 86_400;

/// The clock of a broker.
struct ShiftedClock {
    library: PathBuf,
    shift: PathBuf,
    _home: TempDir,
}

impl ShiftedClock {
    fn new() -> Self {
        let home = TempDir::with_prefix("posthouse-clock-").expect("a temporary directory");
        let (source, library) = (home.path().join("shifted.c"), home.path().join("shifted.so"));
        std::fs::write(&source, include_str!("clock/shifted.c")).expect("a file");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(&source);
        assert!(compiler.status().expect("a compiler, which the build needs too").success());
        let shift = home.path().join("shift");
        std::fs::write(&shift, 0_i64.to_ne_bytes()).expect("a file");
        Self { library, shift, _home: home }
    }

    /// A broker that reads this clock.
    fn under(&self, launch: Launch) -> Launch {
        let text = |path: &PathBuf| path.to_str().expect("a path of letters").to_owned();
        launch.variable("LD_PRELOAD", &text(&self.library)).variable("POSTHOUSE_TEST_CLOCK", &text(&self.shift))
    }

    /// Sets the clock so many seconds ahead of the true time.
    fn set_ahead(&self, seconds: i64) {
        // Written in place: the broker has mapped the file.
        let file = File::options().write(true).open(&self.shift).expect("it was made");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("written");
    }
}

/// Fails if a date of a message is of the jump.
fn is_of_the_true_time(message: &Message, attribute: &str) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let tomorrow_ms = since.as_millis() + 1_000 * u128::from(DAY_SECONDS.unsigned_abs());
    let date_ms = message.attribute(attribute).parse::<u128>().expect("a number");
    assert!(date_ms < tomorrow_ms, "{attribute} is {date_ms}");
}

/// Waits until messages that were received once are visible again.
fn come_back(queue: &Queue, expected: &[&str]) {
    let mut back = BTreeSet::new();
    while back.len() < expected.len() {
        let message = eventually("the visibility timeout ends", || queue.receive_with(&one()).into_iter().next());
        assert_eq!(message.receive_count(), 2, "{}", message.body);
        queue.delete(&message);
        back.insert(message.body);
    }
    assert!(back.iter().eq(expected), "{back:?}");
}

fn one() -> Value {
    json!({ "MaxNumberOfMessages": 1 })
}

fn a_jump_of_three_days_for_a_moment_has_no_effect() {
    let clock = ShiftedClock::new();
    let broker = clock.under(Launch::new()).start();
    let client = broker.json_client();
    let short = client.queue_with(&[("VisibilityTimeout", "5")]);
    let kept = client.queue_with(&[("MessageRetentionPeriod", "86400")]);
    kept.send("kept");
    short.send("before");
    short.send("within");
    assert_eq!(short.receive_with(&one())[0].body, "before");
    clock.set_ahead(3 * DAY_SECONDS);
    let within = short.receive_with(&one());
    assert_eq!(within[0].body, "within", "the timeout of the first has not ended");
    is_of_the_true_time(&within[0], "ApproximateFirstReceiveTimestamp");
    kept.send("sent within");
    eventually("the warning of the jump", || {
        kept.counts();
        broker.log().contains("the system's clock has jumped").then_some(())
    });
    clock.set_ahead(0);
    eventually("the end of the warning", || {
        kept.counts();
        broker.log().contains("the system's clock is right again").then_some(())
    });
    come_back(&short, &["before", "within"]);
    for message in kept.gives(&["kept", "sent within"]) {
        is_of_the_true_time(&message, "SentTimestamp");
    }
}

fn a_start_with_a_clock_ahead_is_undone_by_the_next() {
    let clock = ShiftedClock::new();
    let mut broker = clock.under(Launch::new()).start();
    let client = broker.json_client();
    let short = client.queue_with(&[("VisibilityTimeout", "5")]);
    let kept = client.queue_with(&[("MessageRetentionPeriod", "86400")]);
    kept.send("kept");
    short.send("hidden");
    broker.stop();
    clock.set_ahead(3 * DAY_SECONDS);
    broker.restart();
    // Retention holds back after a start whose latest event is old, also when messages are looked at.
    assert_eq!(short.receive_one().body, "hidden");
    sleep_ms(200);
    assert_eq!(kept.counts()[0], 1, "no clock makes a message older");
    broker.stop();
    clock.set_ahead(0);
    broker.restart();
    come_back(&short, &["hidden"]);
    kept.gives(&["kept"]);
    assert!(broker.log().contains("times that the system's clock has not reached"), "{}", broker.log());
}
