//! What is said on a stream of targets that were let go, before their change is acknowledged.
//!
//! In: the targets, perhaps thousands with records. Out: messages, a few at a time, so that a stream is not given up
//! because they are many; heartbeats go on between them. Both waits have a bound.

use std::time::Duration;

use proto::assignment::v1 as wire;
use proto::assignment::v1::join_request::Message as Request;
use tokio::time::Instant;

use super::{OUTBOX, Stream, message};
use crate::assignment::end::End;
use crate::assignment::release::Releasing;
use crate::gather::Departed;

/// Large messages that may wait to be sent at a time, less one: heartbeats come after them.
const LARGE_WAITING: usize = 3;
/// The records of targets that were let go are sent for so long; contact, which is not renewed meanwhile, lasts longer.
const RECORDS_WITHIN: Duration = Duration::from_secs(4);
/// A stream that does not take a message for so long is as good as silent.
const TAKEN_WITHIN: Duration = Duration::from_secs(6);

impl Stream<'_> {
    /// Says what is known of targets that were let go, with their records as far as there is time for them. Heartbeats
    /// go on meanwhile.
    pub(super) async fn release(&mut self, departed: Vec<Departed>) -> Option<End> {
        let instruments = self.assignment.gather.context.instruments.clone();
        let mut releasing = Releasing::new(departed, instruments);
        let until = Instant::now() + RECORDS_WITHIN;
        loop {
            let message;
            (releasing, message) = next(releasing, Instant::now() < until).await;
            let end = self.send_large(Request::Released(message?)).await;
            if end.is_some() {
                return end;
            }
        }
    }

    /// Sends a message of which only a few may wait at a time.
    async fn send_large(&mut self, request: Request) -> Option<End> {
        let outbox = self.outbox.clone();
        let given_up = Instant::now() + TAKEN_WITHIN;
        loop {
            tokio::select! {
                room = outbox.reserve_many(OUTBOX - LARGE_WAITING) => {
                    // The reader says why the stream is over.
                    room.ok()?.next()?.send(message(request));
                    return None;
                }
                _ = self.heartbeat.tick() => {
                    let end = self.beat().await;
                    if end.is_some() {
                        return end;
                    }
                }
                () = tokio::time::sleep_until(given_up) => {
                    return Some(self.closed(format!("a message was not taken within {TAKEN_WITHIN:?}")));
                }
            }
        }
    }
}

/// The next message about targets that were let go: packing their records is work that pages should not wait for.
async fn next(mut releasing: Releasing, with_records: bool) -> (Releasing, Option<wire::Released>) {
    let packing = tokio::task::spawn_blocking(move || {
        let message = releasing.next(with_records);
        (releasing, message)
    });
    packing.await.expect("packing records does not panic, and is not aborted")
}
