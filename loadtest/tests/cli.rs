//! The command as a process: help, refusals, exit codes. Bad targets must neither hang it nor make it lose results.
//!
//! Servers are threads of the test on free loopback ports. A command that has not ended after a minute is killed, and
//! the test fails.

mod cli {
    pub(crate) mod command;
    pub(crate) mod servers;
}

use std::fs;
use std::path::Path;
use std::process::Stdio;

use cli::command::{Started, run};
use cli::servers::{CLOSED_PORT, FakeSqs, Silent, garbage};
use rustix::process::Signal;
use serde_json::Value;

const WORKS: [&str; 8] = ["send", "receive", "cycle", "fanout", "backlog", "latency", "fifo", "delay"];

/// Every option of `run` and `compare`.
const OPTIONS: [&str; 27] = [
    "--between",
    "--connections",
    "--producers",
    "--consumers",
    "--body",
    "--batch",
    "--duration",
    "--count",
    "--warm-up",
    "--rate",
    "--threads",
    "--queues",
    "--filtered",
    "--groups",
    "--delay",
    "--outstanding",
    "--no-verify",
    "--visibility-timeout",
    "--timeout",
    "--drain",
    "--keep",
    "--durability",
    "--json",
    "--plot",
    "--hdr",
    "--quiet",
    "--help",
];

/// A target of each scheme at a port.
fn targets_at(port: u16) -> Vec<String> {
    vec![
        format!("sqs+http://127.0.0.1:{port}"),
        format!("sqs+http://127.0.0.1:{port}?protocol=query"),
        format!("sns+http://127.0.0.1:{port}"),
        format!("nats://127.0.0.1:{port}"),
        format!("redis://127.0.0.1:{port}"),
        format!("amqp://127.0.0.1:{port}"),
        format!("beanstalk://127.0.0.1:{port}"),
        format!("postgres://user:hunter2@127.0.0.1:{port}/database"),
        format!("posthouse://127.0.0.1:{port}"),
    ]
}

