//! Slice changes: what each relay has to hear after an event, in messages of bounded size.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::http_client::Source;
use model::job::ScrapeSettings;
use model::slice::{Assignment, Permission, Revision, SliceChange, Stamp};
use model::target::TargetId;
use proto::convert::target_size;

use super::relay::Outbox;
use super::{Effect, Fleet, StreamId};

/// A message is closed before it exceeds this by its estimate, which is never under the size on the wire; so none
/// exceeds 2 MiB unless one job's settings alone do. A record alone takes no more than this.
const MESSAGE: usize = 1 << 20;

/// One message under construction.
#[derive(Default)]
struct Part {
    size: usize,
    assigned: Vec<TargetId>,
    removed: Vec<TargetId>,
    jobs: Vec<Arc<ScrapeSettings>>,
}

impl Part {
    fn is_empty(&self) -> bool {
        self.assigned.is_empty() && self.removed.is_empty() && self.jobs.is_empty()
    }
}

/// The messages of one change.
#[derive(Default)]
struct Pack {
    closed: Vec<Part>,
    open: Part,
}

impl Pack {
    /// The message that has room for `size` bytes more.
    fn room(&mut self, size: usize) -> &mut Part {
        if !self.open.is_empty() && self.open.size + size > MESSAGE {
            self.closed.push(std::mem::take(&mut self.open));
        }
        self.open.size += size;
        &mut self.open
    }

    fn finish(mut self) -> Vec<Part> {
        self.closed.push(self.open);
        self.closed
    }
}

impl Fleet {
    /// Sends every relay what has changed for it.
    pub(super) fn send(&mut self) {
        let due = self.relays.iter_mut().filter(|(_, relay)| relay.synced && !relay.outbox.is_empty());
        let due: Vec<_> = due
            .filter_map(|(name, relay)| {
                Some((name.clone(), relay.stream()?, std::mem::take(&mut relay.outbox)))
            })
            .collect();
        for (name, stream, outbox) in due {
            let parts = self.pack(&name, &outbox);
            self.post(&name, stream, &outbox, parts);
        }
    }

    fn pack(&mut self, name: &str, outbox: &Outbox) -> Vec<Part> {
        let mut pack = Pack::default();
        let Some(relay) = self.relays.get_mut(name) else { return Vec::new() };
        if outbox.whole {
            relay.jobs.clear();
        } else if !outbox.removed.is_empty() {
            // Whether a relay keeps the settings of a job without targets is its business; they are sent again.
            let units = relay.owned.iter().chain(&relay.still).filter_map(|id| self.units.get(id));
            let used: BTreeSet<&str> = units.map(|unit| &*unit.target.job).collect();
            relay.jobs.retain(|job, _| used.contains(&**job));
        }
        for job in outbox.jobs.iter().filter(|_| !outbox.whole) {
            if let (true, Some(settings)) = (relay.jobs.contains_key(job), self.jobs.get(job)) {
                relay.jobs.insert(job.clone(), settings.clone());
                pack.room(settings_size(settings)).jobs.push(settings.clone());
            }
        }
        for id in outbox.removed.iter().filter(|_| !outbox.whole) {
            pack.room(20).removed.push(*id);
        }
        let whole = || relay.owned.union(&relay.still).copied().collect();
        let assigned: BTreeSet<TargetId> = if outbox.whole { whole() } else { outbox.assigned.clone() };
        for id in assigned.iter().filter(|id| relay.owned.contains(id) || relay.still.contains(id)) {
            let Some(unit) = self.units.get(id) else { continue };
            let job = &unit.target.job;
            let news = self.jobs.get(job).filter(|settings| relay.jobs.get(job) != Some(*settings));
            let record = self.records.get(*id).map_or(0, |record| 8 + record.len());
            let size =
                target_size(&unit.target) + record + news.map_or(0, |settings| settings_size(settings));
            let part = pack.room(size);
            part.assigned.push(*id);
            if let Some(settings) = news {
                part.jobs.push(settings.clone());
                relay.jobs.insert(job.clone(), settings.clone());
            }
        }
        pack.finish()
    }

