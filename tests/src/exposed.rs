//! The judge of pages: is what a page shows of each target exactly one of its bodies, and never an older one than a page
//! has shown before?
//!
//! In: pages of [`Counters`](crate::counters) as they were received, whole. Out: what each target showed, or the wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::counters::{PARTS, sequence, uid, value};

/// What a page showed of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is up.
    pub up: bool,
    /// Which of its bodies, if any.
    pub body: Option<u64>,
}

/// Remembers the newest body that was shown of each target.
#[derive(Clone, Debug)]
pub struct Exposed {
    instances: BTreeMap<String, usize>,
    newest: Vec<u64>,
}

impl Exposed {
    /// Nothing has been shown yet of the targets at `addresses`.
    #[must_use]
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let instances = addresses.iter().enumerate().map(|(number, address)| (address.to_string(), number));
        Self { instances: instances.collect(), newest: vec![0; addresses.len()] }
    }

    /// The newest body that was shown of a target; 0 for none.
    #[must_use]
    pub fn newest(&self, number: usize) -> u64 {
        self.newest[number]
    }

    /// Looks at a page; `sent` says how many bodies each target has sent by now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge(&mut self, page: &str, sent: impl Fn(usize) -> u64) -> Result<Vec<Seen>, String> {
        let mut found: Vec<BTreeMap<u64, u64>> = vec![BTreeMap::new(); self.newest.len()];
        let mut seen = vec![Seen::default(); self.newest.len()];
        let mut ups = 0;
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with("up{") {
                ups += 1;
                seen[self.number(line)?].up = line.ends_with(" 1");
            } else if line.starts_with("work_total{") {
                self.sample(line, &mut found)?;
            }
        }
        if ups != seen.len() {
            return Err(format!("{ups} of {} targets have an up", seen.len()));
        }
        for (number, values) in found.iter().enumerate().filter(|(_, values)| !values.is_empty()) {
            let body = whole_body(number, values)?;
            if body > sent(number) {
                return Err(format!("target {number} never sent body {body}"));
            }
            let newest = self.newest[number];
            if body < newest {
                return Err(format!("target {number} shows body {body} after body {newest}"));
            }
            seen[number].body = Some(body);
        }
        for (newest, seen) in self.newest.iter_mut().zip(&seen) {
            *newest = seen.body.unwrap_or(*newest);
        }
        Ok(seen)
    }

    fn sample(&self, line: &str, found: &mut [BTreeMap<u64, u64>]) -> Result<(), String> {
        let number = self.number(line)?;
        if label(line, "uid") != Some(&uid(number)) {
            return Err(format!("target {number} shows what another sent: {line}"));
        }
        let part = label(line, "part").and_then(|part| part.parse().ok());
        let value = line.rsplit(' ').next().and_then(|value| value.parse().ok());
        let (Some(part), Some(value)) = (part, value) else { return Err(format!("cannot be read: {line}")) };
        match found[number].insert(part, value) {
            None => Ok(()),
            Some(_) => Err(format!("twice: {line}")),
        }
    }

    fn number(&self, line: &str) -> Result<usize, String> {
        let number = label(line, "instance").and_then(|instance| self.instances.get(instance));
        number.copied().ok_or_else(|| format!("of no target: {line}"))
    }
}

/// Which of a target's bodies has exactly these values.
fn whole_body(number: usize, values: &BTreeMap<u64, u64>) -> Result<u64, String> {
    let body = sequence(*values.values().next().unwrap_or(&0));
    let expected: BTreeMap<u64, u64> = (0..PARTS).map(|part| (part, value(number, body, part))).collect();
    if *values == expected {
        Ok(body)
    } else {
        Err(format!("target {number} shows no body of its: {values:?}"))
    }
}

fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters;

    fn addresses() -> Vec<SocketAddr> {
        vec!["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()]
    }

    /// A page with these targets: instance, whose body, which body.
    fn page(targets: &[(usize, usize, u64)]) -> String {
        let mut page = String::new();
        for (at, of, sequence) in targets {
            let instance = format!(r#"instance="127.0.0.1:{}""#, at + 1);
            page += &format!("up{{{instance}}} 1\n");
            page += &counters::body(*of, *sequence).replace("{uid", &format!("{{{instance},uid"));
        }
        page
    }

    fn after(shown: &[(usize, usize, u64)], then: &str) -> Result<Vec<Seen>, String> {
        let mut exposed = Exposed::new(&addresses());
        exposed.judge(&page(shown), |_| 9).expect("nothing wrong with what came first");
        exposed.judge(then, |_| 9)
    }

    const SHOWN: [(usize, usize, u64); 2] = [(0, 0, 5), (1, 1, 7)];

    #[test]
    fn the_same_and_newer_bodies_are_right() {
        let seen = after(&SHOWN, &page(&[(0, 0, 5), (1, 1, 8)])).unwrap();
        assert_eq!(seen, [Seen { up: true, body: Some(5) }, Seen { up: true, body: Some(8) }]);
    }

    #[test]
    fn a_body_by_one_older_is_found() {
        let error = after(&SHOWN, &page(&[(0, 0, 4), (1, 1, 7)])).unwrap_err();
        assert_eq!(error, "target 0 shows body 4 after body 5");
    }

    #[test]
    fn an_older_body_after_a_gap_is_found() {
        let mut exposed = Exposed::new(&addresses());
        exposed.judge(&page(&SHOWN), |_| 9).unwrap();
        let nothing = "up{instance=\"127.0.0.1:1\"} 0\nup{instance=\"127.0.0.1:2\"} 0\n";
        assert_eq!(exposed.judge(nothing, |_| 9).unwrap(), [Seen::default(); 2]);
        assert!(exposed.judge(&page(&[(0, 0, 4), (1, 1, 7)]), |_| 9).is_err());
    }

    #[test]
    fn another_targets_body_one_never_sent_a_mixed_one_and_a_torn_one_are_found() {
        let good = page(&SHOWN);
        let mixed = good.replacen(&value(0, 5, 3).to_string(), "6001", 1);
        let torn: String = good
            .lines()
            .filter(|line| !line.contains("part=\"3\""))
            .map(|line| format!("{line}\n"))
            .collect();
        let without_up = good.replacen("up{", "down{", 1);
        for wrong in [page(&[(0, 1, 5), (1, 1, 7)]), page(&[(0, 0, 10), (1, 1, 7)]), mixed, torn, without_up]
        {
            assert!(after(&SHOWN, &wrong).is_err(), "{wrong}");
        }
    }
}
