//! What pages may show of a slot, and its records.

use std::sync::atomic::{AtomicU64, Ordering};

use model::exposition::entry::Format;
use model::exposition::store::ShapeStore;
use model::job::ScrapeSettings;
use model::slice::RelayConfig;

use super::*;
use crate::cache::Loaded;
use crate::copies::Copies;
use crate::gather::flight::Pilot;
use crate::gather::outcome::Failure;
use crate::gather::stored::{self, Restorer};
use crate::slice::tests::target;

const MAX_AGE: Duration = Duration::from_secs(900);
const TOGETHER: Standing = Standing { alone: false, contact: None };

fn slot(shapes: &ShapeStore, permission: Permission) -> Slot {
    let job = Arc::new(JobScrape::new(Arc::new(ScrapeSettings::new("j")), &RelayConfig::default()));
    let target = target(1);
    let transform = shapes.transform(Transform::new(&job.settings, &target.labels, &job.limits));
    let labels = target.labels.clone();
    let means = Means { labels, transform, client: Err("none".into()), permits: Arc::new(Semaphore::new(1)) };
    Slot::new(target, job, means, SlotState::new(Copies::new(permission), Stamp::default()))
}

fn good(shapes: &ShapeStore, slot: &Slot, body: &str, at: SystemTime) -> Arc<Outcome> {
    let read = shapes.ingest(Format::Text, body.as_bytes(), &slot.transform, None).unwrap();
    let injected = slot.injected(&read.shape);
    let good = Good { shape: read.shape, injected, values: Arc::new(read.values), scraped_at: at };
    Arc::new(Outcome {
        result: Ok(Arc::new(good)),
        ..Outcome::failed(at, Duration::ZERO, Failure::new("", ""))
    })
}

fn record(slot: &Slot, outcome: &Arc<Outcome>, generation: Generation) -> Option<OnGood> {
    static SCRAPES: AtomicU64 = AtomicU64::new(1);
    record_numbered(slot, outcome, (generation, SCRAPES.fetch_add(1, Ordering::Relaxed)))
}

fn record_numbered(slot: &Slot, outcome: &Arc<Outcome>, taken: (Generation, u64)) -> Option<OnGood> {
    let mut told = None;
    let action = slot.record(outcome, taken, |action| told = Some(action));
    assert_eq!(action, told);
    action
}

fn bad(at: SystemTime) -> Arc<Outcome> {
    Arc::new(Outcome::failed(at, Duration::ZERO, Failure::new("refused", "nobody listens")))
}

fn moment(now: SystemTime) -> PageMoment {
    PageMoment { standing: TOGETHER, now, copy_max_age: Some(MAX_AGE) }
}

#[test]
fn a_copy_is_shown_until_it_is_too_old_and_not_where_the_cache_is_off() {
    let (shapes, start) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    let live = good(&shapes, &slot, "x 1\n", start);
    assert_eq!(record(&slot, &live, slot.start().0), Some(OnGood::Store));
    let failed = bad(start);
    record(&slot, &failed, slot.start().0);
    for (age, served) in [(0, true), (900, true), (901, false)] {
        let now = start + Duration::from_secs(age);
        let shown = slot.show(&failed, None, &moment(now)).unwrap();
        assert_eq!((shown.up, shown.good.is_some()), (false, served), "{age} s");
        assert_eq!(shown.cache_age, served.then(|| Duration::from_secs(age)));
    }
    let off = PageMoment { copy_max_age: None, ..moment(start) };
    assert!(slot.show(&failed, None, &off).unwrap().good.is_none());
}

#[test]
fn states_are_reported_once_and_again_to_a_new_coordinator() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    assert_eq!(slot.report_state(BootTime::default()).map(|it| it.state), Some(TargetState::Pending));
    let live = good(&shapes, &slot, "x 1\n", now);
    record(&slot, &live, slot.start().0);
    assert!(slot.show(&live, None, &moment(now)).unwrap().state_changed);
    assert!(!slot.show(&live, None, &moment(now)).unwrap().state_changed);
    assert_eq!(slot.report_state(BootTime::default()).map(|it| it.state), Some(TargetState::Up));
    assert_eq!(slot.report_state(BootTime::default()), None);
    assert_eq!(slot.report(BootTime::default()), None);
    assert_eq!(slot.introduce(TOGETHER).samples, 1);
    assert_eq!(slot.report_state(BootTime::default()).map(|it| it.state), Some(TargetState::Up));
}

