//! Text pages of targets that do not agree, read by promtool's strict parser where it is installed.

use std::io::Write;
use std::process::{Command, Stdio};

use model::exposition::entry::Format;

use super::fixture::{OM, TEXT, page, targets};

/// Bodies that share names and disagree about them.
const HOSTILE: [(Format, &str); 12] = [
    (
        TEXT,
        "# HELP foo A.\n# TYPE foo histogram\nfoo_bucket{le=\"1\"} 1\nfoo_bucket{le=\"+Inf\"} 2\nfoo_sum 3\nfoo_count 2\n",
    ),
    (
        TEXT,
        "# HELP foo_bucket B.\n# TYPE foo_bucket gauge\nfoo_bucket{le=\"1\"} 1\nfoo_bucket 4\n# TYPE foo gauge\nfoo 1\n",
    ),
    (TEXT, "foo_bucket{le=\"1\"} 7\nfoo_count 3\nfoo_sum 1\nfoo 9\nbar_sum 1\nbar_count 1\nbar 1\n"),
    (TEXT, "# HELP bar C.\n# TYPE bar summary\nbar{quantile=\"0.5\"} 1\nbar_sum 1\nbar_count 2\n"),
    (
        TEXT,
        "# HELP bar_count D.\n# TYPE bar_count counter\nbar_count 1\n# TYPE bar gauge\nbar{quantile=\"0.9\"} 1\n",
    ),
    (TEXT, "# TYPE c_total counter\nc_total 1\n# TYPE c_created gauge\nc_created 5\n# HELP only Alone.\n"),
    (
        OM,
        "# TYPE c counter\n# HELP c Quotes \\\" and \\\\ and \\n.\nc_total 1 # {t=\"1\"} 1\nc_created 5\n# TYPE only info\n",
    ),
    (
        OM,
        "# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"on\"} 1\n# TYPE foo counter\nfoo_total 3\n",
    ),
    (OM, "# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 1\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\ng_gsum 2\n"),
    (
        TEXT,
        "# TYPE g gauge\ng 1\n# TYPE g_bucket histogram\ng_bucket_bucket{le=\"+Inf\"} 1\ng_bucket_sum 1\ng_bucket_count 1\n",
    ),
    (
        TEXT,
        "# TYPE up histogram\nup_bucket{le=\"+Inf\"} 1\nup_sum 1\nup_count 1\n# TYPE scrape_series_added counter\nscrape_series_added{a=\"b\"} 1\n",
    ),
    (
        TEXT,
        "# TYPE foo summary\nfoo{quantile=\"1\"} 1\nfoo_sum 1\nfoo_count 1\nfoo_bucket{le=\"5\",l=\"\\\"\\\\\\n\"} 1\n",
    ),
];

/// What `promtool check metrics` says of a page: its exit code and words; `None` where it is not installed.
fn promtool(page: &str) -> Option<(Option<i32>, String)> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("promtool does not start: {error}"),
    };
    child.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("promtool reads the page");
    let output = child.wait_with_output().expect("promtool ends");
    Some((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn promtool_reads_the_pages_of_targets_that_disagree() {
    for skip in 0..HOSTILE.len() {
        for rotation in 0..HOSTILE.len() {
            let mut bodies = HOSTILE.to_vec();
            bodies.rotate_left(rotation);
            bodies.remove(skip);
            if rotation % 4 != skip % 4 {
                continue;
            }
            let (page, _) = page(TEXT, &targets(&bodies));
            let Some((code, words)) = promtool(&page) else {
                eprintln!("SKIPPED: promtool is not on PATH, so no page was read by it");
                return;
            };
            // 3: the page is valid and promtool has advice on names.
            assert!(matches!(code, Some(0 | 3)), "exit {code:?}: {words}\n{page}");
        }
    }
}
