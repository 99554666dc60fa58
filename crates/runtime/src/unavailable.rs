//! UNAVAILABLE, said by the process itself and not by a service in it: not open yet, stopping, a peer that is away.
//! Always safe to try again; the details say so to programs (AIP-193).

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo`, as the services have it.
pub(crate) const DOMAIN: &str = "mooring";

/// When to ask again.
const PAUSE: Duration = Duration::from_secs(1);

/// `reason` is a stable word.
pub(crate) fn unavailable(reason: &str, message: impl Into<String>) -> Status {
    let metadata = HashMap::from([("retryable".to_owned(), "true".to_owned())]);
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    details.set_retry_info(Some(PAUSE));
    Status::with_error_details(Code::Unavailable, message, details)
}
