//! Expositions: what a target answers, and how it is remembered.

pub mod accept;
pub mod bound;
pub mod build;
pub mod content_type;
mod draft;
pub mod entry;
mod exemplar;
pub mod expand;
pub mod families;
pub mod identity;
pub mod injected;
pub mod labelling;
pub mod layout;
mod lex;
mod lines;
mod memo;
mod metadata;
pub mod number;
mod openmetrics;
pub mod page_style;
pub mod reader;
mod refusals;
mod series;
pub mod shape;
pub mod spelling;
pub mod store;
pub mod stored_values;
pub mod tail;
#[cfg(test)]
mod test_reading;
mod text;
pub mod transform;
pub mod values;

pub use bound::{canonical_bound, open_metrics_float};
pub use number::is_plain_number;
pub use reader::{Entries, parse};
pub use tail::{TailError, parse_tail};
