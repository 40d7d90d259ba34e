//! What a lab's fences reach for: the namespaces they name, where, and whether they would reach beyond them. Knows
//! which programs leave a cluster alone and what feeds which; what it cannot judge, it refuses.

use std::collections::BTreeSet;
use std::ops::Range;

use super::kubectl;
use super::manifest;
use super::words::{self, Command, Feed, Part, Redirect, Refused, Word};
use crate::script::{Action, Lab};

/// A place in a fence, with what stands there once quotes are resolved.
#[derive(Debug, Clone)]
pub struct Spot {
    pub span: Range<usize>,
    pub text: String,
}

/// What a shell fence says.
#[derive(Debug, Default)]
pub struct Fence {
    /// Names of namespaces.
    pub places: Vec<Spot>,
    /// Manifests and patches.
    pub documents: Vec<Spot>,
    /// Text of any meaning.
    pub loose: Vec<Spot>,
    /// Namespaces and services that manifests in it name.
    said: manifest::Said,
    /// Manifests that are applied, and where.
    applies: Vec<(usize, String)>,
    /// Files that are manifests and judged as such.
    writes: Vec<String>,
    /// Files that something changes in a way not seen.
    touches: Vec<String>,
}

/// What a lab's commands and manifests name.
#[derive(Debug, Default)]
pub struct Named {
    pub namespaces: BTreeSet<String>,
    pub services: BTreeSet<String>,
}

/// Programs whose words are files, variables or names of their own, and no namespaces.
const PLAIN: &[&str] = &[
    ":",
    "basename",
    "break",
    "cat",
    "cd",
    "command",
    "hostname",
    "printenv",
    "ps",
    "chmod",
    "clear",
    "continue",
    "cp",
    "date",
    "declare",
    "diff",
    "dirname",
    "docker",
    "exit",
    "export",
    "false",
    "for",
    "head",
    "id",
    "kill",
    "ln",
    "local",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "openssl",
    "pwd",
    "read",
    "readonly",
    "realpath",
    "rm",
    "rmdir",
    "seq",
    "set",
    "sha256sum",
    "sleep",
    "stat",
    "tail",
    "touch",
    "true",
    "type",
    "uname",
    "unset",
    "wait",
    "wc",
    "which",
    "whoami",
];
/// Programs that work on text, which may have namespaces in it.
const TEXT: &[&str] = &[
    "[", "[[", "awk", "base64", "column", "curl", "cut", "dig", "echo", "envsubst", "expr", "grep", "egrep", "fgrep",
    "fold", "jq", "less", "nslookup", "od", "paste", "printf", "sed", "sort", "tac", "tee", "test", "tr", "uniq",
    "wget", "xxd", "yq",
];
/// Those that may write the files they name.
const WRITE: &[&str] = &["cp", "curl", "docker", "ln", "mv", "openssl", "tee", "wget", "yq"];
/// Options of xargs with a value.
const OF_XARGS: &[&str] = &["-I", "-L", "-P", "-a", "-d", "-n", "-s"];
const EDITORS: &[&str] = &["EDITOR", "KUBE_EDITOR", "VISUAL"];
/// Variables that choose what commands are and do; with them all that begin with `KUBE`.
const CHOOSE: &[&str] = &["BASH_ENV", "ENV", "HOME", "IFS", "LD_PRELOAD", "PATH", "SHELL"];
/// A file that nobody knows.
const ANY: &str = "*";