/// A kind of work that the target of this URL can do.
fn work_for(target: &str) -> &'static str {
    if target.starts_with("sns") { "fanout" } else { "send" }
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("the JSON was written");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The value of a member somewhere in a document, by its name.
fn find<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    match document {
        Value::Object(members) => members.get(name).or_else(|| members.values().find_map(|value| find(value, name))),
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

fn number(document: &Value, name: &str) -> u64 {
    find(document, name).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number `{name}` in {document:#}"))
}

#[test]
fn help_tells_of_everything() {
    for subcommand in ["run", "compare"] {
        let help = run(&[subcommand, "--help"]).with_code(0).stdout;
        for word in WORKS.iter().chain(&OPTIONS) {
            assert!(help.contains(word), "`{word}` is missing in {help}");
        }
        for scheme in targets_at(1).iter().map(|target| target.split("127").next().expect("a first part")) {
            assert!(help.contains(scheme.trim_end_matches("user:hunter2@")), "`{scheme}` is missing in {help}");
        }
        assert!(help.contains("limit+http://") && help.contains("limit+disk:///DIRECTORY"), "{help}");
        let codes = help.split_once("Exit codes:").expect("help lists them").1;
        for code in ["0", "1", "2", "3", "4", "130"] {
            assert!(codes.contains(&format!("\n  {code}  ")), "{code} is missing in {codes}");
        }
    }
    assert!(run(&["compare", "--help"]).with_code(0).stdout.contains("--rounds"));
    let help = run(&["request", "--help"]).with_code(0).stdout;
    assert!(help.contains("--queue") && help.contains("--body"), "{help}");
    let version = run(&["--version"]).with_code(0).stdout;
    assert_eq!(version.trim(), format!("posthouse-loadtest {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_option_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/loadtest.md");
    let page = fs::read_to_string(path).expect("the page is there");
    for word in WORKS.iter().chain(&OPTIONS).chain(&["--rounds", "--queue"]) {
        assert!(page.contains(&format!("`{word}")), "`{word}` is missing in docs/loadtest.md");
    }
    let help = run(&["run", "--help"]).with_code(0).stdout;
    for scheme in help.lines().filter_map(|line| line.trim().split_once("://")).map(|(scheme, _)| scheme) {
        assert!(page.contains(&format!("`{scheme}://")), "`{scheme}://` is missing in docs/loadtest.md");
        // TLS and QUIC carry the same protocol.
        let scheme = scheme.trim_end_matches("+tls").trim_end_matches("+quic");
        let tested = scheme.starts_with("limit+") || targets_at(1).iter().any(|target| target.starts_with(scheme));
        assert!(tested, "`{scheme}://` is missing in this file's targets");
    }
    for form in help.lines().filter(|line| line.contains("://")) {
        let (scheme, rest) = form.trim().split_once("://").expect("it has one");
        let parameters = rest.split_once("[?").map_or("", |(_, parameters)| parameters);
        for (name, _) in parameters.split('&').filter_map(|parameter| parameter.split_once('=')) {
            // A row may be for several schemes.
            let (scheme, name) = (format!("`{scheme}`"), format!("| `?{name}=` |"));
            let mut rows = page.lines().filter(|line| line.starts_with("| `"));
            let is_there = rows.any(|row| row.contains(&name) && row.contains(&scheme));
            assert!(is_there, "the row of {scheme} {name} is missing in docs/loadtest.md");
        }
    }
    let words = help.split(|c: char| c != '-' && !c.is_ascii_lowercase());
    for option in words.filter(|word| word.starts_with("--")) {
        assert!(OPTIONS.contains(&option), "`{option}` is not in this test's list");
    }
}

#[test]
fn which_target_does_which_work_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/loadtest.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let header = format!("| target | {} |\n", WORKS.map(|work| format!("`{work}`")).join(" | "));
    let table = page.split_once(&header).expect("the page has the table").1;
    let rows: Vec<Vec<_>> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 11, "ten schemes, and SNS without queues");
    for row in rows {
        let target = row[0].trim_matches('`').replace("HOST", "127.0.0.1:1");
        // The file that cannot be written is refused after work that cannot be done, and before a target is called.
        let does = |words: &[&str]| {
            let words = [&["run"], words, &[&target, "--json", "/nowhere/report.json"]].concat();
            !run(&words).with_code(2).stderr.contains("cannot do this work")
        };
        for (work, cell) in WORKS.iter().zip(&row[1..]) {
            assert_eq!(does(&[work]), *cell != "-", "{work} of {target}");
        }
        assert_eq!(does(&["fanout", "--filtered"]), row[4] == "yes", "filters of {target}");
    }
}

#[test]
fn what_is_impossible_is_refused_with_a_sentence() {
    let table = [
        ("", "Usage: posthouse-loadtest"),
        ("run", "required arguments were not provided"),
        ("run send", "required arguments were not provided"),
        ("run juggle sqs+http://h:1", "invalid value 'juggle'"),
        ("run send sqs+http://h:1 --body 56", "57 to 1048576 bytes"),
        ("run send sqs+http://h:1 --body 1000..100", "`1000..100` is no body size"),
        ("run send sqs+http://h:1 --body fat", "`fat` is no body size"),
        ("run send sqs+http://h:1 --body 64:0", "`64:0` is no body size"),
        ("run send sqs+http://h:1 --batch 0", "a batch has 1 to 1000 messages"),
        ("run send sqs+http://h:1 --batch 11", "a batch has at most 10 messages"),
        ("run send sqs+http://h:1 --duration 10", "`10` is no duration: give a number and its unit"),
        ("run send sqs+http://h:1 --duration 0s", "a run of no time or no messages measures nothing"),
        ("run send sqs+http://h:1 --count 0", "a run of no time or no messages measures nothing"),
        ("run send sqs+http://h:1 --count=-1", "invalid value '-1'"),
        ("run send sqs+http://h:1 --count 5 --duration 5s", "two ends of one run"),
        ("run send sqs+http://h:1 --timeout 0s", "a timeout of nothing lets nothing succeed"),
        ("run send sqs+http://h:1 --visibility-timeout 500ms", "a visibility timeout has at least one second"),
        ("run send sqs+http://h:1 --visibility-timeout 13h", "the visibility timeout is at most 43200 s"),
        ("run send sqs+http://h:1 --threads 0", "the generator has 1 to 256 threads"),
        ("run send sqs+http://h:1 --connections 0", "`send` needs at least one producer"),
        ("run send sqs+http://h:1 --connections 10001", "at most 10000 producers"),
        ("run send sqs+http://h:1 --connections 2 --producers 3", "`--connections 2` and `--producers 3` disagree"),
        ("run send sqs+http://h:1 --groups 3", "`--groups` means nothing for `send`"),
        ("run cycle sqs+http://h:1 --queues 3", "`--queues` means nothing for `cycle`"),
        ("run cycle sqs+http://h:1 --consumers 0", "`cycle` needs at least one consumer"),
        ("run cycle sqs+http://h:1 --outstanding 5 --batch 10", "a batch must fit into the outstanding messages"),
        ("run latency sqs+http://h:1 --rate 0", "a rate is above 0 and at most 10000000 messages a second"),
        ("run latency sqs+http://h:1 --rate NaN", "a rate is above 0 and at most 10000000 messages a second"),
        ("run latency sqs+http://h:1 --rate 10000001", "a rate is above 0 and at most 10000000 messages a second"),
        ("run receive sqs+http://h:1 --rate 5", "takes no rate"),
        ("run cycle sqs+http://h:1 --outstanding 10000001", "at most 10000000 messages can be outstanding"),
        ("run fanout sns+http://h:1 --producers 9000 --queues 9000", "producers times queues are at most 4000000"),
        ("run fifo sqs+http://h:1 --groups 3", "3 message groups are too few for 32 producers"),
        ("run delay sqs+http://h:1 --delay 0s", "a delay of nothing delays nothing"),
        ("run delay sqs+http://h:1 --delay 16m", "delays are whole seconds up to 900 s"),
        ("run fanout sqs+http://h:1", "SQS has no topics; `sns+http://` has"),
        ("run fanout sns+http://h:1 --queues 0", "a fan-out has 1 to 10000 queues"),
        ("run cycle limit+disk:///nowhere", "`limit-disk` cannot do this work"),
        ("run send kafka://h", "there is no adapter for `kafka://`; known are sqs+http://"),
        ("run send nowhere", "`nowhere` is not a URL"),
        ("run send sqs+http://h", "has no port"),
        ("run send sqs+http://h:1/path", "an endpoint has no path"),
        ("run send sqs+http://h:1?color=red", "unknown parameter `color`"),
        ("run send sqs+http://h:1?protocol=xml", "protocol `xml`; known are json, query"),
        ("run send amqp://h?queue=lazy", "lazy"),
        ("run send sqs+http://h:1 sqs+http://h:2", "`run` drives one target; `compare` drives several in turn"),
        ("run send sqs+http://h:1 --durability a --durability b", "the durability of `sqs` is given twice"),
        ("run send sqs+http://h:1 --plot chart.png", "`--plot` writes SVG, not png"),
        ("run send sqs+http://h:1 --json same.svg --plot same.svg", "name the same file"),
        ("run send sqs+http://h:1 --color", "unexpected argument '--color'"),
        ("compare send sqs+http://h:1", "`compare` needs two targets or more"),
        ("compare send a=sqs+http://h:1 a=sqs+http://h:2", "two targets are called `a`"),
        ("compare send sqs+http://h:1 nats://h --durability redis=none", "is of no target: there are sqs, nats"),
        ("compare send sqs+http://h:1 nats://h --rounds 0", "a comparison of no rounds compares nothing"),
        ("compare cycle sqs+http://h:1 limit+disk:///nowhere", "`limit-disk` cannot do this work"),
        ("request nats://h --queue q", "only `sqs+http://` targets are sent signed requests"),
        ("request sqs+http://h:1 --queue q --body 0", "a message has 1 to 1048576 bytes"),
    ];
    for (line, sentence) in table {
        let words: Vec<_> = line.split_whitespace().collect();
        let finished = run(&words).with_code(2);
        assert!(finished.stderr.contains(sentence), "`{line}` says {}", finished.stderr);
        assert_eq!(finished.stdout, "", "`{line}`");
    }
}

#[test]
fn files_that_cannot_be_written_are_refused_before_the_run() {
    let target = format!("sqs+http://127.0.0.1:{CLOSED_PORT}");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "kept").expect("writable");
    let missing = directory.path().join("missing/deep/name.svg");
    for (option, path) in [
        ("--json", missing.as_path()),
        ("--plot", missing.as_path()),
        ("--json", directory.path()),
        ("--hdr", file.as_path()),
        ("--hdr", file.join("below").as_path()),
    ] {
        let path = path.to_str().expect("UTF-8");
        let finished = run(&["run", "send", &target, option, path]).with_code(2);
        assert!(finished.stderr.contains(path), "{option} {path}: {}", finished.stderr);
    }
    assert_eq!(fs::read_to_string(&file).expect("still there"), "kept");
    // If nothing was measured, the check of the path leaves no file.
    let fresh = directory.path().join("fresh.json");
    run(&["run", "send", &target, "--json", fresh.to_str().expect("UTF-8")]).with_code(3);
    assert!(!fresh.exists());
}

