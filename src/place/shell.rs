//! Where and how fences are played: by a bash of their own, in folders of their own, with a PATH on which `docker` is ours
//! and `kubectl` the chosen one, a kubeconfig and docker config that are not the user's, and nothing else within reach.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstream::adapter::strip_str;

use super::confinement::{self, FileAccess};
use super::environment;
use crate::exec::{self, Left, Restriction, Tool};
use crate::fence::Fence;
use crate::files;
use crate::hint::Hint;
use crate::registry::Credentials;
use crate::secret::Secret;
use crate::session;

/// The variable with the password of the registry's user.
pub(super) const PASSWORD: &str = "DOCKER_PASSWORD";

/// How much of a stream is kept: more is nothing that anybody would read or compare.
const KEPT: usize = 1 << 20;

/// The longest note of a fence's that is read, in bytes.
const NOTE: u64 = 1 << 16;

/// The longest list of a fence's variables and functions that is read, in bytes.
const STATE: u64 = 1 << 22;

/// The shell environment of one lab or case.
pub(crate) struct Shell {
    /// Everything of the lab's is in it.
    folder: PathBuf,
    /// Where fences are played.
    dir: PathBuf,
    /// Where the command that ended the last fence is told.
    ended_by: PathBuf,
    /// Where the last fence has told in which folder it ended.
    ended_in: PathBuf,
    /// Where the last fence has left its variables and functions.
    state: PathBuf,
    /// What fences have put into the background.
    left: Arc<Mutex<Vec<Left>>>,
    env: Vec<(OsString, OsString)>,
    restriction: Option<Arc<dyn Restriction>>,
    names: Option<Box<ReadersNames>>,
}

/// A printed line in a reader's names; None where it is in them already.
type ReadersNames = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What a fence printed, in the order it came, and its exit code. Control sequences are gone from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub code: i32,
    /// Which of the fence's lines, from 1, has the command that ended it with an error.
    pub failed_at: Option<usize>,
    pub stdout: String,
    /// Both streams, line by line as they came.
    pub all: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot prepare {}", path.display())]
    Prepare {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Exec(#[from] exec::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Prepare { .. } => Some("sessions are written where `--dir DIR` says; is its disk full?".into()),
            Self::Exec(error) => error.hint(),
        }
    }
}

/// What a shell stands on.
pub(crate) struct ShellSpec<'a> {
    /// A private folder of the lab's own, with everything that fences may change.
    pub folder: &'a Path,
    /// Where fences are played: a folder's name in it.
    pub name: &'a str,
    /// kubectl's cache, where others share it; else each has its own.
    pub cache: Option<&'a Path>,
    /// The folder with all sessions, which is hidden but for the lab's own.
    pub sessions: &'a Path,
    /// The `rehearse` program, which is `docker` in fences.
    pub program: &'a Path,
    pub kubectl: Option<&'a Path>,
    /// What the kubeconfig says; a fence may change its copy.
    pub kubeconfig: &'a str,
    /// Where the lab's docker is; None where it has none.
    pub docker: Option<&'a str>,
    pub credentials: &'a Credentials,
    /// Copied into the folder: the application's sources.
    pub sources: &'a [crate::docker::ContextFile],
}

/// The docker config of a lab, in its folder.
pub(super) fn docker_config(folder: &Path) -> PathBuf {
    folder.join("home/.docker/config.json")
}

