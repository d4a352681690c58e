//! Parts of Prometheus's configuration that are refused by name, each with the reason.
//!
//! A part that is written but empty (`rule_files: []`, `oauth2: null`) is taken: it asks for nothing.

use super::code::Code;
use super::context::Context;
use super::fields::Section;
use super::tree::{Node, Value};

/// Top-level sections of a server that stores, queries or alerts.
const SERVER_SECTIONS: [(&str, &str); 8] = [
    ("rule_files", "rules are evaluated by the Prometheus that scrapes the relays"),
    ("alerting", "alerts are sent by the Prometheus that scrapes the relays"),
    ("remote_write", "nothing is pushed from here: the Prometheus that scrapes the relays can"),
    ("remote_read", "nothing is queried from here"),
    ("storage", "no history is stored here"),
    ("tracing", "traces go where OTEL_EXPORTER_OTLP_ENDPOINT says"),
    ("otlp", "nothing is pushed to here: targets are scraped"),
    ("runtime", "it tunes Prometheus's own process"),
];

/// Service discoveries of Prometheus that are not built.
const DISCOVERIES: [&str; 32] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "ionos_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "rds_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];

/// Refuses the server's sections at the top of a file.
pub(super) fn server_sections(top: &mut Section<'_>, cx: &mut Context<'_>) {
    for (name, reason) in SERVER_SECTIONS {
        let Some(field) = top.field(name).filter(|field| !is_empty(&field.value)) else { continue };
        let message = format!("`{name}` is not taken: this is not a Prometheus server; {reason}");
        cx.report.add_help(
            Code::NotAPrometheusServer,
            field.span,
            message,
            "leave it in that Prometheus's own file",
        );
    }
}

/// Refuses every discovery but static, file, HTTP and Kubernetes.
pub(super) fn discoveries(job: &mut Section<'_>, cx: &mut Context<'_>) {
    for name in DISCOVERIES {
        let help = "use static_configs, file_sd_configs, http_sd_configs or kubernetes_sd_configs";
        field(job, name, help, cx);
    }
}

/// Refuses the field `name` if it is written and not empty.
pub(super) fn field(section: &mut Section<'_>, name: &'static str, help: &str, cx: &mut Context<'_>) {
    let Some(field) = section.field(name).filter(|field| !is_empty(&field.value)) else { return };
    cx.report.add_help(Code::NotSupportedYet, field.span, format!("`{name}` is not supported yet"), help);
}

/// Refuses the truth value `name` if it is true; returns it.
pub(super) fn flag(
    section: &mut Section<'_>,
    name: &'static str,
    default: bool,
    why: &str,
    cx: &mut Context<'_>,
) -> bool {
    let value = section.flag(name, default, &mut cx.report);
    if value && section.has(name) && cx.origin == super::context::Origin::File {
        let message = format!("`{name}: true` is not supported yet: {why}");
        let span = section.span_of(name);
        cx.report.add_help(Code::NotSupportedYet, span, message, "set it to false, or leave it out");
        return false;
    }
    value
}

/// Whether `node` asks for nothing.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.is_empty() || scalar.is_null(),
        Value::List(elements) => elements.is_empty(),
        Value::Fields(fields) => fields.is_empty(),
    }
}