#[test]
fn passwords_are_never_printed() {
    let port = CLOSED_PORT;
    for line in [
        format!("run send nats://user:hunter2@127.0.0.1:{port}"),
        format!("run send redis://user:hunter2@127.0.0.1:{port}"),
        format!("run send amqp://user:hunter2@127.0.0.1:{port}"),
        format!("run send postgres://user:hunter2@127.0.0.1:{port}/database"),
        format!("run send sqs+http://user:hunter2@127.0.0.1:{port}"),
        "run send sqs+http://user:hunter2@127.0.0.1".to_owned(),
        "run send sqs+http://user:hunter2@127.0.0.1:1?a=b".to_owned(),
        "run send kafka://user:hunter2@127.0.0.1".to_owned(),
        "run send nats://user:hunter2@127.0.0.1:port".to_owned(),
        "run send nats://127.0.0.1 nats://user:hunter2@127.0.0.1".to_owned(),
    ] {
        let finished = run(&line.split_whitespace().collect::<Vec<_>>());
        assert_ne!(finished.code, 0, "{line}");
        assert!(!finished.stdout.contains("hunter2") && !finished.stderr.contains("hunter2"), "{finished:?}");
    }
}

#[test]
fn a_target_that_is_not_there_is_told_at_once() {
    for target in targets_at(CLOSED_PORT) {
        let finished = run(&["run", work_for(&target), &target, "--connections", "4"]).with_code(3);
        assert!(finished.stderr.contains("cannot be reached"), "{target}: {}", finished.stderr);
        assert!(finished.stderr.contains("127.0.0.1:1"), "{target}: {}", finished.stderr);
        assert_eq!(finished.stdout, "", "{target}");
    }
}

