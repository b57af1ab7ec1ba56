//! The `posthouse` command.

use std::io::StdoutLock;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use posthouse::admin_client::{AccessKey, AdminEndpoint};
use posthouse::backup::{self, Wanted};
use posthouse::check;
use posthouse::cli::{self, CliCommand};
use posthouse::command::{self, Given, Invocation};
use posthouse::configuration::{Configuration, ConfigurationError, LogFormat, Role};
use posthouse::damaged::{self, DamagedError};
use posthouse::exposure;
use posthouse::keys;
use posthouse::memory::WorstCase;
use posthouse::restore::{self, Restore};
use posthouse::serve::{self, Reloading, SetFilter};
use posthouse::threads::{self, Threads};
use posthouse::verify::{self, Soundness};
use tracing_subscriber::fmt;

fn main() -> ExitCode {
    match command::invocation(&command::command().get_matches()) {
        Some(Invocation::Serve(given)) => run(&given),
        Some(Invocation::CheckConfig(given)) => check_configuration(&given),
        Some(Invocation::ListDamaged(given)) => ask_admin(&given, damaged::list),
        Some(Invocation::DropDamaged(given, ids)) => {
            ask_admin(&given, |admin, out| damaged::drop_all(admin, &ids, out))
        }
        Some(Invocation::BackUp(given, wanted)) => back_up(&given, wanted),
        Some(Invocation::Restore(wanted, key_file)) => restored(&wanted, key_file.as_deref()),
        Some(Invocation::Verify(directory, key_file)) => verified(&directory, key_file.as_deref()),
        Some(Invocation::Cli(command)) => ask_broker(command),
        None => ExitCode::FAILURE,
    }
}

/// Runs a command that asks a broker by its admin API.
fn ask_broker(command: CliCommand) -> ExitCode {
    match cli::run(command, &mut std::io::stdout().lock()) {
        Ok(status) => ExitCode::from(status),
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => {
            fail(&error);
            ExitCode::from(error.status())
        }
    }
}

/// Runs `posthouse backup`. SIGINT stops the backup in the broker.
fn back_up(given: &Given, wanted: Wanted) -> ExitCode {
    let admin = match admin_of(given) {
        Ok(admin) => admin,
        Err(failed) => return failed,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&interrupted);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if runtime.is_ok_and(|runtime| runtime.block_on(tokio::signal::ctrl_c()).is_ok()) {
            noted.store(true, Ordering::Relaxed);
        }
    });
    let (mut progress, mut out) = (std::io::stderr().lock(), std::io::stdout().lock());
    match backup::back_up(&admin, wanted, &interrupted, (&mut progress, &mut out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(progress);
            fail(&error)
        }
    }
}

