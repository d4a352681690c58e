//! The name of one run of a process.
//!
//! In: nothing. Out: a word that no other run has. It is no secret and must not be used as one.

use std::hash::{BuildHasher, RandomState};

/// 32 hexadecimal digits from the standard library's seeds, other ones at each call.
#[must_use]
pub fn random() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_have_different_names_of_one_form() {
        let (one, other) = (random(), random());
        assert_ne!(one, other);
        for name in [one, other] {
            assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        }
    }
}
