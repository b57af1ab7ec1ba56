//! `GET /v1/storage`: the log, its checkpoints, the scrubber, the keys of encryption at rest, and the latest backup.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use posthouse_core::Inspection;
use serde::Serialize;

use super::super::scrape::inspect;
use super::Api;
use super::answer::{Json, Time};
use super::error::{ApiError, Code};
use super::queue_path::Core;
use crate::backup::Status as BackupStatus;

#[derive(Serialize)]
pub(super) struct StorageView {
    data_dir: String,
    /// Whether the disk is full, so that requests that add data are refused.
    full: bool,
    /// Why the log has failed; `null` while it works.
    failure: Option<String>,
    log: LogView,
    checkpoint: Option<CheckpointView>,
    /// Seconds that the start took.
    start: StartView,
    scrubber: ScrubberView,
    damaged_messages: u64,
    damaged_segments: u64,
    /// Segments by the key that they are encrypted with.
    keys: Vec<KeyView>,
    backup: BackupStatus,
}

#[derive(Serialize)]
struct LogView {
    /// Bytes of all files, spares included.
    file_bytes: u64,
    /// Bytes of messages that are there.
    live_bytes: u64,
    /// All others before the end of the log.
    dead_bytes: u64,
    segments_open: u64,
    segments_live: u64,
    segments_replayed: u64,
    spares: u64,
    /// Bytes that wait to become durable.
    unsynced_bytes: u64,
    written_bytes: u64,
    commits: u64,
}

#[derive(Serialize)]
struct CheckpointView {
    at: Time,
    bytes: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct StartView {
    open_seconds: f64,
    replay_seconds: f64,
    finish_seconds: f64,
    records: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct ScrubberView {
    passes: u64,
    last_pass_seconds: u64,
    segments_left: u64,
}

#[derive(Serialize)]
struct KeyView {
    /// `null` for segments that are not encrypted.
    key: Option<String>,
    segments: u64,
}

/// Answers with the state of the storage.
pub(super) async fn show(State(api): State<Arc<Api>>, Core(serving): Core) -> Result<Json<StorageView>, ApiError> {
    let view = inspect(&serving.inbox).await.ok_or_else(|| {
        ApiError::new(Code::Unavailable, "the core loop does not answer: /healthz says what is wrong")
    })?;
    let data_dir = api.configuration.settings.general.data_dir.display().to_string();
    Ok(Json(StorageView::of(&view, data_dir, api.lasting.backups.status())))
}

impl StorageView {
    fn of(view: &Inspection, data_dir: String, backup: BackupStatus) -> Self {
        let (log, start) = (&view.log, view.core.start);
        Self {
            data_dir,
            full: view.storage_full,
            failure: view.failure.as_deref().map(str::to_owned),
            log: LogView {
                file_bytes: log.segment_bytes + log.spare_bytes,
                live_bytes: log.live_bytes,
                dead_bytes: log.dead_bytes,
                segments_open: log.segments_open,
                segments_live: log.segments_live,
                segments_replayed: log.segments_replayed,
                spares: log.spares,
                unsynced_bytes: log.unsynced_bytes,
                written_bytes: log.bytes_written,
                commits: log.commits,
            },
            checkpoint: view.core.last_checkpoint.map(|last| CheckpointView {
                at: Time(last.at),
                bytes: last.bytes,
                seconds: last.took.as_secs_f64(),
            }),
            start: StartView {
                open_seconds: start.open.as_secs_f64(),
                replay_seconds: start.replay.as_secs_f64(),
                finish_seconds: start.finish.as_secs_f64(),
                records: start.records,
                bytes: start.bytes,
            },
            scrubber: ScrubberView {
                passes: view.scrub.passes,
                last_pass_seconds: Duration::as_secs(&view.scrub.last_pass),
                segments_left: view.scrub.segments_left,
            },
            damaged_messages: view.overview.damaged,
            damaged_segments: view.damaged_segments,
            keys: view
                .segments_by_key
                .iter()
                .map(|(key, segments)| KeyView { key: key.map(|key| key.to_string()), segments: *segments })
                .collect(),
            backup,
        }
    }
}
