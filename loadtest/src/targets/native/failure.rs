//! The client library's errors as failures of the load test.

use posthouse_client::{Error, ErrorKind};

use crate::target::Failure;

/// What an error is to the driver.
pub(super) fn failure(error: &Error) -> Failure {
    let why = error.to_string();
    match error.kind() {
        ErrorKind::InvalidArgument => Failure::Unsupported(why),
        ErrorKind::Unreachable => Failure::Unreachable(why),
        ErrorKind::NotAuthenticated | ErrorKind::AccessDenied => Failure::Denied(why),
        ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::DeliveryEnded => Failure::Refused(why),
        ErrorKind::ConnectionLost | ErrorKind::OutcomeUnknown | ErrorKind::TimedOut | ErrorKind::Closed => {
            Failure::Disconnected(why)
        }
        ErrorKind::Protocol => Failure::Malformed(why),
        // The library may add kinds.
        _ => Failure::Refused(why),
    }
}