fn restored(wanted: &Restore, key_file: Option<&Path>) -> ExitCode {
    let encryption = match keys::read(key_file, &wanted.from) {
        Ok(encryption) => encryption,
        Err(error) => return fail(&error),
    };
    let (mut progress, mut out) = (std::io::stderr(), std::io::stdout().lock());
    match restore::restore(wanted, encryption, (&mut progress, &mut out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn verified(directory: &Path, key_file: Option<&Path>) -> ExitCode {
    let encryption = match keys::read(key_file, directory) {
        Ok(encryption) => encryption,
        Err(error) => {
            fail(&error);
            return ExitCode::from(UNVERIFIED_STATUS);
        }
    };
    match verify::verify(directory, encryption, &mut std::io::stdout().lock()) {
        Ok(Soundness::Sound) => ExitCode::SUCCESS,
        Ok(Soundness::Damaged) => ExitCode::FAILURE,
        Ok(Soundness::Unknown) => ExitCode::from(UNVERIFIED_STATUS),
        Err(error) => {
            fail(&error);
            ExitCode::from(UNVERIFIED_STATUS)
        }
    }
}

/// The exit status of `posthouse verify` where it cannot tell: as that of a wrong command line.
const UNVERIFIED_STATUS: u8 = 2;

/// The admin listener of the broker that runs with this configuration.
fn admin_of(given: &Given) -> Result<AdminEndpoint, ExitCode> {
    let configuration = load(given).map_err(|error| fail(&error))?;
    let admin = AdminEndpoint::of(&configuration.settings).map_err(|error| fail(&error))?;
    // The command has the configuration of its broker, and so the keys of an operator, if there is one.
    let operator = configuration.users.iter().find(|user| user.role == Some(Role::Operator));
    let key = operator.map(|user| AccessKey { id: user.access_key_id.clone(), secret: user.secret_access_key.clone() });
    Ok(admin.signing(key))
}

/// As [`load`], for commands that all settings are for.
fn load_all(given: &Given) -> Result<Configuration, ConfigurationError> {
    Configuration::check_variables(std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()))?;
    load(given)
}

fn load(given: &Given) -> Result<Configuration, ConfigurationError> {
    Configuration::load(given.file.as_deref(), &given.flags, &|name| {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    })
}

fn check_configuration(given: &Given) -> ExitCode {
    let configuration = match load_all(given) {
        Ok(configuration) => configuration,
        Err(error) => return fail(&error),
    };
    for (setting, value, origin) in &configuration.origins {
        println!("{} = {value}  ({origin})", setting.name());
    }
    for exposure in exposure::of_configuration(&configuration) {
        println!("warning: {exposure}");
    }
    match check::check(&configuration) {
        Ok(warnings) => warnings.iter().for_each(|warning| println!("warning: {warning}")),
        Err(error) => return fail(&error),
    }
    let Configuration { users, queues, topics, settings, .. } = &configuration;
    let key_file = settings.encryption.key_file.as_deref();
    match keys::read(key_file, &settings.general.data_dir) {
        Ok(encryption) => println!("encryption at rest: {}", keys::describe(&encryption)),
        Err(error) => return fail(&error),
    }
    let subscriptions: usize = topics.iter().map(|topic| topic.subscriptions.len()).sum();
    for rights in &configuration.rights {
        println!("{rights}");
    }
    println!(
        "users: {}; declared queues: {}, topics: {}, subscriptions: {subscriptions}",
        users.len(),
        queues.len(),
        topics.len()
    );
    println!("{}", WorstCase::of(&configuration, threads::cores()));
    ExitCode::SUCCESS
}

/// Runs a command that asks the admin listener of the broker that runs with this configuration.
fn ask_admin(
    given: &Given,
    ask: impl FnOnce(&AdminEndpoint, &mut StdoutLock<'static>) -> Result<(), DamagedError>,
) -> ExitCode {
    let admin = match admin_of(given) {
        Ok(admin) => admin,
        Err(failed) => return failed,
    };
    match ask(&admin, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn run(given: &Given) -> ExitCode {
    let configuration = match load_all(given) {
        Ok(configuration) => configuration,
        Err(error) => return fail(&error),
    };
    let set_filter = log_as_configured(&configuration);
    let again = given.clone();
    let reloading = Reloading { load: Arc::new(move || load(&again)), set_filter };
    // That of the background. Connections have threads of their own.
    let Threads { background, .. } = Threads::of(&configuration.settings, threads::cores());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(background).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let served = runtime.block_on(serve::serve(configuration, reloading));
    // A recovery that a signal interrupted is still under way; nothing of it is worth waiting for.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In the form that the other lines of the log have, if it has any.
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{error}");
            } else {
                fail(&error);
            }
            ExitCode::from(error.status())
        }
    }
}

/// Writes the log as configured. Returns what sets another filter.
fn log_as_configured(configuration: &Configuration) -> SetFilter {
    let general = &configuration.settings.general;
    let output = fmt().with_env_filter(general.log.filter()).with_writer(std::io::stderr);
    let set_filter: SetFilter = match general.log_format {
        LogFormat::Json => {
            let output = output.json().with_filter_reloading();
            let handle = output.reload_handle();
            output.init();
            Box::new(move |filter| drop(handle.reload(filter.filter())))
        }
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let output = output.with_ansi(colours).with_filter_reloading();
            let handle = output.reload_handle();
            output.init();
            Box::new(move |filter| drop(handle.reload(filter.filter())))
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(%panic, %backtrace, "a bug of the broker");
    }));
    set_filter
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("posthouse: {error}");
    ExitCode::FAILURE
}
