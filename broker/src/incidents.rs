//! The lines of the broker's log for what the core loop reports.
//!
//! One line for each incident: an error where it begins, with the file and the system's error, and a line where it is
//! over. Requests that are refused meanwhile write none. The lines are written on a thread of their own, because
//! standard error may be a pipe whose reader is slow, and the core loop must not wait for it.

use posthouse_core::{Incident, Incidents};
use posthouse_log::Incident as LogIncident;
use posthouse_model::operation::RecordPlace;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Says that the log has failed.
#[derive(Clone)]
pub(crate) struct LogFailure(watch::Receiver<bool>);

impl LogFailure {
    /// Resolves once the log has failed and the line about it is written. Never resolves if the core loop ends in good
    /// health.
    pub(crate) async fn happened(&mut self) {
        if self.0.wait_for(|failed| *failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Writes lines until the core loop has ended. The task then ends too.
pub(crate) fn write(incidents: Incidents) -> (JoinHandle<()>, LogFailure) {
    let (failed, failure) = watch::channel(false);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(incident) = incidents.next() {
            write_line(&incident);
            if let Incident::Log(LogIncident::LogFailed(_)) = incident {
                failed.send_replace(true);
            }
        }
    });
    (writing, LogFailure(failure))
}

/// Writes the line of one incident.
fn write_line(incident: &Incident) {
    match incident {
        Incident::Log(incident) => write_of_log(incident),
        Incident::SetAside(message) => {
            let (file, offset) = place(&message.record);
            tracing::error!(
                id = %message.id,
                queue = %message.queue,
                cause = %message.cause,
                file,
                offset,
                "a message cannot be read and was set aside: copy the file, check the disk, and drop the message with \
                 `posthouse damaged drop` when its bytes are no longer needed"
            );
        }
        Incident::Unavailable { id, queue, reason, pause } => tracing::error!(
            %id,
            %queue,
            reason = &**reason,
            seconds = pause.as_secs(),
            "a message cannot be read for now, and comes back later without a receive counted"
        ),
        Incident::NotSetAside { id, record } => {
            let (file, offset) = place(record);
            tracing::error!(
                %id,
                file,
                offset,
                "a message cannot be read, and there is no room in the log to set it aside: it comes back after its \
                 visibility timeout"
            );
        }
        Incident::PageUnreadable { queue, file, reason, pause } => {
            let (file, offset) = file.as_ref().map_or(("-", 0), |(file, offset)| (&**file, *offset));
            tracing::error!(
                %queue,
                file,
                offset,
                reason = &**reason,
                seconds = pause.as_secs(),
                "a page of waiting messages cannot be read: they are not received until it can; it is tried again"
            );
        }
        Incident::Suspect { file, bytes, set_aside } => {
            let (file, offset) = file.as_ref().map_or(("-", 0), |(file, offset)| (&**file, *offset));
            tracing::error!(
                file,
                offset,
                bytes,
                messages = set_aside,
                "the scrubber found damage: those messages in this part of the file that cannot be read were set aside"
            );
        }
        Incident::Scrubbed { segments, bytes, took } => {
            tracing::info!(segments, bytes, seconds = took.as_secs(), "the scrubber has read all closed segments");
        }
    }
}

/// The file and the offset of a record.
fn place(record: &RecordPlace) -> (&str, u64) {
    record.file.as_ref().map_or(("-", 0), |(file, offset)| (&**file, *offset))
}

/// Writes the line of what happened to the log.
fn write_of_log(incident: &LogIncident) {
    macro_rules! report {
        ($level:ident, $failure:ident, $text:literal) => {
            tracing::$level!(
                operation = $failure.work().as_str(),
                file = $failure.file(),
                errno = $failure.errno(),
                error = $failure.error(),
                $text
            )
        };
    }
    match incident {
        LogIncident::LogFailed(failure) => {
            report!(error, failure, "the log has failed: every request is refused until the broker is restarted");
        }
        LogIncident::ShortageBegan(failure) if failure.is_full() => {
            report!(
                error,
                failure,
                "the disk is full: requests that add data are refused, receives and deletes go on; it is tried again \
                 every second"
            );
        }
        LogIncident::ShortageBegan(failure) => {
            report!(
                error,
                failure,
                "the log cannot get another file: requests that add data are refused, receives and deletes go on; it is \
                 tried again every second"
            );
        }
        LogIncident::ShortageEnded => {
            tracing::info!("the log has its files again: requests that add data are served");
        }
        LogIncident::ReclaimFailed(failure) => {
            report!(error, failure, "a file that is no longer needed stays: the next start tries again");
        }
        LogIncident::ReclaimEnded(work) => {
            tracing::info!(operation = work.as_str(), "files that are no longer needed are reclaimed again");
        }
    }
}
