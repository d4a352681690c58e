//! Bodies that were good until something happened to them.
//!
//! In: a number. Out: one of the real-looking bodies with one to four accidents, always the same for the same number.

use crate::fake_target::{OPENMETRICS, TEXT};

use crate::seeded::Seeded;

/// Bodies as exporters of several kinds send them: text first, then OpenMetrics.
const TEXT_BODIES: [&str; 5] = [
    include_str!("../../data/hostile/real/go_service.txt"),
    include_str!("../../data/hostile/real/machine.txt"),
    include_str!("../../data/hostile/real/python_service.txt"),
    include_str!("../../data/hostile/real/java_service.txt"),
    include_str!("../../data/hostile/real/objects.txt"),
];
const OPENMETRICS_BODIES: [&str; 2] =
    [include_str!("../../data/hostile/real/service.om"), include_str!("../../data/hostile/real/queue.om")];

/// Families of the good targets, as others may claim them: with another type, or with samples that are not theirs.
const SPLICES: [&str; 14] = [
    "# TYPE http_requests_total gauge\nhttp_requests_total{code=\"200\"} 1\n",
    "# TYPE http_requests counter\nhttp_requests_total 3\n",
    "# TYPE request_seconds summary\nrequest_seconds{quantile=\"0.5\"} 2\nrequest_seconds_sum 2\nrequest_seconds_count 1\n",
    "# TYPE request_seconds_bucket gauge\nrequest_seconds_bucket{le=\"1\"} 4\n",
    "# TYPE request_seconds gauge\nrequest_seconds 7\n",
    "# TYPE work_seconds histogram\nwork_seconds_bucket{le=\"5\"} 1\nwork_seconds_bucket{le=\"+Inf\"} 1\nwork_seconds_sum 1\nwork_seconds_count 1\n",
    "# TYPE work_seconds_count gauge\nwork_seconds_count 5\n",
    "# TYPE rpc_seconds histogram\nrpc_seconds_bucket{le=\"1\"} 4\nrpc_seconds_bucket{le=\"+Inf\"} 5\nrpc_seconds_sum 9\nrpc_seconds_count 5\n",
    "# HELP temperature Another text.\n# TYPE temperature counter\ntemperature 30\n",
    "# TYPE jobs gauge\njobs 9\n",
    "# TYPE jobs_total histogram\njobs_total_bucket{le=\"+Inf\"} 9\njobs_total_sum 1\njobs_total_count 9\n",
    "# TYPE build_info gauge\nbuild_info{version=\"0\"} 2\n",
    "# TYPE level summary\nlevel{quantile=\"0.9\"} 1\nlevel_sum 1\nlevel_count 2\n",
    "up 0\nscrape_samples_scraped 7\n",
];

const TYPES: [&str; 11] = [
    "counter",
    "gauge",
    "histogram",
    "summary",
    "untyped",
    "unknown",
    "info",
    "stateset",
    "gaugehistogram",
    "Counter",
    "",
];

const VALUES: [&str; 16] = [
    "NaN",
    "+Inf",
    "-Inf",
    "-0",
    "1e400",
    "0x10",
    "1_000",
    ".5",
    "5.",
    "",
    "1e",
    "-1",
    "nan",
    "+NaN",
    "1,5",
    "9223372036854775808",
];

const TIMES: [&str; 9] = [
    "1",
    "0",
    "-1",
    "1605301325000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.5",
    "99999999999999",
];

const NASTY: [u8; 16] = *b"\0\r\n\t \"\\{},=# \xff\xef+";

const NAMES: [&str; 10] = [
    "job",
    "instance",
    "le",
    "quantile",
    "__name__",
    "up",
    "request_seconds_bucket",
    "work_seconds_sum",
    "http_requests_total",
    "scraperelay_x",
];

/// The mutation of that number: its Content-Type and body.
#[must_use]
pub fn mutation(number: u64) -> (&'static str, Vec<u8>) {
    let mut seeded = Seeded::new(number);
    let text = seeded.below(10) < 7;
    let (content_type, body) = match text {
        true => (TEXT, *seeded.pick(&TEXT_BODIES)),
        false => (OPENMETRICS, *seeded.pick(&OPENMETRICS_BODIES)),
    };
    let mut lines: Vec<Vec<u8>> = body.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
    for _ in 0..=seeded.below(4) {
        accident(&mut seeded, &mut lines);
    }
    (content_type, lines.concat())
}

