//! Compression of a page while it is written.
//!
//! In: the chunks of a page. Out: the bytes of one gzip member (RFC 1952), as they come. The state of the encoder is
//! the larger part of its cost for a small page, so it can be used for one page after the other. Nothing is sent or
//! awaited here.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The fastest level: even this costs several times what writing the page does, and each further one twice that.
const LEVEL: u32 = 1;
/// Space made for output before each call of the encoder; it is called again while it has more.
const STEP: usize = 32 << 10;
/// Magic, deflate, no flags, no time, fastest, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Why a page cannot be compressed.
#[derive(Debug, thiserror::Error)]
pub enum GzipError {
    /// The encoder refused its input: its state is broken.
    #[error("gzip encoder: {0}; send the page uncompressed")]
    Encoder(#[from] flate2::CompressError),
    /// The encoder took no input although it had room for output.
    #[error("gzip encoder makes no progress; send the page uncompressed")]
    Stuck,
}

/// An encoder for one page at a time.
#[derive(Debug)]
pub struct GzipEncoder {
    deflate: Compress,
    crc: Crc,
    begun: bool,
}

impl Default for GzipEncoder {
    fn default() -> Self {
        Self { deflate: Compress::new(Compression::new(LEVEL), false), crc: Crc::new(), begun: false }
    }
}

impl GzipEncoder {
    /// An encoder at the start of a page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compresses the next `chunk` of the page. What is ready is appended to `out`, which may be nothing yet.
    ///
    /// # Errors
    /// [`GzipError`] where the encoder fails; the page cannot be continued then.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), GzipError> {
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(&HEADER);
        }
        self.crc.update(chunk);
        let mut rest = chunk;
        while !rest.is_empty() {
            let (taken, _) = self.deflate(rest, out, FlushCompress::None)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the page: the remaining bytes and the trailer are appended to `out`. The encoder is then at the start of
    /// another page.
    ///
    /// # Errors
    /// [`GzipError`] where the encoder fails.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), GzipError> {
        self.write(&[], out)?;
        while self.deflate(&[], out, FlushCompress::Finish)?.1 != Status::StreamEnd {}
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.reset();
        Ok(())
    }

    /// Forgets a page that was begun, for one that nobody reads to its end.
    pub fn reset(&mut self) {
        self.deflate.reset();
        self.crc.reset();
        self.begun = false;
    }

    /// One call of the encoder: how much input it took, and its status.
    fn deflate(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<(usize, Status), GzipError> {
        out.reserve(STEP);
        let (before_in, before_out) = (self.deflate.total_in(), self.deflate.total_out());
        let status = self.deflate.compress_vec(input, out, flush)?;
        let taken = usize::try_from(self.deflate.total_in() - before_in).unwrap_or(usize::MAX);
        let made = self.deflate.total_out() - before_out;
        if taken == 0 && made == 0 && status != Status::StreamEnd {
            return Err(GzipError::Stuck);
        }
        Ok((taken, status))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::{any, prop_assert_eq, proptest};
    use proptest::{collection, test_runner::Config};

    use super::*;

    fn compressed(encoder: &mut GzipEncoder, chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks {
            encoder.write(chunk, &mut out).expect("the encoder works");
        }
        encoder.finish(&mut out).expect("the encoder works");
        out
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        let mut page = Vec::new();
        decoder.read_to_end(&mut page).expect("one valid member");
        assert!(decoder.into_inner().is_empty(), "nothing stands behind the member");
        page
    }

    #[test]
    fn an_empty_page_is_an_empty_member() {
        assert!(inflated(&compressed(&mut GzipEncoder::new(), &[])).is_empty());
    }

    #[test]
    fn chunks_become_one_member_and_the_encoder_is_ready_for_the_next_page() {
        let mut encoder = GzipEncoder::new();
        let chunk: Vec<u8> =
            (0..40_000).flat_map(|at| format!("metric{{a=\"{at}\"}} {at}\n").into_bytes()).collect();
        let first = compressed(&mut encoder, &[chunk.clone(), Vec::new(), chunk.clone()]);
        assert_eq!(inflated(&first), chunk.repeat(2));
        assert!(first.len() * 3 < chunk.len() * 2);
        assert_eq!(compressed(&mut encoder, &[chunk.clone(), Vec::new(), chunk]), first);
    }

    #[test]
    fn a_page_that_is_given_up_leaves_no_trace() {
        let mut encoder = GzipEncoder::new();
        encoder.write(b"half a page", &mut Vec::new()).expect("the encoder works");
        encoder.reset();
        assert_eq!(inflated(&compressed(&mut encoder, &[b"whole".to_vec()])), b"whole");
    }

    proptest! {
        #![proptest_config(Config::with_cases(64))]
        #[test]
        fn any_bytes_come_back(chunks in collection::vec(collection::vec(any::<u8>(), 0..70_000), 0..4)) {
            let page = inflated(&compressed(&mut GzipEncoder::new(), &chunks));
            prop_assert_eq!(page, chunks.concat());
        }
    }
}
