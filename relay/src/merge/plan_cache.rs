//! Plans that were made, kept for the next page of the same form and selection.
//!
//! In: a key and the targets. Out: the plan, made anew only if a target or a shape came, went or changed its place.
//! A plan in the cache keeps its shapes alive until it is replaced or evicted.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{PageForm, PageTarget, Plan};

/// How many plans are kept: both formats with both escapings, for the whole page and a few selections of jobs. The
/// one used longest ago gives way.
pub const PLANS: usize = 16;

/// Which page a plan is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanKey {
    /// What the page is written in.
    pub form: PageForm,
    /// Which targets it selects, in the caller's words (sorted job names); empty for all.
    pub selection: Box<str>,
}

/// What the cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanCacheCounts {
    /// Pages whose plan was there.
    pub hits: u64,
    /// Plans made.
    pub misses: u64,
    /// Plans that gave way to another key's because the cache was full.
    pub evicted: u64,
}

/// At most [`PLANS`] plans.
#[derive(Debug, Default)]
pub struct PlanCache {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The one used last is the last.
    plans: Vec<(PlanKey, Arc<Plan>)>,
    counts: PlanCacheCounts,
}

impl PlanCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan of the page `key` of these targets, in this order. Making one takes time in proportion to the
    /// distinct shapes' families plus the (target, family) pairs; no lock is held meanwhile.
    #[must_use]
    pub fn plan(&self, key: &PlanKey, targets: &[PageTarget]) -> Arc<Plan> {
        let known = self.inner.lock().get(key);
        let hit = known.filter(|plan| plan.is_for(key.form, targets));
        let made = hit.is_none();
        let plan = hit.unwrap_or_else(|| Arc::new(Plan::new(key.form, targets)));
        self.inner.lock().put(key, &plan, made);
        plan
    }

    /// What the cache did.
    #[must_use]
    pub fn counts(&self) -> PlanCacheCounts {
        self.inner.lock().counts
    }
}

impl Inner {
    fn get(&self, key: &PlanKey) -> Option<Arc<Plan>> {
        self.plans.iter().find(|(known, _)| known == key).map(|(_, plan)| plan.clone())
    }

    fn put(&mut self, key: &PlanKey, plan: &Arc<Plan>, made: bool) {
        let counted = if made { &mut self.counts.misses } else { &mut self.counts.hits };
        *counted += 1;
        self.plans.retain(|(known, _)| known != key);
        if self.plans.len() == PLANS {
            self.plans.remove(0);
            self.counts.evicted += 1;
        }
        self.plans.push((key.clone(), plan.clone()));
    }
}
