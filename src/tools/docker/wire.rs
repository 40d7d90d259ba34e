//! What the two halves of `docker` say to each other over loopback. A call is one line of JSON, then the client's standard
//! input; the answer is what is to be printed and at last the exit code. Bytes stand in frames: a stream's number, their
//! length as four bytes, the greatest first, and they themselves. Knows no command.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The variable that names the server and its token to fences: `127.0.0.1:PORT/TOKEN`.
pub const VARIABLE: &str = "REHEARSAL_DOCKER";

/// The stream of a frame that ends an answer: one byte, the exit code. From the client: its standard input.
pub(super) const LAST: u8 = 0;
/// The longest frame in bytes.
const LONGEST: usize = 1 << 20;
/// The longest call in bytes.
pub(super) const LONGEST_CALL: u64 = 1 << 20;

/// What a client asks for.
#[derive(Serialize, Deserialize)]
pub(super) struct Call {
    pub token: String,
    /// With the program's name.
    pub args: Vec<String>,
    pub cwd: PathBuf,
    pub env: BTreeMap<String, String>,
}

pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), stream: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(bytes.len() + 5);
    frame.push(stream);
    frame.extend(length.to_be_bytes());
    frame.extend(bytes);
    to.write_all(&frame).await
}

/// The next frame.
///
/// # Errors
/// Where the other side has gone, or says what is no frame.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let stream = from.read_u8().await?;
    let length = from.read_u32().await? as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok((stream, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_as_they_went_and_no_length_takes_the_memory() {
        let (mut here, mut there) = tokio::io::duplex(64);
        let writing = async {
            write(&mut here, 2, b"words").await.unwrap();
            write(&mut here, LAST, &[7]).await.unwrap();
            here.write_all(&[1, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
        };
        let reading = async {
            assert_eq!(read(&mut there).await.unwrap(), (2, b"words".to_vec()));
            assert_eq!(read(&mut there).await.unwrap(), (LAST, vec![7]));
            assert_eq!(read(&mut there).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        };
        tokio::join!(writing, reading);
    }
}
