//! One scrape of one target, from the permit to the outcome.
//!
//! In: a slot and a deadline. Out: an [`Outcome`]; every failure ends here as one, with its reason. The slot's memory and
//! the cache are brought up to date before anybody sees it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::exposition::build::IngestError;
use model::exposition::entry::Format;
use model::exposition::shape::Shape;
use model::exposition::store::{Ingested, Path};
use tokio::time::Instant;

use super::Context;
use super::outcome::{Failure, Good, Outcome};
use super::slot::Slot;
use super::stored;
use crate::copies::OnGood;
use crate::instruments::label;
use crate::scrape::{Answer, Client, Deadline, FetchError, FetchRequest};

/// A body this large is read on a thread of its own: a cold parse of it would hold up others.
const LARGE_BODY: usize = 256 << 10;

/// Scrapes `slot` once, within `deadline`; `number` is what the slot calls this scrape by.
pub(super) async fn scrape(
    context: Arc<Context>,
    slot: Arc<Slot>,
    (deadline, number): (Deadline, u64),
) -> Arc<Outcome> {
    let (generation, before) = slot.start();
    let (began, start) = (SystemTime::now(), Instant::now());
    let scraped = exchange(&context, &slot, before.clone(), &deadline).await;
    let mut outcome = match scraped {
        Ok(scraped) => good(&slot, scraped, before.as_deref(), began),
        Err((failure, (scraped, post_relabel))) => {
            Outcome { scraped, post_relabel, ..Outcome::failed(began, Duration::ZERO, failure) }
        }
    };
    outcome.duration = start.elapsed();
    count(&context, &slot, &outcome);
    let outcome = Arc::new(outcome);
    let record = outcome.result.as_ref().ok().map(|good| stored::record(&slot.target, good));
    slot.record(&outcome, (generation, number), |action| match record {
        Some((record, layout)) if action == OnGood::Store && slot.job.keep_copies => {
            context.cache.put(record, layout);
        }
        _ => context.cache.remove(stored::key(slot.target.id)),
    });
    outcome
}

/// A body that was read.
struct Scraped {
    ingested: Ingested,
    body_bytes: u64,
}

/// A failure, with the samples in the body and those after relabelling as far as they are known.
type Failed = (Failure, (u64, u64));

fn good(slot: &Slot, scraped: Scraped, before: Option<&Shape>, began: SystemTime) -> Outcome {
    let Ingested { shape, values, .. } = scraped.ingested;
    let counts = shape.counts();
    let good = Good {
        injected: slot.injected(&shape),
        values: Arc::new(values),
        scraped_at: began,
        shape: shape.clone(),
    };
    Outcome {
        began,
        duration: Duration::ZERO,
        body_bytes: scraped.body_bytes,
        scraped: counts.scraped,
        post_relabel: counts.post_relabel,
        series_added: shape.series_added(before),
        result: Ok(Arc::new(good)),
    }
}

async fn exchange(
    context: &Arc<Context>,
    slot: &Arc<Slot>,
    before: Option<Arc<Shape>>,
    deadline: &Deadline,
) -> Result<Scraped, Failed> {
    slot.refusal().map_or(Ok(()), |failure| Err((failure, (0, 0))))?;
    let _permit = deadline.limit(slot.permits.acquire()).await.ok_or_else(|| {
        let message =
            "all scrapes that may run at once were busy; raise relay.concurrency or use more relays";
        (Failure::new("concurrency", message), (0, 0))
    })?;
    let answer = fetch(context, slot, deadline).await.map_err(|failure| (failure, (0, 0)))?;
    let format = slot.job.format(answer.content_type.as_deref()).map_err(|failure| (failure, (0, 0)))?;
    let body_bytes = answer.body.len() as u64;
    let ingested = read(context, slot, before, format, answer).await.map_err(|error| {
        let counts = (error.scraped(), error.post_relabel());
        (Failure::new(error.kind(), error.to_string()), counts)
    })?;
    if ingested.path == Path::Cold {
        context.instruments.cold_parses.add(1, &[]);
    }
    Ok(Scraped { ingested, body_bytes })
}

async fn fetch(context: &Context, slot: &Slot, deadline: &Deadline) -> Result<Answer, Failure> {
    let clients = slot.client.as_ref().map_err(|why| Failure::new("url", why.clone()))?;
    let request = FetchRequest {
        accept: slot.job.accept.clone(),
        timeout: slot.target.scrape_timeout,
        enable_compression: slot.job.settings.enable_compression,
        body_limit: slot.job.body_limit,
        connect_timeout: slot.job.connect_timeout,
        header_limit: slot.job.header_limit,
    };
    let answer = match clients.kept() {
        Some(mut kept) => ask(context, &mut kept, &request, deadline).await,
        // Beside a scrape whose result may not stand on the page that this one is for.
        None => ask(context, &mut clients.another(), &request, deadline).await,
    };
    answer.map_err(|error| Failure::new(error.kind(), error.to_string()))
}

async fn ask(
    context: &Context,
    client: &mut Client,
    request: &FetchRequest,
    deadline: &Deadline,
) -> Result<Answer, FetchError> {
    let answer = client.fetch(request, deadline.clone()).await;
    // Whatever came of the request: a target that takes connections and never answers costs one each time.
    context.instruments.new_connections.add(client.take_opened(), &[]);
    answer
}

async fn read(
    context: &Arc<Context>,
    slot: &Arc<Slot>,
    before: Option<Arc<Shape>>,
    format: Format,
    answer: Answer,
) -> Result<Ingested, IngestError> {
    if answer.body.len() < LARGE_BODY {
        return context.shapes.ingest(format, &answer.body, &slot.transform, before.as_ref());
    }
    let (context, slot) = (context.clone(), slot.clone());
    let reading = move || {
        // The answer is moved here so that its share of the memory budget lives as long as its body.
        let answer = answer;
        context.shapes.ingest(format, &answer.body, &slot.transform, before.as_ref())
    };
    tokio::task::spawn_blocking(reading).await.expect("reading a body does not panic, and is not aborted")
}

fn count(context: &Context, slot: &Slot, outcome: &Outcome) {
    let kind = outcome.failure().map_or("ok", |failure| failure.kind);
    context.instruments.target_scrapes.add(1, &label("result", kind));
    context.instruments.target_scrape_duration.record(outcome.duration.as_secs_f64(), &[]);
    let Some(failure) = outcome.failure() else { return };
    if let Some(limit) = failure.limit() {
        context.instruments.limit_exceeded.add(1, &label("limit", limit));
    }
    tracing::debug!(
        target_id = %slot.target.id,
        url = %slot.target.url,
        kind = failure.kind,
        error = %failure.message,
        "scrape failed"
    );
}
