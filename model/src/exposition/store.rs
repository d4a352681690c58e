//! The shapes of a relay, interned: targets with the same layout and transform share one.
//!
//! In: bodies. Out: a shape and the values of this scrape. The store keeps no shape alive: a shape lives as long as
//! a target uses it. The only lock of the data path is in here; it is held to look up and to enter, never while a
//! body is read.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::build::{self, IngestError, Update};
use super::entry::Format;
use super::layout::{Layout, LayoutHash, line_feeds};
use super::refusals::Refusals;
use super::shape::Shape;
use super::transform::Transform;
use super::values::Values;

/// How many recent shapes of a transform, all with its number of lines, a body is compared with before it is parsed.
const RECENT: usize = 16;
/// How many transforms, layouts and shapes may be known; beyond that all are forgotten (those in use live on, but are
/// no longer found).
const CAPACITY: usize = 100_000;
/// From how many on the dead ones are looked for, at the latest when their number has doubled since the last time.
const SWEEP_FROM: usize = 1_000;

/// What a body became.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The body's shape.
    pub shape: Arc<Shape>,
    /// What this body said.
    pub values: Values,
    /// How it was read.
    pub path: Path,
}

/// How a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// It had the layout of the target's last one.
    Warm,
    /// It had the layout of another recent body of the same transform.
    Known,
    /// It was parsed.
    Cold,
}

/// What the store has done and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Bodies read by the target's own shape.
    pub warm: u64,
    /// Bodies read by another target's shape.
    pub known: u64,
    /// Bodies parsed.
    pub cold: u64,
    /// Bodies refused.
    pub refused: u64,
    /// Shapes that are in use.
    pub shapes: u64,
    /// Bytes of memory that these shapes hold, about.
    pub bytes: u64,
    /// Times the store was emptied because its bound was hit.
    pub overflows: u64,
}

/// Interns transforms, layouts and shapes.
#[derive(Debug, Default)]
pub struct ShapeStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    transforms: HashMap<u128, Weak<Transform>>,
    layouts: HashMap<LayoutHash, Weak<Layout>>,
    shapes: HashMap<(LayoutHash, u128), Weak<Shape>>,
    /// By transform and number of lines, so that a fleet of many workloads finds each one's shape.
    recent: HashMap<(u128, usize), Vec<Weak<Shape>>>,
    refusals: Refusals,
    /// At how many entries the dead ones are forgotten next.
    sweep_at: usize,
    counts: StoreCounts,
}