fn accident(seeded: &mut Seeded, lines: &mut Vec<Vec<u8>>) {
    let at = seeded.below(lines.len());
    match seeded.below(18) {
        0 => flip(seeded, &mut lines[at]),
        1 => drop(lines.remove(at)),
        2 => lines.insert(at, lines[at].clone()),
        3 => {
            let other = seeded.below(lines.len());
            lines.swap(at, other);
        }
        4 | 5 => change_type(seeded, lines),
        6..=9 => lines.insert(at, seeded.pick(&SPLICES).as_bytes().to_vec()),
        10 => replace_last_word(&mut lines[at], seeded.pick::<&str>(&VALUES)),
        11 => set_time(seeded, &mut lines[at]),
        12 => insert(seeded, &mut lines[at]),
        13 => truncate_value(seeded, &mut lines[at]),
        14 => cut_off(seeded, lines),
        15 => rename(seeded, &mut lines[at]),
        16 => rename_label(seeded, lines),
        _ => interleave(seeded, lines),
    }
    if lines.is_empty() {
        lines.push(Vec::new());
    }
}

/// One bit of one byte.
fn flip(seeded: &mut Seeded, line: &mut [u8]) {
    let at = seeded.below(line.len());
    if let Some(byte) = line.get_mut(at) {
        *byte ^= 1 << seeded.below(8);
    }
}

/// A byte that means something, somewhere.
fn insert(seeded: &mut Seeded, line: &mut Vec<u8>) {
    let at = seeded.below(line.len() + 1);
    line.insert(at, *seeded.pick(&NASTY));
}

fn change_type(seeded: &mut Seeded, lines: &mut [Vec<u8>]) {
    let typed: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with(b"# TYPE")).collect();
    if let Some(at) = typed.get(seeded.below(typed.len())) {
        replace_last_word(&mut lines[*at], seeded.pick::<&str>(&TYPES));
    }
}

fn set_time(seeded: &mut Seeded, line: &mut Vec<u8>) {
    if !line.starts_with(b"#") && line.pop() == Some(b'\n') {
        line.push(b' ');
        line.extend_from_slice(seeded.pick(&TIMES).as_bytes());
        line.push(b'\n');
    }
}

fn truncate_value(seeded: &mut Seeded, line: &mut Vec<u8>) {
    let word = line.iter().rev().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.truncate(line.len() - seeded.below(word));
    line.push(b'\n');
}

/// The rest of the body is lost, somewhere inside a line.
fn cut_off(seeded: &mut Seeded, lines: &mut Vec<Vec<u8>>) {
    let from = seeded.below(lines.len());
    lines.truncate(from + 1);
    if let Some(last) = lines.last_mut() {
        last.truncate(seeded.below(last.len() + 1));
    }
}

/// A sample of another name.
fn rename(seeded: &mut Seeded, line: &mut Vec<u8>) {
    let end = line.iter().position(|byte| matches!(byte, b'{' | b' ')).unwrap_or(0);
    if !line.starts_with(b"#") {
        line.splice(..end, seeded.pick(&NAMES).bytes());
    }
}

/// A label of another name.
fn rename_label(seeded: &mut Seeded, lines: &mut [Vec<u8>]) {
    let labelled: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(&b'{')).collect();
    let Some(at) = labelled.get(seeded.below(labelled.len())) else { return };
    let line = &mut lines[*at];
    let open = line.iter().position(|byte| *byte == b'{').unwrap_or(0);
    let end = line.iter().skip(open).position(|byte| *byte == b'=').map_or(open + 1, |at| open + at);
    line.splice(open + 1..end.max(open + 1), seeded.pick(&NAMES).bytes());
}

/// A line moves far away, so that families interleave.
fn interleave(seeded: &mut Seeded, lines: &mut Vec<Vec<u8>>) {
    let line = lines.remove(seeded.below(lines.len()));
    lines.insert(seeded.below(lines.len() + 1), line);
}

/// The value, or the last word of metadata.
fn replace_last_word(line: &mut Vec<u8>, word: &str) {
    let end = line.iter().rposition(|byte| *byte == b' ').map_or(0, |blank| blank + 1);
    line.truncate(end);
    line.extend_from_slice(word.as_bytes());
    line.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::exposition::entry::Format;
    use model::exposition::parse;

    #[test]
    fn the_bodies_are_good_before_anything_happens_to_them() {
        let bodies = TEXT_BODIES.iter().map(|body| (Format::Text, body));
        for (format, body) in bodies.chain(OPENMETRICS_BODIES.iter().map(|body| (Format::OpenMetrics, body)))
        {
            let error = parse(format, body.as_bytes()).find_map(Result::err);
            assert_eq!(error, None, "{body}");
        }
    }

    #[test]
    fn a_number_means_the_same_mutation_for_ever() {
        assert_eq!(mutation(7), mutation(7));
        let different: std::collections::HashSet<_> = (0..1000).map(mutation).collect();
        assert!(different.len() > 950, "only {} differ", different.len());
    }

    #[test]
    fn about_half_of_the_mutations_are_still_read() {
        let read = |number| {
            let (content_type, body) = mutation(number);
            let format = if content_type == TEXT { Format::Text } else { Format::OpenMetrics };
            parse(format, &body).all(|entry| entry.is_ok())
        };
        let count = (0..1000).filter(|number| read(*number)).count();
        assert!((300..800).contains(&count), "{count} of 1000 are read");
    }
}
