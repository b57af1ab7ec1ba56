//! Makes a plan from options: each option that was given changes the default plan of the work.
//!
//! An option that has no effect on the work is refused here. Values that are impossible are refused by [`Plan::check`].

use super::arguments::{Load, Options};
use crate::plan::{Extent, Impossible, Plan, Work};

/// The plan, checked.
///
/// # Errors
///
/// [`Impossible`] with the first option, or pair of options, that cannot be used.
pub(super) fn plan(work: Work, options: &Options) -> Result<Plan, Impossible> {
    refuse_meaningless(work, options)?;
    let (load, shape, bounds) = (&options.load, &options.shape, &options.bounds);
    let ordinary = Plan::ordinary(work);
    let workers = workers(work, load)?;
    let (extent, fill) = extent(&ordinary, load);
    let plan = Plan {
        producers: workers.producers,
        consumers: workers.consumers,
        body: load.body.clone().unwrap_or(ordinary.body),
        batch: load.batch.unwrap_or(ordinary.batch),
        extent,
        warm_up: load.warm_up.unwrap_or(ordinary.warm_up),
        rate: load.rate.or(ordinary.rate),
        fill,
        queues: shape.queues.unwrap_or(ordinary.queues),
        filtered: shape.filtered,
        groups: shape.groups.unwrap_or(ordinary.groups),
        delay: shape.delay.unwrap_or(ordinary.delay),
        outstanding: shape.outstanding.unwrap_or(ordinary.outstanding),
        visibility_timeout: bounds.visibility_timeout.unwrap_or(ordinary.visibility_timeout),
        timeout: bounds.timeout.unwrap_or(ordinary.timeout),
        drain: bounds.drain.unwrap_or(ordinary.drain),
        verify: !shape.no_verify,
        keep: bounds.keep,
        between: shape.between.clone(),
        threads: load.threads.unwrap_or(ordinary.threads),
        intervals: options.reports.hdr.is_some(),
        work,
    };
    plan.check()?;
    Ok(plan)
}

/// Whether producers and consumers work at the same time and without a schedule.
fn keeps_so_many_outstanding(work: Work) -> bool {
    matches!(work, Work::Cycle | Work::Fanout | Work::Fifo)
}

fn refuse_meaningless(work: Work, options: &Options) -> Result<(), Impossible> {
    let (load, shape, bounds) = (&options.load, &options.shape, &options.bounds);
    let (name, ordinary) = (work.name(), Plan::ordinary(work));
    let only = |option: &str, works: &str| format!("`{option}` means nothing for `{name}`: it is for {works}");
    let rules = [
        (shape.queues.is_some() && work != Work::Fanout, only("--queues", "`fanout`")),
        (shape.between.is_some() && !work.fills_first(), only("--between", "`receive` and `backlog`")),
        (shape.filtered && work != Work::Fanout, only("--filtered", "`fanout`")),
        (shape.groups.is_some() && work != Work::Fifo, only("--groups", "`fifo`")),
        (shape.delay.is_some() && work != Work::Delay, only("--delay", "`delay`")),
        (
            load.warm_up.is_some() && work.fills_first(),
            format!("`--warm-up` means nothing for `{name}`: it would take from what is to be measured"),
        ),
        (
            load.duration.is_some() && work == Work::Backlog,
            "`--duration` means nothing for `backlog`: it ends when all is drained".into(),
        ),
        (
            shape.no_verify && (load.rate.is_some() || ordinary.rate.is_some()),
            "`--no-verify` means nothing with a rate: the messages that are late are looked for, since times without \
             them would flatter the target"
                .into(),
        ),
        (
            shape.outstanding.is_some() && !keeps_so_many_outstanding(work),
            only("--outstanding", "`cycle`, `fanout` and `fifo`"),
        ),
        (
            shape.outstanding.is_some() && load.rate.is_some(),
            "`--outstanding` means nothing with `--rate`: messages are sent when they are due, however many wait"
                .into(),
        ),
        (
            load.consumers.is_some() && work == Work::Send,
            "`--consumers` means nothing for `send`: nothing is received while it is measured".into(),
        ),
        (
            bounds.drain.is_some() && shape.no_verify,
            "`--drain` means nothing with `--no-verify`: nothing is looked for".into(),
        ),
        (
            load.count.is_some() && load.duration.is_some() && !work.fills_first(),
            "`--count` and `--duration` are two ends of one run: give one of them".into(),
        ),
    ];
    rules.into_iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, rule)| Err(Impossible(rule)))
}

/// When the measured part ends, and how many messages are sent before it.
fn extent(ordinary: &Plan, load: &Load) -> (Extent, u64) {
    let fill = load.count.filter(|_| ordinary.work.fills_first()).unwrap_or(ordinary.fill);
    let extent = match (load.duration, load.count) {
        (Some(duration), _) => Extent::Seconds(duration),
        (None, Some(count)) => Extent::Messages(count),
        (None, None) if ordinary.work == Work::Backlog => Extent::Messages(fill),
        (None, None) => ordinary.extent,
    };
    (extent, fill)
}

#[derive(Debug, PartialEq, Eq)]
struct Workers {
    producers: usize,
    consumers: usize,
}

fn workers(work: Work, load: &Load) -> Result<Workers, Impossible> {
    let ordinary = Plan::ordinary(work);
    let Some(connections) = load.connections else {
        return Ok(Workers {
            producers: load.producers.unwrap_or(ordinary.producers),
            consumers: load.consumers.unwrap_or(ordinary.consumers),
        });
    };
    let disagree = |rule: &str| {
        let given = [("--producers", load.producers), ("--consumers", load.consumers)];
        let given = given.iter().filter_map(|(name, number)| number.map(|number| format!("{name} {number}")));
        let given = given.collect::<Vec<_>>().join(" and ");
        Impossible(format!("`--connections {connections}` and `{given}` disagree: {rule}"))
    };
    if work == Work::Send {
        return match load.producers {
            Some(producers) if producers != connections => Err(disagree("all connections of `send` are producers")),
            _ => Ok(Workers { producers: connections, consumers: 0 }),
        };
    }
    if work.fills_first() {
        let producers = load.producers.unwrap_or(connections);
        let consumers = load.consumers.unwrap_or(connections);
        return if producers.max(consumers) == connections {
            Ok(Workers { producers, consumers })
        } else {
            Err(disagree("producers fill first and consumers follow, so that the larger number is that of connections"))
        };
    }
    let rest = |taken: usize| {
        let rest = connections.checked_sub(taken).filter(|rest| *rest > 0);
        rest.ok_or_else(|| disagree("nothing is left for the other side"))
    };
    match (load.producers, load.consumers) {
        (None, None) if connections < 2 => {
            Err(Impossible(format!("`{}` needs two connections, one to send and one to receive", work.name())))
        }
        (None, None) => Ok(Workers { producers: connections / 2, consumers: connections - connections / 2 }),
        (Some(producers), None) => Ok(Workers { producers, consumers: rest(producers)? }),
        (None, Some(consumers)) => Ok(Workers { producers: rest(consumers)?, consumers }),
        (Some(producers), Some(consumers)) if producers.checked_add(consumers) == Some(connections) => {
            Ok(Workers { producers, consumers })
        }
        (Some(_), Some(_)) => Err(disagree("each producer and each consumer has one connection")),
    }
}

#[cfg(test)]
mod tests;
