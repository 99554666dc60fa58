//! How long failovers took since this process was started, for `/metrics`.

use std::{sync::atomic::AtomicU64, time::Duration};

use mooring_domain::name::RegionId;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

type Labels = Vec<(&'static str, String)>;

/// Of every region. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    to_kernel: Family<Labels, Histogram, fn() -> Histogram>,
    to_log: Family<Labels, Histogram, fn() -> Histogram>,
    lost: Family<Labels, Counter<u64, AtomicU64>>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            // From 50 us to 1.6 s.
            to_kernel: Family::new_with_constructor(|| Histogram::new(doubled(0.000_05))),
            // From 0.5 ms to 16 s.
            to_log: Family::new_with_constructor(|| Histogram::new(doubled(0.000_5))),
            lost: Family::default(),
        }
    }
}

fn doubled(first: f64) -> impl Iterator<Item = f64> {
    (0..16).map(move |power| first * f64::from(1_u32 << power))
}

impl Figures {
    /// A region's.
    pub(super) fn of(&self, region: &RegionId) -> OfRegion {
        let labels = vec![("region", region.to_string())];
        OfRegion {
            to_kernel: self.to_kernel.get_or_create(&labels).clone(),
            to_log: self.to_log.get_or_create(&labels).clone(),
            lost: self.lost.get_or_create(&labels).clone(),
        }
    }

    /// Shows them.
    pub(crate) fn register(&self, all: &mut Registry) {
        let (name, help) = ("failover_to_kernel", "From a claim on the wire to the kernel");
        all.register_with_unit(name, help, Unit::Seconds, self.to_kernel.clone());
        let (name, help) =
            ("failover_to_log", "From a claim on the wire until this gateway had it from the log");
        all.register_with_unit(name, help, Unit::Seconds, self.to_log.clone());
        let help = "Failovers without a receipt: too many at once, or health was away for too long";
        all.register("failovers_without_receipt", help, self.lost.clone());
    }
}

/// Of one region. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct OfRegion {
    to_kernel: Histogram,
    to_log: Histogram,
    lost: Counter<u64, AtomicU64>,
}

impl OfRegion {
    pub(super) fn to_kernel(&self, took: Duration) {
        self.to_kernel.observe(took.as_secs_f64());
    }

    pub(super) fn to_log(&self, took: Duration) {
        self.to_log.observe(took.as_secs_f64());
    }

    pub(super) fn lose(&self, receipts: u64) {
        self.lost.inc_by(receipts);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn failovers_are_counted_by_how_long_they_took() {
        let figures = Figures::default();
        let region = figures.of(&"r1".parse().unwrap());
        region.to_kernel(Duration::from_micros(300));
        region.to_kernel(Duration::from_millis(7));
        region.to_log(Duration::from_millis(20));
        region.lose(3);
        let (mut all, mut text) = (Registry::with_prefix("mooring"), String::new());
        figures.register(&mut all);
        encode(&mut text, &all).unwrap();
        for line in [
            "mooring_failover_to_kernel_seconds_bucket{le=\"0.0004\",region=\"r1\"} 1",
            "mooring_failover_to_kernel_seconds_count{region=\"r1\"} 2",
            "mooring_failover_to_log_seconds_count{region=\"r1\"} 1",
            "mooring_failovers_without_receipt_total{region=\"r1\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
