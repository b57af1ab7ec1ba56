//! The built command as a child process, which is killed when it is dropped.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a command may take before it counts as hung.
const HUNG: Duration = Duration::from_secs(60);

/// A command that runs.
pub(crate) struct Started {
    line: String,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    line: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command to its end.
pub(crate) fn run(words: &[&str]) -> Finished {
    Started::with(words).finish()
}

impl Started {
    pub(crate) fn with(words: &[&str]) -> Self {
        Self::writing_to(words, Stdio::piped(), Stdio::piped())
    }

    /// Starts the command with this standard output and error. They are not in [`Finished`].
    pub(crate) fn writing_to(words: &[&str], output: Stdio, errors: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse-loadtest"));
        command.args(words).stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut child = command.spawn().expect("the command is there");
        let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
        Self { line: words.join(" "), child, stdout: Some(stdout), stderr: Some(stderr) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, signal).expect("the command runs");
    }

    pub(crate) fn finish(mut self) -> Finished {
        let end = Instant::now() + HUNG;
        let status = loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => break status,
                None if Instant::now() > end => panic!("`{}` hangs", self.line),
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |reader: &mut Option<JoinHandle<String>>| {
            reader.take().expect("finished once").join().expect("readers do not panic")
        };
        Finished {
            line: self.line.clone(),
            code: status.code().unwrap_or(-1),
            stdout: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
        }
    }
}

/// Reads the stream to its end on a thread, so that the command never waits for a reader.
fn reader<R: Read + Send + 'static>(stream: Option<R>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stream) = stream {
            stream.read_to_string(&mut text).expect("the command writes UTF-8");
        }
        text
    })
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both fail if the child has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "`{}` prints\n{}\n{}", self.line, self.stdout, self.stderr);
        self
    }
}