impl Shell {
    /// Makes the folders and links.
    ///
    /// # Errors
    /// Where they cannot be written, or the kernel does not take the confinement's rules.
    pub(crate) fn prepare(spec: &ShellSpec<'_>) -> Result<Self, Error> {
        let [bin, home, notes, temporary] = ["bin", "home", "notes", "tmp"].map(|name| spec.folder.join(name));
        let dir = spec.folder.join(spec.name);
        let (kube, docker_config) = (home.join(".kube"), docker_config(spec.folder));
        let docker = docker_config.parent().unwrap_or(&home);
        for path in [&bin, &kube, &notes, &temporary, &dir].into_iter().map(PathBuf::as_path).chain([docker]) {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|source| Error::Prepare { path: path.into(), source })?;
        }
        link(spec.program, &bin.join("docker"))?;
        if let Some(kubectl) = spec.kubectl {
            link(kubectl, &bin.join("kubectl"))?;
        }
        let [ended_by, ended_in, state] = ["ended-by", "ended-in", "state"].map(|name| notes.join(name));
        // Fences read it and cannot change it.
        let trap = spec.folder.join("trap");
        let kubeconfig = kube.join("config");
        let write = |path: &Path, contents: &[u8], mode| {
            let written = files::write_below(spec.folder, path, contents, mode);
            written.map_err(|source| Error::Prepare { path: path.into(), source })
        };
        write(&trap, around(&ended_by, &ended_in, &state).as_bytes(), 0o600)?;
        write(&kubeconfig, spec.kubeconfig.as_bytes(), 0o600)?;
        for source in spec.sources {
            write(&dir.join(&source.path), &source.contents, 0o644)?;
        }
        let mut env = environment::kept(std::env::vars_os());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(bin.clone()).chain(std::env::split_paths(&path));
        // join_paths refuses only names with a colon, which came out of a split at colons.
        let path = std::env::join_paths(path).unwrap_or_default();
        let text = |value: &str| OsString::from(value);
        let mut set = |name: &str, value: OsString| env.push((name.into(), value));
        set("PATH", path);
        set("HOME", home.clone().into());
        // `kubectl edit` leaves its files there when it fails.
        set("TMPDIR", temporary.clone().into());
        set("KUBECONFIG", kubeconfig.into());
        set("DOCKER_CONFIG", docker.into());
        // What a fence starts is known by it.
        set(session::STAGE_VARIABLE, spec.folder.join("fence").into());
        set("DOCKER_USERNAME", text(&spec.credentials.username));
        set(PASSWORD, text(spec.credentials.password.expose()));
        // Tools that page or colour their output would not match what a page prints.
        set("PAGER", text("cat"));
        set("NO_COLOR", text("1"));
        set("KUBECTL_KUBERC", text("false"));
        // kubectl lives for a tenth of a second, a quarter of which Go's runtime would spend on its garbage.
        set("GOGC", text("400"));
        set("BASH_ENV", trap.into());
        if let Some(docker) = spec.docker {
            set(crate::tools::docker::VARIABLE, text(docker));
        }
        if let Some(cache) = spec.cache {
            std::fs::create_dir_all(cache).map_err(|source| Error::Prepare { path: cache.into(), source })?;
            set("KUBECACHEDIR", cache.into());
        }
        let reach =
            reach(spec, &[home.as_path(), &notes, &temporary, &dir].into_iter().chain(spec.cache).collect::<Vec<_>>());
        let restriction =
            confinement::restriction(&reach).map_err(|source| Error::Prepare { path: spec.folder.into(), source })?;
        let (folder, left) = (spec.folder.to_owned(), Arc::default());
        Ok(Self { folder, dir, ended_by, ended_in, state, left, env, restriction, names: None })
    }

    /// The folder that the lab's fences begin in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds one variable to the environment of what is played.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<OsString>) {
        self.env.push((key.into(), value.into()));
    }

    /// Shows what is printed in a reader's names: what runs in a pod knows its namespace by the cluster's.
    pub(crate) fn show_in(&mut self, names: impl Fn(&str) -> Option<String> + Send + Sync + 'static) {
        self.names = Some(Box::new(names));
    }

    /// Gives a variable another value, for the fences to come.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn set_again(&self, key: &str, value: &Secret) -> Result<(), Error> {
        let state = files::read_plain(&self.state, STATE).unwrap_or_default();
        let state = format!("{state}export {key}={}\n", quoted(value.expose()));
        let written = files::write_below(&self.folder, &self.state, state.as_bytes(), 0o600);
        written.map_err(|source| Error::Prepare { path: self.state.clone(), source })
    }

    /// Where the next fence begins, and a file fence is put: where the last fence ended, if that is in the lab's folder.
    fn cwd(&self) -> PathBuf {
        let told = files::read_plain(&self.ended_in, NOTE).unwrap_or_default();
        let dir = files::below(&self.dir, Path::new(&told)).ok().filter(|dir| dir.is_dir());
        dir.unwrap_or_else(|| self.dir.clone())
    }

    /// A line with the lab's own folders and names called as a reader's are: where it is played and its home are his home.
    fn for_readers<'l>(&self, line: Cow<'l, str>) -> Cow<'l, str> {
        let renamed = self.names.as_ref().and_then(|names| names(&line)).map(Cow::Owned);
        let line = renamed.unwrap_or(line);
        let folder = self.folder.to_string_lossy();
        if !line.contains(&*folder) {
            return line;
        }
        let named = line.replace(&*self.dir.to_string_lossy(), "~").replace(&format!("{folder}/home"), "~");
        named.replace(&format!("{folder}/tmp"), "/tmp").into()
    }

    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what fences have started and left.
    pub(crate) fn end_processes(&self) {
        self.left().clear();
        session::end_processes(&self.folder);
    }

    /// Writes a file fence into the lab's folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write(&self, name: &str, contents: &str) -> Result<(), Error> {
        let path = self.cwd().join(name);
        let written = files::write_below(&self.dir, &path, contents.as_bytes(), 0o644);
        written.map_err(|source| Error::Prepare { path, source })
    }

    /// Plays a fence; a command that fails ends it, as `set -e` and `pipefail` say. Folder, variables and functions are
    /// those the fence before ended with, and what that has put into the background is still there.
    ///
    /// # Errors
    /// Where bash is missing or the fence takes longer than `timeout`.
    pub(crate) async fn play(&self, script: &str, timeout: Duration) -> Result<Printed, Error> {
        let mut tool = Tool::new("bash").args(["--noprofile", "--norc", "-euo", "pipefail", "-c", script]);
        tool = tool.cwd(self.cwd()).timeout(timeout).at_most(KEPT);
        tool = tool.without_environment().restricted(self.restriction.clone());
        for (key, value) in &self.env {
            tool = tool.env(key, value);
        }
        let _ = std::fs::remove_file(&self.ended_by);
        let (mut stdout, mut all) = (String::new(), String::new());
        let ended = tool.run_leaving(|fd, line| {
            let line = self.for_readers(printable(line));
            for text in [&mut all, &mut stdout].into_iter().take(if fd == 1 { 2 } else { 1 }) {
                text.push_str(&line);
                text.push('\n');
            }
        });
        let ended = ended.await;
        let code = match ended {
            Ok((output, left)) => {
                self.left().push(left);
                output.code
            }
            Err(exec::Error::TimedOut { program, after, .. }) => {
                return Err(exec::Error::TimedOut { program, after, printed: all }.into());
            }
            Err(error) => return Err(error.into()),
        };
        let told = files::read_plain(&self.ended_by, NOTE).unwrap_or_default();
        let failed_at = told.split_once(' ').filter(|(status, _)| status.parse() == Ok(code));
        let failed_at = failed_at.and_then(|(_, line)| line.parse().ok()).map(|line| match Fence::parse(script) {
            // Bash counts to the middle or the end of a statement of several lines.
            Ok(fence) => fence.statement_line(line),
            Err(_) => line,
        });
        Ok(Printed { code, failed_at, stdout, all })
    }
}

