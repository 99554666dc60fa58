//! What a caller hears who was not served, although nothing is wrong with what was asked for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mooring_domain::Rejection;
use mooring_proto::{
    status::{Unserved, bad_field, from_rejection, from_unserved},
    together::each,
};
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
        (Unserved::Crowded, Code::ResourceExhausted, "TOO_MANY_CHANGES"),
        (Unserved::Watching, Code::ResourceExhausted, "TOO_MANY_WATCHES"),
    ] {
        let status = from_unserved(unserved);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), info.reason.as_str()), (code, reason));
        let pause = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(info.metadata["retryable"], pause.is_some().to_string(), "{reason}");
        let stays = matches!(unserved, Unserved::Full | Unserved::Damaged);
        assert_eq!(pause.is_some(), !stays, "{reason}");
    }
}

/// What clients take of headers before they may refuse an answer.
const HEADERS: usize = 8 * 1024;

#[test]
fn what_is_quoted_of_a_request_never_outgrows_what_clients_take() {
    for text in ["😀".repeat(5000), "é".repeat(9000), "x".repeat(70_000), " ".repeat(70_000)] {
        let not_found = from_rejection(&Rejection::not_found("name", &text));
        let malformed = bad_field("name", &text);
        let all = each::<()>((0..40).map(|_| Err(bad_field("reserved", &text))));
        let fields =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
        let many = each::<()>(fields.map(|field| Err(bad_field(field, &text))));
        for status in [not_found, malformed, all.unwrap_err(), many.unwrap_err()] {
            assert!(status.message().ends_with('…'), "{}", status.message());
            let mut headers = http::HeaderMap::new();
            status.add_header(&mut headers).unwrap();
            let size: usize =
                headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(size < HEADERS, "{size} bytes for {:?}", text.chars().next());
        }
    }
}
