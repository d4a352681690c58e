//! Very many pods that nobody keeps: each is made when it is listed.

use serde_json::{Value, json};

use super::super::pod::Pod;

/// Where they are.
pub(super) const NAMESPACE: &str = "crowd";

/// How many, of how many bytes at least, and every how many-th of them asks by annotations to be scraped; 0: none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) annotated: usize,
}

impl Crowd {
    /// Pod `number`, with an address of its own and, as real ones, most of its bytes in `managedFields`.
    pub(super) fn pod(self, number: usize) -> Value {
        let [_, second, third, fourth] = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let mut pod = Pod::new(NAMESPACE, &format!("pod-{number:06}"))
            .label("app", "crowd")
            .node(&format!("node-{}", number % 100))
            .address(format_args!("10.{second}.{third}.{fourth}"))
            .port("metrics", 8080);
        if number.checked_rem(self.annotated) == Some(0) {
            pod = pod.annotation("prometheus.io/scrape", "true").annotation("prometheus.io/port", "8080");
        }
        let mut object = pod.object();
        object["status"] = pod.status();
        object["metadata"]["uid"] = json!(format!("00000000-0000-4000-9000-{number:012}"));
        object["metadata"]["resourceVersion"] = json!("1");
        let length = self.bytes.saturating_sub(object.to_string().len());
        object["metadata"]["managedFields"] = json!([{"manager": "crowd", "operation": "Update", "fieldsV1": {"f:filler": "x".repeat(length)}}]);
        object
    }
}