/// As a word of bash.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What bash reads before a fence: the variables and functions that the fence before has left in `state`, and to leave its
/// own there; the command that ends it leaves its status and line in `ended_by`. Scripts that the fence starts do not read
/// it, and the fence is bash's own `-c`, so that neither lines nor messages change.
fn around(ended_by: &Path, ended_in: &Path, state: &Path) -> String {
    let [ended_by, ended_in, state] = [ended_by, ended_in, state].map(|path| quoted(&path.to_string_lossy()));
    let tell = format!(r#"printf "%s %s" "$?" "$LINENO" >|{ended_by}"#);
    // What is bash's own is left out: it cannot be set, or means this fence.
    let leave = format!(
        r#"(umask 077; set +eu; for __v in $(compgen -v); do case $__v in
BASH*|COMP_*|DIRSTACK|EPOCH*|EUID|FUNCNAME|GROUPS|HISTCMD|LINENO|OPTIND|PIPESTATUS|PPID|PWD|OLDPWD|*RANDOM|SECONDS|SHELLOPTS|SHLVL|UID|_|__v) ;;
*) declare -p "$__v" ;; esac; done >|{state} 2>/dev/null; declare -f >>{state}; printf %s "$PWD" >|{ended_in})"#
    );
    format!(
        "unset BASH_ENV\n[ ! -r {state} ] || . {state} 2>/dev/null\ntrap {} ERR\ntrap {} EXIT\n",
        quoted(&tell),
        quoted(&leave)
    )
}

