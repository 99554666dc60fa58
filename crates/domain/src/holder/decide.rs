//! Stub.
use crate::{*, id::*, event::*};
use super::*;
use std::{net::IpAddr, time::Duration};
/// How far ahead of ours a gateway's clock may be.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);
/// One rejection per HAVIP and MAC in this time.
pub const REJECTION_INTERVAL: Duration = Duration::from_secs(10);
/// At most this many rejections per HAVIP in that time.
pub const MAX_REJECTIONS: usize = 16;
pub(super) fn claim(_: &State, _: VpcId, _: IpAddr, _: &ClaimFacts, _: Timestamp) -> Option<Event> { None }