#[test]
fn a_target_that_never_answers_does_not_hang_the_run() {
    let silent = Silent::start();
    for target in targets_at(silent.port) {
        let finished = run(&["run", work_for(&target), &target, "--connections", "4", "--timeout", "500ms"]);
        let finished = finished.with_code(3);
        assert!(finished.stderr.contains("no answer within"), "{target}: {finished:?}");
    }
}

#[test]
fn a_target_of_another_protocol_does_not_hang_the_run() {
    let port = garbage();
    for target in targets_at(port) {
        let finished = run(&["run", work_for(&target), &target, "--connections", "4", "--timeout", "500ms"]);
        let finished = finished.with_code(3);
        assert!(finished.stderr.contains("error: ") && !finished.stderr.contains("panicked"), "{target}: {finished:?}");
    }
}

/// A directory with the files of a run.
struct Written(tempfile::TempDir);

impl Written {
    /// Starts a command with the options that write all files.
    fn by(line: &str) -> (Self, Started) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
        let files = ["--json", &path("all.json"), "--plot", &path("all.svg"), "--hdr", &path("hdr")];
        let words: Vec<_> = line.split_whitespace().chain(files).collect();
        let started = Started::with(&words);
        (Self(directory), started)
    }

    fn json(&self) -> Value {
        json(&self.0.path().join("all.json"))
    }

    /// Asserts that all files exist and can be parsed.
    fn is_valid(&self) {
        assert!(self.json().is_object());
        let svg = fs::read_to_string(self.0.path().join("all.svg")).expect("the chart was written");
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error} in {svg}"));
        assert_eq!(document.root_element().tag_name().name(), "svg");
        let logs: Vec<_> = fs::read_dir(self.0.path().join("hdr")).expect("the directory was made").collect();
        assert!(!logs.is_empty(), "there are histogram logs");
        for log in logs {
            let text = fs::read_to_string(log.expect("an entry").path()).expect("a text file");
            assert!(text.starts_with("#[") || text.starts_with("\"StartTimestamp\""), "{text}");
        }
    }
}

