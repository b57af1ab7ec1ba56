//! The live line: the phase of a run, its rate and its 99th percentile, a few times a second. It is on standard error,
//! so that standard output has only the report.
//!
//! If standard error is no terminal, one line is written at the start of each phase.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::live::{Live, Observer, Phase};

use super::units::{count, harmless, nanos, rate};

/// The steps of the bar.
const STEPS: u64 = 1000;

/// Shows runs as they go on.
pub struct Progress {
    run: String,
    phase: Option<Phase>,
    screen: Screen,
}

/// The output of the live line.
enum Screen {
    /// A terminal, with a bar during a run.
    Terminal(Option<ProgressBar>),
    /// Anything else.
    Lines(Box<dyn Write + Send>),
}

impl Progress {
    /// On standard error.
    #[must_use]
    pub fn on_stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::on(Screen::Terminal(None))
        } else {
            Self::on(Screen::Lines(Box::new(io::stderr())))
        }
    }

    fn on(screen: Screen) -> Self {
        Self { run: String::new(), phase: None, screen }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("run", &self.run).field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Observer for Progress {
    fn begin(&mut self, name: &str, note: &str) {
        let note = if note.is_empty() { String::new() } else { format!(", {note}") };
        self.run = harmless(&format!("{name}{note}"));
        self.phase = None;
        if let Screen::Terminal(bar) = &mut self.screen {
            *bar = Some(new_bar(&self.run));
        }
    }

    fn look(&mut self, live: &Live) {
        let new_phase = self.phase.replace(live.phase) != Some(live.phase);
        match &mut self.screen {
            Screen::Terminal(Some(bar)) => show(bar, live),
            Screen::Lines(lines) if new_phase => {
                // A closed standard error does not end the run.
                let _ = writeln!(lines, "{}: {}", self.run, word(live.phase));
            }
            Screen::Terminal(None) | Screen::Lines(_) => {}
        }
    }

    fn end(&mut self) {
        if let Screen::Terminal(bar) = &mut self.screen
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(run: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {bar:24} {msg}").expect("a template without mistakes");
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(run.to_owned());
    bar
}

fn show(bar: &ProgressBar, live: &Live) {
    bar.set_position(steps(live.done.unwrap_or(0.0)));
    bar.set_message(message(live));
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what there is of the bar")]
fn steps(done: f64) -> u64 {
    (done.clamp(0.0, 1.0) * STEPS as f64) as u64
}

/// The text beside the bar.
fn message(live: &Live) -> String {
    let elapsed = live.elapsed.as_secs_f64();
    let time = match live.done {
        Some(done) if done > 0.0 => format!("{elapsed:.1} of {:.1} s", elapsed / done.min(1.0)),
        _ => format!("{elapsed:.1} s"),
    };
    let mut text = format!("{} {time}, {}/s", word(live.phase), rate(live.rate));
    if let Some(p99) = live.p99 {
        text += &format!(", p99 {}", nanos(p99.as_secs_f64() * 1e9));
    }
    if live.failures > 0 {
        text += &format!(", {} calls failed", count(live.failures));
    }
    text
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Preparing => "preparing",
        Phase::Filling => "filling",
        Phase::Between => "running the command in between",
        Phase::WarmUp => "warming up",
        Phase::Measuring => "measuring",
        Phase::Draining => "draining",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    fn live(phase: Phase, done: Option<f64>) -> Live {
        let p99 = Some(Duration::from_micros(1250));
        Live { phase, elapsed: Duration::from_millis(2500), done, rate: 81_234.0, p99, failures: 0 }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_line_says_where_it_is() {
        let text = message(&live(Phase::Measuring, Some(0.25)));
        assert_eq!(text, "measuring 2.5 of 10.0 s, 81,234/s, p99 1.25 ms");
        let text = message(&Live { p99: None, failures: 1200, ..live(Phase::Draining, None) });
        assert_eq!(text, "draining 2.5 s, 81,234/s, 1,200 calls failed");
        assert_eq!(message(&live(Phase::Filling, Some(0.0))), "filling 2.5 s, 81,234/s, p99 1.25 ms");
    }

    #[test]
    fn the_bar_stays_within_its_ends() {
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN].map(steps), [0, 0, 500, 1000, 1000, 0]);
    }

    #[test]
    fn without_a_terminal_each_phase_is_one_line() {
        let log = Log::default();
        let mut progress = Progress::on(Screen::Lines(Box::new(log.clone())));
        for note in ["round 1 of 2", "round 2 of 2"] {
            progress.begin("post\u{1b}house", note);
            progress.look(&live(Phase::WarmUp, None));
            progress.look(&live(Phase::Measuring, Some(0.1)));
            progress.look(&live(Phase::Measuring, Some(0.2)));
            progress.end();
        }
        let text = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        let expected = [
            "post\u{fffd}house, round 1 of 2: warming up",
            "post\u{fffd}house, round 1 of 2: measuring",
            "post\u{fffd}house, round 2 of 2: warming up",
            "post\u{fffd}house, round 2 of 2: measuring",
        ];
        assert_eq!(lines, expected);
    }
}
