//! Targets whose every body can be told from every other: counters that grow with each scrape, under a UID of the target.
//!
//! From a body alone follows which target sent it and as which of its bodies, and every value in it can be checked.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::fake_target::{Behaviour, Exposition, FakeTargets, TEXT};

/// Samples in a body.
pub const PARTS: u64 = 12;
/// What the counters grow by, at least half of it, from one body to the next.
const STEP: u64 = 1000;

/// A group of such targets.
pub struct Counters {
    targets: FakeTargets,
    sent: Arc<Vec<AtomicU64>>,
}

impl Counters {
    /// `count` targets on free ports of loopback.
    ///
    /// # Errors
    /// Where a port cannot be had.
    pub async fn start(count: usize) -> std::io::Result<Self> {
        let sent: Arc<Vec<AtomicU64>> = Arc::new((0..count).map(|_| AtomicU64::new(0)).collect());
        let making = sent.clone();
        let make = move |number: usize, _| {
            let sequence = making[number].fetch_add(1, Ordering::SeqCst) + 1;
            body(number, sequence)
        };
        let exposition = Exposition { content_type: TEXT, make: Arc::new(make) };
        let targets = FakeTargets::start(count, move |_| Behaviour::Serve(exposition.clone())).await?;
        Ok(Self { targets, sent })
    }

    /// Where each listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.targets.addresses()
    }

    /// How many bodies a target has sent; they are numbered from 1.
    #[must_use]
    pub fn sent(&self, number: usize) -> u64 {
        self.sent[number].load(Ordering::SeqCst)
    }

    /// From now on a target closes its connections without an answer.
    pub fn die(&self, number: usize) {
        self.targets.set(number, Behaviour::Close);
    }

    /// Every target answers again.
    pub fn revive(&self) {
        for number in 0..self.addresses().len() {
            self.targets.reset(number);
        }
    }
}

/// The body that a target sends as its `sequence`th.
#[must_use]
pub fn body(number: usize, sequence: u64) -> String {
    let mut body = String::from("# TYPE work_total counter\n");
    for part in 0..PARTS {
        let value = value(number, sequence, part);
        writeln!(body, r#"work_total{{uid="{}",part="{part}"}} {value}"#, uid(number))
            .expect("a String takes any text");
    }
    body
}

/// What a target says it is.
#[must_use]
pub fn uid(number: usize) -> String {
    format!("uid-{number}")
}

/// One value of a body.
#[must_use]
pub fn value(number: usize, sequence: u64, part: u64) -> u64 {
    sequence * STEP + mixed(&[number as u64, sequence, part]) % (STEP / 2)
}

/// Which body a value is from.
#[must_use]
pub fn sequence(value: u64) -> u64 {
    value / STEP
}

/// A number that any change of `of` changes.
fn mixed(of: &[u64]) -> u64 {
    let bytes: Vec<u8> = of.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxh3_64(&bytes)
}
