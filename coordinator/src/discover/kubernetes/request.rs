//! What is asked of the API server.
//!
//! In: which objects, and from which version on. Out: the path and query of a request.

use url::form_urlencoded::Serializer;

/// Objects on a page, where the server divides a list into pages.
const PAGE: &str = "500";

/// Which objects of a cluster are watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selection {
    /// `pod` or `node`.
    pub kind: Kind,
    /// The one namespace that is looked at; `None`: all of them.
    pub namespace: Option<Box<str>>,
    /// A label selector, or empty.
    pub label: Box<str>,
    /// A field selector, or empty.
    pub field: Box<str>,
}

/// The kinds of objects that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Pods.
    Pod,
    /// Nodes.
    Node,
}

impl Selection {
    /// Its selectors as people read them; empty where there are none.
    #[must_use]
    pub fn selector(&self) -> String {
        let filled = [&self.label, &self.field].into_iter().filter(|text| !text.is_empty());
        filled.map(|text| &**text).collect::<Vec<_>>().join(" and ")
    }
}

impl Kind {
    /// `pod`, `node`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Node => "node",
        }
    }

    /// `pods`, `nodes`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Node => "nodes",
        }
    }
}

/// How new a list has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// As the server has it in memory, which spares its store.
    Memory,
    /// Not older than this version, so that no state of the past is shown.
    Version(String),
    /// The newest.
    Newest,
    /// The page of a list that is behind this token.
    Page(String),
}

/// The list of `selection`.
pub(super) fn list(selection: &Selection, from: &From) -> String {
    let mut query = query(selection);
    match from {
        From::Memory => {
            query.append_pair("limit", PAGE).append_pair("resourceVersion", "0");
            query.append_pair("resourceVersionMatch", "NotOlderThan");
        }
        // With a limit this would mean exactly that version, which may be forgotten.
        From::Version(version) => {
            query.append_pair("resourceVersion", version).append_pair("resourceVersionMatch", "NotOlderThan");
        }
        From::Newest => {
            query.append_pair("limit", PAGE);
        }
        From::Page(token) => {
            query.append_pair("limit", PAGE).append_pair("continue", token);
        }
    }
    format!("{}?{}", path(selection), query.finish())
}

/// The watch of `selection` from `version` on, for `seconds`.
pub(super) fn watch(selection: &Selection, version: &str, seconds: u64) -> String {
    let mut query = query(selection);
    query.append_pair("watch", "true").append_pair("allowWatchBookmarks", "true");
    query.append_pair("resourceVersion", version).append_pair("timeoutSeconds", &seconds.to_string());
    format!("{}?{}", path(selection), query.finish())
}

fn path(selection: &Selection) -> String {
    let plural = selection.kind.plural();
    match &selection.namespace {
        Some(namespace) => format!("/api/v1/namespaces/{namespace}/{plural}"),
        None => format!("/api/v1/{plural}"),
    }
}

fn query(selection: &Selection) -> Serializer<'static, String> {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("labelSelector", &selection.label), ("fieldSelector", &selection.field)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_what_is_wanted() {
        let all = Selection { kind: Kind::Node, namespace: None, label: "".into(), field: "".into() };
        assert_eq!(
            list(&all, &From::Memory),
            "/api/v1/nodes?limit=500&resourceVersion=0&resourceVersionMatch=NotOlderThan"
        );
        let some = Selection {
            kind: Kind::Pod,
            namespace: Some("n".into()),
            label: "a in (b,c)".into(),
            field: "spec.nodeName!=".into(),
        };
        let of = "/api/v1/namespaces/n/pods?labelSelector=a+in+%28b%2Cc%29&fieldSelector=spec.nodeName%21%3D";
        assert_eq!(list(&some, &From::Newest), format!("{of}&limit=500"));
        assert_eq!(list(&some, &From::Page("t=/".into())), format!("{of}&limit=500&continue=t%3D%2F"));
        assert_eq!(
            list(&some, &From::Version("7".into())),
            format!("{of}&resourceVersion=7&resourceVersionMatch=NotOlderThan")
        );
        assert_eq!(
            watch(&some, "7", 290),
            format!("{of}&watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=290")
        );
    }
}
