//! The TYPE, HELP and UNIT lines of a body.

use super::entry::MetricType;
use super::identity::KeyedMap;

/// What a body says of its families. Empty names are no names and are passed over.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The TYPE lines in order.
    pub(super) types: Vec<(Box<str>, MetricType)>,
    /// The last TYPE line of each name.
    last: KeyedMap<Box<str>, u32>,
    /// The last HELP of each name.
    pub(super) help: KeyedMap<Box<str>, Box<str>>,
    /// The last UNIT of each name.
    pub(super) unit: KeyedMap<Box<str>, Box<str>>,
    in_force: Option<u32>,
}

impl Metadata {
    pub(super) fn declare(&mut self, name: &str, kind: MetricType) {
        self.in_force = None;
        if !name.is_empty() {
            let at = u32::try_from(self.types.len()).expect("fewer TYPE lines than bytes of a body");
            self.types.push((name.into(), kind));
            self.last.insert(name.into(), at);
            self.in_force = Some(at);
        }
    }

    pub(super) fn help(&mut self, name: &str, text: &str) {
        if !name.is_empty() {
            self.help.insert(name.into(), text.into());
        }
    }

    pub(super) fn unit(&mut self, name: &str, unit: &str) {
        if !name.is_empty() {
            self.unit.insert(name.into(), unit.into());
        }
    }

    /// The TYPE line that was read last, by index into `types`.
    pub(super) fn in_force(&self) -> Option<u32> {
        self.in_force
    }

    /// The type that the last TYPE line of `name` gives.
    pub(super) fn declared(&self, name: &str) -> Option<MetricType> {
        let at = *self.last.get(name)?;
        Some(self.types[at as usize].1)
    }
}
