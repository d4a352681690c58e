//! The repository's files as text.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// One file; it must be there.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the files in a directory, sorted; not those of directories in it.
pub(crate) fn names(directory: &str) -> Vec<String> {
    let entries =
        std::fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let entries = entries.map(|entry| entry.expect("an entry of the repository can be read"));
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().expect("names are UTF-8"))
        .collect();
    names.sort();
    names
}

/// The workspace's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
