//! One page: rows become targets of the merger, chunks become the body.
//!
//! In: what a fan-out gathered, and how things stand with the coordinator at this moment. Out: a body that hyper pulls
//! chunk by chunk; its last chunk waits until the cache has what the page shows, or that wait is over.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::names::EscapingScheme;
use tokio::time::Instant;
use tracing::Span;

use super::conflicts::Latest;
use super::gzip::{GzipEncoder, GzipError};
use super::negotiate::{Coding, PageFormat};
use super::{PageBody, SEND_WITHOUT_HEADER};
use crate::gather::Gather;
use crate::gather::fan_out::{Gathered, Row};
use crate::gather::outcome::{Outcome, unix_ms};
use crate::gather::roster::Roster;
use crate::gather::slot::{PageMoment, Shown, Slot};
use crate::instruments::label;
use crate::merge::{self, Exposed, PageForm, PageTarget, PageWriter, PlanCache, PlanKey, TimestampWindow};

/// Spans of failed scrapes that one page may have.
const FAILURE_SPANS: usize = 100;

/// Why a page that was begun is not ended: the connection is closed, so that no scraper takes a part for the whole.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The scraper's own time is over.
    #[error("the page was not sent before the scraper's time was over")]
    Late,
    /// The page cannot be compressed.
    #[error(transparent)]
    Gzip(#[from] GzipError),
}

impl PageError {
    /// The word for metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Gzip(_) => "compression",
        }
    }
}

/// The word for a page whose scraper went away, or did not read for too long.
const ABANDONED: &str = "abandoned";

/// A page about to be sent.
pub(super) struct Page {
    writer: PageWriter,
    gathered: Gathered,
    merged_from: Instant,
}

impl Page {
    /// Decides what each row shows, now, and plans the page.
    pub(super) fn new(
        gather: &Gather,
        (plans, latest): (&PlanCache, &Latest),
        gathered: Gathered,
        (format, jobs): (PageFormat, &[String]),
    ) -> Self {
        let merged_from = Instant::now();
        let moment = gather.moment(&gathered.roster);
        let (asked, mut count) = (gathered.asked, Shows::default());
        let rows = gathered.rows.iter();
        let targets: Arc<[PageTarget]> = rows.filter_map(|row| count.show(row, asked, &moment)).collect();
        count.tell(gather);
        let key = PlanKey { form: form(format, gather.context.style), selection: jobs.join("\n").into() };
        let plan = plans.plan(&key, &targets);
        if jobs.is_empty() && latest.replace(&plan) {
            for (kind, count) in plan.conflicts().counts() {
                gather.context.instruments.conflicts.record(count, &label("kind", kind.as_str()));
            }
            for (slot, sentences) in count.shown.iter().zip(merge::sentences(&plan)) {
                slot.disagrees(sentences);
            }
        }
        let window = window(&gathered.roster, moment.now);
        let writer =
            PageWriter::new(plan, targets, window).expect("the plan was just made for these targets");
        Self { writer, gathered, merged_from }
    }

    /// The body, in chunks. `(start, deadline)`: when the request came and when its scraper gives up.
    pub(super) fn into_body(
        self,
        gather: Arc<Gather>,
        coding: Coding,
        (start, deadline): (Instant, Option<Instant>),
        span: Span,
    ) -> PageBody {
        let patient = || SEND_WITHOUT_HEADER.max(2 * self.gathered.roster.config.relay.page_timeout);
        let deadline = deadline.unwrap_or_else(|| start + patient());
        let gzip = (coding == Coding::Gzip).then(GzipEncoder::new);
        let sending =
            Sending { page: self, gather, gzip, start, deadline, ended: false, raw: Vec::new(), span };
        let chunks = stream::unfold(sending, |mut sending| async move {
            let chunk = sending.next().await?;
            Some((chunk.map(Frame::data), sending))
        });
        StreamBody::new(chunks).boxed_unsync()
    }
}

/// A page being sent.
struct Sending {
    page: Page,
    gather: Arc<Gather>,
    /// Where the page is compressed.
    gzip: Option<GzipEncoder>,
    /// The chunk to be compressed, used again.
    raw: Vec<u8>,
    start: Instant,
    deadline: Instant,
    ended: bool,
    /// The page's span: it ends with its last byte.
    span: Span,
}

impl Sending {
    async fn next(&mut self) -> Option<Result<Bytes, PageError>> {
        if self.ended {
            return None;
        }
        if Instant::now() >= self.deadline {
            return Some(Err(self.cut_off(PageError::Late)));
        }
        let chunk = match self.chunk() {
            Ok(chunk) => chunk,
            Err(error) => return Some(Err(self.cut_off(error))),
        };
        if self.ended {
            self.page.gathered.flushed().await;
            self.account();
        }
        Some(Ok(Bytes::from(chunk)))
    }

