//! Probes: services that say whom they saw, clients that say who answered, and a watcher of frames.

mod announcer;
mod echo;
mod flood;
mod flow;
mod frame;
mod kernel_trace;
mod neighbours;
mod path_mtu;
mod ping;
mod pinger;
mod prober;
mod sniffer;
mod stamped;
mod storm;
mod tcp;
mod transfer;
mod watch;
mod worker;

pub use announcer::Announcer;
pub use echo::{Answer, UdpEcho, udp_ask};
pub use flood::{Flood, Stream};
pub use flow::TcpFlow;
pub use frame::{Arp, Frame, Ip, checksum};
pub use kernel_trace::{Account, Applied, KernelTrace, Verdict};
pub use neighbours::{Led, Neighbours};
pub use path_mtu::learned_mtu;
pub use ping::ping;
pub use pinger::{Outage as EchoOutage, Pinger, number};
pub use prober::{LATE, Lane, Outage, Prober};
pub use sniffer::Sniffer;
pub use stamped::Stamped;
pub use storm::{ArpFrame, Storm, mac_bytes, send_frames};
pub use tcp::{Mode, TcpServer, Upload, tcp_ask, tcp_connect, upload};
pub use transfer::Transfer;
pub use watch::{Watch, is_private, sent_by, shown};
