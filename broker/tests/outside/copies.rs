//! Copies of a data directory: verified, made from a broker that runs, and restored.

mod backup;
mod restore;
mod targets;
pub(crate) mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::Broker;

use backup::{
    a_backup_under_load_holds_what_was_acknowledged_before, a_broker_on_a_backup_changes_no_other_file,
    a_second_backup_copies_only_what_is_new, a_stopped_backup_leaves_the_earlier_one,
    an_encrypted_backup_under_load_holds_what_was_acknowledged_before,
    killed_at_any_moment_a_backup_leaves_the_earlier_one,
};
use restore::{
    a_backup_is_restored_whole, a_log_is_cut_at_a_time_and_at_a_position, what_cannot_be_restored_is_refused,
};
use targets::{
    a_directory_that_was_put_back_has_another_history, a_full_target_is_reported_and_the_broker_goes_on,
    a_read_only_target_is_reported_and_the_broker_goes_on, a_target_of_another_history_is_refused,
    pages_cannot_ask_for_backups, unusable_targets_are_reported,
};
use verify::{
    a_sound_directory_is_sound_and_unchanged, each_kind_of_damage_is_found_and_named,
    what_cannot_be_verified_is_no_damage,
};

crate::cases! {
    a_sound_directory_is_sound_and_unchanged,
    each_kind_of_damage_is_found_and_named,
    what_cannot_be_verified_is_no_damage,
    a_backup_under_load_holds_what_was_acknowledged_before,
    an_encrypted_backup_under_load_holds_what_was_acknowledged_before,
    a_second_backup_copies_only_what_is_new,
    a_broker_on_a_backup_changes_no_other_file,
    killed_at_any_moment_a_backup_leaves_the_earlier_one,
    a_stopped_backup_leaves_the_earlier_one,
    unusable_targets_are_reported,
    a_target_of_another_history_is_refused,
    a_read_only_target_is_reported_and_the_broker_goes_on,
    a_directory_that_was_put_back_has_another_history,
    a_full_target_is_reported_and_the_broker_goes_on,
    pages_cannot_ask_for_backups,
    a_backup_is_restored_whole,
    a_log_is_cut_at_a_time_and_at_a_position,
    what_cannot_be_restored_is_refused,
}

/// Runs a command of the binary. Returns its exit status and all that it wrote.
#[track_caller]
fn posthouse(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_posthouse"))
        .args(arguments)
        .output()
        .expect("the binary was built for this test");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().expect("it exits"), said.into_owned())
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are texts")
}

/// Runs `posthouse backup`.
#[track_caller]
pub(crate) fn back_up(broker: &Broker, to: &Path, more: &[&str]) -> (i32, String) {
    let admin = broker.admin.to_string();
    let arguments = [&["backup", "--admin-listen", &admin, "--to", text(to)], more].concat();
    posthouse(&arguments)
}

/// Starts `posthouse backup` and does not wait for it.
pub(crate) fn begin_backup(broker: &Broker, to: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_posthouse"))
        .args(["backup", "--admin-listen", &broker.admin.to_string(), "--to", text(to)])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary was built for this test")
}

/// The whole backups in a directory, the oldest first.
pub(crate) fn whole(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory of backups");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_dir() && !text(path).ends_with(".unfinished")).collect();
    paths.sort();
    paths
}

/// Every file of a directory.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let files = entries.map(|entry| entry.expect("an entry"));
    files
        .map(|entry| (entry.file_name().into_string().expect("a name"), std::fs::read(entry.path()).expect("a file")))
        .collect()
}

/// A directory on another file system than that of the data directories, where hard links are not possible.
pub(crate) fn elsewhere() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("posthouse-").tempdir_in("/dev/shm").expect("a file system in memory")
}

/// A file of keys.
pub(crate) fn keys() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "cG9zdGhvdXNlIGtleSBvZiB0ZXN0cyBudW1iZXIgMQA=\n").expect("written");
    file
}
