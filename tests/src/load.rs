//! Targets as a large fleet has them: many pods of few workloads, each with a page of a given size.
//!
//! A workload's pods share their layout and differ in their values, which move from scrape to scrape.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::fake_target::TEXT;
use crate::raw_target::{Answer, ok};
use crate::seeded::Seeded;

/// How many pods a workload has.
pub const PODS: usize = 100;

/// How many answers a target gives in turn.
const TURNS: u64 = 16;

/// A fleet to be scraped.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many targets.
    pub targets: usize,
    /// The least size of each page, in bytes.
    pub bytes: usize,
    /// How many of a hundred targets never answer.
    pub hanging: usize,
}

impl Load {
    /// What each target sends.
    #[must_use]
    pub fn answers(self) -> Vec<Answer> {
        let workloads: Vec<Arc<[Bytes]>> = (0..self.targets.div_ceil(PODS))
            .map(|workload| {
                let turns = 0..TURNS;
                turns.map(|turn| answer(&exposition(workload, turn, self.bytes))).collect()
            })
            .collect();
        (0..self.targets)
            .map(|number| match self.hangs(number) {
                true => Answer::Hang,
                false => Answer::Keep(Arc::clone(&workloads[number / PODS])),
            })
            .collect()
    }

    /// Whether the target of that number never answers.
    #[must_use]
    pub fn hangs(self, number: usize) -> bool {
        number % 100 < self.hanging
    }

    /// How many samples one page of the target has.
    #[must_use]
    pub fn samples(self, number: usize) -> usize {
        let page = exposition(number / PODS, 0, self.bytes);
        page.lines().filter(|line| !line.starts_with('#')).count()
    }
}

fn answer(page: &str) -> Bytes {
    ok(&[&format!("Content-Type: {TEXT}")], page.as_bytes())
}

/// A page of at least that many bytes: counters, gauges and histograms, several series each.
#[must_use]
pub fn exposition(workload: usize, turn: u64, bytes: usize) -> String {
    let mut page = String::with_capacity(bytes + 4096);
    let mut seeded = Seeded::new(workload as u64 * TURNS + turn);
    for family in 0.. {
        if page.len() >= bytes {
            break;
        }
        let name = format!("workload_{workload}_part_{family}");
        match family % 3 {
            0 => counter(&mut page, &format!("{name}_requests_total"), &mut seeded),
            1 => gauge(&mut page, &format!("{name}_queue_length"), &mut seeded),
            _ => histogram(&mut page, &format!("{name}_duration_seconds"), &mut seeded),
        }
        .expect("a String takes any text");
    }
    page
}

const CODES: [&str; 4] = ["200", "302", "404", "500"];
const ROUTES: [&str; 4] = ["/", "/api/v1/orders", "/api/v1/customers", "/healthz"];

fn counter(page: &mut String, name: &str, seeded: &mut Seeded) -> std::fmt::Result {
    writeln!(page, "# HELP {name} Requests that were answered.\n# TYPE {name} counter")?;
    for route in ROUTES {
        for code in CODES {
            writeln!(
                page,
                "{name}{{code=\"{code}\",method=\"GET\",route=\"{route}\"}} {}",
                seeded.below(2_000_000)
            )?;
        }
    }
    Ok(())
}

fn gauge(page: &mut String, name: &str, seeded: &mut Seeded) -> std::fmt::Result {
    writeln!(page, "# HELP {name} Entries that wait.\n# TYPE {name} gauge")?;
    for queue in 0..8 {
        let value = seeded.below(100_000) as f64 / 64.0;
        writeln!(page, "{name}{{queue=\"q{queue}\"}} {value}")?;
    }
    Ok(())
}

fn histogram(page: &mut String, name: &str, seeded: &mut Seeded) -> std::fmt::Result {
    writeln!(page, "# HELP {name} Time that a request took.\n# TYPE {name} histogram")?;
    for route in ROUTES {
        let mut count = 0;
        for bound in ["0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf"] {
            count += seeded.below(5_000);
            writeln!(page, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}")?;
        }
        writeln!(page, "{name}_sum{{route=\"{route}\"}} {}", count as f64 * 0.0625)?;
        writeln!(page, "{name}_count{{route=\"{route}\"}} {count}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pods_of_a_workload_share_their_layout_and_not_their_values() {
        let layout = |page: &str| -> Vec<String> {
            page.lines()
                .map(|line| line.rsplit_once(' ').map_or(line, |(series, _)| series).to_owned())
                .collect()
        };
        let (one, other) = (exposition(3, 0, 50_000), exposition(3, 1, 50_000));
        assert!(one.len() >= 50_000 && one.len() < 60_000, "{} bytes", one.len());
        assert_ne!(one, other);
        assert_eq!(layout(&one), layout(&other));
        assert_ne!(layout(&one), layout(&exposition(4, 0, 50_000)));
    }

    #[test]
    fn the_asked_share_of_targets_hangs() {
        let load = Load { targets: 2000, bytes: 10, hanging: 10 };
        assert_eq!((0..2000).filter(|number| load.hangs(*number)).count(), 200);
    }
}