/// A line as a terminal would leave it standing: what follows the last carriage return, without control sequences,
/// which could wipe a screen or part a password, and without other control characters.
fn printable(line: &str) -> Cow<'_, str> {
    if !line.contains(|c: char| c.is_control() && c != '\t') {
        return line.into();
    }
    let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    strip_str(last).to_string().replace(|c: char| c.is_control() && c != '\t', "").into()
}

/// What fences may touch: their folders; the machine's programs, wherever those stand that are named; and whom to trust.
fn reach(spec: &ShellSpec<'_>, writable: &[&Path]) -> FileAccess {
    let mut reach = FileAccess::of_user();
    reach.hidden.push(spec.sessions.into());
    let programs = [Some(spec.program), spec.kubectl].into_iter().flatten().map(Path::to_owned);
    let trusted = environment::FILES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A folder of programs that has something hidden in it is no folder of programs alone.
    let holds = |dir: &PathBuf| reach.hidden.iter().any(|hidden| hidden.starts_with(dir));
    let folders: Vec<_> = std::env::split_paths(&path).filter(|dir| dir.is_absolute() && !holds(dir)).collect();
    reach.readable.extend(programs.chain(trusted).chain(folders).chain([spec.folder.to_owned()]));
    reach.writable.extend(writable.iter().map(|path| path.to_path_buf()));
    reach
}

