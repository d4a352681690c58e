//! The core of `config check`: every file on its own, errors and warnings alike.

use std::path::Path;

use super::diagnostic::Diagnostics;
use super::load::{MissingFiles, load};

/// The diagnostics of each of `paths`, in that order; a file without any has an empty list.
pub fn check<P: AsRef<Path>>(paths: &[P], missing: MissingFiles) -> Vec<Diagnostics> {
    let of = |path: &P| load(path.as_ref(), missing).map_or_else(|errors| errors, |loaded| loaded.warnings);
    paths.iter().map(of).collect()
}
