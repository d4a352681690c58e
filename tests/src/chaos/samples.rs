//! What Prometheus stored, as numbers.

use std::collections::BTreeMap;

use crate::chaos::journal::{Seconds, Span};
use crate::prometheus::Stored;

/// Label names and values of a series, `__name__` included.
pub type Labels = BTreeMap<String, String>;

/// Series with their samples in the order of time.
pub type Samples = BTreeMap<Labels, Vec<(Seconds, f64)>>;

/// The samples of `stored` within `span`; series without any are left out.
#[must_use]
pub fn within(stored: &Stored, span: Span) -> Samples {
    let mut samples = Samples::new();
    for (labels, values) in stored {
        let inside = values.iter().filter(|(at, _)| span.contains(*at));
        let numbers: Vec<_> = inside.map(|(at, value)| (*at, value.parse().unwrap_or(f64::NAN))).collect();
        if !numbers.is_empty() {
            samples.insert(labels.clone(), numbers);
        }
    }
    samples
}

/// The samples of each instance, in the order of time: a target has one series of a name, or the judges of labels
/// complain.
#[must_use]
pub fn by_instance(samples: &Samples) -> BTreeMap<&str, Vec<(Seconds, f64)>> {
    let mut instances: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (labels, values) in samples {
        let instance = labels.get("instance").map_or("", String::as_str);
        instances.entry(instance).or_default().extend(values);
    }
    for values in instances.values_mut() {
        values.sort_by(|one: &(f64, f64), other| one.0.total_cmp(&other.0));
    }
    instances
}
