//! Plans and what comes of them: which are kept, what they count, and the chunks of a page.

use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::store::ShapeStore;

use super::fixture::{ANY_TIME, OM, TEXT, labels, page, target, targets};
use super::writing::{TEXT_PAGE, dropped};
use crate::merge::{CHUNK_BYTES, ConflictKind, DropReason, PageWriter, Plan, PlanCache, PlanKey};

#[test]
fn conflicts_are_counted_by_kind_and_listed_by_name() {
    let targets = targets(&[
        (TEXT, "# TYPE a gauge\na 1\n# HELP b One.\nb 1\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n"),
        (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
        (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
    ]);
    let plan = Plan::new(TEXT_PAGE, &targets);
    let counts: Vec<_> = plan.conflicts().counts().map(|(kind, count)| (kind.as_str(), count)).collect();
    assert_eq!(counts, [("type", 2), ("misfit", 2), ("help", 2), ("unit", 0)]);
    let listed: Vec<_> = plan
        .conflicts()
        .list()
        .iter()
        .map(|found| (found.key.kind, &*found.key.name, found.targets))
        .collect();
    assert_eq!(
        listed,
        [(ConflictKind::Type, "a", 2), (ConflictKind::Misfit, "h_bucket", 2), (ConflictKind::Help, "b", 2)]
    );
    assert_eq!((plan.shapes(), plan.conflicts().unlisted()), (2, 0));
}

#[test]
fn a_page_comes_in_bounded_chunks() {
    let body: String = (0..5_000).map(|at| format!("long_metric_name{{label=\"{at}\"}} {at}\n")).collect();
    let targets = targets(&[(TEXT, &body), (TEXT, &body), (TEXT, "a 1\n")]);
    let plan = Arc::new(Plan::new(TEXT_PAGE, &targets));
    let mut writer = PageWriter::new(plan, targets.as_slice().into(), ANY_TIME).expect("its own targets");
    let (mut lines, mut sizes, mut chunk) = (0, Vec::new(), Vec::new());
    loop {
        let more = writer.fill(&mut chunk);
        lines += chunk.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"long_")).count();
        sizes.push(chunk.len());
        chunk.clear();
        if !more {
            break;
        }
    }
    assert_eq!(lines, 10_000);
    assert_eq!(writer.counts().bytes, sizes.iter().sum::<usize>() as u64);
    let (_, full) = sizes.split_last().expect("at least one chunk");
    assert!(full.len() >= 2 && full.iter().all(|size| (CHUNK_BYTES..CHUNK_BYTES + 64 * 1024).contains(size)));
    assert!(!writer.fill(&mut chunk) && chunk.is_empty(), "nothing comes behind the end");
}

#[test]
fn values_of_another_layout_are_left_out_and_counted() {
    let mut targets = targets(&[(OM, "# TYPE a counter\na_total 1\na_created 2\n"), (TEXT, "c 1\n")]);
    let foreign = targets[1].exposition.clone().expect("it answered").values;
    targets[0].exposition.as_mut().expect("it answered").values = foreign;
    let (page, counts) = page(TEXT, &targets);
    assert!(page.contains("\nc{"), "the other target is whole");
    assert_eq!(dropped(&counts), [(DropReason::ForeignValues.as_str(), 2)]);
}

#[test]
fn a_plan_is_kept_until_a_shape_comes_or_goes() {
    let store = ShapeStore::new();
    let make =
        |body: &str| vec![target(&store, &labels(1), TEXT, body), target(&store, &labels(2), TEXT, "a 1\n")];
    let cache = PlanCache::new();
    let key = |form, selection: &str| PlanKey { form, selection: selection.into() };
    let all = key(TEXT_PAGE, "");
    let first_targets = make("a 1\n");
    let first = cache.plan(&all, &first_targets);
    assert!(Arc::ptr_eq(&first, &cache.plan(&all, &make("a 2\n"))), "another value is no other plan");
    assert!(!Arc::ptr_eq(&first, &cache.plan(&key(TEXT_PAGE, "j"), &first_targets)));
    let changed = make("b 1\n");
    assert!(!Arc::ptr_eq(&first, &cache.plan(&all, &changed)), "another shape is");
    let counts = cache.counts();
    assert_eq!((counts.hits, counts.misses, counts.evicted), (1, 3, 0));
    assert!(PageWriter::new(first, changed.into(), ANY_TIME).is_none(), "a plan fits its own targets only");
}

#[test]
fn the_plan_used_longest_ago_gives_way() {
    let cache = PlanCache::new();
    let key = |at: usize| PlanKey { form: TEXT_PAGE, selection: at.to_string().into() };
    for at in 0..=crate::merge::PLANS {
        let _plan = cache.plan(&key(at), &[]);
    }
    let _plan = cache.plan(&key(1), &[]);
    let _plan = cache.plan(&key(0), &[]);
    let counts = cache.counts();
    assert_eq!((counts.hits, counts.evicted), (1, 2));
}

/// Formats are named so that a failing test says which.
#[test]
fn an_unchanged_series_has_identical_bytes_in_every_page() {
    let targets =
        targets(&[(TEXT, "# TYPE a_total counter\na_total{b=\"1\"} 1\n"), (OM, "# TYPE g gauge\ng 1\n")]);
    for format in [Format::Text, Format::OpenMetrics] {
        assert_eq!(page(format, &targets), page(format, &targets), "{format:?}");
    }
}
