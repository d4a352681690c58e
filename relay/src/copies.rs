//! What a relay may do with its copy of one target's last good scrape.
//!
//! In: the permissions that come with the slice, the scrapes, what pages showed, what was reported, and contact. Out:
//! whether a copy is kept, stored, replaced, served. A cached copy has one holder at a time, and nothing older than what
//! was last exposed, by anyone, is served again: a counter would seem to fall. It knows nothing of disks, pages or clocks.

use model::slice::Permission;

use crate::contact::BootTime;

/// What to do with the copy that is there, when an assignment arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAssigned {
    /// Leave it where it is.
    Leave,
    /// Remove it, on disk too.
    Drop,
    /// Put the record that came with the assignment in its place; remove it where that record cannot be read.
    TakeRecord,
}

/// What to do with the result of a good scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGood {
    /// Store it as the copy.
    Store,
    /// Remove the copy that is there: this result, now exposed, is newer and may not be kept.
    Drop,
}

/// How the coordinator's knowledge stands as a page is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this relay is alone.
    pub alone: bool,
    /// The newest time of which it is known that the coordinator had heard of this relay.
    pub contact: Option<BootTime>,
}

/// Marks under which permission a scrape was started; see [`Copies::on_good`] and [`Copies::may_repeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

/// The rules for one target's copy.
#[derive(Clone, Debug)]
pub struct Copies {
    permission: Permission,
    generation: u64,
    /// Whether the last page showed the target from the cache.
    served: bool,
    /// Since when the coordinator can know that it is: the time of the first report after `served` became true.
    reported: Option<BootTime>,
}

impl Copies {
    /// A target just assigned with `permission`.
    #[must_use]
    pub fn new(permission: Permission) -> Self {
        Self { permission, generation: 0, served: false, reported: None }
    }

    /// A target of a kept slice that its previous process was `served` from the cache at its last contact.
    #[must_use]
    pub fn inherited(permission: Permission, served_at: Option<BootTime>) -> Self {
        Self { served: served_at.is_some(), reported: served_at, ..Self::new(permission) }
    }

    /// The permission in force.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// An assignment of this target with `permission` has arrived.
    pub fn assign(&mut self, permission: Permission) -> OnAssigned {
        // What was taken under `discard` or `record` was exposed by nobody else; so it is under the `keep` that follows.
        if permission != Permission::Keep || self.permission == Permission::None {
            self.generation += 1;
        }
        self.permission = permission;
        match permission {
            // Under `none` an older copy is not served; the first good scrape removes it.
            Permission::Keep | Permission::None => OnAssigned::Leave,
            Permission::Record => OnAssigned::TakeRecord,
            Permission::Discard => OnAssigned::Drop,
        }
    }

    /// To be taken as a scrape starts.
    #[must_use]
    pub fn generation(&self) -> Generation {
        Generation(self.generation)
    }

    /// A scrape that started at `started` has gone well. It is stored only if the permission allows it and was the
    /// same all the time: under `none` another relay may expose the target too, and show something newer.
    pub fn on_good(&mut self, started: Generation) -> OnGood {
        self.served = false;
        self.reported = None;
        let unchanged = started.0 == self.generation;
        if unchanged && self.permission != Permission::None { OnGood::Store } else { OnGood::Drop }
    }

    /// A page has shown this target from the cache (`true`) or not.
    pub fn on_shown(&mut self, from_cache: bool) {
        self.served = from_cache;
        if !from_cache {
            self.reported = None;
        }
    }

    /// A report that said how this target is served went out at `now`.
    pub fn on_reported(&mut self, now: BootTime) {
        if self.served {
            self.reported.get_or_insert(now);
        }
    }