fn finished_well(line: &str) -> Value {
    let (written, started) = Written::by(line);
    let finished = started.finish().with_code(0);
    assert!(!finished.stdout.is_empty(), "{line} reports");
    written.is_valid();
    written.json()
}

#[test]
fn the_limits_run_and_write_every_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = format!("limit+disk://{}", directory.path().display());
    for target in ["limit+http://", &disk] {
        let line = format!("run send {target} --duration 300ms --warm-up 0s --connections 4");
        let document = finished_well(&line);
        assert!(number(&document, "acknowledged") > 0, "{target}: {document:#}");
    }
    assert_eq!(fs::read_dir(directory.path()).expect("still there").count(), 0, "nothing is left on the disk");
}

#[test]
fn comparisons_run_and_write_every_file() {
    let line = "compare send limit+http:// other=limit+http:// --rounds 2 --duration 200ms --warm-up 0s --connections 2 \
                --durability other=none --quiet";
    let document = finished_well(line);
    let text = document.to_string();
    assert!(text.contains("\"other\"") && text.contains("\"limit-http\""), "{document:#}");
}

#[test]
fn a_comparison_keeps_what_there_is_of_targets_that_are() {
    let line = format!(
        "compare send limit+http:// gone=sqs+http://127.0.0.1:{} --rounds 1 --duration 200ms --warm-up 0s --connections 2",
        CLOSED_PORT
    );
    let (written, started) = Written::by(&line);
    let finished = started.finish().with_code(3);
    assert!(format!("{}{}", finished.stdout, finished.stderr).contains("cannot be reached"), "{finished:?}");
    written.is_valid();
    assert!(number(&written.json(), "acknowledged") > 0);
}

#[test]
fn a_target_that_dies_in_the_middle_leaves_what_was_done() {
    let server = FakeSqs::dying_after(20);
    let line = format!(
        "run send sqs+http://127.0.0.1:{} --connections 1 --duration 30s --warm-up 0s --timeout 1s --drain 1s",
        server.port
    );
    let (written, started) = Written::by(&line);
    let finished = started.finish().with_code(4);
    written.is_valid();
    assert_eq!(number(&written.json(), "acknowledged"), 20);
    assert!(find(&written.json(), "ended_early").is_some_and(Value::is_string), "{:#}", written.json());
    assert!(finished.stdout.to_lowercase().contains("ended early"), "{finished:?}");
}

#[test]
fn a_broken_promise_is_told_by_the_exit_code() {
    // A server that acknowledges messages and never delivers them.
    let server = FakeSqs::forgetful();
    let line = format!(
        "run send sqs+http://127.0.0.1:{} --connections 1 --count 20 --warm-up 0s --timeout 5s --drain 300ms",
        server.port
    );
    let (written, started) = Written::by(&line);
    let finished = started.finish().with_code(1);
    written.is_valid();
    let lost = number(&written.json(), "lost");
    assert!(lost >= 20 && lost == number(&written.json(), "acknowledged"), "{:#}", written.json());
    assert!(finished.stdout.contains(&format!("{lost} messages acknowledged and lost")), "{finished:?}");
}

