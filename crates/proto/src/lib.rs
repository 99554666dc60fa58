//! The API's generated code, its conversions to and from the domain, and the one place where a rejection becomes a status.

#[allow(missing_docs, clippy::all, clippy::too_many_lines, reason = "generated from proto/")]
mod generated {
    pub mod mooring {
        pub mod event {
            pub mod v1 {
                tonic::include_proto!("mooring.event.v1");
            }
        }
        pub mod resource {
            pub mod v1 {
                tonic::include_proto!("mooring.resource.v1");
            }
        }
        pub mod binding {
            pub mod v1 {
                tonic::include_proto!("mooring.binding.v1");
            }
        }
        pub mod health {
            pub mod v1 {
                tonic::include_proto!("mooring.health.v1");
            }
        }
        pub mod dataplane {
            pub mod v1 {
                tonic::include_proto!("mooring.dataplane.v1");
            }
        }
    }
}

pub use generated::mooring::{binding, dataplane, event, health, resource};

/// The descriptors of every file in `proto/`, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub mod access;
pub mod answer;
pub mod convert;
pub mod filter;
pub mod mask;
pub mod page;
pub mod preview;
pub mod status;
pub mod stored;
pub mod together;
pub mod write;
