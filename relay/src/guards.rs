//! Rules of the protocol that a test may take out, to see that its judges find what is lost without them.
//!
//! In: nothing; no argument, variable or file of the product leads here. Out: what the rules make of a permission.

use model::slice::Permission;

/// Which rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// `discard` drops the copy: another relay may have shown something newer.
    pub discard_drops: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self { discard_drops: true }
    }
}

impl Guards {
    /// What a relay makes of the permission that it was given.
    #[must_use]
    pub fn in_force(&self, given: Permission) -> Permission {
        match given {
            Permission::Discard if !self.discard_drops => Permission::Keep,
            given => given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_does_what_it_is_told_unless_a_test_takes_a_rule_out() {
        use Permission::{Discard, Keep, None, Record};
        let (whole, without) = (Guards::default(), Guards { discard_drops: false });
        assert_eq!([Keep, Record, Discard, None].map(|it| whole.in_force(it)), [Keep, Record, Discard, None]);
        assert_eq!([Keep, Record, Discard, None].map(|it| without.in_force(it)), [Keep, Record, Keep, None]);
    }
}
