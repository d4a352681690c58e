//! Cuts a list of the API server into its objects while it arrives.
//!
//! In: the answer's bytes in pieces of any size. Out: each element of `items` as JSON, and what stands around them. A
//! list of tens of thousands of objects is never held whole, whether or not the server divides it into pages.

use serde::Deserialize;

/// The largest object that is read; the API server itself refuses objects of more than about 1.5 MiB.
pub(super) const LARGEST_OBJECT: usize = 4 << 20;
/// The most that may stand around the objects.
const LARGEST_SHELL: usize = 64 << 10;
/// The field that holds the objects.
const ITEMS: &[u8] = b"items";

/// A list that is being read.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// Objects and lists that are open.
    depth: usize,
    in_text: bool,
    escaped: bool,
    in_items: bool,
    /// The last text at the top of the list, quotes left out.
    name: Vec<u8>,
    item: Vec<u8>,
    shell: Vec<u8>,
}

/// What stands around the objects of a list.
#[derive(Debug, Deserialize)]
struct Shell {
    metadata: ListMeta,
}

/// The metadata of a list.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta {
    /// What the list is as new as.
    #[serde(default)]
    pub(super) resource_version: String,
    /// Asks for the next page; empty on the last one.
    #[serde(default, rename = "continue")]
    pub(super) next: String,
}

impl Items {
    /// Reads on; `each` gets every object that is complete.
    ///
    /// # Errors
    /// A list that is larger than any list may be, or no list.
    pub(super) fn push(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), String> {
        for byte in bytes {
            self.byte(*byte, each);
            if self.item.len() > LARGEST_OBJECT {
                return Err(format!("an object has more than {LARGEST_OBJECT} bytes"));
            }
            if self.shell.len() > LARGEST_SHELL {
                return Err(format!("the answer has more than {LARGEST_SHELL} bytes outside its objects"));
            }
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, each: &mut impl FnMut(&[u8])) {
        let (outside, inside) = if self.in_items { (2, self.depth > 2) } else { (1, false) };
        if self.in_text {
            self.text(byte);
            self.keep(byte, inside);
            return;
        }
        match byte {
            b'"' => {
                self.in_text = true;
                if self.depth == outside {
                    self.name.clear();
                }
            }
            b'{' | b'[' => {
                if byte == b'[' && self.depth == 1 && self.name == ITEMS {
                    self.in_items = true;
                }
                self.depth += 1;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let closes = self.in_items && matches!(byte, b'}' | b']');
        self.keep(byte, inside || (self.in_items && self.depth > 2));
        if closes && self.depth == 2 {
            each(&self.item);
            self.item.clear();
        } else if closes && self.depth == 1 {
            self.in_items = false;
            self.name.clear();
        }
    }

    fn text(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_text = false,
            _ if self.depth == 1 && self.name.len() <= ITEMS.len() => self.name.push(byte),
            _ => {}
        }
    }

    fn keep(&mut self, byte: u8, inside: bool) {
        if inside {
            self.item.push(byte);
        } else if !(self.in_items && self.depth == 2 && byte == b',') {
            self.shell.push(byte);
        }
    }

    /// The list's metadata.
    ///
    /// # Errors
    /// An answer that is no list, or was cut off.
    pub(super) fn finish(self) -> Result<ListMeta, String> {
        if self.depth != 0 || self.in_text {
            return Err("the list ends in the middle".to_owned());
        }
        let shell: Shell =
            serde_json::from_slice(&self.shell).map_err(|error| format!("the answer is no list: {error}"))?;
        Ok(shell.metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> (Vec<String>, Result<ListMeta, String>) {
        let (mut items, mut found) = (Items::default(), Vec::new());
        for bytes in text.as_bytes().chunks(piece) {
            let mut each = |item: &[u8]| found.push(String::from_utf8_lossy(item).into_owned());
            items.push(bytes, &mut each).expect("small");
        }
        (found, items.finish())
    }

    fn meta(resource_version: &str, next: &str) -> Result<ListMeta, String> {
        Ok(ListMeta { resource_version: resource_version.to_owned(), next: next.to_owned() })
    }

    #[test]
    fn objects_are_cut_out_wherever_the_pieces_end() {
        let text = r#"{"kind":"PodList", "metadata":{"resourceVersion":"7","continue":"x","items":[1]},
            "items" : [ {"a":"}]\"{"} , {"items":[{"b":1}],"c":{}} ]}"#;
        for piece in [1, 2, 3, 7, 1000] {
            let (items, list) = read(text, piece);
            assert_eq!(items, [r#"{"a":"}]\"{"}"#, r#"{"items":[{"b":1}],"c":{}}"#]);
            assert_eq!(list, meta("7", "x"), "{piece}");
        }
    }

    #[test]
    fn lists_without_objects_are_lists() {
        for text in [
            r#"{"metadata":{"resourceVersion":"7"},"items":[]}"#,
            r#"{"items":null,"metadata":{"resourceVersion":"7"}}"#,
        ] {
            assert_eq!(read(text, 4), (vec![], meta("7", "")), "{text}");
        }
    }

    #[test]
    fn the_metadata_may_follow_the_objects() {
        let (items, list) = read(r#"{"items":[{"a":1}],"metadata":{"resourceVersion":"9"},"x":["y"]}"#, 5);
        assert_eq!((items, list), (vec![r#"{"a":1}"#.to_owned()], meta("9", "")));
    }

    #[test]
    fn what_is_cut_off_is_no_list() {
        for text in
            [r#"{"metadata":{},"items":[{"a":1}"#, "", "<html>", r#"{"items":[]}"#, r#"{"metadata":{"x"#]
        {
            assert!(read(text, 3).1.is_err(), "{text}");
        }
    }

    #[test]
    fn an_endless_object_is_refused() {
        let mut items = Items::default();
        items.push(br#"{"items":[{"a":""#, &mut |_| {}).expect("small");
        let more = vec![b'x'; LARGEST_OBJECT];
        assert!(items.push(&more, &mut |_| {}).is_err());
        assert!(Items::default().push(&vec![b' '; LARGEST_SHELL + 1], &mut |_| {}).is_err());
    }
}
