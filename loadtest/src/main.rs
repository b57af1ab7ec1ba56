//! The `posthouse-loadtest` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    posthouse_loadtest::cli::main()
}
