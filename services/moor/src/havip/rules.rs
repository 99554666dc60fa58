//! How a HAVIP's rules are written on the command line.

use std::time::Duration;

use clap::ValueEnum;
use mooring_proto::resource::v1::{self as api, havip::ClaimPolicy};

/// Who may claim it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Claims {
    /// Its members
    Members,
    /// Any vNIC of its subnet, also one that is made later
    Subnet,
}

impl From<Claims> for ClaimPolicy {
    fn from(claims: Claims) -> Self {
        match claims {
            Claims::Members => Self::Members,
            Claims::Subnet => Self::Subnet,
        }
    }
}

/// `off`, or a step and a cap such as `1s/10s`.
pub fn damping(text: &str) -> Result<api::Damping, String> {
    if text == "off" {
        return Ok(api::Damping { step_ms: 0, cap_ms: 0 });
    }
    let expected = || {
        format!(
            "expected off, or a step and a cap of whole milliseconds such as 1s/10s, at most 10min, not {text:?}"
        )
    };
    let (step, cap) = text.split_once('/').ok_or_else(expected)?;
    Ok(api::Damping {
        step_ms: millis(step).ok_or_else(expected)?,
        cap_ms: millis(cap).ok_or_else(expected)?,
    })
}

/// Whole ones, at least one: what is rounded to none would be off.
fn millis(text: &str) -> Option<u64> {
    let duration = humantime::parse_duration(text.trim()).ok()?;
    let millis = u64::try_from(duration.as_millis()).ok()?;
    (millis > 0 && Duration::from_millis(millis) == duration).then_some(millis)
}

/// As it is written.
pub fn written(damping: Option<&api::Damping>) -> String {
    let of = |millis| humantime::format_duration(Duration::from_millis(millis)).to_string();
    match damping {
        None => String::new(),
        Some(api::Damping { step_ms: 0, .. }) => "off".to_owned(),
        Some(api::Damping { step_ms, cap_ms }) => format!("{}/{}", of(*step_ms), of(*cap_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damping_is_read_as_it_is_written() {
        for (text, step_ms, cap_ms) in [("off", 0, 0), ("1s/10s", 1000, 10_000), ("500ms/2s", 500, 2000)] {
            let read = damping(text).unwrap();
            assert_eq!((read.step_ms, read.cap_ms), (step_ms, cap_ms));
            assert_eq!(written(Some(&read)), text);
        }
        for text in ["", "1s", "1s/", "on", "1/10", "1s/10s/3s", "1ns/1us", "1500us/2ms", "0s/1s"] {
            assert!(damping(text).unwrap_err().contains("1s/10s"), "{text}");
        }
    }
}
