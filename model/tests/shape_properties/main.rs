//! Properties of shapes over random bodies: what comes out is what a plain reading of the rules says, and the warm
//! path never knows better than the parser.

mod bodies;
mod readings;
mod scenes;

use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::parse;
use model::exposition::spelling::Escaping;
use model::exposition::store::{Ingested, Path, ShapeStore};
use model::exposition::values::Values;
use model::job::ScrapeSettings;
use model::labels::Labels;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;

use bodies::{Body, Part, body};
use readings::{ingest, page, reference, written};
use scenes::{Scene, scene};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_the_plain_reading_says(scene in scene(), body in body()) {
        let text = body.text(1);
        for escaping in [Escaping::Quoted, Escaping::Underscores] {
            let expected = reference(&scene, body.format, &text, escaping);
            let Some(ingested) = ingest(&scene, body.format, &text) else {
                prop_assert!(reference(&scene, body.format, &text, Escaping::Quoted).is_none());
                return Ok(());
            };
            if let Some(expected) = expected {
                for format in [Format::Text, Format::OpenMetrics] {
                    prop_assert_eq!(&written(&scene, &ingested, escaping, format), &expected);
                }
            }
        }
    }

    #[test]
    fn a_warm_scrape_is_a_cold_one(scene in scene(), body in body(), salt in any::<u64>()) {
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let Ok(first) = store.ingest(body.format, &body.text(1), &transform, None) else { return Ok(()) };
        let text = body.text(salt);
        let warm = store.ingest(body.format, &text, &transform, Some(&first.shape)).expect("the same series");
        prop_assert_eq!(warm.path, Path::Warm);
        prop_assert!(Arc::ptr_eq(&warm.shape, &first.shape));
        let cold = ingest(&scene, body.format, &text).expect("the same series");
        prop_assert_eq!(cold.path, Path::Cold);
        prop_assert_eq!(cold.shape.layout().hash(), warm.shape.layout().hash());
        prop_assert_eq!(&warm.values, &cold.values);
        for escaping in [Escaping::Quoted, Escaping::Underscores] {
            for format in [Format::Text, Format::OpenMetrics] {
                let page_of = |is: &Ingested| page(&scene, &is.shape, &is.values, escaping, format);
                prop_assert_eq!(page_of(&warm), page_of(&cold));
            }
        }
    }

    #[test]
    fn series_that_come_and_go_are_read_as_a_cold_scrape_reads_them(
        scene in scene(),
        body in body(),
        keeps in vec(vec(any::<bool>(), 40), 1..5),
        swap in any::<(usize, usize)>(),
    ) {
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let mut current = None;
        for (round, keep) in keeps.iter().enumerate() {
            let mut lines: Vec<Part> = body.lines.iter().zip(keep).filter(|(_, keep)| **keep).map(|(line, _)| line.clone()).collect();
            if round == 2 && !lines.is_empty() {
                let count = lines.len();
                lines.swap(swap.0 % count, swap.1 % count);
            }
            let text = Body { lines, ..body }.text(round as u64);
            let Some(cold) = ingest(&scene, body.format, &text) else {
                prop_assert!(store.ingest(body.format, &text, &transform, current.as_ref()).is_err());
                continue;
            };
            let ours = store.ingest(body.format, &text, &transform, current.as_ref()).expect("accepted cold");
            prop_assert_eq!(ours.shape.layout(), cold.shape.layout());
            prop_assert_eq!(&ours.values, &cold.values);
            prop_assert_eq!(ours.shape.counts(), cold.shape.counts());
            prop_assert_eq!(ours.shape.series_added(Some(&cold.shape)), 0);
            for escaping in [Escaping::Quoted, Escaping::Underscores] {
                let page_of = |is: &Ingested| page(&scene, &is.shape, &is.values, escaping, Format::Text);
                prop_assert_eq!(page_of(&ours), page_of(&cold));
                prop_assert_eq!(&ours.shape.rendition(escaping).families, &cold.shape.rendition(escaping).families);
            }
            current = Some(ours.shape);
        }
    }

    #[test]
    fn stored_values_and_skeletons_come_back(body in body(), at in any::<usize>(), byte in any::<u8>()) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let first = store.ingest(body.format, &body.text(1), &transform, None).expect("a valid body");
        let layout = first.shape.layout();
        let mut bytes = first.values.to_bytes();
        prop_assert_eq!(Values::from_bytes(&bytes, layout).expect("just written"), first.values.clone());
        let other = ShapeStore::new();
        let restored = other.restore(body.format, &layout.skeleton(), &transform).expect("a valid body");
        prop_assert_eq!(restored.layout().hash(), layout.hash());
        prop_assert_eq!(restored.layout(), layout);
        let at = at % bytes.len();
        bytes[at] ^= byte;
        if let Ok(values) = Values::from_bytes(&bytes, layout) {
            let out = page(&scene, &first.shape, &values, Escaping::Quoted, Format::Text);
            prop_assert!(parse(Format::Text, &out).all(|entry| entry.is_ok()));
        }
        bytes.truncate(at);
        prop_assert!(Values::from_bytes(&bytes, layout).is_err());
    }

    #[test]
    fn garbage_is_no_stored_values(body in body(), garbage in vec(any::<u8>(), 0..200), counts in any::<bool>()) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let first = ingest(&scene, body.format, &body.text(1)).expect("a valid body");
        let layout = first.shape.layout();
        let mut bytes = vec![1];
        if counts {
            for count in [layout.slots(), layout.stamps()] {
                bytes.extend_from_slice(&u32::try_from(count).expect("few").to_le_bytes());
            }
        }
        bytes.extend_from_slice(&garbage);
        if let Ok(values) = Values::from_bytes(&bytes, layout) {
            let out = page(&scene, &first.shape, &values, Escaping::Quoted, Format::Text);
            prop_assert!(parse(Format::Text, &out).all(|entry| entry.is_ok()));
        }
    }

    #[test]
    fn the_warm_path_accepts_nothing_that_the_parser_reads_otherwise(
        body in body(),
        edits in vec((any::<usize>(), select(b" \n\t\\\"{}#,=0123456789.eE+-NaIinf_abx\r\0\xff".as_slice()), 0..3_u8), 1..4),
    ) {
        let scene = Scene { settings: ScrapeSettings::new("app"), labels: Labels::default() };
        let store = ShapeStore::new();
        let transform = store.transform(scene.transform());
        let first = store.ingest(body.format, &body.text(1), &transform, None).expect("a valid body");
        let mut text = body.text(1);
        for (at, byte, edit) in edits {
            let at = at % (text.len() + 1);
            match edit {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        let cold = ingest(&scene, body.format, &text);
        if let Some(values) = first.shape.layout().read(&text) {
            let cold = cold.expect("a body that the warm path accepts");
            prop_assert_eq!(cold.shape.layout().hash(), first.shape.layout().hash());
            prop_assert_eq!(cold.values, values);
        }
    }
}
