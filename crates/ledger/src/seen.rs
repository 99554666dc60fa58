//! Reads that must have what their caller has seen already: `mooring-min-position`.

use mooring_domain::{Position, Rejection};
use mooring_event_log::{EventLog, LogError};
use mooring_proto::{preview::MIN_POSITION, status::Unserved};
use tokio::{sync::watch, time::timeout};

use crate::{Refused, codec::to_domain_position, folded::View, ledger::CATCH_UP};

/// The view once it is at `seen`, or beyond.
pub(crate) async fn reached<S: Clone>(
    log: &dyn EventLog,
    mut view: watch::Receiver<View<S>>,
    seen: Position,
) -> Result<View<S>, Refused> {
    {
        let now = view.borrow();
        if now.position >= seen {
            return Ok(now.clone());
        }
    }
    let tail = match log.tail().await {
        Ok(tail) => to_domain_position(tail.position),
        Err(LogError::Damaged(_)) => return Err(Unserved::Damaged.into()),
        Err(_) => return Err(Unserved::Unavailable.into()),
    };
    if tail < seen {
        return Err(Rejection::outside_the_log(MIN_POSITION, seen, tail).into());
    }
    let reached = view.wait_for(|view| view.position >= seen);
    match timeout(CATCH_UP, reached).await {
        Ok(Ok(view)) => Ok(view.clone()),
        _ => Err(Unserved::Behind.into()),
    }
}
