//! The CPU time of the generator's threads, and the load of all cores, from `/proc`.
//!
//! All threads of the process count, also those that client libraries start. The exception are the servers inside the
//! tool (the limits of the machine), whose threads have names that begin with [`SERVERS`].

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::outcome::Machine;

/// The prefix of the names of the servers' threads.
const SERVERS: &str = "limit-";

/// The clocks of threads and cores at one moment.
pub(super) struct Usage {
    since: Instant,
    /// CPU nanoseconds by thread.
    threads: HashMap<String, u64>,
    cores: Option<Cores>,
}

/// The time that was used between two moments.
pub(super) struct Used {
    pub(super) cpu: Option<Duration>,
    pub(super) busiest_thread: Option<f64>,
    pub(super) machine: Option<Machine>,
}

/// Ticks of all cores since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cores {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl Usage {
    /// Reads the clocks now.
    pub(super) fn look() -> Self {
        Self {
            since: Instant::now(),
            threads: threads(),
            cores: fs::read_to_string("/proc/stat").ok().as_deref().and_then(cores),
        }
    }

    /// The time that was used since `self` was read.
    pub(super) fn until_now(&self) -> Used {
        let now = Self::look();
        let each: Vec<_> = now
            .threads
            .iter()
            .map(|(thread, nanos)| nanos.saturating_sub(self.threads.get(thread).copied().unwrap_or(0)))
            .collect();
        let wall = now.since.duration_since(self.since).as_nanos() as f64;
        let busiest = each.iter().max().map(|nanos| *nanos as f64 / wall.max(1.0));
        Used {
            cpu: (!each.is_empty()).then(|| Duration::from_nanos(each.iter().sum())),
            busiest_thread: busiest,
            machine: self.cores.zip(now.cores).and_then(|(before, after)| machine(before, after)),
        }
    }
}

fn threads() -> HashMap<String, u64> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return HashMap::new() };
    let clock = |task: &fs::DirEntry| {
        let path = task.path();
        if fs::read_to_string(path.join("comm")).ok()?.starts_with(SERVERS) {
            return None;
        }
        // The first number of `schedstat` is the time on a core, in nanoseconds.
        fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.flatten().filter_map(|task| Some((task.file_name().to_string_lossy().into_owned(), clock(&task)?))).collect()
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, and guests that are in user.
fn cores(stat: &str) -> Option<Cores> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let all = ticks.iter().sum();
    let [_, _, _, idle, waiting, _, _, stolen] = ticks.try_into().ok()?;
    Some(Cores { all, idle: idle + waiting, stolen })
}

fn machine(before: Cores, after: Cores) -> Option<Machine> {
    let all = after.all.checked_sub(before.all).filter(|ticks| *ticks > 0)? as f64;
    let share = |before: u64, after: u64| after.saturating_sub(before) as f64 / all;
    let stolen = share(before.stolen, after.stolen);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Some(Machine { cores, busy: (1.0 - share(before.idle, after.idle) - stolen).max(0.0), stolen })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_line_is_read() {
        let stat = "cpu  100 20 30 400 50 1 2 7 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(cores(stat), Some(Cores { all: 610, idle: 450, stolen: 7 }));
        for broken in ["", "cpu 1 2", "cpu  a b c d e f g h", "intr 1 2 3 4 5 6 7 8"] {
            assert_eq!(cores(broken), None, "{broken}");
        }
    }

    #[test]
    fn shares_are_of_the_ticks_between() {
        let before = Cores { all: 1000, idle: 500, stolen: 10 };
        let machine = machine(before, Cores { all: 2000, idle: 750, stolen: 110 }).expect("ticks went by");
        assert!((machine.busy - 0.65).abs() < 1e-9 && (machine.stolen - 0.1).abs() < 1e-9);
        assert!(super::machine(before, before).is_none());
    }

    /// Starts a thread of that name that is busy until the sender is dropped.
    fn busy(name: &str) -> (std::thread::JoinHandle<()>, std::sync::mpsc::Sender<()>) {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = move || {
            let mut number = 0_u64;
            while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                number = std::hint::black_box(number.wrapping_add(1));
            }
        };
        (std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread"), end)
    }

    #[test]
    fn servers_inside_the_tool_do_not_count() {
        let threads_named = |name: &str| {
            let listed = threads();
            let is_named = |thread: &&String| {
                let comm = fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
                comm.is_ok_and(|comm| comm.trim_end() == name)
            };
            listed.keys().filter(is_named).count()
        };
        let workers = [busy("limit-test"), busy("client-test")];
        // The thread sets its name after it was started.
        while threads_named("client-test") == 0 {
            std::thread::yield_now();
        }
        assert_eq!(threads_named("limit-test"), 0);
        let usage = Usage::look();
        while usage.until_now().cpu.unwrap_or_default() < Duration::from_millis(5) {
            std::thread::yield_now();
        }
        assert!(usage.until_now().busiest_thread.is_some_and(|share| share > 0.0));
        for (thread, end) in workers {
            drop(end);
            thread.join().expect("the loop ends");
        }
    }
}
