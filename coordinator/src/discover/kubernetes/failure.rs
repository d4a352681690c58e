//! Why the API server could not be listed or watched, and for how long to leave it alone.
//!
//! In: a status with its body, or what went wrong before there was one; how often it went wrong. Out: a fixed word for
//! metrics, a sentence for people, a pause. Pure: what is random is an argument.

use std::time::Duration;

use serde::Deserialize;

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(800);
/// The longest pause that is not asked for.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(120);
/// The longest message of a server that is passed on.
const LONGEST_MESSAGE: usize = 500;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The client cannot be set up: a kubeconfig, a certificate, an exec plugin.
    Credentials,
    /// There is no connection.
    Connect,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 429.
    Throttled,
    /// 410: the version is no longer kept.
    Expired,
    /// Any other status from 400 to 499.
    Refused,
    /// A status of 500 or more.
    Server,
    /// The answer broke off or cannot be read.
    Stream,
    /// Nothing came for too long.
    Silent,
}

impl Reason {
    /// A fixed word for metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Connect => "connect",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Throttled => "throttled",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Server => "server",
            Self::Stream => "stream",
            Self::Silent => "silent",
        }
    }

    fn of(code: u16, reason: &str) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            410 => Self::Expired,
            429 => Self::Throttled,
            // A server that is behind the version that was asked for answers a time-out with this cause.
            _ if reason == "Expired" || reason == "Gone" => Self::Expired,
            400..500 => Self::Refused,
            _ => Self::Server,
        }
    }
}

/// A list or a watch that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub reason: Reason,
    /// What was wrong, for people.
    pub message: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the server does not know so new a version yet.
    pub too_new: bool,
}

/// What Kubernetes answers where it cannot do what it was asked.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: Option<u64>,
    causes: Option<Vec<Cause>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cause {
    reason: Option<String>,
}

impl Failure {
    /// A failure without an answer.
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry_after: None, too_new: false }
    }

    /// What an answer with `code` (0: see the body) and the header `Retry-After` means.
    pub(super) fn of_status(code: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let code = if code == 0 { status.code.unwrap_or(500) } else { code };
        let reason = status.reason.unwrap_or_default();
        let details = status.details.unwrap_or_default();
        let message = status.message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
        let message: String = message.chars().take(LONGEST_MESSAGE).collect();
        let asked = retry_after.and_then(|text| text.trim().parse().ok()).or(details.retry_after_seconds);
        let causes = details.causes.unwrap_or_default();
        let too_large = |cause: &Cause| cause.reason.as_deref() == Some("ResourceVersionTooLarge");
        Self {
            reason: Reason::of(code, &reason),
            message: format!("{code} {reason}: {message}").replace(" :", ":"),
            retry_after: asked.map(|seconds| Duration::from_secs(seconds).min(LONGEST_ASKED)),
            too_new: causes.iter().any(too_large),
        }
    }

    /// How long to wait after `failures` failures in a row. `random` lies in 0..1, so that not all come back at once.
    pub(super) fn pause(&self, failures: u32, random: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST);
        let jittered = doubled.mul_f64(0.75 + random.clamp(0.0, 1.0) / 4.0).max(FIRST);
        self.retry_after.map_or(jittered, |asked| asked.max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_a_word_each() {
        for (code, body, word) in [
            (401, "{}", "unauthorized"),
            (403, r#"{"reason":"Forbidden","message":"no"}"#, "forbidden"),
            (404, "404 page not found", "not_found"),
            (410, "{}", "expired"),
            (0, r#"{"code":410}"#, "expired"),
            (0, "?", "server"),
            (400, r#"{"reason":"Expired"}"#, "expired"),
            (422, "{}", "refused"),
            (429, "{}", "throttled"),
            (503, "down", "server"),
        ] {
            assert_eq!(Failure::of_status(code, None, body.as_bytes()).reason.word(), word, "{code} {body}");
        }
        let failure = Failure::of_status(503, None, b"etcd is away\n");
        assert_eq!(failure.message, "503: etcd is away");
    }

    #[test]
    fn a_version_that_is_too_new_is_seen() {
        let body = br#"{"code":504,"reason":"Timeout","message":"Too large resource version",
            "details":{"causes":[{"reason":"ResourceVersionTooLarge"}],"retryAfterSeconds":1}}"#;
        let failure = Failure::of_status(504, None, body);
        assert!(failure.too_new);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_as_long_as_asked() {
        let failure = Failure::new(Reason::Connect, "x");
        let pauses: Vec<_> = (1..9).map(|failures| failure.pause(failures, 1.0).as_millis()).collect();
        assert_eq!(pauses, [800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        assert_eq!(failure.pause(4, 0.0).as_millis(), 4800);
        let asked = Failure::of_status(429, Some("60"), b"{}");
        assert_eq!(asked.pause(1, 0.5), Duration::from_secs(60));
        let endless = Failure::of_status(429, Some("99999999"), b"{}");
        assert_eq!(endless.pause(1, 0.5), LONGEST_ASKED);
    }
}
