//! Decompression, bounded, with decoders that are used again: building one costs as much as decoding 30 KB.

use std::io::{self, Cursor, Read};

use flate2::bufread::GzDecoder;
use parking_lot::Mutex;

/// Idle decoders kept, about 45 KB each; a burst beyond builds its own.
const IDLE_DECODERS: usize = 16;
/// The most that one step produces, in bytes, so that one body does not hold a thread for long.
const STEP: usize = 256 << 10;

type Decoder = GzDecoder<Cursor<Vec<u8>>>;

/// Decoders that wait for work.
#[derive(Debug, Default)]
pub(super) struct Decoders {
    idle: Mutex<Vec<Decoder>>,
}

/// One body being decoded. Members that follow each other are one body (RFC 1952 2.2).
pub(super) struct Decoding<'a> {
    decoder: Option<Decoder>,
    home: &'a Decoders,
}

/// How far decoding has come after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more.
    More,
    /// The last member has ended where the body does.
    End,
}

impl Decoders {
    /// Starts to decode `compressed`.
    pub(super) fn decode(&self, compressed: Vec<u8>) -> Decoding<'_> {
        let input = Cursor::new(compressed);
        let idle = self.idle.lock().pop();
        let decoder = match idle {
            Some(mut decoder) => {
                decoder.reset(input);
                decoder
            }
            None => GzDecoder::new(input),
        };
        Decoding { decoder: Some(decoder), home: self }
    }
}

impl Decoding<'_> {
    /// Appends to `out`, within its capacity, by at most 256 KiB.
    ///
    /// # Errors
    /// When the body is damaged, ends early or goes on with something else.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> io::Result<Step> {
        let decoder = self.decoder.as_mut().expect("only drop takes it");
        let start = out.len();
        let room = (out.capacity() - start).min(STEP);
        out.resize(start + room, 0);
        let buffer = out.get_mut(start..).expect("just made");
        let read = decoder.read(buffer);
        out.truncate(start + *read.as_ref().unwrap_or(&0));
        if read? > 0 || room == 0 {
            return Ok(Step::More);
        }
        let input = decoder.get_ref();
        if input.position() >= input.get_ref().len() as u64 {
            return Ok(Step::End);
        }
        let input = std::mem::take(decoder.get_mut());
        decoder.reset(input);
        Ok(Step::More)
    }
}

impl Drop for Decoding<'_> {
    fn drop(&mut self) {
        let Some(mut decoder) = self.decoder.take() else { return };
        decoder.reset(Cursor::default());
        let mut idle = self.home.idle.lock();
        if idle.len() < IDLE_DECODERS {
            idle.push(decoder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(decoders: &Decoders, compressed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut decoding = decoders.decode(compressed);
        let mut out = Vec::new();
        loop {
            out.reserve(7);
            if decoding.step(&mut out)? == Step::End {
                return Ok(out);
            }
        }
    }

    #[test]
    fn members_that_follow_each_other_are_one_body() {
        let decoders = Decoders::default();
        let body = [gzip(b"up 1\n"), gzip(b""), gzip(b"down 0\n")].concat();
        for _ in 0..3 {
            assert_eq!(decode(&decoders, body.clone()).unwrap(), b"up 1\ndown 0\n");
        }
        assert_eq!(decoders.idle.lock().len(), 1);
    }

    #[test]
    fn damage_is_an_error_and_does_not_stay_in_the_decoder() {
        let decoders = Decoders::default();
        let good = gzip(&b"metric 1\n".repeat(100));
        let mut wrong_sum = good.clone();
        let at = wrong_sum.len() - 6;
        wrong_sum[at] ^= 1;
        let truncated = good[..good.len() - 1].to_vec();
        let padded = [good.clone(), vec![0; 8]].concat();
        for bad in [wrong_sum, truncated, padded, b"plain text".to_vec(), Vec::new()] {
            assert!(decode(&decoders, bad).is_err());
            assert_eq!(decode(&decoders, good.clone()).unwrap().len(), 900);
        }
    }
}