impl ShapeStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The one transform with this fingerprint.
    #[must_use]
    pub fn transform(&self, transform: Transform) -> Arc<Transform> {
        let mut inner = self.inner.lock();
        let fingerprint = transform.fingerprint();
        if let Some(known) = inner.transforms.get(&fingerprint).and_then(Weak::upgrade) {
            return known;
        }
        let transform = Arc::new(transform);
        inner.transforms.insert(fingerprint, Arc::downgrade(&transform));
        inner.bound();
        transform
    }

    /// Reads a body: by the target's `current` shape, by a recent one of the same transform, or by parsing it.
    ///
    /// # Errors
    /// Where Prometheus would fail the scrape, and where a limit is exceeded.
    pub fn ingest(
        &self,
        format: Format,
        body: &[u8],
        transform: &Arc<Transform>,
        current: Option<&Arc<Shape>>,
    ) -> Result<Ingested, IngestError> {
        let ingested = self.read(format, body, transform, current);
        let ingested = ingested.map_err(|error| error.counted(format, body, transform));
        let counts = &mut self.inner.lock().counts;
        match &ingested {
            Ok(Ingested { path: Path::Warm, .. }) => counts.warm += 1,
            Ok(Ingested { path: Path::Known, .. }) => counts.known += 1,
            Ok(Ingested { path: Path::Cold, .. }) => counts.cold += 1,
            Err(_) => {
                counts.cold += 1;
                counts.refused += 1;
            }
        }
        ingested
    }

    fn read(
        &self,
        format: Format,
        body: &[u8],
        transform: &Arc<Transform>,
        current: Option<&Arc<Shape>>,
    ) -> Result<Ingested, IngestError> {
        let fits = |shape: &&Arc<Shape>| {
            shape.layout().format() == format && shape.transform().fingerprint() == transform.fingerprint()
        };
        if let Some(shape) = current.filter(fits)
            && let Some(values) = shape.layout().read(body)
        {
            return Ok(Ingested { shape: shape.clone(), values, path: Path::Warm });
        }
        for shape in self.recent(transform, line_feeds(body)).iter().filter(fits) {
            if let Some(values) = shape.layout().read(body) {
                return Ok(Ingested { shape: shape.clone(), values, path: Path::Known });
            }
        }
        let refused = self.inner.lock().refusals.of(transform.fingerprint());
        if let Some(error) = refused.iter().find_map(|refused| refused.error(body)) {
            return Err(error);
        }
        let (shape, values) = if let Some(before) = current.filter(fits) {
            let (layout, values, update) = Update::read(body, before)?;
            (self.intern(layout, transform, |layout| update.finish(layout, body, transform))?, values)
        } else {
            let (layout, values) = Layout::parse(format, body)?;
            (self.intern(layout, transform, |layout| build::shape(layout, body, transform))?, values)
        };
        Ok(Ingested { shape, values, path: Path::Cold })
    }

    /// The shape of a body that is known by its [`Layout::skeleton`] only.
    ///
    /// # Errors
    /// As [`ShapeStore::ingest`].
    pub fn restore(
        &self,
        format: Format,
        skeleton: &[u8],
        transform: &Arc<Transform>,
    ) -> Result<Arc<Shape>, IngestError> {
        let (layout, _) = Layout::parse(format, skeleton)?;
        self.intern(layout, transform, |layout| build::shape(layout, skeleton, transform))
    }

    /// What the store has done and holds.
    #[must_use]
    pub fn counts(&self) -> StoreCounts {
        let mut inner = self.inner.lock();
        inner.forget_dead();
        let alive: Vec<_> = inner.shapes.values().filter_map(Weak::upgrade).collect();
        let mut counts = inner.counts;
        drop(inner);
        counts.shapes = alive.len() as u64;
        counts.bytes = alive.iter().map(|shape| shape.size() as u64).sum();
        counts
    }

    fn recent(&self, transform: &Transform, lines: usize) -> Vec<Arc<Shape>> {
        let inner = self.inner.lock();
        let recent = inner.recent.get(&(transform.fingerprint(), lines));
        recent.into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// The one shape of `layout` under `transform`, built if it is not known.
    fn intern(
        &self,
        layout: Layout,
        transform: &Arc<Transform>,
        build: impl FnOnce(Arc<Layout>) -> Result<Shape, IngestError>,
    ) -> Result<Arc<Shape>, IngestError> {
        let key = (layout.hash(), transform.fingerprint());
        let layout = {
            let mut inner = self.inner.lock();
            if let Some(shape) = inner.shapes.get(&key).and_then(Weak::upgrade) {
                inner.remember(&shape);
                return Ok(shape);
            }
            inner.layouts.get(&key.0).and_then(Weak::upgrade).unwrap_or_else(|| Arc::new(layout))
        };
        let shape = build(layout.clone())
            .inspect_err(|error| self.inner.lock().refusals.remember(layout, key.1, error.clone()))?;
        let shape = Arc::new(shape);
        let mut inner = self.inner.lock();
        if let Some(first) = inner.shapes.get(&key).and_then(Weak::upgrade) {
            return Ok(first);
        }
        inner.layouts.insert(key.0, Arc::downgrade(shape.layout()));
        inner.shapes.insert(key, Arc::downgrade(&shape));
        inner.remember(&shape);
        inner.bound();
        Ok(shape)
    }
}

impl Inner {
    /// Puts `shape` in front of the recent ones like it.
    fn remember(&mut self, shape: &Arc<Shape>) {
        let key = (shape.transform().fingerprint(), shape.layout().lines());
        let recent = self.recent.entry(key).or_default();
        let weak = Arc::downgrade(shape);
        recent.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&weak));
        recent.truncate(RECENT - 1);
        recent.insert(0, weak);
    }

    fn bound(&mut self) {
        let size = |inner: &Self| inner.shapes.len() + inner.layouts.len() + inner.transforms.len();
        if size(self) < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.forget_dead();
        self.sweep_at = size(self) * 2;
        if size(self) >= CAPACITY {
            *self = Self { counts: self.counts, ..Self::default() };
            self.counts.overflows += 1;
        }
    }

    fn forget_dead(&mut self) {
        self.shapes.retain(|_, shape| shape.strong_count() > 0);
        self.layouts.retain(|_, layout| layout.strong_count() > 0);
        self.transforms.retain(|_, transform| transform.strong_count() > 0);
        self.recent.retain(|_, recent| {
            recent.retain(|shape| shape.strong_count() > 0);
            !recent.is_empty()
        });
    }
}
