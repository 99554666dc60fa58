//! Client channels between services: lazily connected, reconnecting, with a deadline on every call.

use std::{net::SocketAddr, time::Duration};

use tonic::transport::{Channel, Endpoint, Error};

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(2);

/// A channel to a peer. A call answers DEADLINE_EXCEEDED after `deadline`.
pub fn lazy(peer: SocketAddr, deadline: Duration) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(format!("http://{peer}"))?
        .connect_timeout(CONNECT)
        .timeout(deadline)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5));
    Ok(endpoint.connect_lazy())
}
