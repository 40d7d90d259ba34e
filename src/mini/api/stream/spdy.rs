//! SPDY/3.1 framing, the server's side, as far as kubectl's port-forward uses it (draft-mbelshe-httpbis-spdy-00 and
//! its revision 3.1): streams with headers and data; no flow control, which kubectl's SPDY does not do either. Pure.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

const VERSION: u16 = 3;
const FIN: u8 = 1;
/// No control frame of port-forward comes near it.
const MAX_FRAME: usize = 1 << 20;

/// The words of the header dictionary, each preceded by its length (section 2.6.10.1).
const DICTIONARY_WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin";
/// What follows them, without lengths.
const DICTIONARY_TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

fn dictionary() -> Vec<u8> {
    let mut out = vec![];
    for word in DICTIONARY_WORDS.split(' ').map(|w| w.replace('_', " ")) {
        // A header is far shorter than 4 GiB.
        out.put_u32(u32::try_from(word.len()).unwrap_or_default());
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(DICTIONARY_TAIL.as_bytes());
    out
}

/// The peer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("SPDY frame of {0} bytes is too large")]
    TooLarge(usize),
    #[error("malformed SPDY frame")]
    Malformed,
    #[error("malformed SPDY headers")]
    Headers,
}

/// What the peer sent, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Open { stream: u32, headers: HashMap<String, String> },
    Data { stream: u32, data: Bytes, last: bool },
    Reset { stream: u32 },
    Ping { id: u32 },
    GoAway,
    Other,
}

/// Takes frames out of received bytes.
pub(super) struct Decoder {
    buffer: BytesMut,
    inflate: Decompress,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Decoder { buffer: BytesMut::new(), inflate: Decompress::new(true) }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Error> {
        let Some(head) = self.buffer.get(..8) else { return Ok(None) };
        let length = (usize::from(head[5]) << 16) | (usize::from(head[6]) << 8) | usize::from(head[7]);
        if length > MAX_FRAME {
            return Err(Error::TooLarge(length));
        }
        if self.buffer.len() < 8 + length {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(8 + length).freeze();
        let (first, flags) = (frame.get_u32(), frame.get_u32().to_be_bytes()[0]);
        if first >> 31 == 0 {
            return Ok(Some(Frame::Data { stream: first, data: frame, last: flags & FIN != 0 }));
        }
        self.control(first & 0xffff, frame).map(Some)
    }

    fn control(&mut self, kind: u32, mut frame: Bytes) -> Result<Frame, Error> {
        let number = |frame: &mut Bytes| frame.try_get_u32().map_err(|_| Error::Malformed);
        match kind {
            1 => {
                let stream = number(&mut frame)? & 0x7fff_ffff;
                number(&mut frame)?;
                frame.try_get_u16().map_err(|_| Error::Malformed)?;
                Ok(Frame::Open { stream, headers: self.headers(&frame)? })
            }
            3 => Ok(Frame::Reset { stream: number(&mut frame)? }),
            6 => Ok(Frame::Ping { id: number(&mut frame)? }),
            7 => Ok(Frame::GoAway),
            8 => {
                number(&mut frame)?;
                // The compression's state runs on through every block.
                self.headers(&frame)?;
                Ok(Frame::Other)
            }
            _ => Ok(Frame::Other),
        }
    }

    fn headers(&mut self, block: &[u8]) -> Result<HashMap<String, String>, Error> {
        let mut plain = self.inflate(block)?.freeze();
        let text = |plain: &mut Bytes| {
            let length =
                usize::try_from(plain.try_get_u32().map_err(|_| Error::Headers)?).map_err(|_| Error::Headers)?;
            if length > plain.len() {
                return Err(Error::Headers);
            }
            String::from_utf8(plain.split_to(length).to_vec()).map_err(|_| Error::Headers)
        };
        let count = plain.try_get_u32().map_err(|_| Error::Headers)?;
        (0..count).map(|_| Ok((text(&mut plain)?.to_lowercase(), text(&mut plain)?))).collect()
    }

    fn inflate(&mut self, block: &[u8]) -> Result<BytesMut, Error> {
        let mut out = BytesMut::new();
        let mut chunk = vec![0; 4096];
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(&block[used..], &mut chunk, FlushDecompress::Sync);
            used += usize::try_from(self.inflate.total_in() - before_in).map_err(|_| Error::Headers)?;
            let made = usize::try_from(self.inflate.total_out() - before_out).map_err(|_| Error::Headers)?;
            out.extend_from_slice(&chunk[..made]);
            match result {
                Err(error) if error.needs_dictionary().is_some() => {
                    self.inflate.set_dictionary(&dictionary()).map_err(|_| Error::Headers)?;
                }
                Err(_) => return Err(Error::Headers),
                Ok(_) if out.len() > MAX_FRAME => return Err(Error::TooLarge(out.len())),
                Ok(_) if made == 0 || (used == block.len() && made < chunk.len()) => return Ok(out),
                Ok(_) => {}
            }
        }
    }
}

