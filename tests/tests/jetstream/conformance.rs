//! The engine keeps the contract.

use mooring_event_log::{conformance::Fresh, conformance_suite, segments};

use crate::given::Given;

async fn fresh(segments: segments::Options) -> Fresh {
    let given = Given::new().await;
    let mut options = given.options("copy");
    options.segments = segments;
    let log = mooring_event_log::JetStream::open(options, &[]).await.unwrap();
    Fresh { log, keep: Box::new(given) }
}

conformance_suite!(jetstream, fresh(segments::Options::default()));
// The copy in many segments, and nothing in memory: every read comes from a file.
conformance_suite!(
    jetstream_small_segments,
    fresh(segments::Options { segment_bytes: 2_000, cache_bytes: 0, ..segments::Options::default() })
);
