//! Answers that break what lies below an exposition: HTTP, lengths, codings.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Hostile;
use super::Verdict::{self, Down, TooLarge, Up};
use crate::fake_target::TEXT;
use crate::raw_target::{Answer, ok};

const GOOD: &[u8] = b"# TYPE temperature gauge\ntemperature 20\n";

/// The table.
pub(super) fn targets() -> Vec<Hostile> {
    [codings(), lengths(), heads()].concat()
}

fn codings() -> Vec<Hostile> {
    let whole = gzip(GOOD);
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let members = [gzip(b"a 1\n"), gzip(b"b 2\n")].concat();
    vec![
        coded("gzip", Up, "gzip", &whole),
        coded("gzip of two members", Up, "gzip", &members),
        coded("garbage as gzip", Down, "gzip", b"this is no gzip stream"),
        coded("text as gzip", Down, "gzip", GOOD),
        coded("gzip cut off", Down, "gzip", &whole[..whole.len() - 12]),
        coded("gzip with a flipped bit", Down, "gzip", &flipped),
        coded("nothing as gzip", Down, "gzip", b""),
        coded("70 MiB in a small gzip", TooLarge, "gzip", &gzip(&b"a 1\n".repeat((70 << 20) / 4))),
    ]
}

fn lengths() -> Vec<Hostile> {
    let type_line = format!("Content-Type: {TEXT}\r\n");
    let head = format!("HTTP/1.1 200 OK\r\n{type_line}");
    vec![
        cut(
            "fewer bytes than announced",
            Down,
            &format!("{head}Content-Length: 500\r\n\r\ntemperature 20\n"),
        ),
        cut(
            "a chunk cut off",
            Down,
            &format!("{head}Transfer-Encoding: chunked\r\n\r\nff\r\ntemperature 20\n"),
        ),
        cut("no last chunk", Down, &format!("{head}Transfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n")),
        cut("a chunk of no size", Down, &format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\na 1\n\r\n")),
        cut("no length at all", Up, &format!("{head}\r\ntemperature 20\n")),
        cut("two lengths", Down, &format!("{head}Content-Length: 4\r\nContent-Length: 9\r\n\r\na 1\n")),
    ]
}

fn heads() -> Vec<Hostile> {
    let flood = "x".repeat(20 << 10);
    vec![
        cut("status 500", Down, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\na 1\n"),
        cut("status 204", Down, "HTTP/1.1 204 No Content\r\n\r\n"),
        cut(
            "a redirect",
            Down,
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        ),
        cut("no head", Down, "a 1\nb 2\n"),
        cut("half a head", Down, "HTTP/1.1 200 OK\r\nContent-Ty"),
        cut("nothing", Down, ""),
        cut(
            "a header of 20 KiB",
            Down,
            &format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {TEXT}\r\nX: {flood}\r\nContent-Length: 4\r\n\r\na 1\n"
            ),
        ),
        cut("no content type", Down, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n"),
        cut("TLS on a plain port", Down, "\x15\x03\x01\0\x02\x02\x16"),
    ]
}

fn cut(name: &str, verdict: Verdict, bytes: &str) -> Hostile {
    hostile(name, verdict, Answer::Cut(Bytes::copy_from_slice(bytes.as_bytes())))
}

fn coded(name: &str, verdict: Verdict, coding: &str, body: &[u8]) -> Hostile {
    let headers = [format!("Content-Type: {TEXT}"), format!("Content-Encoding: {coding}")];
    let answer = ok(&headers.each_ref().map(String::as_str), body);
    hostile(name, verdict, Answer::Keep([answer].into()))
}

fn hostile(name: &str, verdict: Verdict, answer: Answer) -> Hostile {
    Hostile { name: name.to_owned(), answer, body: None, verdict: Some(verdict) }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