    /// Whether the last page showed the target from the cache.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.served
    }

    /// Since when the coordinator can know that the target is served from the cache.
    #[must_use]
    pub fn served_since(&self) -> Option<BootTime> {
        self.reported
    }

    /// Whether a page merged now may show the copy.
    ///
    /// An alone relay's targets may have been given to others, except those which the coordinator knew to be served
    /// from the cache: these it leaves alone longer than a relay can be asked unseen. One that was scraped live since
    /// is not among them: what was exposed then is newer than what the coordinator knows.
    #[must_use]
    pub fn may_serve(&self, standing: Standing) -> bool {
        if self.permission == Permission::None {
            return false;
        }
        if !standing.alone {
            return true;
        }
        match (self.reported, standing.contact) {
            (Some(reported), Some(contact)) => reported <= contact,
            _ => false,
        }
    }

    /// Whether a result that was `taken` before a page was asked for may stand on it, because the job asks for a distance
    /// between scrapes or another page had asked just before: that makes it a cached copy. Under `none`, or alone, the
    /// target is scraped anew; so it is where the permission was another one as the result was taken, since somebody
    /// else may have exposed the target in between.
    #[must_use]
    pub fn may_repeat(&self, standing: Standing, taken: Generation) -> bool {
        self.permission != Permission::None && !standing.alone && taken.0 == self.generation
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_start(Duration::from_secs(seconds))
    }

    const IN_CONTACT: Standing =
        Standing { alone: false, contact: Some(BootTime::from_start(Duration::from_secs(100))) };
    const ALONE: Standing = Standing { alone: true, ..IN_CONTACT };

    #[test]
    fn each_permission_says_what_happens_to_the_copy_that_is_there() {
        let cases = [
            (Permission::Keep, OnAssigned::Leave),
            (Permission::Record, OnAssigned::TakeRecord),
            (Permission::Discard, OnAssigned::Drop),
            (Permission::None, OnAssigned::Leave),
        ];
        for (permission, action) in cases {
            assert_eq!(Copies::new(Permission::Keep).assign(permission), action, "{permission:?}");
        }
    }

    #[test]
    fn under_none_only_live_results_are_shown_and_none_is_stored() {
        let mut copies = Copies::new(Permission::None);
        assert!(!copies.may_serve(IN_CONTACT));
        assert_eq!(copies.on_good(copies.generation()), OnGood::Drop);
        assert_eq!(
            copies.assign(Permission::Keep),
            OnAssigned::Leave,
            "what was taken meanwhile is gone already"
        );
        assert!(copies.may_serve(IN_CONTACT));
        assert_eq!(copies.on_good(copies.generation()), OnGood::Store);
    }

    #[test]
    fn a_scrape_that_began_under_none_is_not_stored_when_none_ends_meanwhile() {
        let mut copies = Copies::new(Permission::None);
        let started = copies.generation();
        copies.assign(Permission::Keep);
        assert_eq!(copies.on_good(started), OnGood::Drop);
    }

    #[test]
    fn a_scrape_that_began_before_discard_is_not_stored_after_it() {
        let mut copies = Copies::new(Permission::Discard);
        let started = copies.generation();
        assert_eq!(copies.assign(Permission::Discard), OnAssigned::Drop);
        assert_eq!(copies.on_good(started), OnGood::Drop);
    }

    #[test]
    fn keep_said_twice_changes_nothing() {
        let mut copies = Copies::new(Permission::Keep);
        let started = copies.generation();
        copies.assign(Permission::Keep);
        assert_eq!(copies.on_good(started), OnGood::Store);
    }

    #[test]
    fn alone_a_target_that_dies_has_no_series() {
        let mut copies = Copies::new(Permission::Keep);
        copies.on_shown(false);
        assert!(!copies.may_serve(ALONE));
    }

    #[test]
    fn alone_a_target_that_was_dead_at_contact_is_still_served() {
        let mut copies = Copies::new(Permission::Keep);
        copies.on_shown(true);
        copies.on_reported(at(100));
        assert!(copies.may_serve(ALONE));
    }

    #[test]
    fn alone_a_target_that_died_between_contact_and_silence_is_not_served() {
        let mut copies = Copies::new(Permission::Keep);
        copies.on_shown(true);
        assert!(!copies.may_serve(ALONE), "never reported");
        copies.on_reported(at(101));
        assert!(copies.may_serve(IN_CONTACT));
        assert!(!copies.may_serve(ALONE), "the report went out after the last heartbeat that was echoed");
    }

    #[test]
    fn alone_a_target_that_came_back_and_died_again_is_not_served() {
        let mut copies = Copies::new(Permission::Keep);
        copies.on_shown(true);
        copies.on_reported(at(90));
        assert_eq!(copies.on_good(copies.generation()), OnGood::Store);
        copies.on_shown(true);
        assert!(!copies.may_serve(ALONE));
    }

    #[test]
    fn a_result_is_repeated_only_where_a_cached_copy_might_be_served() {
        let may = |permission, standing| {
            let copies = Copies::new(permission);
            copies.may_repeat(standing, copies.generation())
        };
        assert!(may(Permission::Keep, IN_CONTACT));
        assert!(!may(Permission::Keep, ALONE));
        assert!(!may(Permission::None, IN_CONTACT));
    }

    #[test]
    fn a_result_is_not_repeated_under_a_later_permission() {
        use Permission::{Discard, Keep, None, Record};
        let changes: [&[Permission]; 5] = [&[None, Discard], &[None, Keep], &[Discard], &[Record], &[None]];
        for permissions in changes {
            let mut copies = Copies::new(Keep);
            let taken = copies.generation();
            assert!(copies.may_repeat(IN_CONTACT, taken));
            for permission in permissions {
                copies.assign(*permission);
            }
            assert!(!copies.may_repeat(IN_CONTACT, taken), "{permissions:?}");
        }
    }

    #[test]
    fn a_kept_slice_is_live_only_unless_its_process_was_in_contact_just_before() {
        assert!(!Copies::inherited(Permission::Keep, None).may_serve(ALONE));
        assert!(Copies::inherited(Permission::Keep, Some(at(100))).may_serve(ALONE));
        assert!(!Copies::inherited(Permission::None, Some(at(100))).may_serve(ALONE));
    }
}
