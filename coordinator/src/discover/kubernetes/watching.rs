//! Runs one watch: lists, then watches, then again, for as long as anybody listens.
//!
//! In: the answers of the API server. Out: objects for the [`Watch`], and pauses.

use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::Response;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::time::Instant;

use super::access;
use super::cluster::get;
use super::event::{Event, event};
use super::failure::{Failure, Reason};
use super::items::{Items, LARGEST_OBJECT, ListMeta};
use super::objects::Listed;
use super::pod::Object;
use super::request::{self, From};
use super::turn::{End, Row, Turn};
use super::watch::Watch;

/// How long the server may be silent before an answer and within a list.
const LIST_PATIENCE: Duration = Duration::from_secs(60);
/// The same within a watch: the server sends a bookmark about once a minute.
const WATCH_PATIENCE: Duration = Duration::from_secs(90);
/// The server ends a watch after so many seconds.
const WATCH_SECONDS: u64 = 290;
/// A watch that ends sooner has failed.
const SHORT: Duration = Duration::from_secs(1);
/// Pages that a list may have: five million objects.
const PAGES: usize = 10_000;
/// How often the files behind the client are looked at while a watch is quiet.
const FILES: Duration = Duration::from_secs(5);
/// Nobody listens for so long: the watch ends.
const UNHEARD: Duration = Duration::from_secs(10);

/// Runs `watch` until nobody has listened for a while and `ends` agrees.
pub(super) async fn run<T: Object>(watch: Arc<Watch<T>>, ends: impl Fn(&Watch<T>) -> bool) {
    let unheard = async {
        loop {
            unheard(&watch).await;
            if ends(&watch) {
                return;
            }
        }
    };
    tokio::select! {
        () = unheard => {}
        () = turns(&watch) => {}
    }
}

async fn unheard<T: Object>(watch: &Watch<T>) {
    let mut since = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while since.elapsed() < UNHEARD {
        ticks.tick().await;
        if watch.has_subscribers() {
            since = Instant::now();
        }
    }
}

async fn turns<T: Object>(watch: &Watch<T>) {
    let mut turn = Turn::List(From::Memory);
    let mut row = Row::default();
    loop {
        let begun = Instant::now();
        let end = one(watch, &turn).await;
        if let End::Failed(reached, failure) = &end {
            let lasted = begun.elapsed() >= SHORT && reached.is_some();
            let failures = row.failed(failure.reason, lasted);
            // A version that is no longer kept is everyday life.
            let pause = failure.pause(failures, random());
            if failure.reason == Reason::Expired && failures == 1 {
                watch.metrics.failed(failure.reason);
            } else {
                watch.failed(failure.clone());
                tokio::time::sleep(pause).await;
            }
        } else {
            row = Row::default();
            if matches!(turn, Turn::Watch(_)) && begun.elapsed() < SHORT && end != End::Asked {
                tokio::time::sleep(SHORT).await;
            }
        }
        turn = turn.next(&end);
    }
}

/// A number in 0..1.
fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 40;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(1_u32 << 24)
}

async fn one<T: Object>(watch: &Watch<T>, turn: &Turn) -> End {
    let (client, generation) = match watch.cluster.client().await {
        Ok(client) => client,
        Err(failure) => return End::Failed(None, failure),
    };
    let end = match turn {
        Turn::List(from) => list(watch, &client, from).await,
        Turn::Watch(version) => follow(watch, &client, generation, version).await,
    };
    if let End::Failed(_, failure) = &end
        && failure.reason == Reason::Unauthorized
    {
        watch.cluster.refused(generation).await;
    }
    end
}

async fn list<T: Object>(watch: &Watch<T>, client: &Client, from: &From) -> End {
    let mut list = watch.begin_list();
    let mut from = from.clone();
    for _ in 0..PAGES {
        match page(watch, client, &from, &mut list).await {
            Ok(meta) if meta.next.is_empty() => {
                watch.listed(list);
                return End::Reached(meta.resource_version);
            }
            Ok(meta) => from = From::Page(meta.next),
            Err(failure) => return End::Failed(None, failure),
        }
    }
    End::Failed(None, Failure::new(Reason::Stream, format!("a list has more than {PAGES} pages")))
}

