//! Tables for people: columns, times and labels as a terminal shows them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use comfy_table::{ContentArrangement, Table, presets};
use prost_types::Timestamp;

use crate::exit::one_line;

/// A table without lines, sized to its content.
#[must_use]
pub fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().copied());
    table
}

/// Adds a row; control characters are escaped, an empty cell becomes a dash.
pub fn row(table: &mut Table, cells: &[&str]) {
    table.add_row(cells.iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { one_line(cell) }));
}

/// A line for each thing there is to know.
#[must_use]
pub fn fields(rows: &[(&str, String)]) -> String {
    let mut out = new(&["FIELD", "VALUE"]);
    for (field, value) in rows {
        row(&mut out, &[field, value]);
    }
    out.to_string()
}

/// How long ago, in words: `12s`, `3m5s`, `2h10m`; empty where there is no time.
#[must_use]
pub fn ago(time: Option<&Timestamp>) -> String {
    let Some(time) = time.and_then(|time| SystemTime::try_from(*time).ok()) else { return String::new() };
    span(SystemTime::now().duration_since(time).unwrap_or_default())
}

/// A duration in at most two units.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// The time of day, UTC.
#[must_use]
pub fn clock(now: SystemTime) -> String {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A protobuf duration as [`span`]; empty where there is none.
#[must_use]
pub fn duration(duration: Option<&prost_types::Duration>) -> String {
    duration.and_then(|duration| Duration::try_from(*duration).ok()).map(span).unwrap_or_default()
}

/// Labels as `{a="1", b="2"}`, sorted.
#[must_use]
pub fn labels(labels: &HashMap<String, String>) -> String {
    model::labels::Labels::from_pairs(labels).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_at_most_two_units() {
        for (seconds, expected) in
            [(0.012, "12ms"), (5.0, "5s"), (185.0, "3m5s"), (7800.0, "2h10m"), (200_000.0, "2d7h")]
        {
            assert_eq!(span(Duration::from_secs_f64(seconds)), expected);
        }
    }

    #[test]
    fn nothing_that_a_target_says_reaches_a_terminal_raw() {
        let mut table = new(&["ERROR"]);
        row(&mut table, &["\u{1b}[31mred\u{7}\nrow"]);
        assert!(!table.to_string().contains('\u{1b}'), "{table}");
        assert_eq!(table.lines().count(), 2, "{table}");
    }
}
