//! A Python virtual environment under `target/` with pinned packages from PyPI, made once for each list of packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::Broker;

/// The list of packages.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/requirements.txt");

/// A program of the virtual environment, set up to call `broker`.
#[track_caller]
pub(crate) fn program(name: &str, broker: &Broker) -> Command {
    let mut command = Command::new(environment().join("bin").join(name));
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", format!("http://{}", broker.sqs))
        // The configuration of this machine and its metadata service are disabled.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end. Panics with its output if it fails.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said.into_owned()
}

/// The directory of the virtual environment, made at first use. Several cases may call this at once.
#[track_caller]
fn environment() -> &'static Path {
    static ENVIRONMENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match ENVIRONMENT.get_or_init(make) {
        Ok(path) => path,
        Err(reason) => panic!("{reason}"),
    }
}

fn make() -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let stamp = directory.join("installed.txt");
    let wanted = std::fs::read_to_string(REQUIREMENTS).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(directory);
    }
    let step = |command: &mut Command, what: &str| {
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{what}: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Err(format!("{what}:\n{said}"))
    };
    let lacking = "the tests with boto3 and the AWS CLI need Python 3 with its venv module (Debian: python3 and \
                   python3-venv), and `python3 -m venv` failed";
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory), lacking)?;
    let pip = directory.join("bin/pip");
    let arguments = ["install", "--disable-pip-version-check", "--no-input", "--requirement", REQUIREMENTS];
    let said = step(Command::new(pip).args(arguments), "pip could not install the packages of the tests")?;
    println!("{}", said.lines().last().unwrap_or_default());
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(directory)
}
