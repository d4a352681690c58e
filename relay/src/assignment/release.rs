//! What is said of targets that were let go, in messages of bounded size.
//!
//! In: the targets that a change has taken. Out: messages, made one by one as the stream takes them, since the records
//! of thousands of targets may be larger than what should wait in memory. Where there is no time left, or a record is
//! too large, the target is named without it: then nobody will serve that copy.

use std::vec::IntoIter;

use bytes::Bytes;
use model::slice::Released;
use proto::assignment::v1 as wire;

use crate::gather::Departed;
use crate::instruments::{Instruments, label};

/// A message is closed before it exceeds this, unless it holds one record alone: a slow network takes it in seconds.
const MESSAGE: usize = 256 << 10;
/// What a target takes in a message besides its record.
const ENTRY: usize = 40;
/// A larger record stays behind.
const RECORD: usize = (1 << 20) - ENTRY;

/// The messages about targets that were let go.
pub(super) struct Releasing {
    departed: IntoIter<Departed>,
    /// What did not fit in the last message.
    left_over: Option<wire::ReleasedTarget>,
    instruments: Instruments,
}

impl Releasing {
    pub(super) fn new(departed: Vec<Departed>, instruments: Instruments) -> Self {
        Self { departed: departed.into_iter(), left_over: None, instruments }
    }

    /// The next message, `with_records` or without; `None` where everything was said.
    pub(super) fn next(&mut self, with_records: bool) -> Option<wire::Released> {
        let mut targets: Vec<wire::ReleasedTarget> = self.left_over.take().into_iter().collect();
        let mut size: usize = targets.iter().map(size_of).sum();
        while size < MESSAGE {
            let Some(departed) = self.departed.next() else { break };
            let target = self.say(&departed, with_records);
            size += size_of(&target);
            if size > MESSAGE && !targets.is_empty() {
                self.left_over = Some(target);
                break;
            }
            targets.push(target);
        }
        (!targets.is_empty()).then_some(wire::Released { targets })
    }

    fn say(&self, departed: &Departed, with_records: bool) -> wire::ReleasedTarget {
        let record = departed.has_record().then(|| self.record(departed, with_records)).flatten();
        let released = Released { target: departed.id(), never_good: departed.never_good, record };
        wire::ReleasedTarget::from(&released)
    }

    fn record(&self, departed: &Departed, with_records: bool) -> Option<Bytes> {
        let record = with_records.then(|| departed.record()).flatten();
        let size = record.as_ref().map(Vec::len);
        let result = match size {
            None => "late",
            Some(size) if size > RECORD => "too_large",
            Some(_) => "sent",
        };
        self.instruments.records_handed_over.add(1, &label("result", result));
        if result == "too_large" {
            tracing::warn!(target = %departed.id(), bytes = size, "record too large to be handed over");
        }
        record.filter(|_| result == "sent").map(Bytes::from)
    }
}

fn size_of(target: &wire::ReleasedTarget) -> usize {
    target.record.len() + ENTRY
}
