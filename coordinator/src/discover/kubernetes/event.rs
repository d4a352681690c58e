//! Reads the lines of a watch.
//!
//! In: one line. Out: what happened to which object, or why the watch cannot go on. The object itself stays JSON: one
//! that cannot be read must cost only itself.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::{Failure, Reason};

/// A line of a watch.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// The object is there, new or changed.
    Applied {
        /// Its JSON.
        object: &'a [u8],
        /// What the watch is as new as.
        version: String,
    },
    /// The object is gone.
    Deleted {
        /// Its JSON.
        object: &'a [u8],
        /// What the watch is as new as.
        version: String,
    },
    /// Nothing happened up to this version.
    Bookmark(String),
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

/// Reads a line.
///
/// # Errors
/// What the server says is wrong, or a line that is no event.
pub(super) fn event(line: &[u8]) -> Result<Event<'_>, Failure> {
    let broken =
        |error: serde_json::Error| Failure::new(Reason::Stream, format!("a line of the watch: {error}"));
    let Line { kind, object } = serde_json::from_slice(line).map_err(broken)?;
    let object = object.get().as_bytes();
    if kind == "ERROR" {
        return Err(Failure::of_status(0, None, object));
    }
    let Versioned { metadata } = serde_json::from_slice(object).map_err(broken)?;
    let version = metadata.resource_version;
    match &*kind {
        "ADDED" | "MODIFIED" => Ok(Event::Applied { object, version }),
        "DELETED" => Ok(Event::Deleted { object, version }),
        "BOOKMARK" => Ok(Event::Bookmark(version)),
        other => Err(Failure::new(Reason::Stream, format!("the watch tells of an unknown event {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_keep_their_object_as_it_is() {
        let line = br#"{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"5"},"spec":7}}"#;
        let Ok(Event::Applied { object, version }) = event(line) else { panic!("not applied") };
        assert_eq!((object, &*version), (&br#"{"metadata":{"resourceVersion":"5"},"spec":7}"#[..], "5"));
        let line =
            br#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9","x":null}}}"#;
        assert!(matches!(event(line), Ok(Event::Bookmark(version)) if version == "9"));
        let line = br#"{"type":"DELETED","object":{"metadata":{"resourceVersion":"6"}}}"#;
        assert!(matches!(event(line), Ok(Event::Deleted { .. })));
    }

    #[test]
    fn an_error_is_a_failure_with_its_reason() {
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
        let failure = event(line).expect_err("an error");
        assert_eq!((failure.reason, &*failure.message), (Reason::Expired, "410 Expired: too old"));
        for line in [
            &b"{"[..],
            b"",
            br#"{"type":"ADDED","object":{}}"#,
            br#"{"type":"X","object":{"metadata":{"resourceVersion":"1"}}}"#,
        ] {
            assert_eq!(event(line).expect_err("no event").reason, Reason::Stream);
        }
    }
}
