//! What a request is about.
//!
//! In: method and URI. Out: verb, resource, namespace, name, and the parameters that are understood.

use super::super::audit::{Asked, query};

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) verb: &'static str,
    pub(super) resource: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) subresource: String,
    pub(super) uri: String,
}

impl Target {
    /// `None` for what is no resource.
    pub(super) fn read(method: &str, uri: &str) -> Option<Self> {
        let path = uri.split('?').next().unwrap_or_default();
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let prefix = if parts.first() == Some(&"api") { 2 } else { 3 };
        if !matches!(parts.first(), Some(&"api" | &"apis")) || parts.len() <= prefix {
            return None;
        }
        parts.drain(..prefix);
        let mut target = Self { uri: uri.to_owned(), ..Self::default() };
        if parts.len() > 2 && parts[0] == "namespaces" && parts[2] != "status" {
            parts[1].clone_into(&mut target.namespace);
            parts.drain(..2);
        }
        let mut rest = parts.into_iter().map(str::to_owned);
        target.resource = rest.next()?;
        target.name = rest.next().unwrap_or_default();
        target.subresource = rest.next().unwrap_or_default();
        target.verb = match method {
            "GET" if matches!(query(uri, "watch").as_str(), "true" | "1") => "watch",
            "GET" if target.name.is_empty() => "list",
            "GET" => "get",
            "POST" => "create",
            "PATCH" | "PUT" => "patch",
            "DELETE" => "delete",
            _ => return None,
        };
        Some(target)
    }

    pub(super) fn parameter(&self, name: &str) -> String {
        query(&self.uri, name)
    }

    pub(super) fn asked(&self) -> Asked {
        let resource = match self.subresource.as_str() {
            "" => self.resource.clone(),
            sub => format!("{}/{sub}", self.resource),
        };
        Asked {
            user: String::new(),
            verb: self.verb.to_owned(),
            resource,
            namespace: self.namespace.clone(),
            labels: self.parameter("labelSelector"),
            fields: self.parameter("fieldSelector"),
            status: 0,
            uri: self.uri.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let read = |method: &str, uri: &str| {
            let it = Target::read(method, uri).expect("a resource");
            format!("{} {} {} {} {}", it.verb, it.resource, it.namespace, it.name, it.subresource)
        };
        assert_eq!(read("GET", "/api/v1/pods?watch=true"), "watch pods   ");
        assert_eq!(read("GET", "/api/v1/namespaces/a/pods"), "list pods a  ");
        assert_eq!(read("PATCH", "/api/v1/namespaces/a/pods/b/status"), "patch pods a b status");
        assert_eq!(read("GET", "/api/v1/namespaces/a"), "get namespaces  a ");
        assert_eq!(read("POST", "/apis/apps/v1/namespaces/a/deployments"), "create deployments a  ");
        assert_eq!(Target::read("GET", "/readyz"), None);
    }
}
