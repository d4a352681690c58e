//! The repository's own rules: what its files may say, how long they may be, who may know whom, and that the documents
//! name what the code has.

mod documents;
mod files;
mod sources;