    fn post(&mut self, name: &str, stream: StreamId, outbox: &Outbox, parts: Vec<Part>) {
        let says_something = outbox.whole || outbox.config || outbox.drained;
        let drained = self.relays.get(name).map(|relay| relay.drained);
        let parts: Vec<_> = parts.into_iter().filter(|part| says_something || !part.is_empty()).collect();
        let count = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            self.revision += 1;
            let stamp = Stamp { epoch: self.reign.epoch, revision: Revision(self.revision) };
            let last = index + 1 == count;
            self.mark_dropped(name, stamp, if outbox.whole { None } else { Some(&part.removed) });
            let change = SliceChange {
                reign: self.reign.clone(),
                revision: stamp.revision,
                whole: outbox.whole && index == 0,
                complete: !outbox.whole || last,
                assigned: part
                    .assigned
                    .iter()
                    .filter_map(|id| self.stamp(*id, name, stream, stamp))
                    .collect(),
                removed: part.removed,
                jobs: part.jobs,
                config: (outbox.config && index == 0).then(|| self.config.clone()),
                drained: drained.filter(|_| (outbox.whole || outbox.drained) && index == 0),
            };
            self.effects.push(Effect::Change { stream, change: Box::new(change) });
            if let Some(relay) = self.relays.get_mut(name) {
                relay.sent = stamp;
                relay.unacknowledged_since.get_or_insert(self.now.elapsed);
            }
        }
    }

    /// Notes with which change a relay hears that it loses targets; a whole slice takes everything it does not name.
    fn mark_dropped(&mut self, name: &str, stamp: Stamp, removed: Option<&Vec<TargetId>>) {
        let Some(relay) = self.relays.get_mut(name) else { return };
        match removed {
            None => relay.releasing.values_mut().for_each(|one| one.sent = Some(stamp)),
            Some(removed) => {
                for id in removed {
                    if let Some(releasing) = relay.releasing.get_mut(id) {
                        releasing.sent = Some(stamp);
                    }
                }
            }
        }
    }

    /// The assignment of a target as it is now. A copy is discarded or brought along once: after that it is the
    /// relay's own.
    fn stamp(&mut self, id: TargetId, name: &str, stream: StreamId, stamp: Stamp) -> Option<Assignment> {
        let unit = self.units.get_mut(&id)?;
        let target = unit.target.clone();
        if unit.is_still_at(name) {
            return Some(Assignment { target, permission: Permission::None, record: None });
        }
        let owner = unit.owner.as_mut()?;
        let once = matches!(owner.permission, Permission::Discard | Permission::Record);
        if once && owner.sent == Some(stream) {
            owner.permission = Permission::Keep;
        }
        let record = self.records.get(id).filter(|_| owner.permission == Permission::Record).cloned();
        if owner.permission == Permission::Record && record.is_none() {
            owner.permission = Permission::Discard;
        }
        owner.stamp = stamp;
        owner.sent = Some(stream);
        unit.entry = None;
        Some(Assignment { target, permission: owner.permission, record })
    }
}

fn source_size(source: Option<&Source>) -> usize {
    12 + source.map_or(0, |source| match source {
        Source::Inline(secret) => secret.expose().len(),
        Source::File(path) => path.len(),
    })
}

/// At least the bytes that a job's settings take on the wire.
fn settings_size(settings: &ScrapeSettings) -> usize {
    let rules = settings.metric_relabel.iter().map(|rule| {
        let spec = rule.spec();
        let texts = [&spec.separator, &spec.regex, &spec.target_label, &spec.replacement, &spec.action];
        let texts: usize = texts.into_iter().flatten().map(|text| 6 + text.len()).sum();
        let names: usize = spec.source_labels.iter().flatten().map(|name| 6 + name.len()).sum();
        32 + texts + names
    });
    let http = &settings.http;
    let basic = http.basic_auth.iter().flat_map(|basic| [&basic.username, &basic.password]);
    let tls = [&http.tls.ca, &http.tls.cert, &http.tls.key];
    let sources = basic.chain(tls).map(|source| source_size(source.as_ref()));
    let authorization = http
        .authorization
        .iter()
        .map(|authorization| 12 + authorization.kind.len() + source_size(authorization.credentials.as_ref()));
    let headers = http.http_headers.iter().map(|header| {
        12 + header.name.len() + header.values.iter().map(|value| source_size(Some(value))).sum::<usize>()
    });
    let server_name = http.tls.server_name.as_ref().map_or(0, |name| name.len());
    let rest = 512 + settings.job_name.len() + server_name;
    rest + rules.sum::<usize>()
        + sources.sum::<usize>()
        + authorization.sum::<usize>()
        + headers.sum::<usize>()
}
