//! Several streams in one WebSocket: each message begins with its channel, as a byte or, in the `base64` protocols, as
//! a digit before text (apimachinery `pkg/util/httpstream/wsstream`). Pure.

use axum::extract::ws::Message;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;

/// How a client wants its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    base64: bool,
    /// Whether an end is told as a `Status`; before version 4 errors are plain words, and a success is nothing.
    pub status: bool,
}

impl Framing {
    /// The framing of a negotiated subprotocol; a client that names none gets the oldest.
    pub(super) fn new(protocol: Option<&HeaderValue>) -> Self {
        let protocol = protocol.and_then(|protocol| protocol.to_str().ok()).unwrap_or_default();
        Framing { base64: protocol.contains("base64."), status: protocol.starts_with('v') }
    }

    pub(super) fn put(self, channel: u8, data: &[u8]) -> Message {
        if self.base64 {
            return Message::Text(format!("{channel}{}", STANDARD.encode(data)).into());
        }
        Message::Binary(Bytes::from([&[channel], data].concat()))
    }

    /// The channel's byte and what follows it; None where there is neither. Some clients send as text what is bytes.
    pub(super) fn take(self, message: Message) -> Option<Bytes> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            _ => return None,
        };
        if !self.base64 {
            return Some(bytes).filter(|bytes| !bytes.is_empty());
        }
        let (channel, data) = bytes.split_first()?;
        let data = STANDARD.decode(data).ok()?;
        Some([&[channel.wrapping_sub(b'0')], &data[..]].concat().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subprotocol_has_its_frames() {
        for (protocol, framed, status) in [
            ("v5.channel.k8s.io", Message::Binary(Bytes::from_static(b"\x01hi")), true),
            ("v4.channel.k8s.io", Message::Binary(Bytes::from_static(b"\x01hi")), true),
            ("v4.base64.channel.k8s.io", Message::Text("1aGk=".into()), true),
            ("base64.channel.k8s.io", Message::Text("1aGk=".into()), false),
            ("", Message::Binary(Bytes::from_static(b"\x01hi")), false),
        ] {
            let framing = Framing::new(Some(&HeaderValue::from_static(protocol)).filter(|_| !protocol.is_empty()));
            assert_eq!((framing.put(1, b"hi"), framing.status), (framed.clone(), status), "{protocol}");
            assert_eq!(framing.take(framed).unwrap(), &b"\x01hi"[..], "{protocol}");
        }
        let plain = Framing::new(None);
        assert_eq!(plain.take(Message::Text("\0text".into())).unwrap(), &b"\0text"[..], "text is data");
        assert_eq!(plain.take(Message::Binary(Bytes::new())), None);
        let text = Framing::new(Some(&HeaderValue::from_static("base64.channel.k8s.io")));
        assert_eq!(text.take(Message::Text("0!".into())), None, "no base64");
    }
}
