//! The repository's files as text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file and what it says.
pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// One file; it must be there.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the repository that is text, sorted by path. Not what a build makes, nor what git keeps for itself.
pub(crate) fn all() -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    let mut files: Vec<File> = found.iter().filter_map(|path| file(path)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 100, "the walk has found {} files only", files.len());
    files
}

/// Rust sources of the product: every file below a crate's `src`, but not those that are tests only.
pub(crate) fn product_sources() -> Vec<File> {
    let files = rust_sources();
    let tests = test_modules(&files);
    files.into_iter().filter(|file| file.path.contains("/src/") && !is_test(&file.path, &tests)).collect()
}

/// All Rust files.
pub(crate) fn rust_sources() -> Vec<File> {
    all().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// The lines of code outside tests: no blank line, no comment, nothing from `#[cfg(test)]` at the margin on, which by
/// convention stands at the end of a file.
pub(crate) fn code(text: &str) -> Vec<&str> {
    let mut code = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let declares = lines.clone().take(2).any(|next| next.ends_with(';') && next.contains("mod "));
            if !declares {
                break;
            }
            while lines.next().is_some_and(|next| !next.ends_with(';')) {}
        } else if !line.trim().is_empty() && !line.trim_start().starts_with("//") {
            code.push(line);
        }
    }
    code
}

/// The string literals of a line of code.
pub(crate) fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory of the repository can be read") {
        let entry = entry.expect("an entry of the repository can be read");
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if ![".git", "target", ".tools"].iter().any(|left_out| name == *left_out) {
                collect(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// `None` for what is not text, and for what git ignores.
fn file(path: &Path) -> Option<File> {
    let relative = path.strip_prefix(root()).expect("the walk began at the root").to_string_lossy();
    let ignored = relative == ".git" || relative.ends_with(".log");
    let text = std::fs::read_to_string(path).ok().filter(|_| !ignored)?;
    Some(File { path: relative.replace('\\', "/"), text })
}

fn is_test(path: &str, modules: &BTreeSet<String>) -> bool {
    modules.iter().any(|module| {
        path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}

/// The modules that are declared under `#[cfg(test)]`, as paths without `.rs`.
fn test_modules(files: &[File]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for File { path, text } in files {
        let stem = path.trim_end_matches(".rs");
        let (directory, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let within = if matches!(name, "lib" | "main") { directory } else { stem };
        let mut lines = text.lines();
        while lines.by_ref().any(|line| line.trim() == "#[cfg(test)]") {
            let Some(declared) = lines.find(|line| !line.trim().starts_with("#[")) else { break };
            if let Some(name) = declared.trim().strip_suffix(';').and_then(|it| it.rsplit(' ').next()) {
                modules.insert(format!("{within}/{name}"));
            }
        }
    }
    modules
}
