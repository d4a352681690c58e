//! What no process may write into its log.

use super::{Fault, Judge};

/// Words of a program that has gone wrong beyond its own knowledge.
const WORDS: [&str; 4] = ["panicked at", "fatal runtime error", "stack overflow", " level=error "];

/// A complaint for each line of `log` that tells of a panic or an error; `name` says whose log it is.
#[must_use]
pub fn logs(name: &str, log: &str) -> Vec<Fault> {
    let bad = log.lines().filter(|line| WORDS.iter().any(|word| line.contains(word)));
    bad.map(|line| Fault::new(Judge::Process, format!("{name}: {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_found_among_ordinary_lines() {
        let ordinary =
            "ts=1 level=info msg=\"relay started\"\nts=2 level=warn error=\"connection refused\"\n";
        assert_eq!(logs("relay-0", ordinary), []);
        let panicked = format!("{ordinary}thread 'fleet' panicked at src/fleet.rs:1:1:\n");
        assert_eq!(logs("relay-0", &panicked).len(), 1);
        assert_eq!(logs("relay-0", "ts=3 level=error msg=\"a task stopped\"").len(), 1);
    }
}
