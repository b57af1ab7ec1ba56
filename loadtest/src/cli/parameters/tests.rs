//! Lines of options and the plans that they make.

use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::super::arguments::{Arguments, Command};
use super::*;
use crate::plan::BodySizes;

fn parse(line: &str) -> Result<Plan, Impossible> {
    let words = ["posthouse-loadtest", "run"].into_iter().chain(line.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
    match arguments.command {
        Command::Run(run) => plan(run.work, &run.options),
        other => panic!("{line} is {other:?}"),
    }
}

/// Options without targets, which play no part here.
fn made(work: Work, options: &str) -> Plan {
    parse(&format!("{} limit+http:// {options}", work.name())).unwrap_or_else(|error| panic!("{options}: {error}"))
}

fn refused(work: Work, options: &str) -> String {
    let plan = parse(&format!("{} limit+http:// {options}", work.name()));
    plan.err().unwrap_or_else(|| panic!("{} {options} is taken", work.name())).0
}

const WORKS: [Work; 8] =
    [Work::Send, Work::Receive, Work::Cycle, Work::Fanout, Work::Backlog, Work::Latency, Work::Fifo, Work::Delay];

#[test]
fn without_options_plans_are_ordinary() {
    for work in WORKS {
        let mut ordinary = Plan::ordinary(work);
        if work == Work::Backlog {
            ordinary.extent = Extent::Messages(ordinary.fill);
        }
        assert_eq!(format!("{:?}", made(work, "")), format!("{ordinary:?}"));
    }
}

#[test]
fn every_option_changes_its_part() {
    let plan = made(
        Work::Cycle,
        "--connections 9 --body 64:50,4096:10 --batch 10 --duration 500ms --warm-up 0s --outstanding 77 \
         --visibility-timeout 1m --timeout 3s --drain 4s --keep --threads 2 --hdr somewhere",
    );
    assert_eq!((plan.producers, plan.consumers), (4, 5));
    assert_eq!(plan.body, BodySizes::Weighted(vec![(64, 50), (4096, 10)]));
    assert_eq!((plan.batch, plan.outstanding, plan.threads), (10, 77, 2));
    assert_eq!(plan.extent, Extent::Seconds(Duration::from_millis(500)));
    assert_eq!(plan.warm_up, Duration::ZERO);
    assert_eq!(plan.visibility_timeout, Duration::from_secs(60));
    assert_eq!((plan.timeout, plan.drain), (Duration::from_secs(3), Duration::from_secs(4)));
    assert!(plan.keep && plan.intervals);

    let plan = made(Work::Fanout, "--queues 3 --filtered");
    assert_eq!((plan.queues, plan.filtered), (3, true));
    assert_eq!(made(Work::Fifo, "--groups 100 --rate 2.5").groups, 100);
    assert_eq!(made(Work::Fifo, "--rate 2.5").rate, Some(2.5));
    assert_eq!(made(Work::Delay, "--delay 5s").delay, Duration::from_secs(5));
    for work in [Work::Send, Work::Cycle, Work::Receive] {
        assert!(!made(work, "--no-verify").verify);
    }
    assert!(made(Work::Send, "").verify);
}

#[test]
fn connections_become_workers() {
    let table = [
        (Work::Send, "--connections 7", (7, 0)),
        (Work::Send, "--producers 7", (7, 0)),
        (Work::Send, "--connections 7 --producers 7", (7, 0)),
        (Work::Receive, "--connections 7", (7, 7)),
        (Work::Backlog, "--connections 7 --producers 2", (2, 7)),
        (Work::Backlog, "--connections 7 --producers 2 --consumers 7", (2, 7)),
        (Work::Backlog, "--consumers 3", (64, 3)),
        (Work::Cycle, "--connections 2", (1, 1)),
        (Work::Latency, "--connections 10 --producers 3", (3, 7)),
        (Work::Fifo, "--connections 10 --consumers 3", (7, 3)),
        (Work::Cycle, "--connections 10 --producers 3 --consumers 7", (3, 7)),
        (Work::Cycle, "--producers 3", (3, 32)),
    ];
    for (work, options, workers) in table {
        let plan = made(work, options);
        assert_eq!((plan.producers, plan.consumers), workers, "{} {options}", work.name());
    }
}

#[test]
fn a_run_ends_as_told() {
    let seconds = |seconds| Extent::Seconds(Duration::from_secs(seconds));
    let table = [
        (Work::Send, "--count 5", (Extent::Messages(5), 100_000)),
        (Work::Send, "--duration 5s", (seconds(5), 100_000)),
        (Work::Receive, "", (seconds(10), 100_000)),
        (Work::Receive, "--count 5", (Extent::Messages(5), 5)),
        (Work::Receive, "--count 5 --duration 3s", (seconds(3), 5)),
        (Work::Backlog, "--count 5", (Extent::Messages(5), 5)),
        (Work::Backlog, "", (Extent::Messages(100_000), 100_000)),
    ];
    for (work, options, ended) in table {
        let plan = made(work, options);
        assert_eq!((plan.extent, plan.fill), ended, "{} {options}", work.name());
    }
}

#[test]
fn what_means_nothing_is_refused() {
    let table = [
        (Work::Send, "--queues 3", "`--queues` means nothing for `send`: it is for `fanout`"),
        (Work::Cycle, "--filtered", "`--filtered` means nothing for `cycle`: it is for `fanout`"),
        (Work::Send, "--groups 3", "`--groups` means nothing for `send`: it is for `fifo`"),
        (Work::Fifo, "--delay 1s", "`--delay` means nothing for `fifo`: it is for `delay`"),
        (
            Work::Receive,
            "--warm-up 1s",
            "`--warm-up` means nothing for `receive`: it would take from what is to be measured",
        ),
        (Work::Backlog, "--duration 1s", "`--duration` means nothing for `backlog`: it ends when all is drained"),
        (
            Work::Latency,
            "--no-verify",
            "`--no-verify` means nothing with a rate: the messages that are late are looked for, since times without \
             them would flatter the target",
        ),
        (
            Work::Latency,
            "--outstanding 5",
            "`--outstanding` means nothing for `latency`: it is for `cycle`, `fanout` and `fifo`",
        ),
        (
            Work::Cycle,
            "--outstanding 5 --rate 10",
            "`--outstanding` means nothing with `--rate`: messages are sent when they are due, however many wait",
        ),
        (
            Work::Send,
            "--consumers 5",
            "`--consumers` means nothing for `send`: nothing is received while it is measured",
        ),
        (Work::Send, "--no-verify --drain 1s", "`--drain` means nothing with `--no-verify`: nothing is looked for"),
        (
            Work::Cycle,
            "--count 5 --duration 5s",
            "`--count` and `--duration` are two ends of one run: give one of them",
        ),
        (Work::Backlog, "--rate 5", "`backlog` goes as fast as it can and takes no rate"),
    ];
    for (work, options, sentence) in table {
        assert_eq!(refused(work, options), sentence);
    }
}

#[test]
fn workers_that_disagree_are_refused() {
    let table = [
        (
            Work::Send,
            "--connections 5 --producers 4",
            "`--connections 5` and `--producers 4` disagree: all connections of `send` are producers",
        ),
        (
            Work::Cycle,
            "--connections 5 --producers 2 --consumers 2",
            "`--connections 5` and `--producers 2 and --consumers 2` disagree: each producer and each consumer has one \
             connection",
        ),
        (
            Work::Cycle,
            "--connections 5 --producers 5",
            "`--connections 5` and `--producers 5` disagree: nothing is left for the other side",
        ),
        (
            Work::Cycle,
            "--connections 5 --consumers 6",
            "`--connections 5` and `--consumers 6` disagree: nothing is left for the other side",
        ),
        (
            Work::Backlog,
            "--connections 5 --producers 3 --consumers 4",
            "`--connections 5` and `--producers 3 and --consumers 4` disagree: producers fill first and consumers \
             follow, so that the larger number is that of connections",
        ),
        (Work::Cycle, "--connections 1", "`cycle` needs two connections, one to send and one to receive"),
        (Work::Cycle, "--producers 0", "`cycle` needs at least one producer"),
        (Work::Send, "--connections 0", "`send` needs at least one producer"),
    ];
    for (work, options, sentence) in table {
        assert_eq!(refused(work, options), sentence);
    }
}

#[test]
fn help_says_what_the_ordinary_plan_is() {
    let command = Arguments::command();
    let run = command.find_subcommand("run").expect("there is `run`");
    let default = |option: &str| {
        let argument = run.get_arguments().find(|argument| argument.get_long() == Some(option));
        let help = argument.unwrap_or_else(|| panic!("no --{option}")).get_help().expect("each has help").to_string();
        let (_, end) = help.rsplit_once("[default: ").unwrap_or_else(|| panic!("{help}"));
        end.trim_end_matches(']').to_owned()
    };
    let options = "connections body batch duration warm-up queues groups delay outstanding visibility-timeout timeout \
                   drain threads";
    for option in options.split_whitespace() {
        let work = match option {
            "queues" => Work::Fanout,
            "groups" => Work::Fifo,
            "delay" => Work::Delay,
            _ => Work::Cycle,
        };
        let default = default(option);
        let value = default.split(';').next().expect("a split has a first part");
        let given = made(work, &format!("--{option} {value}"));
        assert_eq!(format!("{given:?}"), format!("{:?}", made(work, "")), "--{option} says {default}");
    }
    for work in [Work::Send, Work::Receive, Work::Backlog] {
        assert_eq!(format!("{:?}", made(work, "--connections 64")), format!("{:?}", made(work, "")));
    }
    assert_eq!(default("warm-up"), "2s; none for `receive` and `backlog`");
    assert_eq!(default("rate"), "1000 for `latency` and `delay`, no schedule for the others");
    assert_eq!(made(Work::Latency, "").rate, Some(1000.0));
    assert_eq!(made(Work::Receive, "").fill, 100_000);
}
