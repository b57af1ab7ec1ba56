//! What `posthouse check-config` finds out beyond the configuration file itself: the files that it names, whether the listeners
//! can have their addresses, where the data directory would be, and whether declarations name what there is. It opens no
//! socket, and changes nothing.

use core::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use posthouse_model::QueueAddress;

use crate::configuration::Configuration;
use crate::push;
use crate::tls::{Credentials, Speaks, days_left};

/// What keeps the broker from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError(String);

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CheckError {}

/// Checks what a start would. Returns what it would warn of, and what cannot be known without the data directory.
///
/// # Errors
/// [`CheckError`] with the first thing that would keep the broker from starting.
pub fn check(configuration: &Configuration) -> Result<Vec<String>, CheckError> {
    addresses(configuration)?;
    directory(&configuration.settings.general.data_dir)?;
    push::check(&configuration.settings).map_err(|error| CheckError(error.to_string()))?;
    let mut warnings = certificates(configuration)?;
    warnings.extend(declarations(configuration));
    Ok(warnings)
}

/// Two listeners cannot have one address.
fn addresses(configuration: &Configuration) -> Result<(), CheckError> {
    let settings = &configuration.settings;
    let listeners = [
        ("listen", Some(settings.general.listen)),
        ("admin_listen", Some(settings.general.admin_listen)),
        ("native.listen", settings.native.listen.get()),
    ];
    let listeners = listeners.into_iter().filter_map(|(name, address)| Some((name, address?)));
    let listeners: Vec<(&str, SocketAddr)> = listeners.filter(|(_, address)| address.port() != 0).collect();
    for (index, (name, address)) in listeners.iter().enumerate() {
        let overlaps = |other: &&(&str, SocketAddr)| {
            let both = [address.ip(), other.1.ip()];
            address.port() == other.1.port()
                && (both[0] == both[1] || both.iter().any(std::net::IpAddr::is_unspecified))
        };
        if let Some((other, other_address)) = listeners[..index].iter().find(overlaps) {
            return Err(CheckError(format!(
                "`{name}` is {address} and `{other}` is {other_address}: two listeners cannot have one port"
            )));
        }
    }
    Ok(())
}

/// The data directory is one, or can be made below a directory that there is.
fn directory(path: &Path) -> Result<(), CheckError> {
    let existing = path.ancestors().find(|path| path.exists()).filter(|path| !path.as_os_str().is_empty());
    match existing {
        Some(existing) if !existing.is_dir() => {
            Err(CheckError(format!("`data_dir` is {}, but {} is no directory", path.display(), existing.display())))
        }
        // A relative path begins in the working directory.
        Some(_) | None => Ok(()),
    }
}

/// Reads the files of all listeners.
fn certificates(configuration: &Configuration) -> Result<Vec<String>, CheckError> {
    let settings = &configuration.settings;
    let listeners = [
        (settings.api_tls(), Speaks::HTTP),
        (settings.admin_tls(), Speaks::HTTP_1),
        (settings.native_tls(), Speaks::NATIVE),
    ];
    let mut warnings = Vec::new();
    for (files, speaks) in listeners {
        let Some(files) = files else { continue };
        let credentials = Credentials::read(&files, speaks).map_err(|error| CheckError(error.to_string()))?;
        let days = days_left(credentials.expires(), SystemTime::now()).floor();
        if days < 0.0 {
            warnings.push(format!("`{}.certificate` has expired: clients refuse it", files.section));
        } else if days <= 14.0 {
            warnings.push(format!("`{}.certificate` expires in {days} days", files.section));
        }
    }
    Ok(warnings)
}

/// Queues that declarations name and that are not declared: a start is refused unless they exist.
fn declarations(configuration: &Configuration) -> Vec<String> {
    let is_declared = |address: &QueueAddress| configuration.queues.iter().any(|queue| queue.address == *address);
    let targets = configuration.queues.iter().filter_map(|queue| Some((queue, queue.dead_letter_target()?)));
    let targets = targets.filter(|(_, target)| !is_declared(target)).map(|(queue, target)| {
        format!(
            "the declared queue {} has the dead-letter queue {target}, which is not declared: it must exist",
            queue.address
        )
    });
    let subscriptions = configuration.topics.iter().flat_map(|topic| {
        let queues = topic.subscriptions.iter().filter_map(|subscription| subscription.endpoint.queue());
        queues.filter(move |queue| !is_declared(queue)).map(move |queue| {
            format!(
                "the declared topic {} has the subscription of queue {queue}, which is not declared: it must exist",
                topic.address
            )
        })
    });
    targets.chain(subscriptions).collect()
}
