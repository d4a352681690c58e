//! Texts that many objects have in common, kept once.
//!
//! In: a text. Out: a shared copy of it. What nobody holds any more is let go of by [`Texts::sweep`].

use std::collections::HashSet;
use std::sync::Arc;

/// A shared text.
pub type Text = Arc<str>;

/// The texts in use.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashSet<Text>,
}

impl Texts {
    /// The one copy of `text`.
    pub fn shared(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let new = Text::from(text);
        self.known.insert(Arc::clone(&new));
        new
    }

    /// Forgets the texts that only this set holds.
    pub fn sweep(&mut self) {
        self.known.retain(|text| Arc::strong_count(text) > 1);
        self.known.shrink_to_fit();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}