    /// Ends the page where it is.
    fn cut_off(&mut self, error: PageError) -> PageError {
        self.ended = true;
        let reason = error.as_str();
        self.gather.context.instruments.pages_cut_off.add(1, &label("reason", reason));
        self.span.record("otel.status_code", "ERROR").record("otel.status_description", reason);
        let bytes = self.page.writer.counts().bytes;
        tracing::warn!(reason, bytes, "a page was cut off: its scraper gets an error instead of a part");
        error
    }

    /// The next bytes to send; the last ones if `ended` is set then.
    fn chunk(&mut self) -> Result<Vec<u8>, PageError> {
        let mut chunk = Vec::new();
        let Some(gzip) = &mut self.gzip else {
            self.ended = !self.page.writer.fill(&mut chunk);
            return Ok(chunk);
        };
        // A chunk may vanish in the encoder: an empty one is not worth sending.
        while chunk.is_empty() && !self.ended {
            self.raw.clear();
            self.ended = !self.page.writer.fill(&mut self.raw);
            gzip.write(&self.raw, &mut chunk)?;
            if self.ended {
                gzip.finish(&mut chunk)?;
            }
        }
        Ok(chunk)
    }

    fn account(&self) {
        let instruments = &self.gather.context.instruments;
        let merging = self.page.merged_from.elapsed();
        self.gather.set_last_page(merging);
        instruments.page_merge_duration.record(merging.as_secs_f64(), &[]);
        instruments.page_duration.record(self.start.elapsed().as_secs_f64(), &[]);
        let counts = self.page.writer.counts();
        instruments.page_bytes.add(counts.bytes, &[]);
        self.span.record("bytes", counts.bytes);
        for (reason, dropped) in counts.dropped().filter(|(_, dropped)| *dropped > 0) {
            instruments.samples_dropped.add(dropped, &label("reason", reason.as_str()));
        }
    }
}

impl Drop for Sending {
    /// A body that is dropped before its end: the scraper has gone, or did not read for too long.
    fn drop(&mut self) {
        if !self.ended {
            self.gather.context.instruments.pages_cut_off.add(1, &label("reason", ABANDONED));
            self.span.record("otel.status_code", "ERROR").record("otel.status_description", ABANDONED);
        }
    }
}

/// What a page's targets came to.
#[derive(Default)]
struct Shows<'a> {
    /// The targets that are on the page, in its order.
    shown: Vec<&'a Slot>,
    from_cache: u64,
    spans: usize,
    state_changed: bool,
}

impl<'a> Shows<'a> {
    fn show(&mut self, row: &'a Row, asked: Instant, moment: &PageMoment) -> Option<PageTarget> {
        let shown = row.slot.show(&row.outcome, row.repeated(asked), moment)?;
        self.from_cache += u64::from(shown.cache_age.is_some());
        self.state_changed |= shown.state_changed;
        self.shown.push(&row.slot);
        self.trace(row);
        Some(page_target(row, shown))
    }

    /// A span for each failed scrape, so that a slow or empty page can be explained from its trace.
    fn trace(&mut self, row: &Row) {
        let Some(failure) = row.outcome.failure() else { return };
        self.spans += 1;
        if self.spans <= FAILURE_SPANS {
            // A query may hold a token; spans leave the process.
            let url = row.slot.target.url.split(['?', '#']).next().unwrap_or_default();
            tracing::debug_span!(
                "failed scrape",
                url,
                job = &*row.slot.target.job,
                instance = row.slot.target.labels.get("instance"),
                "error.type" = failure.kind,
                duration_seconds = row.outcome.duration.as_secs_f64(),
                otel.status_code = "ERROR",
                otel.status_description = failure.message.as_str(),
            )
            .in_scope(|| {});
        }
    }

    fn tell(&self, gather: &Gather) {
        gather.context.instruments.cache_served_targets.record(self.from_cache, &[]);
        if self.state_changed {
            gather.context.changed.notify_one();
        }
    }
}

fn page_target(row: &Row, shown: Shown) -> PageTarget {
    let Outcome { duration, scraped, post_relabel, series_added, .. } = &*row.outcome;
    let good = shown.good;
    PageTarget {
        labels: row.slot.labels.clone(),
        up: shown.up,
        scrape_duration: duration.as_secs_f64(),
        samples_scraped: *scraped,
        samples_post_metric_relabeling: *post_relabel,
        series_added: *series_added,
        cache_age: shown.cache_age.map(|age| age.as_secs_f64()),
        exposition: good.map(|good| Exposed {
            shape: good.shape.clone(),
            values: good.values.clone(),
            injected: good.injected.clone(),
        }),
    }
}

fn window(roster: &Roster, now: SystemTime) -> TimestampWindow {
    let age = roster.config.limits.timestamp_age;
    let oldest = now.checked_sub(age.past).unwrap_or(SystemTime::UNIX_EPOCH);
    TimestampWindow { oldest_ms: unix_ms(oldest), newest_ms: unix_ms(now + age.future) }
}

fn form(format: PageFormat, style: PageStyle) -> PageForm {
    let escaping = match format.escaping {
        EscapingScheme::AllowUtf8 => Escaping::Quoted,
        _ => Escaping::Underscores,
    };
    PageForm { format: format.format, escaping, style }
}
