//! Shapes end to end: bodies in, lines out, against plain reference implementations.

mod refused;
mod shared;
mod written;

use model::exposition::entry::Format;
use model::exposition::expand::{Expansion, PageTail, Run};
use model::exposition::shape::ClassSet;
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, ShapeStore};
use model::exposition::transform::{SampleLimits, Transform};
use model::job::ScrapeSettings;
use model::labels::Labels;
use model::names::ValidationScheme;
use model::relabel::{Rule, RuleSpec};

mod page {
    use super::*;

    /// Everything a target's shape writes, each family behind a line `[name kind]`.
    pub(super) fn of(ingested: &Ingested, labels: &Labels, escaping: Escaping, format: Format) -> String {
        let mut out = Vec::new();
        let injected = ingested.shape.inject(labels);
        let expansion = Expansion::new(&ingested.shape, escaping, &injected, &ingested.values)
            .expect("values of this layout");
        let tail = PageTail { format, oldest_ms: i64::MIN, newest_ms: i64::MAX };
        for (at, family) in ingested.shape.rendition(escaping).families.iter().enumerate() {
            let declared = if family.declared { "" } else { " undeclared" };
            let help = family.help.as_deref().map_or(String::new(), |help| format!(" help {help:?}"));
            let unit = family.unit.as_deref().map_or(String::new(), |unit| format!(" unit {unit:?}"));
            out.extend(format!("[{} {:?}{declared}{help}{unit}]\n", family.name, family.kind).bytes());
            let mut run = Run::new(at, ClassSet::ALL);
            while !expansion.write(&mut out, 1 << 20, &mut run, &tail) {}
        }
        String::from_utf8(out).expect("lines are UTF-8")
    }
}

fn target() -> Labels {
    Labels::from_pairs([("job", "app"), ("instance", "10.0.0.1:80"), ("pod", "p-1")])
}

fn ingest(format: Format, body: &str, settings: &ScrapeSettings, labels: &Labels) -> Ingested {
    let store = ShapeStore::new();
    let transform = store.transform(Transform::new(settings, labels, &SampleLimits::default()));
    store.ingest(format, body.as_bytes(), &transform, None).expect("an accepted body")
}

fn golden(format: Format, body: &str, expected: expect_test::Expect) {
    let ingested = ingest(format, body, &ScrapeSettings::new("app"), &target());
    expected.assert_eq(&page::of(&ingested, &target(), Escaping::Quoted, format));
}

fn labeldrop(pattern: &str) -> Rule {
    let spec =
        RuleSpec { action: Some("labeldrop".into()), regex: Some(pattern.into()), ..RuleSpec::default() };
    Rule::new(&spec, ValidationScheme::Utf8).expect("a valid rule")
}
