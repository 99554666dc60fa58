//! The kernel's side of Mooring: one VPC's router namespace, read back and made equal to what is desired.
//!
//! [`Driver`] is what a reconciler needs of a kernel; [`Kernel`] is the real one (nftables, neighbours and routes
//! straight over netlink, ARP by packet socket), [`Fake`] one that can be told to fail. [`Watcher`] sees the claims.
//! [`Places`] is the operator's file that says which VPC lives in which namespace. Everything here blocks.

mod arp;
mod driver;
pub mod fake;
mod fault;
mod kernel;
mod packet;
mod place;
mod places;
pub mod suite;
mod text;
pub mod urgent;
mod watch;

pub use driver::Driver;
pub use fake::Fake;
pub use fault::Fault;
pub use kernel::Kernel;
pub use mooring_domain::nat::DropReason;
pub use packet::filter::Known;
pub use place::Place;
pub use places::{BadPlaces, Places};
pub use text::nft;
pub use watch::{Claimants, Ears, Seen, Waker, Watcher};