#[test]
fn a_slot_that_left_the_slice_shows_nothing_and_stores_nothing() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    let started = slot.start().0;
    slot.release(&moment(now));
    let live = good(&shapes, &slot, "x 1\n", now);
    assert_eq!(record(&slot, &live, started), None, "the disk is another's by now");
    assert!(slot.show(&live, None, &moment(now)).is_none());
}

#[test]
fn a_repeated_result_is_not_shown_once_the_relay_is_alone() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    let live = good(&shapes, &slot, "x 1\n", now);
    record(&slot, &live, slot.start().0);
    let taken = slot.repeatable(TOGETHER).map(|(_, taken)| taken);
    assert!(slot.show(&live, taken, &moment(now)).unwrap().up);
    let alone = PageMoment { standing: Standing { alone: true, contact: None }, ..moment(now) };
    let shown = slot.show(&live, taken, &alone).unwrap();
    assert!(!shown.up && shown.good.is_none());
    assert!(slot.repeatable(alone.standing).is_none());
}

#[test]
fn what_an_alone_relay_may_not_serve_it_reports_as_held_with_none() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let at = |seconds| BootTime::from_start(Duration::from_secs(seconds));
    let slot = slot(&shapes, Permission::Keep);
    let alone = Standing { alone: true, contact: Some(at(100)) };
    let reported = |slot: &Slot, standing| {
        let held = slot.introduce(standing);
        assert_eq!(held.held_back, held.permission == Permission::None);
        held.permission
    };
    assert_eq!(reported(&slot, TOGETHER), Permission::Keep);
    assert_eq!(reported(&slot, alone), Permission::None, "another relay may have shown something newer");
    record(&slot, &good(&shapes, &slot, "x 1\n", now), slot.start().0);
    record(&slot, &bad(now), slot.start().0);
    slot.show(&bad(now), None, &moment(now)).unwrap();
    slot.report(at(90));
    assert_eq!(
        reported(&slot, alone),
        Permission::Keep,
        "the coordinator knew that it was served from the cache"
    );
}

#[test]
fn a_record_sent_along_is_read_with_its_layout_and_only_for_its_target() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Record);
    let live = good(&shapes, &slot, "# TYPE x counter\nx 12.5\n", now);
    let scrape = live.result.as_ref().unwrap();
    let sent = stored::encode(&slot.target, scrape);
    let elsewhere = ShapeStore::new();
    let copy = Restorer::new(&elsewhere).decode(&slot, &sent).unwrap();
    assert_eq!(copy.values.token(0), b"12.5");
    assert_eq!(copy.shape.layout().hash(), scrape.shape.layout().hash());
    for cut in [0, 3, 4, 40, sent.len() - 1] {
        assert!(Restorer::new(&elsewhere).decode(&slot, &sent[..cut]).is_err(), "{cut}");
    }
    let (mut other, _) = stored::record(&slot.target, scrape);
    other.target = [9; 16];
    let mut foreign = u32::try_from(other.encode().len()).unwrap().to_le_bytes().to_vec();
    foreign.extend_from_slice(&other.encode());
    assert!(Restorer::new(&elsewhere).decode(&slot, &foreign).is_err());
    assert_eq!(Restorer::new(&elsewhere).restore(&slot, &mut Loaded::default()).unwrap().map(|_| ()), None);
}

#[test]
fn what_a_released_target_leaves_behind_is_its_copy_where_no_good_scrape_followed_and_it_is_young_enough() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let alone = Standing { alone: true, contact: Some(BootTime::default()) };
    let old = now + MAX_AGE + Duration::from_secs(1);
    let keep = Permission::Keep;
    let cases = [
        (keep, true, moment(now), true),
        (keep, false, moment(now), false),
        (Permission::None, true, moment(now), true),
        (keep, true, PageMoment { standing: alone, ..moment(now) }, false),
        (keep, true, PageMoment { copy_max_age: None, ..moment(now) }, false),
        (keep, true, moment(old), false),
    ];
    for (permission, fails, at, leaves) in cases {
        let slot = slot(&shapes, keep);
        slot.newly_assigned();
        record(&slot, &good(&shapes, &slot, "x 1\n", now), slot.start().0);
        if fails {
            record(&slot, &bad(now), slot.start().0);
        }
        slot.assign(permission, Stamp::default());
        let release = slot.release(&at);
        assert_eq!(release.copy.is_some(), leaves, "{permission:?}, fails {fails}, {at:?}");
        assert!(!release.never_good);
    }
}