/// What the lab names.
///
/// # Errors
/// The first place that would reach beyond namespaces, with its line.
pub fn look(lab: &Lab) -> Result<Named, (usize, String)> {
    let (mut named, mut applies) = (Named::default(), Vec::new());
    let (mut known, mut touched) = (BTreeSet::new(), BTreeSet::new());
    let mut take = |said: manifest::Said| {
        named.namespaces.extend(said.namespaces);
        named.services.extend(said.services);
    };
    for step in lab.steps.iter().filter(|step| step.skip.is_none()) {
        match &step.action {
            Action::Shell(script) => {
                let line = |at: usize| step.line + 1 + script[..at].matches('\n').count();
                let fence = fence(script).map_err(|refused| (line(refused.at), refused.what))?;
                take(fence.said);
                applies.extend(fence.applies.into_iter().map(|(at, file)| (line(at), file)));
                known.extend(fence.writes);
                touched.extend(fence.touches);
            }
            Action::File { name, contents } if is_manifest(name) && manifest::is_readable(contents) => {
                take(manifest::read(contents).map_err(|what| (step.line, what))?);
                known.insert(plain(name).to_owned());
            }
            Action::File { .. } => {}
        }
    }
    let changed = |file: &str| touched.contains(file) || touched.contains(ANY);
    // A folder's manifests are all that fences put there.
    let folder = |file: &str| matches!(file, "" | ".") && !touched.iter().any(|file| is_manifest(file) || file == ANY);
    match applies.iter().find(|(_, file)| !(folder(file) || (known.contains(file) && !changed(file)))) {
        Some((line, file)) if changed(file) => {
            Err((*line, format!("applies a manifest that a command has changed: `{file}`")))
        }
        Some((line, file)) => Err((*line, format!("takes a manifest from elsewhere: `{file}`"))),
        None => Ok(named),
    }
}

/// Reads a shell fence.
///
/// # Errors
/// The first command that would reach beyond namespaces, or that is not understood.
pub fn fence(script: &str) -> Result<Fence, Refused> {
    let commands = words::commands(script)?;
    let mut fence = Fence::default();
    for (index, command) in commands.iter().enumerate() {
        let reader = Reader { script, commands: &commands, index, command };
        reader.command(&mut fence).map_err(|what| Refused { at: command.at, what })?;
    }
    let moves = |command: &Command| command.words.first().is_some_and(|word| word.is("cd"));
    if commands.iter().any(moves) {
        fence.applies.iter_mut().for_each(|(_, file)| *file = format!("{file} in another folder"));
        fence.touches.append(&mut fence.writes);
    }
    Ok(fence)
}

/// Whether a file is one by its name.
pub fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
}

fn plain(path: &str) -> &str {
    path.trim_start_matches("./")
}

fn spot(part: Part<'_>) -> Spot {
    Spot { span: part.span(), text: part.text().to_owned() }
}

/// Without what the shell makes: what stands in substitutions is read as commands.
fn spots(part: Part<'_>) -> impl Iterator<Item = Spot> {
    part.literals().map(spot)
}

struct Reader<'a> {
    script: &'a str,
    commands: &'a [Command],
    index: usize,
    command: &'a Command,
}

impl<'a> Reader<'a> {
    fn command(&self, fence: &mut Fence) -> Result<(), String> {
        for word in &self.command.assignments {
            assignment(word, fence)?;
        }
        let words = unwrapped(&self.command.words)?;
        let tool = match words.first() {
            Some(tool) if tool.whole().is_made() => return Err(format!("computes a command: `{}`", tool.text)),
            Some(tool) => tool.text.as_str(),
            None => "",
        };
        let rest = words.get(1..).unwrap_or_default();
        if tool == "kubectl" {
            return self.kubectl(rest, fence);
        }
        self.redirects(tool, rest, fence)?;
        if tool.is_empty() || PLAIN.contains(&tool) {
            variables(tool, rest, fence)?;
        } else if TEXT.contains(&tool) {
            text_tool(tool, rest)?;
            // What is only shown means nothing.
            let shows = matches!(tool, "echo" | "printf") && !self.command.piped && self.command.redirects.is_empty();
            if tool == "grep" && self.follows_namespaces() {
                fence.places.extend(rest.iter().map(|word| spot(word.whole())));
            } else if !shows && !self.feeds_manifest() {
                fence.loose.extend(rest.iter().flat_map(|word| spots(word.whole())));
            }
        } else if tool == "xargs" {
            let inner = of_xargs(rest)?;
            fence.loose.extend(rest.iter().flat_map(|word| spots(word.whole())));
            fence.touches.extend(WRITE.contains(&inner).then(|| ANY.to_owned()));
        } else {
            return Err(format!("runs `{tool}`, whose doings are not looked into"));
        }
        let in_place = |word: &Word| word.text.starts_with("-i") || word.text.starts_with("--in-place");
        let writes_itself = tool == "tee" && self.bodies().next().is_some();
        if (WRITE.contains(&tool) && !writes_itself) || (tool == "sed" && rest.iter().any(in_place)) {
            fence.touches.extend(rest.iter().map(|word| written_by(word.whole())));
        }
        Ok(())
    }