fn link(target: &Path, at: &Path) -> Result<(), Error> {
    let _ = std::fs::remove_file(at);
    symlink(target, at).map_err(|source| Error::Prepare { path: at.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_leave_nothing_behind() {
        for (line, left) in [
            ("plain\ttext", "plain\ttext"),
            ("s3cr\x1b[1met", "s3cret"),
            ("a\x1b[2J\x1b[Hb\x07", "ab"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1bPq#0\x1b\\x", "x"),
            ("\u{9b}31mred", "31mred"),
            ("10%\r50%\r100%\r", "100%"),
            ("a\x00b\x08c\x7f", "abc"),
            ("ü\x1b[mß", "üß"),
        ] {
            assert_eq!(printable(line), left, "{line:?}");
        }
    }

    fn shell(dir: &Path) -> Shell {
        let spec = ShellSpec {
            folder: dir,
            name: "lab's",
            cache: None,
            sessions: Path::new("/nonexistent"),
            program: Path::new("/bin/true"),
            kubectl: None,
            kubeconfig: "",
            docker: None,
            credentials: &Credentials::new("u", "password"),
            sources: &[],
        };
        Shell::prepare(&spec).unwrap()
    }

    #[tokio::test]
    async fn folders_are_called_as_a_readers_are() {
        let dir = tempfile::tempdir().unwrap();
        let script = "mkdir a; cd a; pwd; echo \"$TMPDIR/x $KUBECONFIG\"; cat \"$TMPDIR/x\" 2>&1 || true";
        let printed = shell(dir.path()).play(script, Duration::from_secs(10)).await.unwrap();
        let expected = "~/a\n/tmp/x ~/.kube/config\ncat: /tmp/x: No such file or directory\n";
        assert_eq!(printed.all, expected);
    }

    #[tokio::test]
    async fn a_fence_that_fails_says_where_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let shell = shell(dir.path());
        let ended = async |script: &str| {
            let printed = shell.play(script, Duration::from_secs(10)).await.unwrap();
            (printed.code, printed.failed_at, printed.all)
        };
        for (script, code, line, all) in [
            ("echo one\nfalse\necho two", 1, Some(2), "one\n"),
            ("ls \\\n  /nonexistent \\\n  2>/dev/null", 2, Some(1), ""),
            ("echo\ntrue |\n  (exit 7) |\n  cat", 7, Some(2), "\n"),
            ("x=$(exit 3)", 3, Some(1), ""),
            ("(\ncd /\nfalse)", 1, Some(3), ""),
            ("false || exit 4", 4, None, ""),
            ("set +e\nfalse\nexit 5", 5, None, ""),
            ("set +e; false; echo $-; bash -c 'false; env' | grep -c BASH_ENV; true", 0, Some(1), "huBc\n0\n"),
            ("if", 2, None, "bash: -c: line 2: syntax error: unexpected end of file\n"),
        ] {
            let line = line.filter(|_| code != 0);
            assert_eq!(ended(script).await, (code, line, all.into()), "{script}");
        }
    }

    #[tokio::test]
    async fn a_fence_begins_where_the_one_before_ended() {
        let dir = tempfile::tempdir().unwrap();
        let shell = shell(dir.path());
        let said = async |script: &str| {
            let printed = shell.play(script, Duration::from_secs(10)).await.unwrap();
            (printed.code, printed.all)
        };
        let first = "mkdir sub; cd sub; A='x\n\"y'; export B=2; C=(1 '2 3'); f() { echo \"f $1\"; }; readonly D=d";
        assert_eq!(said(first).await, (0, String::new()));
        shell.write("g.yaml", "a: b\n").unwrap();
        let second = "cat g.yaml; echo \"$A $D ${C[1]}\"; f 1; sh -c 'echo $B'; basename \"$PWD\"; false";
        let all = "a: b\nx\n\"y d 2 3\nf 1\n2\nsub\n";
        assert_eq!(said(second).await, (1, all.into()));
        assert_eq!(said("echo $B; cd /").await, (0, "2\n".into()), "what failed has left what it had");
        assert_eq!(said("basename \"$PWD\"").await, (0, "lab's\n".into()), "files are put into the lab's folder alone");
    }

    #[tokio::test]
    async fn what_a_fence_puts_into_the_background_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let shell = shell(dir.path());
        let said = async |script: &str| shell.play(script, Duration::from_secs(10)).await.unwrap().all;
        let began = std::time::Instant::now();
        let first = "(while :; do echo loud; read -t 0.01 < pipe || :; done) & echo $! > pid; echo begun";
        assert!(said(&format!("mkfifo pipe; exec 9<>pipe; {first}")).await.contains("begun\n"));
        assert!(began.elapsed() < Duration::from_secs(5), "its output is not waited for");
        assert_eq!(said("kill -0 $(cat pid) && echo lives").await, "lives\n");
        shell.end_processes();
        // Its parent may be slow to take note of it.
        let ended = "for i in $(seq 500); do ps -o stat= -p $(cat pid) | grep -qv Z || { echo ended; break; }; done";
        assert_eq!(said(ended).await, "ended\n");
    }

    #[tokio::test]
    async fn a_timeout_tells_what_was_printed_as_it_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let fence = "printf 'a\\033[2Jb\\n'; sleep 100";
        let error = shell(dir.path()).play(fence, Duration::from_millis(500)).await.unwrap_err();
        assert!(error.to_string().ends_with("printed: ab"), "{error}");
    }
}
