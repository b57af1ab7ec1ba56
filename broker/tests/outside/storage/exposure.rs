//! Secrets and data that other users of the machine could read are warned of, and what the broker makes is its own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::Launch;

use super::failures::{lines, settled};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode can be set");
}

pub(super) fn what_the_broker_makes_is_for_its_owner() {
    let broker = settled(Launch::new());
    assert_eq!(mode(&broker.data), 0o700);
    for entry in std::fs::read_dir(&broker.data).expect("a directory") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(lines(&broker, "WARN", &["chmod"]).is_empty(), "{}", broker.log());
}

pub(super) fn a_data_directory_that_others_enter_is_warned_of() {
    let mut broker = settled(Launch::new());
    broker.stop();
    set_mode(&broker.data, 0o755);
    set_mode(&broker.data.join("superblock"), 0o644);
    broker.restart();
    assert_eq!(lines(&broker, "WARN", &["755", "data directory", "chmod 700"]).len(), 1, "{}", broker.log());
    assert_eq!(lines(&broker, "WARN", &["1 files", "superblock", "chmod 600"]).len(), 1, "{}", broker.log());
    assert_eq!(mode(&broker.data), 0o755, "the mode is the operator's");
    broker.stop();
    set_mode(&broker.data, 0o750);
    set_mode(&broker.data.join("superblock"), 0o600);
    let before = broker.log().len();
    broker.restart();
    assert!(!broker.log()[before..].contains("chmod"), "{}", broker.log());
}

/// The suite writes configuration files as its umask says, which lets others read them.
pub(super) fn a_readable_configuration_with_secrets_is_warned_of() {
    let secret = Launch::new().user("alice", "111111111111", "AKIDALICE", "top-secret-text");
    let said = secret.check_config().expect("valid");
    assert!(said.contains("holds secrets") && said.contains("chmod 600"), "{said}");
    let open = Launch::new().top("region = \"us-east-1\"").check_config().expect("valid");
    assert!(!open.contains("holds secrets"), "{open}");
    let flag = Launch::new().flag("push-email-password", "top-secret-text").check_config().expect("valid");
    assert!(flag.contains("--push-email-password is a secret") && !flag.contains("top-secret-text"), "{flag}");
}
