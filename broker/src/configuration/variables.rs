//! The environment: a variable that begins as those of settings do and is of none is a mistake that would have no effect.

use super::layers::Origin;
use super::setting::Setting;
use super::settings::SETTINGS;
use super::{ConfigurationError, FILE_VARIABLE};

/// Checks the names of environment variables: those that begin as the settings' do must be of a setting.
///
/// # Errors
/// The first that is of none, with the most similar one.
pub(super) fn check(names: impl IntoIterator<Item = String>) -> Result<(), ConfigurationError> {
    let known: Vec<_> = SETTINGS.iter().map(Setting::variable).chain([FILE_VARIABLE.to_owned()]).collect();
    let unknown = names.into_iter().find(|name| {
        let rest = name.strip_prefix(VARIABLE_START);
        rest.is_some_and(|rest| !known.contains(name) && !is_of_kubernetes(rest) && !is_of_tests(rest))
    });
    let Some(name) = unknown else { return Ok(()) };
    let most_similar = known.iter().max_by_key(|known| {
        let from_start = name.bytes().zip(known.bytes()).take_while(|(a, b)| a == b).count();
        from_start + name.bytes().rev().zip(known.bytes().rev()).take_while(|(a, b)| a == b).count()
    });
    let similar = most_similar.map_or("", String::as_str);
    Err(ConfigurationError::at(
        Origin::Environment(name),
        format!("no setting has this variable; the most similar is {similar}"),
    ))
}

const VARIABLE_START: &str = "POSTHOUSE_";

/// Whether a variable is one of the tests of this repository, which the brokers inherit that they start.
fn is_of_tests(rest: &str) -> bool {
    rest.starts_with("TEST_")
}

/// Whether a variable is one of those that Kubernetes sets in each container for a service of the name `posthouse`:
/// `SERVICE_HOST`, `SERVICE_PORT_HTTP`, `PORT`, `PORT_9324_TCP_ADDR` and the like.
fn is_of_kubernetes(rest: &str) -> bool {
    rest == "SERVICE_HOST" || rest == "PORT" || rest.starts_with("SERVICE_PORT") || rest.starts_with("PORT_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_no_setting_is_refused() {
        let of = |names: &[&str]| check(names.iter().map(|name| (*name).to_owned()));
        let all = SETTINGS.iter().map(Setting::variable);
        assert_eq!(check(all.chain([FILE_VARIABLE.to_owned(), "PATH".into()])), Ok(()));
        let kubernetes = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_API", "PORT", "PORT_9324_TCP_ADDR"];
        let kubernetes: Vec<_> = kubernetes.map(|rest| format!("POSTHOUSE_{rest}")).into();
        assert_eq!(check(kubernetes), Ok(()));
        let error = of(&["POSTHOUSE_LIMITS_INBOX_LENGHT"]).expect_err("no setting").to_string();
        assert_eq!(
            error,
            "POSTHOUSE_LIMITS_INBOX_LENGHT: no setting has this variable; the most similar is POSTHOUSE_LIMITS_INBOX_LENGTH"
        );
    }
}
