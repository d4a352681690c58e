//! What a scraper sees of targets on the pages of relays.
//!
//! In: the pages, text. Out: how one target stands, and how many are up. Pure; it reads what the demo's own exporters
//! say and is no parser of expositions.

use std::collections::BTreeSet;

/// One relay's page; none: it does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The relay.
    pub relay: String,
    /// Its text.
    pub text: Option<String>,
}

/// How a target stands on a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Whose page.
    pub relay: String,
    /// Its `up`.
    pub is_up: bool,
    /// Its own samples on the page.
    pub samples: usize,
    /// How old they are, where they are from the cache, in seconds.
    pub age: Option<f64>,
}

/// Series that a relay adds to those of a target.
const ADDED: [&str; 3] = ["up{", "scrape_", "scraperelay_"];
const AGE: &str = "scraperelay_target_cache_age_seconds{";

/// How `instance` stands on each page that has it.
#[must_use]
pub fn seen(pages: &[Page], instance: &str) -> Vec<Seen> {
    let label = format!("instance=\"{instance}\"");
    let on = |page: &Page| {
        let text = page.text.as_deref()?;
        let own: Vec<&str> =
            text.lines().filter(|line| line.contains(&label) && !line.starts_with('#')).collect();
        let up = own.iter().find(|line| line.starts_with("up{"))?;
        let is_added = |line: &&&str| ADDED.iter().any(|start| line.starts_with(start));
        Some(Seen {
            relay: page.relay.clone(),
            is_up: value(up) == Some(1.0),
            samples: own.iter().filter(|line| !is_added(line)).count(),
            age: own.iter().find(|line| line.starts_with(AGE)).and_then(|line| value(line)),
        })
    };
    pages.iter().filter_map(on).collect()
}

/// How many targets are up on some page.
#[must_use]
pub fn up(pages: &[Page]) -> usize {
    let lines = pages.iter().filter_map(|page| page.text.as_deref()).flat_map(str::lines);
    let series = lines.filter_map(|line| line.strip_suffix(" 1").filter(|series| series.starts_with("up{")));
    series.collect::<BTreeSet<_>>().len()
}

fn value(line: &str) -> Option<f64> {
    line.rsplit_once(' ')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(relay: &str, text: &str) -> Page {
        Page { relay: relay.to_owned(), text: Some(text.to_owned()) }
    }

    #[test]
    fn a_target_is_seen_with_what_is_left_of_it() {
        let pages = [
            page(
                "r-0",
                "# HELP a instance=\"h:1\"\na{instance=\"h:1\"} 7\na{instance=\"h:10\"} 7\nup{instance=\"h:1\"} 0\n\
                 up{instance=\"h:10\"} 1\nscrape_duration_seconds{instance=\"h:1\"} 0.1\n\
                 scraperelay_target_cache_age_seconds{instance=\"h:1\"} 2.5\n",
            ),
            page("r-1", "up{instance=\"h:10\"} 1\nup{instance=\"h:2\"} 1\n"),
            Page { relay: "r-2".to_owned(), text: None },
        ];
        let cached = Seen { relay: "r-0".to_owned(), is_up: false, samples: 1, age: Some(2.5) };
        assert_eq!(seen(&pages, "h:1"), [cached]);
        assert_eq!(seen(&pages, "h:10").len(), 2);
        assert_eq!(seen(&pages, "h:3"), []);
        assert_eq!(up(&pages), 2, "one is moving and on two pages");
    }
}
