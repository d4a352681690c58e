//! The command line where the program is called `metrics-proxy`.
//!
//! In: the arguments as the process got them. Out: those of `scrape-relay standalone`, whose flags may then have one dash
//! or two, as that program's could.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The name under which the program is metrics-k8s-proxy.
pub const NAME: &str = "metrics-proxy";

/// The arguments for clap. `None` where the program has another name.
#[must_use]
pub fn arguments(given: &[OsString]) -> Option<Vec<OsString>> {
    let (program, rest) = given.split_first()?;
    (Path::new(program).file_name() == Some(OsStr::new(NAME))).then(|| {
        let rest = rest.iter().map(|argument| two_dashes(argument));
        ["scrape-relay".into(), "standalone".into()].into_iter().chain(rest).collect()
    })
}

/// `-labels` is `--labels`. A short flag, `-h`, stays as it is, and so does a value such as `-1s`.
fn two_dashes(argument: &OsStr) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix('-')) {
        Some(name) if name.len() > 1 && name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("--{name}").into()
        }
        _ => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_and_one_dash_is_two() {
        let read = |words: &str| {
            let given: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            arguments(&given).map(|found| found.join(OsStr::new(" ")).into_string().expect("it was UTF-8"))
        };
        for (given, expected) in [
            ("/usr/bin/metrics-proxy -help", Some("scrape-relay standalone --help")),
            (
                "metrics-proxy --labels=a=b -port 1 -h",
                Some("scrape-relay standalone --labels=a=b --port 1 -h"),
            ),
            ("metrics-proxy -scrape_timeout -1s", Some("scrape-relay standalone --scrape_timeout -1s")),
            ("metrics-proxy", Some("scrape-relay standalone")),
            ("scrape-relay standalone", None),
            ("/opt/metrics-proxy/scrape-relay -help", None),
        ] {
            assert_eq!(read(given).as_deref(), expected, "{given}");
        }
    }
}