    fn bodies(&self) -> impl Iterator<Item = (&'a Redirect, &'a words::Body)> {
        self.command.redirects.iter().filter_map(|redirect| Some((redirect, redirect.body.as_ref()?)))
    }

    /// Whether what it prints is what a kubectl reads as manifests.
    fn feeds_manifest(&self) -> bool {
        let takes = |word: &Word| word.text == "-" || word.text == "-f-" || word.text.ends_with("=-");
        self.commands.iter().any(|command| {
            let is_kubectl = command.words.first().is_some_and(|word| word.is("kubectl"));
            command.feed == Feed::Command(self.index) && is_kubectl && command.words.iter().any(takes)
        })
    }

    /// Whether all that it is fed is namespaces.
    fn follows_namespaces(&self) -> bool {
        let Feed::Command(feeding) = self.command.feed else { return false };
        let [tool, rest @ ..] = self.commands[feeding].words.as_slice() else { return false };
        tool.is("kubectl") && kubectl::read(rest).is_ok_and(|reading| reading.lists_namespaces)
    }

    /// What files get, and what a here-document is.
    fn redirects(&self, tool: &str, rest: &[Word], fence: &mut Fence) -> Result<(), String> {
        let files = rest.iter().filter(|word| tool == "tee" && !word.text.starts_with('-')).map(Word::whole);
        let to = self.command.redirects.iter().filter(|redirect| redirect.operator.contains('>'));
        let to = to.filter(|redirect| redirect.operator != ">&" && !redirect.target.is("/dev/null"));
        let appends = to.clone().any(|redirect| redirect.operator == ">>") || rest.iter().any(|word| word.is("-a"));
        let targets: Vec<_> = to.map(|redirect| redirect.target.whole()).chain(files).map(written_by).collect();
        let copies = (tool == "cat" && rest.is_empty()) || tool == "tee";
        let body = self.bodies().next().map(|(_, body)| body);
        let document = body.filter(|body| {
            let text = &self.script[body.span.clone()];
            copies && !body.made && !appends && !self.command.piped && manifest::is_readable(text)
        });
        match (document, targets.as_slice()) {
            (Some(body), [target]) if is_manifest(target) => {
                let text = &self.script[body.span.clone()];
                self.document(Spot { span: body.span.clone(), text: text.into() }, fence)?;
                fence.writes.push(target.clone());
            }
            _ => {
                let shows = targets.is_empty() && !self.command.piped && tool == "cat";
                if !shows && !self.feeds_manifest() {
                    let bodies = self.bodies().map(|(_, body)| body.span.clone());
                    fence.loose.extend(bodies.map(|span| Spot { text: self.script[span.clone()].into(), span }));
                }
                fence.touches.extend(targets);
            }
        }
        let strings = self.command.redirects.iter().filter(|redirect| redirect.operator == "<<<");
        fence.loose.extend(strings.flat_map(|redirect| spots(redirect.target.whole())));
        Ok(())
    }

