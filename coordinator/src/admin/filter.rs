//! Filters of the admin API: a small part of AIP-160.
//!
//! `state = down AND (job = "pods" OR labels.namespace : shop) AND NOT url : ":8080"`. Comparisons are `=`,
//! `!=` and `:` (contains); `AND` binds closer than `OR`; words with other characters than letters, digits and
//! `_ . - /` stand in double quotes, where `\` takes the next character as it is.

use std::borrow::Cow;
use std::iter::Peekable;

use thiserror::Error;

/// Longest filter, in bytes.
pub const LENGTH_LIMIT: usize = 4096;

/// Deepest nesting of parentheses and NOT.
const DEPTH_LIMIT: usize = 32;

/// A filter that can be asked about rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Option<Expression>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare { field: String, operator: Operator, value: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Contains,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The text is too long.
    #[error("the filter has {0} bytes, at most {LENGTH_LIMIT} are read")]
    TooLong(usize),
    /// Parentheses or NOT nest too deep.
    #[error("the filter nests deeper than {DEPTH_LIMIT} levels")]
    TooDeep,
    /// A quote is not closed.
    #[error("a double quote is not closed")]
    OpenQuote,
    /// Something else was expected.
    #[error("expected {expected} but found {found}; a filter looks like: state = down AND job = \"pods\"")]
    Unexpected {
        /// What could have stood there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A field that these rows do not have.
    #[error("there is no field {field:?}; there are {known}")]
    UnknownField {
        /// As written.
        field: String,
        /// The fields there are.
        known: String,
    },
}

impl Filter {
    /// Reads a filter over rows with these fields; a known field that ends in `.` takes any name after it.
    ///
    /// # Errors
    /// What is wrong with it. An empty text passes every row.
    pub fn parse(text: &str, fields: &[&str]) -> Result<Self, FilterError> {
        if text.len() > LENGTH_LIMIT {
            return Err(FilterError::TooLong(text.len()));
        }
        let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), fields };
        if parser.tokens.peek().is_none() {
            return Ok(Self(None));
        }
        let expression = parser.any(0)?;
        match parser.tokens.next() {
            None => Ok(Self(Some(expression))),
            Some(token) => Err(unexpected("AND or OR", Some(&token))),
        }
    }

    /// Whether a row passes; `field` gives the row's value of a field.
    pub fn passes<'a>(&self, field: &impl Fn(&str) -> Cow<'a, str>) -> bool {
        self.0.as_ref().is_none_or(|expression| expression.passes(field))
    }
}

impl Expression {
    fn passes<'a>(&self, get: &impl Fn(&str) -> Cow<'a, str>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.passes(get)),
            Self::Or(any) => any.iter().any(|one| one.passes(get)),
            Self::Not(one) => !one.passes(get),
            Self::Compare { field, operator, value } => match operator {
                Operator::Equal => get(field) == **value,
                Operator::NotEqual => get(field) != **value,
                Operator::Contains => get(field).contains(&**value),
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            ' ' | '\t' | '\n' => continue,
            '(' => Token::Sign("("),
            ')' => Token::Sign(")"),
            '=' => Token::Sign("="),
            ':' => Token::Sign(":"),
            '!' if chars.next_if_eq(&'=').is_some() => Token::Sign("!="),
            '"' => Token::Quoted(quoted(&mut chars)?),
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| is_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            c => {
                return Err(FilterError::Unexpected {
                    expected: "a word or a sign",
                    found: format!("{c:?}"),
                });
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')
}

fn quoted(chars: &mut impl Iterator<Item = char>) -> Result<String, FilterError> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(text),
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    Err(FilterError::OpenQuote)
}

fn unexpected(expected: &'static str, found: Option<&Token>) -> FilterError {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Word(text) | Token::Quoted(text)) => format!("{text:?}"),
        Some(Token::Sign(sign)) => format!("{sign:?}"),
    };
    FilterError::Unexpected { expected, found }
}

struct Parser<'a, I: Iterator<Item = Token>> {
    tokens: Peekable<I>,
    fields: &'a [&'a str],
}

impl<I: Iterator<Item = Token>> Parser<'_, I> {
    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.keyword("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut parts = vec![self.one(depth)?];
        while self.keyword("AND") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if depth == DEPTH_LIMIT {
            return Err(FilterError::TooDeep);
        }
        if self.keyword("NOT") {
            return Ok(Expression::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.tokens.next() {
            Some(Token::Sign("(")) => {
                let inner = self.any(depth + 1)?;
                match self.tokens.next() {
                    Some(Token::Sign(")")) => Ok(inner),
                    other => Err(unexpected("a closing parenthesis", other.as_ref())),
                }
            }
            Some(Token::Word(field)) => self.comparison(field),
            other => Err(unexpected("a field", other.as_ref())),
        }
    }

    fn comparison(&mut self, field: String) -> Result<Expression, FilterError> {
        let known = |known: &str| field == known || (known.ends_with('.') && field.starts_with(known));
        if !self.fields.iter().any(|field| known(field)) {
            return Err(FilterError::UnknownField { field, known: self.fields.join(", ") });
        }
        let operator = match self.tokens.next() {
            Some(Token::Sign("=")) => Operator::Equal,
            Some(Token::Sign("!=")) => Operator::NotEqual,
            Some(Token::Sign(":")) => Operator::Contains,
            other => return Err(unexpected("=, != or :", other.as_ref())),
        };
        match self.tokens.next() {
            Some(Token::Word(value) | Token::Quoted(value)) => {
                Ok(Expression::Compare { field, operator, value })
            }
            other => Err(unexpected("a value", other.as_ref())),
        }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(word) if word == keyword)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 3] = ["state", "job", "labels."];

    fn row(field: &str) -> Cow<'static, str> {
        match field {
            "state" => "down",
            "job" => "pods",
            "labels.a b" => "odd",
            "labels.ns" => "shop-1",
            _ => "",
        }
        .into()
    }

    #[test]
    fn a_filter_passes_what_it_says() {
        for (text, expected) in [
            ("", true),
            ("state = down", true),
            ("state=up OR job=pods", true),
            ("state = up OR job = pods AND labels.ns : \"x\"", false),
            ("(state = up OR job = pods) AND labels.ns : shop", true),
            ("NOT state = down", false),
            ("NOT (state = up)", true),
            ("job != \"pods\"", false),
            ("labels.gone = \"\"", true),
        ] {
            assert_eq!(Filter::parse(text, &FIELDS).unwrap().passes(&row), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_filter_says_what_was_expected() {
        let deep = "NOT ".repeat(40) + "state = up";
        for (text, expected) in [
            ("state", "=, != or :"),
            ("state =", "a value"),
            ("stat = up", "there is no field \"stat\""),
            ("(state = up", "closing parenthesis"),
            ("state = up job = x", "AND or OR"),
            ("state = \"up", "not closed"),
            ("state ~ up", "a word or a sign"),
            (&deep, "deeper than"),
        ] {
            let error = Filter::parse(text, &FIELDS).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