#[test]
fn a_restored_copy_of_a_target_not_scraped_yet_is_handed_on_and_is_no_good_scrape() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let scraped = slot(&shapes, Permission::Keep);
    let copy = good(&shapes, &scraped, "x 1\n", now).result.clone().unwrap();
    for given in [false, true] {
        let slot = slot(&shapes, Permission::Keep);
        if given {
            slot.newly_assigned();
        }
        slot.restore(copy.clone());
        record(&slot, &bad(now), slot.start().0);
        let release = slot.release(&moment(now));
        assert!(release.copy.is_some());
        assert_eq!(
            release.never_good, given,
            "an earlier process may have exposed what came with the first slice"
        );
    }
}

#[test]
fn a_result_taken_under_another_permission_is_scraped_anew_instead_of_repeated() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::None);
    let live = good(&shapes, &slot, "x 1\n", now);
    let taken = slot.start().0;
    record(&slot, &live, taken);
    slot.assign(Permission::Discard, Stamp::default());
    assert!(slot.repeatable(TOGETHER).is_none(), "another relay has exposed it until now");
    let shown = slot.show(&live, Some(taken), &moment(now)).unwrap();
    assert!(!shown.up && shown.good.is_none());
    assert!(slot.show(&live, None, &moment(now)).unwrap().up, "the page that it was scraped for shows it");
}

#[test]
fn a_result_is_not_repeated_while_a_newer_one_is_under_way() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    record(&slot, &good(&shapes, &slot, "x 1\n", now), slot.start().0);
    let mut pilot = None;
    let asked = Instant::now();
    let flying = slot.join_or_start((asked, TOGETHER), |generation, _| {
        let (flight, other_end) = Flight::new(asked, generation);
        pilot = Some(other_end);
        flight
    });
    assert!(slot.repeatable(TOGETHER).is_none(), "a page asked for earlier is going to show a newer one");
    drop((flying, pilot));
    assert!(slot.repeatable(TOGETHER).is_some());
}

/// Begins a scrape for a page that was `asked` for, or joins one; the flight, and its other end if it was begun.
fn fly(slot: &Slot, asked: Instant, standing: Standing) -> (Arc<Flight>, Option<Pilot>) {
    let mut pilot = None;
    let flight = slot.join_or_start((asked, standing), |generation, _| {
        let (flight, other_end) = Flight::new(asked, generation);
        pilot = Some(other_end);
        flight
    });
    (flight, pilot)
}

#[test]
fn a_page_does_not_wait_for_a_scrape_whose_result_it_may_not_show() {
    let shapes = ShapeStore::new();
    let alone = Standing { alone: true, ..TOGETHER };
    for (permission, standing, joins) in [
        (Permission::Keep, TOGETHER, true),
        (Permission::None, TOGETHER, false),
        (Permission::Keep, alone, false),
    ] {
        let slot = slot(&shapes, permission);
        let now = Instant::now();
        let first = fly(&slot, now, standing);
        let second = fly(&slot, now + Duration::from_secs(1), standing);
        assert_eq!(Arc::ptr_eq(&first.0, &second.0), joins, "{permission:?}, {standing:?}");
    }
}

#[test]
fn of_two_scrapes_at_a_time_the_one_that_began_later_is_the_last() {
    let (shapes, now) = (ShapeStore::new(), SystemTime::now());
    let slot = slot(&shapes, Permission::Keep);
    let generation = slot.start().0;
    let (older, newer) = (good(&shapes, &slot, "x 1\n", now), good(&shapes, &slot, "x 2\n", now));
    assert_eq!(record_numbered(&slot, &newer, (generation, 2)), Some(OnGood::Store));
    assert_eq!(record_numbered(&slot, &older, (generation, 1)), None, "the copy stays");
    assert!(Arc::ptr_eq(&slot.repeatable(TOGETHER).unwrap().0, &newer));

    let later = good(&shapes, &slot, "x 3\n", now);
    record_numbered(&slot, &bad(now), (generation, 4));
    assert_eq!(record_numbered(&slot, &later, (generation, 3)), Some(OnGood::Store), "a page has shown it");
    assert!(slot.is_failing());
}