    fn kubectl(&self, rest: &'a [Word], fence: &mut Fence) -> Result<(), String> {
        let reading = kubectl::read(rest)?;
        let names = reading.namespaces.iter().map(|name| name.text().to_owned());
        fence.said.namespaces.extend(names);
        fence.said.services.extend(reading.services);
        fence.places.extend(reading.namespaces.iter().copied().map(spot));
        fence.loose.extend(reading.loose.iter().copied().flat_map(spots));
        for document in reading.documents {
            match !document.is_made() && manifest::is_readable(document.text()) {
                true => self.document(spot(document), fence)?,
                false => fence.loose.extend(spots(document)),
            }
        }
        let mut takes_input = false;
        for file in reading.files {
            match file.text() {
                "-" => takes_input = true,
                address if address.contains("://") => {
                    return Err(format!("takes a manifest from elsewhere: `{address}`"));
                }
                path => fence.applies.push((self.command.at, plain(path).to_owned())),
            }
        }
        if takes_input {
            self.input(fence)?;
        }
        let to = self.command.redirects.iter().filter(|redirect| redirect.operator.contains('>'));
        let to = to.filter(|redirect| redirect.operator != ">&").map(|redirect| written_by(redirect.target.whole()));
        match reading.prints_own {
            // As it was judged itself.
            true => fence.writes.extend(to),
            false => fence.touches.extend(to.chain(reading.copies.into_iter().map(written_by))),
        }
        if !takes_input {
            let bodies = self.bodies().map(|(_, body)| body.span.clone());
            fence.loose.extend(bodies.map(|span| Spot { text: self.script[span.clone()].into(), span }));
        }
        Ok(())
    }

    fn document(&self, document: Spot, fence: &mut Fence) -> Result<(), String> {
        fence.said.extend(manifest::read(&document.text)?);
        fence.documents.push(document);
        Ok(())
    }

    /// The manifests that a kubectl reads from its input.
    fn input(&self, fence: &mut Fence) -> Result<(), String> {
        let given = self.command.redirects.iter().rfind(|redirect| redirect.operator.contains('<'));
        if let Some(redirect) = given {
            return self.given(redirect, fence);
        }
        let Feed::Command(feeding) = self.command.feed else {
            return Err("applies what it is fed by something that is not looked into".into());
        };
        let from = &self.commands[feeding];
        let words = unwrapped(&from.words)?;
        let tool = words.first().map_or("", |word| word.text.as_str());
        let rest = words.get(1..).unwrap_or_default();
        let shown: Vec<_> = rest.iter().filter(|word| !word.is("-")).collect();
        let redirect = from.redirects.iter().rfind(|redirect| redirect.operator.contains('<'));
        match (tool, shown.as_slice(), redirect) {
            ("kubectl", ..) if kubectl::read(rest).is_ok_and(|reading| reading.prints_own) => Ok(()),
            ("cat", [], Some(redirect)) => self.given(redirect, fence),
            ("cat", files, None) if !files.is_empty() => {
                let names = files.iter().map(|file| (self.command.at, written_by(file.whole())));
                fence.applies.extend(names);
                Ok(())
            }
            ("echo", [text], None) if !text.text.starts_with('-') => self.said(text, fence),
            ("printf", [text], None) if !text.text.contains(['%', '\\']) => self.said(text, fence),
            _ => Err(format!("applies what `{tool}` prints, which cannot be told before")),
        }
    }

    fn said(&self, word: &Word, fence: &mut Fence) -> Result<(), String> {
        match word.whole().is_made() {
            true => Err(format!("computes a manifest: `{}`", word.text)),
            false => self.document(spot(word.whole()), fence),
        }
    }

    fn given(&self, redirect: &Redirect, fence: &mut Fence) -> Result<(), String> {
        match (redirect.operator.as_str(), &redirect.body) {
            (_, Some(body)) if body.made => {
                Err("applies a here-document that the shell changes; quote the word after `<<`".into())
            }
            (_, Some(body)) => {
                let text = self.script[body.span.clone()].to_owned();
                self.document(Spot { span: body.span.clone(), text }, fence)
            }
            ("<<<", None) => self.said(&redirect.target, fence),
            ("<", None) => {
                fence.applies.push((self.command.at, written_by(redirect.target.whole())));
                Ok(())
            }
            (operator, _) => Err(format!("has `{operator}` in a place not understood")),
        }
    }
}