/// Puts frames into bytes.
pub(super) struct Encoder {
    deflate: Compress,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, Error> {
        let mut deflate = Compress::new(Compression::fast(), true);
        deflate.set_dictionary(&dictionary()).map_err(|_| Error::Headers)?;
        Ok(Encoder { deflate })
    }

    /// SYN_REPLY without headers.
    pub(super) fn reply(&mut self, stream: u32) -> Result<Bytes, Error> {
        let mut block = Vec::with_capacity(64);
        self.deflate.compress_vec(&0u32.to_be_bytes(), &mut block, FlushCompress::Sync).map_err(|_| Error::Headers)?;
        Ok(control(2, &[&stream.to_be_bytes()[..], &block].concat()))
    }
}

pub(super) fn ping(id: u32) -> Bytes {
    control(6, &id.to_be_bytes())
}

pub(super) fn data(stream: u32, data: &[u8], last: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + data.len());
    out.put_u32(stream);
    head(&mut out, u8::from(last), data);
    out.freeze()
}

fn control(kind: u16, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(8 + body.len());
    out.put_u16(0x8000 | VERSION);
    out.put_u16(kind);
    head(&mut out, 0, body);
    out.freeze()
}

fn head(out: &mut BytesMut, flags: u8, body: &[u8]) {
    // Bodies are chunks read from a pipe, far below 16 MiB.
    out.put_u32((u32::from(flags) << 24) | u32::try_from(body.len()).unwrap_or_default());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(deflate: &mut Compress, stream: u32, pairs: &[(&str, &str)]) -> Bytes {
        let mut plain = vec![];
        plain.put_u32(u32::try_from(pairs.len()).unwrap());
        for text in pairs.iter().flat_map(|(k, v)| [k, v]) {
            plain.put_u32(u32::try_from(text.len()).unwrap());
            plain.extend_from_slice(text.as_bytes());
        }
        let mut block = Vec::with_capacity(1024);
        deflate.compress_vec(&plain, &mut block, FlushCompress::Sync).unwrap();
        control(1, &[&stream.to_be_bytes()[..], &[0; 6], &block].concat())
    }

    #[test]
    fn the_dictionary_is_the_one_of_the_specification() {
        let bytes = dictionary();
        assert_eq!(bytes.len(), 1423);
        let mut deflate = Compress::new(Compression::fast(), true);
        assert_eq!(deflate.set_dictionary(&bytes).unwrap(), 0xe3c6_a7c2, "its Adler-32");
    }

    #[test]
    fn streams_open_carry_data_and_end() {
        let mut deflate = Compress::new(Compression::fast(), true);
        deflate.set_dictionary(&dictionary()).unwrap();
        let mut decoder = Decoder::new();
        for (stream, kind) in [(1, "error"), (3, "data")] {
            decoder.push(&opening(&mut deflate, stream, &[("Streamtype", kind), ("port", "80")]));
            let Some(Frame::Open { stream: got, headers }) = decoder.next().unwrap() else { panic!("no stream") };
            assert_eq!((got, headers["streamtype"].as_str(), headers["port"].as_str()), (stream, kind, "80"));
        }
        let sent = data(3, b"hello", true);
        decoder.push(&sent[..6]);
        assert_eq!(decoder.next().unwrap(), None);
        decoder.push(&sent[6..]);
        assert_eq!(
            decoder.next().unwrap(),
            Some(Frame::Data { stream: 3, data: Bytes::from_static(b"hello"), last: true })
        );
        decoder.push(&ping(7));
        assert_eq!(decoder.next().unwrap(), Some(Frame::Ping { id: 7 }));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut decoder = Decoder::new();
        decoder.push(&[0x80, 3, 0, 1, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 9]);
        assert_eq!(decoder.next(), Err(Error::Headers));
        let mut decoder = Decoder::new();
        decoder.push(&[0x80, 3, 0, 6, 0, 0xff, 0xff, 0xff]);
        assert!(matches!(decoder.next(), Err(Error::TooLarge(_))));
    }
}
