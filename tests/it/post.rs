//! What fences tell a test, and each other: they are confined to their labs' folders, and bash opens `/dev/tcp`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Takes what fences write to [`Post::path`].
pub(crate) struct Post(String);

impl Post {
    /// Whatever comes is written to `file`, the last of it.
    pub(crate) fn to(file: &Path) -> Self {
        let file: PathBuf = file.into();
        Self(listen(move |mut stream| {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            let beside = file.with_extension("coming");
            std::fs::write(&beside, bytes).unwrap();
            std::fs::rename(beside, &file).unwrap();
        }))
    }

    /// A line that comes twice is answered with `go`, both times: who has sent it knows that the other is there, too.
    pub(crate) fn meeting() -> Self {
        let mut waiting: BTreeMap<String, TcpStream> = BTreeMap::new();
        Self(listen(move |stream| {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            match waiting.remove(&line) {
                Some(other) => [stream, other].iter_mut().for_each(|stream| stream.write_all(b"go\n").unwrap()),
                None => drop(waiting.insert(line, stream)),
            }
        }))
    }

    /// As bash calls it.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }
}

/// The thread ends with the tests.
fn listen(mut take: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(|stream| take(stream.unwrap())));
    format!("/dev/tcp/127.0.0.1/{port}")
}