/// Without what only starts a command.
fn unwrapped(words: &[Word]) -> Result<&[Word], String> {
    match words {
        // Asks what it is, and does not start it.
        [first, option, ..] if first.is("command") && option.is("-v") => Ok(words),
        [first, rest @ ..] if first.is("command") || first.is("nohup") => match rest {
            [option, ..] if option.text.starts_with('-') => {
                Err(format!("has a word not understood: `{}`", option.text))
            }
            rest => unwrapped(rest),
        },
        [first, after, rest @ ..] if first.is("timeout") && after.text.starts_with(|c: char| c.is_ascii_digit()) => {
            unwrapped(rest)
        }
        words => Ok(words),
    }
}

/// The file that a word names.
fn written_by(word: Part<'_>) -> String {
    match word.is_made() {
        true => ANY.into(),
        // An address ends with what it is saved as.
        false if word.text().contains("://") => word.text().rsplit('/').next().unwrap_or_default().into(),
        false => plain(word.text()).into(),
    }
}

/// The program that xargs starts.
fn of_xargs(words: &[Word]) -> Result<&str, String> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.text.as_str() {
            option if OF_XARGS.contains(&option) => drop(rest.next()),
            option if option.starts_with('-') => {}
            tool if PLAIN.contains(&tool) || TEXT.contains(&tool) => return Ok(tool),
            tool => return Err(format!("gives `{tool}` words that cannot be told before, by xargs")),
        }
    }
    Ok("echo")
}

/// What a builtin sets.
fn variables(tool: &str, words: &[Word], fence: &mut Fence) -> Result<(), String> {
    if !matches!(tool, "declare" | "export" | "for" | "local" | "read" | "readonly" | "unset") {
        return Ok(());
    }
    for word in words {
        match word.assignment() {
            Some(_) => assignment(word, fence)?,
            None if tool == "for" && !word.is("in") => fence.loose.extend(spots(word.whole())),
            None => {}
        }
        chosen(&word.text)?;
    }
    Ok(())
}

fn assignment(word: &Word, fence: &mut Fence) -> Result<(), String> {
    let Some((name, value)) = word.assignment() else { return Ok(()) };
    fence.loose.extend(spots(value));
    if !EDITORS.contains(&name) {
        return chosen(name);
    }
    // It is played by a shell, too.
    let commands = words::commands(value.text()).map_err(|refused| refused.what)?;
    let first = |command: &Command| command.words.first().map_or(String::new(), |word| word.text.clone());
    match commands.iter().map(first).find(|tool| !PLAIN.contains(&tool.as_str()) && !TEXT.contains(&tool.as_str())) {
        _ if value.is_made() => Err(format!("computes an editor: `{}`", value.text())),
        Some(tool) => Err(format!("has an editor whose doings are not looked into: `{tool}`")),
        None => Ok(()),
    }
}

fn chosen(name: &str) -> Result<(), String> {
    match name {
        "KUBECONFIG" => Err("chooses a kubeconfig".into()),
        name if EDITORS.contains(&name) => Ok(()),
        name if CHOOSE.contains(&name) || name.starts_with("KUBE") => {
            Err(format!("sets `{name}`, which changes what commands do"))
        }
        _ => Ok(()),
    }
}

/// Programs on text that can do more.
fn text_tool(tool: &str, words: &[Word]) -> Result<(), String> {
    let says = |what: &str| words.iter().any(|word| word.text.to_ascii_lowercase().contains(what));
    match tool {
        "awk" if says("system(") => Err("starts commands from awk".into()),
        "curl" | "wget" if ["authorization", "bearer", "--cert", "--key"].into_iter().any(says) => {
            Err("speaks to a server with credentials that it has found".into())
        }
        "printf" if words.first().is_some_and(|word| word.text == "-v") => Err("sets a variable by printf".into()),
        _ => Ok(()),
    }
}
