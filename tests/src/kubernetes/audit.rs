//! Who asked what of an API server.
//!
//! In: its audit log. Out: one [`Asked`] a request.

use std::path::Path;

use serde_json::Value;

/// Everything, without bodies; a request once, when its answer begins or is complete.
pub(super) const POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `system:serviceaccount:NAMESPACE:NAME`, or a certificate's common name.
    pub user: String,
    /// `list`, `watch`, `get`, `create`, ...
    pub verb: String,
    /// With its subresource: `pods`, `pods/proxy`; empty for what is no resource.
    pub resource: String,
    /// Empty for all.
    pub namespace: String,
    /// The label selector.
    pub labels: String,
    /// The field selector.
    pub fields: String,
    /// The status code of the answer.
    pub status: u16,
    /// Path and query as asked.
    pub uri: String,
}

/// Every request in the log: watches and other long answers when they began, the others when they were complete.
pub(super) fn read(log: &Path) -> Vec<Asked> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // The last line may be half written.
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut started = std::collections::HashSet::new();
    events.filter(|event| started.insert(event["auditID"].clone())).map(|event| asked(&event)).collect()
}

fn asked(event: &Value) -> Asked {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let uri = text(&event["requestURI"]);
    let object = &event["objectRef"];
    let resource = match object["subresource"].as_str() {
        Some(sub) => format!("{}/{sub}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    let status = event["responseStatus"]["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    Asked {
        user: text(&event["user"]["username"]),
        verb: text(&event["verb"]),
        resource,
        namespace: text(&object["namespace"]),
        labels: query(&uri, "labelSelector"),
        fields: query(&uri, "fieldSelector"),
        status: status.unwrap_or_default(),
        uri,
    }
}

/// A parameter of a URI's query, decoded; empty where there is none.
pub(super) fn query(uri: &str, name: &str) -> String {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    values.next().map(|(_, value)| decoded(value)).unwrap_or_default()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*first),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_from_the_query() {
        let uri = "/api/v1/pods?watch=true&labelSelector=a%3Db%2Cc+in+%28d%29";
        assert_eq!(query(uri, "labelSelector"), "a=b,c in (d)");
        assert_eq!(query(uri, "fieldSelector"), "");
        assert_eq!(query("/x?a=%4", "a"), "%4");
    }
}
