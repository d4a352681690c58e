//! `metric_name_validation_scheme` and `metric_name_escaping_scheme`.

use model::names::{EscapingScheme, ValidationScheme};

use super::code::Code;
use super::context::Context;
use super::fields::{Section, Written};

const VALIDATION: &str = "metric_name_validation_scheme";
const ESCAPING: &str = "metric_name_escaping_scheme";

/// Which names are valid and how they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schemes {
    pub(super) validation: ValidationScheme,
    pub(super) escaping: EscapingScheme,
}

impl Default for Schemes {
    fn default() -> Self {
        Self::following(ValidationScheme::Utf8)
    }
}

impl Schemes {
    /// The escaping that goes with a validation scheme.
    fn following(validation: ValidationScheme) -> Self {
        let escaping = match validation {
            ValidationScheme::Utf8 => EscapingScheme::AllowUtf8,
            ValidationScheme::Legacy => EscapingScheme::Underscores,
        };
        Self { validation, escaping }
    }

    /// Those of `global`. Whether they go together is checked where a job uses both, as in Prometheus.
    pub(super) fn of_global(section: &mut Section<'_>, cx: &mut Context<'_>) -> Self {
        let following = Self::following(validation(section, cx).unwrap_or_default());
        let escaping = escaping(section, cx).map_or(following.escaping, |written| written.value);
        Self { escaping, ..following }
    }

    /// Those of a job: a job that sets its validation scheme does not inherit the escaping.
    pub(super) fn of_job(section: &mut Section<'_>, inherited: Self, cx: &mut Context<'_>) -> Self {
        let mut schemes = validation(section, cx).map_or(inherited, Self::following);
        let written = escaping(section, cx);
        schemes.escaping = written.as_ref().map_or(schemes.escaping, |written| written.value);
        if schemes.escaping == EscapingScheme::AllowUtf8 && schemes.validation == ValidationScheme::Legacy {
            let span = written.map_or(section.span, |written| written.span);
            let message =
                format!("`{ESCAPING}: allow-utf-8` needs `{VALIDATION}: utf8`, which here is legacy");
            cx.report.add(Code::Conflict, span, message);
        }
        schemes
    }
}

fn validation(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<ValidationScheme> {
    let written = section.nonempty(VALIDATION, &mut cx.report)?;
    let scheme = ValidationScheme::parse(written.value);
    if scheme.is_none() {
        let message = format!("`{VALIDATION}` takes `utf8` or `legacy`, not {:?}", written.value);
        cx.report.add(Code::UnknownValue, written.span, message);
    }
    scheme
}

fn escaping(section: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Written<EscapingScheme>> {
    let written = section.nonempty(ESCAPING, &mut cx.report)?;
    let scheme = EscapingScheme::parse(written.value);
    if scheme.is_none() {
        let message =
            format!("`{ESCAPING}` takes allow-utf-8, underscores, dots or values, not {:?}", written.value);
        cx.report.add(Code::UnknownValue, written.span, message);
    }
    scheme.map(|value| Written { value, span: written.span })
}
