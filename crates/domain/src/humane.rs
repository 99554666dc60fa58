//! Durations as people say them: `2h`, `1h 59m 30s`, `365d`.

use std::{fmt, time::Duration};

/// A duration for people, to the millisecond. Only what is not zero is said.
#[derive(Clone, Copy, Debug)]
pub struct Humane(pub Duration);

impl fmt::Display for Humane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (self.0.subsec_millis().into(), "ms"),
        ];
        let said: Vec<_> = parts.iter().filter(|(count, _)| *count > 0).collect();
        if said.is_empty() {
            return f.write_str("0s");
        }
        let words: Vec<_> = said.iter().map(|(count, unit)| format!("{count}{unit}")).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_zero_is_said() {
        for (millis, said) in [
            (0, "0s"),
            (7_200_000, "2h"),
            (7_170_000, "1h 59m 30s"),
            (1_500, "1s 500ms"),
            (365 * 86_400_000, "365d"),
            (86_460_000, "1d 1m"),
        ] {
            assert_eq!(Humane(Duration::from_millis(millis)).to_string(), said);
        }
    }
}
