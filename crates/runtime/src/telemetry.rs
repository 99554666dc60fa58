//! Logs on stderr: text for people, or JSON lines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One line of text for each event.
    #[default]
    Text,
    /// One JSON object for each event.
    Json,
}

/// Sets up logging for the process. `MOORING_LOG` filters, as in `info,mooring_binding=debug`; the default is `info`.
pub fn init(format: Format) {
    let filter = EnvFilter::try_from_env("MOORING_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // Nobody may be reading, or the disk that it goes to be full: a complaint about that, on stderr, would be a panic.
        .log_internal_errors(false);
    // A second call in one process changes nothing.
    let _ = match format {
        Format::Text => logs.try_init(),
        Format::Json => logs.json().try_init(),
    };
}
