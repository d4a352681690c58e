//! Bodies that were refused for more than one line: over a limit, or by what the rules leave.
//!
//! In: a layout and why its shape cannot be built. Out: the same answer for the next body of that layout, without
//! labelling its samples again. A target over its sample limit stays there, scrape after scrape.

use std::collections::VecDeque;
use std::sync::Arc;

use super::build::IngestError;
use super::layout::Layout;

/// Bytes of layouts that are remembered; the oldest are forgotten beyond that.
const BYTES: usize = 64 << 20;
/// How many layouts are remembered.
const COUNT: usize = 64;

/// One refused layout.
#[derive(Debug)]
pub(super) struct Refused {
    /// The transform under which it was refused.
    fingerprint: u128,
    layout: Arc<Layout>,
    error: IngestError,
}

impl Refused {
    /// The error, if `body` has this layout.
    pub(super) fn error(&self, body: &[u8]) -> Option<IngestError> {
        self.layout.read(body).map(|_| self.error.clone())
    }
}

/// The layouts refused last.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: VecDeque<Arc<Refused>>,
    bytes: usize,
}

impl Refusals {
    /// Remembers that `layout` is refused under the transform of that fingerprint.
    pub(super) fn remember(&mut self, layout: Arc<Layout>, fingerprint: u128, error: IngestError) {
        self.bytes += layout.size();
        self.known.push_front(Arc::new(Refused { fingerprint, layout, error }));
        while self.known.len() > COUNT || self.bytes > BYTES {
            let Some(oldest) = self.known.pop_back() else { break };
            self.bytes -= oldest.layout.size();
        }
    }

    /// What was refused under a transform.
    pub(super) fn of(&self, fingerprint: u128) -> Vec<Arc<Refused>> {
        self.known.iter().filter(|refused| refused.fingerprint == fingerprint).cloned().collect()
    }
}
