//! Compiles the .proto files with protox, so that no `protoc` is needed.

use std::path::PathBuf;

use prost::Message as _;

const FILES: [&str; 3] = [
    "scraperelay/types/v1/types.proto",
    "scraperelay/assignment/v1/assignment.proto",
    "scraperelay/admin/v1/admin.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
