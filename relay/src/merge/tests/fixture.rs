//! Targets from bodies, pages from targets.

use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;

use crate::merge::{Exposed, PageCounts, PageForm, PageTarget, PageWriter, Plan, TimestampWindow};

pub(crate) const TEXT: Format = Format::Text;
pub(crate) const OM: Format = Format::OpenMetrics;

/// Every timestamp that a test sends.
pub(crate) const ANY_TIME: TimestampWindow = TimestampWindow { oldest_ms: i64::MIN, newest_ms: i64::MAX };

/// A target that answered with `body`; for OpenMetrics `# EOF` is added.
pub(crate) fn target(store: &ShapeStore, labels: &Labels, format: Format, body: &str) -> PageTarget {
    target_of(store, &ScrapeSettings::new("j"), labels, format, body)
}

/// The same in a job with these settings.
pub(crate) fn target_of(
    store: &ShapeStore,
    settings: &ScrapeSettings,
    labels: &Labels,
    format: Format,
    body: &str,
) -> PageTarget {
    styled(store, Transform::new(settings, labels, &SampleLimits::default()), labels, format, body)
}

/// The same whose bodies become what `transform` says.
pub(crate) fn styled(
    store: &ShapeStore,
    transform: Transform,
    labels: &Labels,
    format: Format,
    body: &str,
) -> PageTarget {
    let body = if format == OM { format!("{body}# EOF\n") } else { body.to_owned() };
    let transform = store.transform(transform);
    let ingested = store.ingest(format, body.as_bytes(), &transform, None).expect("a body that is accepted");
    let counts = ingested.shape.counts();
    PageTarget {
        samples_scraped: counts.scraped,
        samples_post_metric_relabeling: counts.post_relabel,
        series_added: ingested.shape.series_added(None),
        exposition: Some(Exposed {
            injected: Arc::new(ingested.shape.inject(labels)),
            shape: ingested.shape,
            values: Arc::new(ingested.values),
        }),
        ..down(labels)
    }
    .answered()
}

impl PageTarget {
    fn answered(self) -> Self {
        Self { up: true, ..self }
    }
}

/// A target that does not answer and of which nothing is kept.
pub(crate) fn down(labels: &Labels) -> PageTarget {
    PageTarget {
        labels: labels.clone(),
        up: false,
        scrape_duration: 0.25,
        samples_scraped: 0,
        samples_post_metric_relabeling: 0,
        series_added: 0,
        cache_age: None,
        exposition: None,
    }
}

/// The labels of the target numbered `at`.
pub(crate) fn labels(at: usize) -> Labels {
    Labels::from_pairs([("instance", at.to_string()), ("job", "j".to_owned())])
}

/// Targets 1, 2, ... with these bodies.
pub(crate) fn targets(bodies: &[(Format, &str)]) -> Vec<PageTarget> {
    let store = ShapeStore::new();
    let each = (1..).zip(bodies);
    each.map(|(at, (format, body))| target(&store, &labels(at), *format, body)).collect()
}

/// The page of these targets with escaped names, and its counts.
pub(crate) fn page(format: Format, targets: &[PageTarget]) -> (String, PageCounts) {
    page_of(
        PageForm { format, escaping: Escaping::Underscores, style: PageStyle::PROMETHEUS },
        targets,
        ANY_TIME,
    )
}

/// The page of these targets, and its counts.
pub(crate) fn page_of(
    form: PageForm,
    targets: &[PageTarget],
    window: TimestampWindow,
) -> (String, PageCounts) {
    let plan = Arc::new(Plan::new(form, targets));
    let mut writer = PageWriter::new(plan, targets.into(), window).expect("the plan is for these targets");
    let (mut page, mut chunk) = (Vec::new(), Vec::new());
    loop {
        let more = writer.fill(&mut chunk);
        page.append(&mut chunk);
        if !more {
            break;
        }
    }
    (String::from_utf8(page).expect("pages are UTF-8"), writer.counts())
}

/// A page without the relay's own series, `@1` for the labels of target 1.
pub(crate) fn brief(page: &str) -> String {
    let own = |line: &&str| {
        let name = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        let name = name.split([' ', '{']).next().unwrap_or_default();
        !crate::merge::own_series::OwnSeries::ALL.iter().any(|own| own.name() == name)
            || line.starts_with("# TYPE scraperelay_target_cache_age_seconds")
    };
    let lines = page.lines().filter(own).map(|line| {
        let mut line = line.to_owned();
        for at in 1..10 {
            line = line.replace(&format!("instance=\"{at}\",job=\"j\""), &format!("@{at}"));
        }
        line.replace("scraperelay_target_cache_age_seconds", "OWN") + "\n"
    });
    lines.collect()
}

/// Both pages of targets 1, 2, ... with these bodies, brief.
pub(crate) fn both(bodies: &[(Format, &str)]) -> String {
    let targets = targets(bodies);
    let [text, om] = [TEXT, OM].map(|format| brief(&page(format, &targets).0));
    let marker = "# TYPE OWN gauge\n";
    let misfits = |page: &str| {
        let behind = page.split_once(marker).map_or("#", |(_, rest)| rest);
        !behind.is_empty() && !behind.starts_with('#')
    };
    let tidy = |page: String| if misfits(&page) { page } else { page.replace(marker, "") };
    format!("{}---\n{}", tidy(text), tidy(om))
}
