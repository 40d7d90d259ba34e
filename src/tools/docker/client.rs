//! The half of `docker` that fences start: it reads the command line, and has the program play it. Knows no Engine and no
//! registry, which are out of a fence's reach.

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::args::{self, Command};
use super::wire::{self, Call, VARIABLE};

/// Whether this process was started under the name `docker` by a fence.
pub(crate) fn is_invoked(argv0: &str) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == "docker") && std::env::var_os(VARIABLE).is_some()
}

/// Plays this process's command line; the exit code is docker's: 1 where the daemon or the registry refused, 125 where the
/// command line was not understood, and a container's own.
pub(crate) async fn main() -> u8 {
    let args: Vec<_> = std::env::args_os().collect();
    let command = match args::Cli::try_parse_from(args::short(args.clone())) {
        Ok(cli) => cli.command,
        // Help goes to stdout and is no failure; clap knows which is which.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return 0;
        }
        Err(error) => {
            let (words, code) = args::refusal(&error);
            anstream::eprintln!("{words}");
            return code;
        }
    };
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let server = std::env::var(VARIABLE).unwrap_or_default();
    let (address, token) = server.split_once('/').unwrap_or_default();
    let call = Call {
        token: token.to_owned(),
        args: args.iter().map(|arg| text(arg)).collect(),
        cwd: std::env::current_dir().unwrap_or_default(),
        env: std::env::vars_os().map(|(name, value)| (text(&name), text(&value))).collect(),
    };
    match ask(address, &call, reads_input(&command)).await {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!(
                "Cannot connect to the Docker daemon at tcp://{address}. Is the lab still played? ({error})"
            );
            1
        }
    }
}

/// Whether the command reads standard input: another one's stays where it is, for who comes after it.
fn reads_input(command: &Command) -> bool {
    match command {
        Command::Login(login) => login.password.is_none() && login.password_stdin,
        Command::Exec(exec) => exec.interactive,
        _ => false,
    }
}

async fn ask(address: &str, call: &Call, reads_input: bool) -> std::io::Result<u8> {
    let stream = TcpStream::connect(address).await?;
    let (mut from, mut to) = stream.into_split();
    let mut line = serde_json::to_vec(call)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    let feed = async {
        let mut input = tokio::io::stdin();
        let mut bytes = vec![0; 1 << 16];
        // A terminal has no end.
        while reads_input && !std::io::stdin().is_terminal() {
            let read = input.read(&mut bytes).await.unwrap_or_default();
            if read == 0 || wire::write(&mut to, wire::LAST, &bytes[..read]).await.is_err() {
                break;
            }
        }
        let _ = wire::write(&mut to, wire::LAST, &[]).await;
        std::future::pending::<()>().await;
    };
    let print = async {
        loop {
            let (stream, bytes) = wire::read(&mut from).await?;
            match stream {
                wire::LAST => return Ok(bytes.first().copied().unwrap_or(1)),
                2 => std::io::stderr().write_all(&bytes)?,
                _ => std::io::stdout().write_all(&bytes).and_then(|()| std::io::stdout().flush())?,
            }
        }
    };
    tokio::select! {
        code = print => code,
        () = feed => Ok(1),
    }
}
