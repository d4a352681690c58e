//! The wire contract between coordinator, relays and operators, and its conversion to and from `model`.

pub mod convert;

pub use generated::{admin, assignment, types};

/// What is built from the .proto files, which name each other's types by this nesting.
#[allow(
    missing_docs,
    clippy::too_many_lines,
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    unused_qualifications,
    reason = "generated; documented in the .proto files"
)]
mod generated {
    /// The nouns that more than one service speaks of.
    pub mod types {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("scraperelay.types.v1");
        }
    }

    /// Between a relay and its coordinator.
    pub mod assignment {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("scraperelay.assignment.v1");
        }
    }

    /// What operators ask.
    pub mod admin {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("scraperelay.admin.v1");
        }
    }
}

/// The encoded file descriptor set, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
