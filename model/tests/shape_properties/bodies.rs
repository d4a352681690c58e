//! Random bodies as parts.

use model::exposition::entry::Format;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

/// A body as parts, so that its values can change alone.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) format: Format,
    pub(super) lines: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String),
    Sample { series: String, timestamp: bool, exemplar: bool, seed: u64 },
}

impl Body {
    /// The text; `salt` decides the values.
    pub(super) fn text(&self, salt: u64) -> Vec<u8> {
        let mut out = String::new();
        for part in &self.lines {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Sample { series, timestamp, exemplar, seed } => {
                    let seed = seed.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    out.push_str(series);
                    out.push_str(&value(seed));
                    if *timestamp {
                        let blanks = if self.format == Format::Text && seed % 5 == 0 { " \t " } else { " " };
                        out.push_str(blanks);
                        out.push_str(&match self.format {
                            Format::Text => format!("{}", seed % 2_000_000_000_000),
                            Format::OpenMetrics => format!("{}.{}", seed % 2_000_000_000, seed % 977),
                        });
                    }
                    if *exemplar && seed % 3 != 0 && self.format == Format::OpenMetrics {
                        out.push_str(
                            [" # {a=\"b\"} 1", " # {} 0.5 12.5", " # {\"t.x\"=\"\\\"\"} NaN"]
                                [seed as usize % 3],
                        );
                    }
                    if self.format == Format::Text && seed % 11 == 0 {
                        out.push_str(" \t");
                    }
                    out.push('\n');
                }
            }
        }
        if self.format == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out.into_bytes()
    }
}

pub(super) fn value(seed: u64) -> String {
    match seed % 13 {
        0 => "NaN".into(),
        1 => "+Inf".into(),
        2 => "-inf".into(),
        3 => format!("{}e{}", seed % 100, seed % 300),
        4 => format!("-{}.{}", seed % 1000, seed % 77),
        5 => "0".repeat(1 + seed as usize % 300),
        6 => format!("{}.5e-{:03}", seed % 10, seed % 400),
        7 => ".5".into(),
        8 => "5.".into(),
        _ => (seed % 1_000_000).to_string(),
    }
}

pub(super) const NAMES: [&str; 18] = [
    "a",
    "b",
    "h",
    "h_bucket",
    "h_sum",
    "h_count",
    "s",
    "s_sum",
    "c_total",
    "c_created",
    "up",
    "a.b",
    "a_b",
    "scrape_samples_scraped",
    "scraperelay_x",
    "ünï",
    "i_info",
    "st",
];
pub(super) const LABELS: [&str; 12] = [
    "le",
    "quantile",
    "pod",
    "job",
    "instance",
    "exported_pod",
    "exported_exported_job",
    "x",
    "a.b",
    "a_b",
    "st",
    "__foo",
];
pub(super) const VALUES: [&str; 10] =
    ["", "1", "1.0", "0.50", "p-1", "app", "i", "q\\\"u", "back\\\\", "line\\nfeed"];
pub(super) const KINDS: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];
pub(super) const OM_KINDS: [&str; 8] =
    ["counter", "gauge", "histogram", "summary", "unknown", "info", "stateset", "gaugehistogram"];

pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The names of a list, or only those that need no quotes.
pub(super) fn some(names: &[&'static str], plain: bool) -> Vec<&'static str> {
    names.iter().copied().filter(|name| !plain || is_plain(name)).collect()
}

pub(super) fn series(format: Format, plain: bool) -> impl Strategy<Value = String> {
    let labels = subsequence(some(&LABELS, plain), 0..4).prop_shuffle();
    (select(some(&NAMES, plain)), labels, vec(select(VALUES.as_slice()), 4), 0..4_u8).prop_map(
        move |(name, labels, values, odd)| {
            let text = format == Format::Text;
            let blank = if text && odd == 1 { " \t" } else { "" };
            let mut pairs: Vec<String> = Vec::new();
            if !is_plain(name) {
                pairs.push(format!("\"{name}\""));
            }
            for (label, value) in labels.iter().zip(values) {
                let label = if is_plain(label) { (*label).to_owned() } else { format!("\"{label}\"") };
                let value = if text && odd == 2 { value.replace("\\n", "\n") } else { value.to_owned() };
                pairs.push(format!("{blank}{label}{blank}={blank}\"{value}\"{blank}"));
            }
            let name = if is_plain(name) { name } else { "" };
            let braces =
                if pairs.is_empty() && odd != 3 { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            format!("{name}{blank}{braces} {blank}")
        },
    )
}

pub(super) fn part(format: Format, plain: bool) -> impl Strategy<Value = Part> {
    let sample = (series(format, plain), any::<bool>(), any::<bool>(), any::<u64>(), 0..4_u8).prop_map(
        |(series, timestamp, exemplar, seed, stamped)| Part::Sample {
            series,
            timestamp: timestamp && stamped == 0,
            exemplar,
            seed,
        },
    );
    let name =
        move || select(some(&["a", "b", "h", "s", "c", "c_total", "a_b", "i", "st", "\"a.b\""], plain));
    let kinds: &'static [&'static str] = if format == Format::Text { &KINDS } else { &OM_KINDS };
    let metadata = prop_oneof![
        (name(), select(kinds)).prop_map(|(name, kind)| Part::Text(format!("# TYPE {name} {kind}\n"))),
        name().prop_map(|name| Part::Text(format!("# HELP {name} some \\\\ text\n"))),
    ];
    let filler = match format {
        Format::Text => vec!["\n", "# a comment\n", "  \t\n", "#\n", "# back\\\n"],
        Format::OpenMetrics => vec![""],
    };
    prop_oneof![
        6 => sample,
        2 => metadata,
        1 => select(filler).prop_map(|text| Part::Text(text.to_owned())),
    ]
}

pub(super) fn body() -> impl Strategy<Value = Body> {
    (select([Format::Text, Format::OpenMetrics].as_slice()), any::<bool>()).prop_flat_map(
        |(format, plain)| vec(part(format, plain), 0..40).prop_map(move |lines| Body { format, lines }),
    )
}