async fn page<T: Object>(
    watch: &Watch<T>,
    client: &Client,
    from: &From,
    list: &mut Listed<T>,
) -> Result<ListMeta, Failure> {
    let path = request::list(&watch.selection, from);
    let mut answer = get(client, &path, LIST_PATIENCE).await?;
    let mut items = Items::default();
    let broken = |error| Failure::new(Reason::Stream, error);
    while let Some(bytes) = next(&mut answer, LIST_PATIENCE).await? {
        items.push(&bytes, &mut |item| watch.add(list, item)).map_err(broken)?;
    }
    let meta = items.finish().map_err(broken)?;
    if meta.resource_version.is_empty() {
        return Err(broken("the list has no resourceVersion".to_owned()));
    }
    Ok(meta)
}

/// The next bytes of an answer; `None` at its end.
async fn next(answer: &mut Response<Body>, patience: Duration) -> Result<Option<Bytes>, Failure> {
    loop {
        let frame = tokio::time::timeout(patience, answer.body_mut().frame()).await;
        let silent = |_| Failure::new(Reason::Silent, format!("nothing was heard for {patience:?}"));
        match frame.map_err(silent)? {
            None => return Ok(None),
            Some(Err(error)) => return Err(Failure::new(Reason::Stream, access::plain(&error))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn follow<T: Object>(watch: &Watch<T>, client: &Client, generation: u64, version: &str) -> End {
    let path = request::watch(&watch.selection, version, WATCH_SECONDS);
    let mut answer = match get(client, &path, LIST_PATIENCE).await {
        Ok(answer) => answer,
        Err(failure) => return End::Failed(None, failure),
    };
    watch.heard();
    let mut lines = Lines { version: version.to_owned(), buffer: BytesMut::new() };
    let mut files = tokio::time::interval(FILES);
    loop {
        // `next` keeps nothing between polls, so it may be dropped for another branch.
        let mut heard = std::pin::pin!(next(&mut answer, WATCH_PATIENCE));
        let bytes = loop {
            tokio::select! {
                bytes = &mut heard => break bytes,
                () = watch.asked.notified() => return End::Asked,
                _ = files.tick() => {
                    if watch.cluster.is_stale(generation).await {
                        return End::Reached(lines.version);
                    }
                }
            }
        };
        match bytes {
            Ok(Some(bytes)) => {
                watch.heard();
                if let ControlFlow::Break(failure) = lines.push(watch, &bytes) {
                    return End::Failed(Some(lines.version), failure);
                }
            }
            Ok(None) => return End::Reached(lines.version),
            Err(failure) => return End::Failed(Some(lines.version), failure),
        }
    }
}

/// What came of a watch and how far it has been taken in.
struct Lines {
    version: String,
    buffer: BytesMut,
}

impl Lines {
    fn push<T: Object>(&mut self, watch: &Watch<T>, bytes: &[u8]) -> ControlFlow<Failure> {
        let mut searched = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        while let Some(found) =
            self.buffer.get(searched..).and_then(|rest| rest.iter().position(|b| *b == b'\n'))
        {
            let line = self.buffer.split_to(searched + found);
            self.buffer.advance(1);
            searched = 0;
            self.line(watch, &line)?;
        }
        if self.buffer.len() > LARGEST_OBJECT {
            let message = format!("a line of the watch has more than {LARGEST_OBJECT} bytes");
            return ControlFlow::Break(Failure::new(Reason::Stream, message));
        }
        ControlFlow::Continue(())
    }

    fn line<T: Object>(&mut self, watch: &Watch<T>, line: &[u8]) -> ControlFlow<Failure> {
        if line.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        let version = match event(line) {
            Ok(Event::Applied { object, version }) => {
                watch.applied(object);
                version
            }
            Ok(Event::Deleted { object, version }) => {
                watch.deleted(object);
                version
            }
            Ok(Event::Bookmark(version)) => version,
            Err(failure) => return ControlFlow::Break(failure),
        };
        self.version = version;
        ControlFlow::Continue(())
    }
}
