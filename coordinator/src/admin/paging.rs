//! Pages of a list (AIP-158).
//!
//! A token is the key of the last row of the page before, so a list that changes in between loses no row that
//! stays and repeats none.

use thiserror::Error;

/// Rows of a page where the request names no number.
pub const DEFAULT_SIZE: usize = 100;

/// Most rows of a page; a larger number is taken as this.
pub const LARGEST_SIZE: usize = 1000;

/// A page request that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PageError {
    /// The size is below zero.
    #[error("page_size {0} is negative; leave it out for {DEFAULT_SIZE}, at most {LARGEST_SIZE}")]
    NegativeSize(i32),
    /// The token is not one that was given out.
    #[error("page_token is not one that this list gave; start without one")]
    UnknownToken,
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a, T> {
    /// The rows.
    pub rows: Vec<&'a T>,
    /// Token of the next page; empty where this is the last.
    pub next: String,
}

/// The page of `rows`, which are sorted by `key`, after `token`.
///
/// # Errors
/// Where size or token cannot be.
pub fn page<'a, T>(
    rows: &[&'a T],
    key: impl Fn(&T) -> String,
    size: i32,
    token: &str,
) -> Result<Page<'a, T>, PageError> {
    let size = match usize::try_from(size) {
        Err(_) => return Err(PageError::NegativeSize(size)),
        Ok(0) => DEFAULT_SIZE,
        Ok(size) => size.min(LARGEST_SIZE),
    };
    let from = match token.strip_prefix("after:") {
        None if token.is_empty() => 0,
        None => return Err(PageError::UnknownToken),
        Some(last) => rows.partition_point(|row| *key(row) <= *last),
    };
    let rows_left = &rows[from.min(rows.len())..];
    let shown: Vec<&T> = rows_left.iter().take(size).copied().collect();
    let next = match shown.last() {
        Some(last) if rows_left.len() > shown.len() => format!("after:{}", key(last)),
        _ => String::new(),
    };
    Ok(Page { rows: shown, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once() {
        let all: Vec<String> = (0..250).map(|n| format!("{n:04}")).collect();
        let rows: Vec<&String> = all.iter().collect();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(&rows, |row: &String| row.clone(), 0, &token).unwrap();
            seen.extend(page.rows);
            token = page.next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_size_below_zero_and_a_strange_token_are_refused() {
        let rows: Vec<&String> = Vec::new();
        let ask = |size, token| page(&rows, |row: &String| row.clone(), size, token);
        assert_eq!(ask(-1, ""), Err(PageError::NegativeSize(-1)));
        assert_eq!(ask(5, "nonsense"), Err(PageError::UnknownToken));
        assert_eq!(ask(5000, "").unwrap().rows.len(), 0);
    }
}
