//! Every engine keeps the contract.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use mooring_event_log::{FaultyLog, Memory, Options, Segments, conformance::Fresh, conformance_suite};

fn segments(options: Options) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let log = Segments::open(folder.path(), options, &[]).unwrap().log;
    Fresh { log, keep: Box::new(folder) }
}

conformance_suite!(memory, async { Fresh::of(Memory::new()) });
conformance_suite!(segment_files, async { segments(Options::default()) });
// Many segments, and nothing in memory: every read comes from a file.
conformance_suite!(small_segment_files, async {
    segments(Options { segment_bytes: 2_000, cache_bytes: 0, ..Options::default() })
});
conformance_suite!(faulty_without_faults, async {
    Fresh::of(FaultyLog::around(std::sync::Arc::new(Memory::new())))
});
