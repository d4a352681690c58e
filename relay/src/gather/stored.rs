//! From good scrapes to records of the cache, and back.
//!
//! In and out: [`Good`] and [`Record`]. What a record may be used for is not decided here; one that does not fit its
//! target exactly is refused.

use std::collections::HashMap;
use std::sync::Arc;

use model::exposition::entry::Format;
use model::exposition::identity::series_hash;
use model::exposition::shape::Shape;
use model::exposition::store::ShapeStore;
use model::exposition::values::Values;
use model::target::{Target, TargetId};

use super::outcome::{Good, from_unix_ms, unix_ms};
use super::slot::Slot;
use crate::cache::record::{decode_layout, encode_layout};
use crate::cache::{Key, LayoutSource, Loaded, Record};

/// The name a target's records go by.
#[must_use]
pub(super) fn key(target: TargetId) -> Key {
    target.0.to_be_bytes()
}

/// The record of a good scrape, and where its layout comes from.
#[must_use]
pub(super) fn record(target: &Target, good: &Good) -> (Record, LayoutSource) {
    let layout = good.shape.layout().clone();
    let hash = layout.hash().0.to_be_bytes();
    let record = Record {
        target: key(target.id),
        labels: fingerprint(target),
        scraped_at: unix_ms(good.scraped_at),
        layout: hash,
        values: good.values.to_bytes(),
    };
    let body = Arc::new(move || {
        let mut body = vec![tag(layout.format())];
        body.extend_from_slice(&layout.skeleton());
        body
    });
    (record, LayoutSource { hash, body })
}

/// A good scrape in the bytes that [`Restorer::decode`] reads, on another relay too.
#[must_use]
pub(super) fn encode(target: &Target, good: &Good) -> Vec<u8> {
    let (record, layout) = record(target, good);
    let (record, layout) = (record.encode(), encode_layout(&(layout.body)()));
    let length = u32::try_from(record.len()).expect("a record is made of a body, which is far below 4 GiB");
    let mut bytes = Vec::with_capacity(4 + record.len() + layout.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&record);
    bytes.extend_from_slice(&layout);
    bytes
}

/// Reads records back. It remembers the shapes it has built: thousands of targets share one.
pub(super) struct Restorer<'a> {
    shapes: &'a ShapeStore,
    known: HashMap<(Key, u128), Arc<Shape>>,
}

impl<'a> Restorer<'a> {
    /// Shapes come from, and go to, `shapes`.
    #[must_use]
    pub(super) fn new(shapes: &'a ShapeStore) -> Self {
        Self { shapes, known: HashMap::new() }
    }

    /// Takes the record of the slot's target out of `loaded` and reads it. `None` if there is none; the record's error
    /// if it is not this target's or its values do not fit.
    ///
    /// # Errors
    /// A sentence for the log.
    pub(super) fn restore(&mut self, slot: &Slot, loaded: &mut Loaded) -> Result<Option<Arc<Good>>, String> {
        let Some((record, layout)) = loaded.take(&key(slot.target.id)) else { return Ok(None) };
        self.good(slot, &record, &layout).map(Some)
    }

    /// Reads a record that another relay sent: the length of the record's bytes (four bytes, little-endian), these
    /// bytes, and those of its layout.
    ///
    /// # Errors
    /// A sentence for the log.
    pub(super) fn decode(&mut self, slot: &Slot, bytes: &[u8]) -> Result<Arc<Good>, String> {
        let damaged = || "the record is damaged".to_owned();
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (record, layout) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let record = Record::decode(record).map_err(|error| error.to_string())?;
        let layout = decode_layout(layout).map_err(|error| error.to_string())?;
        if record.target != key(slot.target.id) {
            return Err("the record is another target's".to_owned());
        }
        self.good(slot, &record, &layout)
    }

    fn good(&mut self, slot: &Slot, record: &Record, layout: &[u8]) -> Result<Arc<Good>, String> {
        if record.labels != fingerprint(&slot.target) {
            return Err("the record was made with other labels".to_owned());
        }
        let shape = self.shape(slot, record.layout, layout)?;
        let values = Values::from_bytes(&record.values, shape.layout()).map_err(|error| error.to_string())?;
        let (injected, values) = (slot.injected(&shape), Arc::new(values));
        Ok(Arc::new(Good { shape, injected, values, scraped_at: from_unix_ms(record.scraped_at) }))
    }

    fn shape(&mut self, slot: &Slot, hash: Key, layout: &[u8]) -> Result<Arc<Shape>, String> {
        let known = (hash, slot.transform.fingerprint());
        if let Some(shape) = self.known.get(&known) {
            return Ok(shape.clone());
        }
        let (&tag, skeleton) = layout.split_first().ok_or("the layout is empty")?;
        let format = format(tag).ok_or("the layout has a format that this build does not know")?;
        let restored = self.shapes.restore(format, skeleton, &slot.transform);
        let shape = restored.map_err(|error| error.to_string())?;
        if shape.layout().hash().0.to_be_bytes() != hash {
            return Err("the layout is not the one the record names".to_owned());
        }
        self.known.insert(known, shape.clone());
        Ok(shape)
    }
}

/// A target's labels as one number.
fn fingerprint(target: &Target) -> u64 {
    series_hash("", target.labels.iter())
}

fn tag(format: Format) -> u8 {
    match format {
        Format::Text => b't',
        Format::OpenMetrics => b'o',
    }
}

fn format(tag: u8) -> Option<Format> {
    match tag {
        b't' => Some(Format::Text),
        b'o' => Some(Format::OpenMetrics),
        _ => None,
    }
}
