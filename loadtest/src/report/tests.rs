//! Writing files, and the sentences that all reports share.

use super::*;
use crate::outcome::Machine;
use crate::plan::Work;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn all_files_are_written_and_nothing_else_is_left() {
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = sample::outcome("posthouse", Work::Send, 1000.0);
    let at = |name: &str| Some(directory.path().join(name));
    let files = Files { json: at("report.json"), plot: at("chart.svg"), hdr: at("logs") };
    fs::write(directory.path().join("report.json"), "what was there before").expect("written");
    files.check().expect("all can be written");
    assert_eq!(names(directory.path()), ["logs", "report.json"]);
    files.write(Report::Run(&outcome)).expect("written");
    assert_eq!(names(directory.path()), ["chart.svg", "logs", "report.json"]);
    assert_eq!(names(&directory.path().join("logs")), ["posthouse-send-1-send.hlog"]);
    let json = fs::read(directory.path().join("report.json")).expect("a document");
    assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
}

#[test]
fn what_cannot_be_written_costs_the_others_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = sample::outcome("posthouse", Work::Send, 1000.0);
    let missing = directory.path().join("missing/report.json");
    let chart = directory.path().join("chart.svg");
    let files = Files { json: Some(missing.clone()), plot: Some(chart.clone()), hdr: Some("/dev/null".into()) };
    let refused = files.check().expect_err("there is no such directory").to_string();
    assert!(refused.starts_with(&format!("cannot write {}: ", missing.display())), "{refused}");
    let wrong: Vec<_> =
        files.write(Report::Run(&outcome)).expect_err("two fail").iter().map(ToString::to_string).collect();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert_eq!(wrong[0], refused);
    assert!(wrong[1].starts_with("cannot write /dev/null: "), "{wrong:?}");
    assert!(chart.exists());
}

#[test]
fn a_directory_is_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    assert!(Files { json: Some(path.clone()), ..Files::default() }.check().is_err());
    assert!(write(&path, b"text").is_err());
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn links_and_devices_are_written_into() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "something longer").expect("written");
    std::os::unix::fs::symlink("file", &link).expect("linked");
    try_write(&link).expect("possible");
    assert_eq!(fs::read(&file).expect("there"), b"something longer", "to ask changes nothing");
    write(&link, b"short").expect("written");
    assert_eq!(fs::read(&file).expect("there"), b"short");
    write(Path::new("/dev/null"), b"gone").expect("written");
}

#[test]
fn parameters_name_what_matters_to_the_work() {
    let said = |work| parameters(&Plan::ordinary(work)).join(", ");
    assert_eq!(said(Work::Send), "64 producers, bodies of 256 bytes, 10 s measured, 2 s of warm-up");
    assert!(said(Work::Fanout).contains("10 queues"));
    assert!(said(Work::Fifo).contains("1,000 message groups"));
    assert!(said(Work::Backlog).contains("100,000 messages put there first"));
    assert!(said(Work::Delay).contains("a delay of 2 s, 1,000 messages a second"));
    let plan = Plan { extent: Extent::Messages(5000), batch: 10, consumers: 1, ..Plan::ordinary(Work::Cycle) };
    let expected =
        "32 producers, 1 consumer, bodies of 256 bytes, batches of 10, 5,000 messages measured, 2 s of warm-up";
    assert_eq!(parameters(&plan).join(", "), expected);
}

#[test]
fn warnings_say_what_durability_was() {
    let mut comparison = sample::comparison(Work::Send, &[("a", &[1.0]), ("b", &[1.0]), ("limit", &[1.0])]);
    let said = |comparison: &Comparison| warnings::warnings(Report::Comparison(comparison));
    comparison.candidates[2].durability = None;
    assert_eq!(said(&comparison), [""; 0], "a limit is no broker");
    comparison.candidates[1].durability = Some("none\n".into());
    let mixed = "Different durability, as labelled: a \"fsync\", b \"none\". A comparison of what is durable with what is \
                 not is none.";
    assert_eq!(said(&comparison), [mixed]);
    comparison.candidates[1].durability = None;
    assert_eq!(said(&comparison), ["The durability of b was not stated."]);
}

#[test]
fn a_full_machine_is_said_once() {
    let mut comparison = sample::comparison(Work::Send, &[("a", &[1.0, 1.0]), ("b", &[1.0, 1.0])]);
    for (target, round, busy, stolen) in [(0, 0, 0.95, 0.0), (1, 0, 0.7, 0.28), (1, 1, 0.96, 0.0)] {
        let outcome = comparison.candidates[target].attempts[round].as_mut().expect("a run");
        outcome.generator.machine = Some(Machine { cores: 2, busy, stolen });
    }
    let expected = |with: &str, share: &str| {
        format!(
            "The machine was full{with}: {share} of its cores' time was taken. Where load test and target share them, each \
             is slowed by the other."
        )
    };
    let said = warnings::warnings(Report::Comparison(&comparison));
    assert_eq!(said, [expected(" with b (2 of 2 runs)", "98%")]);
    let outcome = comparison.candidates[1].attempts[1].as_ref().expect("a run");
    assert_eq!(warnings::warnings(Report::Run(outcome)), [expected("", "96%")]);
}

#[test]
fn one_message_is_no_messages() {
    let mut outcome = sample::outcome("a", Work::Send, 100.0);
    let overload = |outcome: &Outcome| warnings::overload(outcome).unwrap_or_default();
    assert_eq!(overload(&outcome), "");
    outcome.overdue = 1;
    assert!(overload(&outcome).contains("1 message was due and not sent. Its waiting"), "{}", overload(&outcome));
    outcome.overdue = 2000;
    assert!(
        overload(&outcome).contains("2,000 messages were due and not sent. Their waiting"),
        "{}",
        overload(&outcome)
    );
}

#[test]
fn a_saturated_generator_is_said_once() {
    let mut comparison = sample::comparison(Work::Send, &[("a", &[1.0, 1.0]), ("b", &[1.0, 1.0]), ("c", &[1.0, 1.0])]);
    for (target, round, share) in [(0, 0, 0.93), (0, 1, 0.98), (2, 1, 0.95)] {
        let outcome = comparison.candidates[target].attempts[round].as_mut().expect("a run");
        outcome.generator.busiest_thread = Some(share);
    }
    let expected = "The load generator was saturated with a (2 of 2 runs), c (1 of 2 runs): its busiest thread had a core \
                    for 98% of the time, so the target may be faster than this. Give it more --threads, or run it on \
                    another machine.";
    assert_eq!(warnings::warnings(Report::Comparison(&comparison)), [expected]);
}
