//! Every value survives the wire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use model::http_client::{
    Authorization, BasicAuth, HttpClientConfig, HttpHeader, Source, TlsConfig, TlsVersion,
};
use model::job::{OverTargetLimit, ScrapeProtocol, ScrapeSettings};
use model::labels::Labels;
use model::names::{EscapingScheme, ValidationScheme};
use model::relabel::{Rule, RuleSpec};
use model::secret::Secret;
use model::settings::{CacheSettings, Capacity, Limits, RelaySettings, TimestampAge};
use model::slice::{
    Assignment, Epoch, Held, Hello, Permission, ProtocolRange, Reign, RelayConfig, Released, Revision,
    SliceChange, Stamp,
};
use model::status::{ScrapeFailure, StatusReport, TargetState, TargetStatus};
use model::target::{PlacementKey, Target, TargetId};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use prost::Message;

use super::ConvertError;
use crate::assignment::v1 as wire;
use crate::types::v1 as types;

fn through_bytes<M: Message + Default>(message: &M) -> M {
    M::decode(message.encode_to_vec().as_slice()).expect("what was encoded decodes")
}

fn text() -> impl Strategy<Value = Box<str>> {
    "[a-zA-Z0-9 _/:é\"\\\\]{1,12}".prop_map(String::into_boxed_str)
}

