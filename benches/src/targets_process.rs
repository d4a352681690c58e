//! The load generator as a process of its own, so that its cost is not the cost of what is measured.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use integration::load::Load;

/// A running load generator; dropping it ends it.
#[derive(Debug)]
pub struct TargetsProcess {
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl TargetsProcess {
    /// Starts `program` (this package's `load_targets`) and waits until its targets listen.
    ///
    /// # Errors
    /// Says what the program did instead of giving their addresses.
    pub fn start(program: &Path, load: Load) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args([load.targets, load.bytes, load.hanging].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("starting {}: {error}", program.display()))?;
        let stdout = child.stdout.take().ok_or("the load generator has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let addresses = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"));
        let mut started = Self { child, addresses: Vec::new() };
        started.addresses = addresses?;
        Ok(started)
    }

    /// Where each target listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for TargetsProcess {
    fn drop(&mut self) {
        // One that has ended by itself is what is asked for.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
