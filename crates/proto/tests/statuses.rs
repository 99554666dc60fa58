//! What a caller hears who was not served, although nothing is wrong with what was asked for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mooring_proto::status::{Unserved, from_unserved};
use tonic::Code;
use tonic_types::StatusExt;

#[test]
fn each_way_of_not_being_served_has_its_word_and_a_pause_where_a_retry_can_help() {
    for (unserved, code, reason) in [
        (Unserved::Full, Code::ResourceExhausted, "LOG_FULL"),
        (Unserved::Damaged, Code::DataLoss, "LOG_DAMAGED"),
        (Unserved::Unknown, Code::Unavailable, "OUTCOME_UNKNOWN"),
        (Unserved::Unavailable, Code::Unavailable, "LOG_UNAVAILABLE"),
        (Unserved::Behind, Code::Unavailable, "BEHIND"),
        (Unserved::Closed, Code::Unavailable, "STOPPING"),
    ] {
        let status = from_unserved(unserved);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), info.reason.as_str()), (code, reason));
        let pause = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(info.metadata["retryable"], pause.is_some().to_string(), "{reason}");
        assert_eq!(pause.is_some(), code == Code::Unavailable, "{reason}");
    }
}