fn duration() -> impl Strategy<Value = Duration> {
    (0..100_000_u64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn time() -> impl Strategy<Value = Option<SystemTime>> {
    of(duration().prop_map(|since| SystemTime::UNIX_EPOCH + since))
}

fn target() -> impl Strategy<Value = Target> {
    let labels = vec(("[a-z]{1,4}", "[a-z]{1,4}"), 0..4).prop_map(Labels::from_pairs);
    let times = (duration(), of(duration()), duration());
    (any::<u128>(), text(), labels, text(), times, any::<u64>()).prop_map(
        |(id, job, labels, url, (scrape_timeout, min_interval, scrape_interval), placement_key)| Target {
            id: TargetId(id),
            job: job.into(),
            labels,
            url,
            scrape_timeout,
            min_interval,
            scrape_interval,
            key: PlacementKey(placement_key),
        },
    )
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        text().prop_map(|text| Source::Inline(Secret::new(text))),
        Just(Source::Inline(Secret::new(""))),
        text().prop_map(Source::File),
    ]
}

fn tls() -> impl Strategy<Value = TlsConfig> {
    let version = || of(select(vec![TlsVersion::Tls10, TlsVersion::Tls12, TlsVersion::Tls13]));
    let sources = (of(source()), of(source()), of(source()));
    (sources, of(text()), any::<bool>(), version(), version()).prop_map(
        |((ca, cert, key), server_name, insecure_skip_verify, min_version, max_version)| TlsConfig {
            ca,
            cert,
            key,
            server_name,
            insecure_skip_verify,
            min_version,
            max_version,
        },
    )
}

fn http() -> impl Strategy<Value = HttpClientConfig> {
    let basic =
        (of(source()), of(source())).prop_map(|(username, password)| BasicAuth { username, password });
    let authorization =
        (text(), of(source())).prop_map(|(kind, credentials)| Authorization { kind, credentials });
    let header = (text(), vec(source(), 0..3)).prop_map(|(name, values)| HttpHeader { name, values });
    (of(basic), of(authorization), tls(), any::<bool>(), vec(header, 0..3)).prop_map(
        |(basic_auth, authorization, tls, follow_redirects, http_headers)| HttpClientConfig {
            basic_auth,
            authorization,
            tls,
            follow_redirects,
            http_headers,
        },
    )
}

fn rule() -> impl Strategy<Value = RuleSpec> {
    prop_oneof![
        Just(RuleSpec { action: Some("labeldrop".into()), regex: Some("x.*".into()), ..RuleSpec::default() }),
        (of(vec(text(), 0..3)), of(text()), of("[a-z.*]{1,6}"), of(text())).prop_map(
            |(source_labels, separator, regex, replacement)| RuleSpec {
                source_labels,
                separator,
                regex: regex.filter(|regex| !regex.contains("**") && !regex.starts_with('*')).map(Into::into),
                target_label: Some("label".into()),
                replacement,
                ..RuleSpec::default()
            }
        ),
        any::<u64>().prop_map(|modulus| RuleSpec {
            action: Some("HashMod".into()),
            modulus: Some(modulus.max(1)),
            target_label: Some("shard".into()),
            ..RuleSpec::default()
        }),
    ]
}

fn settings() -> impl Strategy<Value = ScrapeSettings> {
    let protocols = vec(select(ScrapeProtocol::DEFAULT.to_vec()), 1..3);
    let schemes = select(vec![
        (ValidationScheme::Utf8, EscapingScheme::AllowUtf8),
        (ValidationScheme::Utf8, EscapingScheme::Dots),
        (ValidationScheme::Legacy, EscapingScheme::Underscores),
    ]);
    let shared = (text(), any::<[bool; 3]>(), any::<[u64; 5]>(), schemes);
    let fallback = of(Just(ScrapeProtocol::PrometheusText0_0_4));
    (shared, protocols, fallback, vec(rule(), 0..4), http()).prop_map(
        |((job, [labels, timestamps, gzip], limits, schemes), protocols, fallback, rules, http)| {
            let rules = rules.iter().filter_map(|spec| Rule::new(spec, schemes.0).ok());
            ScrapeSettings {
                honor_labels: labels,
                honor_timestamps: timestamps,
                enable_compression: gzip,
                scrape_protocols: protocols,
                fallback_scrape_protocol: fallback,
                validation_scheme: schemes.0,
                escaping_scheme: schemes.1,
                body_size_limit: limits[0],
                sample_limit: limits[1],
                label_limit: limits[2],
                label_name_length_limit: limits[3],
                label_value_length_limit: limits[4],
                over_target_limit: OverTargetLimit::of(limits[1], limits[2]),
                metric_relabel: rules.collect(),
                http,
                ..ScrapeSettings::new(job)
            }
        },
    )
}

fn permission() -> impl Strategy<Value = Permission> {
    select(vec![Permission::Keep, Permission::Record, Permission::Discard, Permission::None])
}

fn assignment() -> impl Strategy<Value = Assignment> {
    (target(), permission(), vec(any::<u8>(), 1..9)).prop_map(|(target, permission, record)| Assignment {
        target: Arc::new(target),
        permission,
        record: (permission == Permission::Record).then(|| Bytes::from(record)),
    })
}

fn relay_config() -> impl Strategy<Value = RelayConfig> {
    (
        any::<[u32; 8]>(),
        (duration(), duration(), duration(), duration(), duration(), duration()),
        any::<bool>(),
    )
        .prop_map(|(numbers, times, enabled)| RelayConfig {
            relay: RelaySettings {
                concurrency: numbers[0] as usize,
                bodies_in_flight: numbers[1].into(),
                page_timeout: times.0,
                slice_max_age: times.1,
                capacity: Capacity::of_hundredths(1 + numbers[0] % 10_000).expect("it is within bounds"),
            },
            cache: CacheSettings { enabled, max_age: times.2 },
            limits: Limits {
                body_size: numbers[2].into(),
                samples: numbers[3].into(),
                labels: numbers[4].into(),
                label_value_length: numbers[5].into(),
                response_headers: numbers[6].into(),
                connect_timeout: times.3,
                dropped_targets: 7,
                connections: numbers[7] as usize,
                timestamp_age: TimestampAge { past: times.4, future: times.5 },
            },
        })
}

fn reign() -> impl Strategy<Value = Reign> {
    (1..u64::MAX, text())
        .prop_map(|(epoch, boot)| Reign { epoch: Epoch(epoch), coordinator_boot_id: boot.into() })
}

fn change() -> impl Strategy<Value = SliceChange> {
    let flags = (any::<bool>(), any::<bool>(), any::<u64>());
    let jobs = vec(settings().prop_map(Arc::new), 0..3);
    let removed = vec(any::<u128>().prop_map(TargetId), 0..3);
    let about_relay = (of(relay_config().prop_map(Arc::new)), of(any::<bool>()));
    (reign(), flags, vec(assignment(), 0..4), removed, jobs, about_relay).prop_map(
        |(reign, (whole, complete, revision), assigned, removed, jobs, (config, drained))| SliceChange {
            reign,
            revision: Revision(revision),
            whole,
            complete,
            assigned,
            removed,
            jobs,
            config,
            drained,
        },
    )
}

fn hello() -> impl Strategy<Value = Hello> {
    let described = of(target().prop_map(Arc::new));
    let held = (any::<u128>(), any::<[u64; 3]>(), permission(), any::<[bool; 2]>(), described).prop_map(
        |(target, [epoch, revision, samples], permission, [served_from_cache, held_back], described)| Held {
            target: described.as_ref().map_or(TargetId(target), |target| target.id),
            stamp: Stamp { epoch: Epoch(epoch), revision: Revision(revision) },
            permission,
            held_back,
            served_from_cache,
            samples,
            described,
        },
    );
    let names = (text(), text(), text(), text());
    let flags = (any::<[bool; 3]>(), of(1..u32::MAX));
    (names, of(reign()), vec(held, 0..4), flags, time()).prop_map(
        |((name, boot, build, advertise), highest_reign, held, (flags, capacity), last_page)| {
            let [draining, drained, held_is_all] = flags;
            Hello {
                name: name.into(),
                boot_id: boot.into(),
                build,
                protocol: ProtocolRange { min: 1, max: 3 },
                highest_reign,
                held,
                held_is_all,
                draining,
                advertise,
                last_page,
                drained,
                capacity,
            }
        },
    )
}

fn released() -> impl Strategy<Value = Released> {
    (any::<u128>(), any::<bool>(), of(vec(any::<u8>(), 1..9))).prop_map(|(target, never_good, record)| {
        Released { target: TargetId(target), never_good, record: record.map(Bytes::from) }
    })
}

fn status() -> impl Strategy<Value = TargetStatus> {
    let state =
        select(vec![TargetState::Pending, TargetState::Up, TargetState::Down, TargetState::StaleServed]);
    let failure = of((text(), text()).prop_map(|(kind, message)| ScrapeFailure { kind, message }));
    (any::<u128>(), state, (time(), time(), time()), of(duration()), any::<[u64; 5]>(), failure).prop_map(
        |(target, state, times, last_duration, counters, failure)| TargetStatus {
            target: TargetId(target),
            state,
            state_changed: times.0,
            last_scrape: times.1,
            last_duration,
            last_samples: counters[0],
            last_body_bytes: counters[1],
            failure,
            cached_scrape: times.2,
            scrapes_total: counters[2],
            failures_total: counters[3],
            consecutive_failures: counters[4],
            limits_hit: vec!["sample_limit".into()],
            conflicts: vec!["TYPE counter of `a` does not hold".into()],
        },
    )
}

proptest::proptest! {
    #[test]
    fn slice_changes_survive_the_wire(change in change()) {
        let wire = through_bytes(&wire::SliceChange::from(&change));
        assert_eq!(SliceChange::try_from(wire).unwrap(), change);
    }

    #[test]
    fn hellos_survive_the_wire(hello in hello()) {
        let wire = through_bytes(&wire::Hello::from(&hello));
        assert_eq!(Hello::try_from(wire).unwrap(), hello);
    }

    #[test]
    fn what_is_released_survives_the_wire(released in released()) {
        let wire = through_bytes(&wire::ReleasedTarget::from(&released));
        assert_eq!(Released::try_from(wire).unwrap(), released);
    }

    #[test]
    fn status_reports_survive_the_wire(
        (targets, last_page, flush_late) in (vec(status(), 0..4), time(), any::<bool>()),
    ) {
        let report = StatusReport { targets, last_page, flush_late, resident_bytes: 9 };
        let wire = through_bytes(&wire::Status::from(&report));
        assert_eq!(StatusReport::try_from(wire).unwrap(), report);
    }
}

fn wire_target() -> types::Target {
    let second = prost_types::Duration { seconds: 1, nanos: 0 };
    types::Target {
        id: vec![0; 16],
        job: "node".into(),
        url: "http://127.0.0.1:1/metrics".into(),
        scrape_timeout: Some(second),
        scrape_interval: Some(second),
        ..types::Target::default()
    }
}

#[test]
fn an_error_names_the_field() {
    let of_target = |change: fn(&mut types::Target)| {
        let mut wire = wire_target();
        change(&mut wire);
        Target::try_from(wire).unwrap_err().to_string()
    };
    assert_eq!(of_target(|target| target.url.clear()), "target.url is missing");
    assert_eq!(of_target(|target| target.job.clear()), "target.job is missing");
    assert_eq!(of_target(|target| target.id = vec![1]), "target.id cannot be \"1 bytes\"");
    assert_eq!(of_target(|target| target.scrape_timeout = None), "target.scrape_timeout is missing");
    let negative = prost_types::Duration { seconds: -1, nanos: 0 };
    let mut wire = wire_target();
    wire.min_interval = Some(negative);
    assert_eq!(Target::try_from(wire).unwrap_err().to_string(), "target.min_interval cannot be \"-1s\"");
}

#[test]
fn a_record_comes_with_its_permission_and_only_with_it() {
    let assigned = |permission: wire::Permission, record: &[u8]| wire::Assigned {
        target: Some(wire_target()),
        permission: permission.into(),
        record: record.to_vec(),
    };
    let missing = Assignment::try_from(assigned(wire::Permission::Record, b"")).unwrap_err();
    assert!(matches!(missing, ConvertError::Missing { field: "assigned.record" }));
    let surplus = Assignment::try_from(assigned(wire::Permission::Keep, b"x")).unwrap_err();
    assert_eq!(surplus.kind(), "invalid");
    let unspecified = Assignment::try_from(assigned(wire::Permission::Unspecified, b"")).unwrap_err();
    assert_eq!(unspecified.to_string(), "assigned.permission is missing");
}

#[test]
fn a_rule_that_this_build_refuses_is_named_by_job_and_place() {
    let mut wire = types::ScrapeSettings::from(&ScrapeSettings::new("node"));
    wire.metric_relabel_rules =
        vec![types::RelabelRule { action: Some("no such".into()), ..types::RelabelRule::default() }];
    let error = ScrapeSettings::try_from(wire).unwrap_err();
    assert!(error.to_string().starts_with("metric_relabel_rules[0] of job \"node\": "), "{error}");
}

#[test]
fn a_held_target_is_described_by_its_own_id() {
    let mut wire = wire::Held {
        target_id: vec![0; 16],
        permission: wire::Permission::Keep.into(),
        target: Some(wire_target()),
        ..wire::Held::default()
    };
    assert!(Held::try_from(wire.clone()).unwrap().described.is_some());
    wire.target_id = vec![1; 16];
    let error = Held::try_from(wire.clone()).unwrap_err().to_string();
    assert!(error.starts_with("hello.held.target.id cannot be"), "{error}");
    wire.target = None;
    assert_eq!(Held::try_from(wire).unwrap().described, None);
}