#[test]
fn an_interrupted_run_reports_what_it_has() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = FakeSqs::forgetful();
        let line = format!(
            "run send sqs+http://127.0.0.1:{} --connections 1 --duration 1h --warm-up 0s --no-verify",
            server.port
        );
        let (written, started) = Written::by(&line);
        server.wait_for_messages(10);
        started.signal(signal);
        let finished = started.finish().with_code(4);
        assert!(finished.stderr.contains("Ending early"), "{finished:?}");
        written.is_valid();
        assert!(number(&written.json(), "acknowledged") >= 9, "{:#}", written.json());
    }
}

#[test]
fn an_interrupted_comparison_begins_no_further_run() {
    let server = FakeSqs::forgetful();
    let line = format!(
        "compare send sqs+http://127.0.0.1:{} limit+http:// --connections 1 --duration 1h --warm-up 0s --no-verify",
        server.port
    );
    let (written, started) = Written::by(&line);
    server.wait_for_messages(10);
    started.signal(Signal::INT);
    let finished = started.finish().with_code(4);
    assert!(finished.stdout.contains("5 of 6 runs were not done"), "{finished:?}");
    written.is_valid();
}

/// Starts a run against a server that stops responding, and waits until a call hangs.
fn hanging() -> (FakeSqs, Written, Started) {
    let server = FakeSqs::hanging_after(5);
    let line = format!(
        "run send sqs+http://127.0.0.1:{} --connections 1 --duration 1h --warm-up 0s --timeout 1h --no-verify",
        server.port
    );
    let (written, started) = Written::by(&line);
    server.wait_for_messages(6);
    (server, written, started)
}

#[test]
fn an_interrupted_run_waits_for_no_answer() {
    let (_server, written, started) = hanging();
    started.signal(Signal::INT);
    started.finish().with_code(4);
    written.is_valid();
    assert_eq!((number(&written.json(), "acknowledged"), number(&written.json(), "uncertain")), (5, 1));
}

#[test]
fn the_second_interrupt_ends_at_once() {
    let (_server, _written, started) = hanging();
    // The stopped command gets both signals at once when it continues, while the hanging call delays its end.
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        started.signal(signal);
    }
    let finished = started.finish().with_code(130);
    assert_eq!(finished.stdout, "");
}

#[test]
fn a_report_that_cannot_be_printed_is_partial() {
    let line = "run send limit+http:// --duration 100ms --warm-up 0s --connections 1";
    let words: Vec<_> = line.split_whitespace().collect();
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("a device that is full"));
    let closed = || Stdio::from(std::io::pipe().expect("a pipe").1);
    let finished = Started::writing_to(&words, full(), Stdio::piped()).finish().with_code(4);
    assert!(finished.stderr.contains("cannot write to standard output"), "{finished:?}");
    for (output, errors) in [(full(), full()), (closed(), closed())] {
        Started::writing_to(&words, output, errors).finish().with_code(4);
    }
    // Standard error is full, too.
    Started::writing_to(&["run", "send", "nowhere"], full(), full()).finish().with_code(2);
}

#[test]
fn a_signed_request_is_printed() {
    let server = FakeSqs::forgetful();
    let target = format!("sqs+http://127.0.0.1:{}", server.port);
    let text = run(&["request", &target, "--queue", "q", "--body", "100"]).with_code(0).stdout;
    assert!(text.contains("AmazonSQS.SendMessage") && text.contains("Signature="), "{text}");
    assert!(text.contains(&"x".repeat(100)) && !text.contains(&"x".repeat(101)), "{text}");
    let gone = format!("sqs+http://127.0.0.1:{CLOSED_PORT}");
    let finished = run(&["request", &gone, "--queue", "q"]).with_code(3);
    assert!(finished.stderr.contains("cannot be reached"), "{finished:?}");
}
