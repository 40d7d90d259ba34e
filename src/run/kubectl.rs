//! One kubectl command as kubectl reads it: options, verb and arguments in any order. Decides whether it stays within
//! a lab's namespaces, and where it names them. What is not understood is refused; knows no shell.

use super::words::{Part, Word};

/// What a command says that others have to look at.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    /// Where a namespace's name stands.
    pub namespaces: Vec<Part<'a>>,
    /// Manifests and patches given as words.
    pub documents: Vec<Part<'a>>,
    /// Text of any meaning.
    pub loose: Vec<Part<'a>>,
    /// Files that are applied, `-` among them.
    pub files: Vec<Part<'a>>,
    /// Services that it makes.
    pub services: Vec<String>,
    /// Whether what it prints is what it would make, and nothing else.
    pub prints_own: bool,
    /// Whether it prints namespaces, and nothing else.
    pub lists_namespaces: bool,
    /// The local side of a copy.
    pub copies: Vec<Part<'a>>,
}

/// Options with a value. A few verbs have options of these names without one: [`takes_value`].
const VALUES: &str = "\
    address annotation annotations api-group api-version as as-group as-uid audience bound-object-kind \
    bound-object-name bound-object-uid categories cert chunk-size class clusterip clusterrole concurrency container \
    containers copy-to cpu cpu-percent current-replicas default-backend docker-email docker-password docker-server \
    docker-username duration env external-ip external-name field-manager field-selector filename for from \
    from-env-file from-file from-literal grace-period group hard image image-pull-policy key keys kustomize \
    label-columns labels limit-bytes limits load-balancer-ip log-flush-frequency max max-log-requests \
    max-unavailable memory min min-available name namespace node-port output override-type overrides patch \
    patch-file pod-running-timeout pod-selector port prefix profile protocol replicas request-timeout requests \
    resource resource-name resource-version restart retries revision role rule schedule scopes selector \
    serviceaccount session-affinity since since-time sort-by subresource tail target target-port tcp template \
    timeout to-revision type types user v verb verbs vmodule";
/// Options without one, or with one only after `=`.
const BARE: &str = "\
    all all-containers all-namespaces all-pods allow-missing-template-keys append-hash arguments-only attach cached \
    cascade client command create-annotation dry-run expose flatten follow force force-conflicts help ignore-errors \
    ignore-not-found leave-stdin-open list local match-server-version merge minify namespaced no-headers no-preserve \
    now output-patch output-watch-events overwrite previous privileged quiet record recursive replace resolve rm \
    same-node save-config server-print server-side share-processes show-capacity show-events show-kind show-labels \
    show-managed-fields show-swap stdin sum timestamps tty use-protocol-buffers validate wait warnings-as-errors \
    watch watch-only windows-line-endings";
/// Options that say whom to speak to, or what to ask it in so many words.
const CHOOSES: &str = "\
    cache-dir certificate-authority client-certificate client-key cluster context insecure-skip-tls-verify \
    kubeconfig kuberc password raw server tls-server-name token username";
/// Options that every verb has, and that may stand before it.
const GLOBAL: &str = "\
    as as-group as-uid help match-server-version namespace request-timeout v warnings-as-errors";
/// Short options by their long ones.
const SHORT: &str = "\
    A=all-namespaces L=label-columns R=recursive c=container e=env f=filename h=help i=stdin k=kustomize l=selector \
    n=namespace o=output p=patch q=quiet r=replicas s=server t=tty v=v w=watch";

/// Kinds that live in a namespace, with what they are called for short.
const NAMESPACED: &str = "\
    configmap=cm controllerrevision cronjob=cj daemonset=ds deployment=deploy endpoints=ep endpointslice event=ev \
    horizontalpodautoscaler=hpa ingress=ing job lease limitrange=limits networkpolicy=netpol \
    persistentvolumeclaim=pvc pod=po poddisruptionbudget=pdb podtemplate replicaset=rs replicationcontroller=rc \
    resourcequota=quota role rolebinding secret service=svc serviceaccount=sa statefulset=sts";
/// The groups that those kinds are in, besides the first, which has no name.
const GROUPS: &str = "\
    apps autoscaling batch coordination.k8s.io discovery.k8s.io events.k8s.io networking.k8s.io policy \
    rbac.authorization.k8s.io";
const NAMESPACE: &str = "namespace";
const ALL_NAMESPACES: &str = "changes objects of all namespaces";

/// Whether a table has a word.
fn has(table: &str, word: &str) -> bool {
    table.split(' ').any(|known| known == word)
}

/// Kinds that live in a namespace, each with what it is called for short.
fn kinds() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    NAMESPACED.split(' ').map(|entry| entry.split_once('=').map_or((entry, None), |(kind, short)| (kind, Some(short))))
}

/// Whether a manifest's kind lives in a namespace.
pub fn is_namespaced(kind: &str, api_version: &str) -> bool {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = kind.to_ascii_lowercase();
    (group.is_empty() || has(GROUPS, group)) && kinds().any(|(name, _)| name == kind)
}

/// Whether it can be the name of a namespace.
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// The cluster's own.
pub fn is_system(namespace: &str) -> bool {
    namespace.starts_with("kube-")
}

/// One of the verb's objects.
#[derive(Clone, Copy)]
struct Object<'a> {
    kind: Part<'a>,
    name: Option<Part<'a>>,
}

#[derive(Default)]
struct Call<'a> {
    verb: &'a str,
    arguments: Vec<Part<'a>>,
    /// After `--`.
    command: Vec<Part<'a>>,
    options: Vec<(&'a str, Option<Part<'a>>)>,
}

/// Reads the words after `kubectl`.
///
/// # Errors
/// What it does beyond namespaces, or what of it is not understood.
pub fn read(words: &[Word]) -> Result<Reading<'_>, String> {
    let call = Call::parse(words)?;
    let mut reading = Reading::default();
    call.options(&mut reading)?;
    match call.verb {
        "" | "api-resources" | "api-versions" | "completion" | "explain" | "help" | "options" | "version" => {}
        "cluster-info" if call.arguments.is_empty() => {}
        "auth" => call.one_of(&["can-i", "whoami"])?,
        "config" => call.one_of(&["current-context", "get-clusters", "get-contexts", "get-users", "view"])?,
        "describe" | "diff" | "events" | "get" | "logs" | "top" | "wait" => call.reads(&mut reading)?,
        "rollout" if call.arguments.first().is_some_and(|sub| matches!(sub.text(), "history" | "status")) => {
            call.reads(&mut reading)?;
        }
        _ => {
            call.changes(&mut reading)?;
            call.unsplit()?;
        }
    }
    // What a container is to do, after the name of the program.
    reading.loose.extend(call.command.iter().skip(1));
    Ok(reading)
}

impl<'a> Call<'a> {
    fn parse(words: &'a [Word]) -> Result<Self, String> {
        let mut call = Self::default();
        let mut rest = words.iter().map(Word::whole);
        while let Some(word) = rest.next() {
            let text = word.text();
            if text == "--" {
                call.command = rest.collect();
                break;
            }
            if let Some(long) = text.strip_prefix("--") {
                let name = long.split('=').next().unwrap_or(long);
                if word.first(2 + name.len()).is_made() {
                    return Err(format!("computes an option: `{text}`"));
                }
                let value = long.contains('=').then(|| word.after(3 + name.len()));
                let value = match call.takes_value(name)? && value.is_none() {
                    true => Some(rest.next().ok_or_else(|| format!("has an option without its value: `{text}`"))?),
                    false => value,
                };
                call.options.push((name, value));
            } else if text.len() > 1 && text.starts_with('-') {
                call.short(word, &mut rest)?;
            } else if call.verb.is_empty() {
                if word.is_made() {
                    return Err(format!("computes what kubectl does: `{text}`"));
                }
                call.verb = text;
            } else {
                call.arguments.push(word);
            }
        }
        if !matches!(call.verb, "create" | "debug" | "exec" | "run") {
            call.arguments.append(&mut call.command);
        }
        Ok(call)
    }

    /// `-it`, `-nNAME`, `-n=NAME`, `-n NAME`.
    fn short(&mut self, word: Part<'a>, rest: &mut impl Iterator<Item = Part<'a>>) -> Result<(), String> {
        let text = word.text();
        for (at, letter) in text.char_indices().skip(1) {
            let after = word.after(at + letter.len_utf8());
            let known = SHORT.split(' ').find(|known| known.starts_with(letter) && !word.first(at + 1).is_made());
            let Some((_, name)) = known.and_then(|known| known.split_once('=')) else {
                return Err(format!("has an option not understood: `{text}`"));
            };
            let name = match (self.verb, name) {
                ("logs", "filename") => "follow",
                ("logs", "patch") => "previous",
                ("run", "selector") => "labels",
                (_, name) => name,
            };
            if self.takes_value(name)? {
                let value = match after.text().strip_prefix('=') {
                    Some(_) => Some(after.after(1)),
                    None if !after.text().is_empty() => Some(after),
                    None => rest.next(),
                };
                if value.is_none() {
                    return Err(format!("has an option without its value: `{text}`"));
                }
                self.options.push((name, value));
                return Ok(());
            }
            self.options.push((name, None));
        }
        Ok(())
    }

    fn takes_value(&self, name: &str) -> Result<bool, String> {
        let of_subject = name == "user" && matches!(self.verb, "create" | "set");
        if (name == "user" && !of_subject) || has(CHOOSES, name) {
            return Err(format!("chooses a cluster, or what to ask it, by itself: `--{name}`"));
        }
        let known = if self.verb.is_empty() { has(GLOBAL, name) } else { true };
        match (self.verb, name) {
            ("logs", "prefix") | ("top", "containers") => Ok(false),
            (_, name) if known && has(VALUES, name) => Ok(true),
            (_, name) if known && has(BARE, name) => Ok(false),
            _ => Err(format!("has an option not understood: `--{name}`")),
        }
    }

    /// All values of an option.
    fn values(&self, name: &str) -> impl Iterator<Item = Part<'a>> {
        self.options.iter().filter(move |(option, _)| *option == name).filter_map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        let is_set = |value: &Option<Part<'_>>| value.is_none_or(|value| value.text() != "false");
        self.options.iter().any(|(option, value)| *option == name && is_set(value))
    }

    /// What options say, whatever the verb.
    fn options(&self, reading: &mut Reading<'a>) -> Result<(), String> {
        if self.values("kustomize").next().is_some() {
            return Err("applies what is not looked into: `--kustomize`".into());
        }
        for namespace in self.values(NAMESPACE) {
            reading.namespaces.push(name_of_namespace(namespace)?);
        }
        for subject in self.values("as").chain(self.values("as-group")) {
            for prefix in ["system:serviceaccount:", "system:serviceaccounts:"] {
                if subject.text().starts_with(prefix) {
                    let rest = subject.after(prefix.len());
                    reading.namespaces.extend(rest.split(':').next().map(name_of_namespace).transpose()?);
                }
            }
            if subject.is_made() {
                return Err(format!("computes for whom it asks: `{}`", subject.text()));
            }
        }
        for account in self.values("serviceaccount").filter(|account| account.text().contains(':')) {
            reading.namespaces.extend(account.split(':').next().map(name_of_namespace).transpose()?);
        }
        for filename in self.values("filename") {
            if filename.is_made() {
                return Err(format!("computes the name of a manifest: `{}`", filename.text()));
            }
            reading.files.extend(filename.split(','));
        }
        reading.documents.extend(self.values("patch").chain(self.values("overrides")));
        let loose = ["annotation", "annotations", "env", "external-name", "from-literal", "output", "template"];
        reading.loose.extend(loose.into_iter().flat_map(|name| self.values(name)));
        let selects = self.values("selector").chain(self.values("field-selector"));
        reading.loose.extend(selects.filter(|text| text.text().contains("namespace") || text.text().contains(".name")));
        Ok(())
    }

    /// A verb whose first argument is the real one.
    fn one_of(&self, harmless: &[&str]) -> Result<(), String> {
        match self.arguments.first() {
            Some(sub) if harmless.contains(&sub.text()) => Ok(()),
            Some(sub) if self.verb == "config" => Err(format!("changes the kubeconfig: `{}`", sub.text())),
            Some(sub) => Err(not_understood(*sub)),
            None => Ok(()),
        }
    }

    /// Whether it looks at more than the lab's own namespaces.
    fn looks_elsewhere(&self) -> bool {
        self.has("all-namespaces") || self.values(NAMESPACE).any(|namespace| is_system(namespace.text()))
    }

    fn reads(&self, reading: &mut Reading<'a>) -> Result<(), String> {
        if self.looks_elsewhere() && !reading.files.is_empty() {
            return Err("reads what a manifest names, in other namespaces".into());
        }
        if !matches!(self.verb, "describe" | "get" | "wait") {
            return Ok(());
        }
        let objects = self.objects(&self.arguments)?;
        let secrets = objects.iter().any(|object| kind(object.kind.text()) == "secret");
        if secrets && self.looks_elsewhere() {
            return Err("reads secrets of other namespaces".into());
        }
        if secrets && let Some(splits) = self.arguments.iter().find(|argument| argument.splits()) {
            return Err(unquoted(*splits));
        }
        let namespaces = objects.iter().filter(|object| kind(object.kind.text()) == NAMESPACE).count();
        reading.lists_namespaces = namespaces > 0 && namespaces == objects.len();
        named_namespaces(&objects, reading)
    }

    fn changes(&self, reading: &mut Reading<'a>) -> Result<(), String> {
        reading.prints_own = self.values("dry-run").any(|value| matches!(value.text(), "client" | "server"))
            && self.values("output").any(|value| matches!(value.text(), "yaml" | "json"));
        match self.verb {
            "certificate" | "cordon" | "drain" | "proxy" | "taint" | "uncordon" => {
                return Err(format!("changes the cluster itself: `{}`", self.verb));
            }
            "annotate" | "apply" | "attach" | "autoscale" | "cp" | "create" | "debug" | "delete" | "edit" | "exec"
            | "expose" | "label" | "patch" | "port-forward" | "replace" | "rollout" | "run" | "scale" | "set" => {}
            verb => return Err(format!("does something not understood: `{verb}`")),
        }
        if self.has("all-namespaces") {
            return Err(ALL_NAMESPACES.into());
        }
        if let Some(system) = self.values(NAMESPACE).find(|namespace| is_system(namespace.text())) {
            return Err(format!("changes the cluster's own namespaces: `{}`", system.text()));
        }
        let arguments = self.arguments.as_slice();
        let objects = match (self.verb, arguments) {
            ("apply" | "replace", []) => Vec::new(),
            ("apply" | "replace", [sub, ..]) => return Err(not_understood(*sub)),
            ("create", _) => return self.creates(reading),
            ("run", [_, command @ ..]) => {
                reading.loose.extend(command);
                if self.has("expose") {
                    reading.services.extend(arguments.first().map(|name| name.text().to_owned()));
                }
                Vec::new()
            }
            ("cp", _) => return self.copies(reading),
            ("attach" | "debug" | "exec" | "port-forward", [pod, ..]) => {
                let unclear = self.verb == "debug" && pod.is_made();
                if unclear {
                    return Err(format!("computes a kind: `{}`", pod.text()));
                }
                if self.verb == "exec" {
                    reading.loose.extend(&arguments[1..]);
                }
                if pod.text().contains('/') { self.objects(&arguments[..1])? } else { Vec::new() }
            }
            ("annotate" | "label", _) => {
                let changes = |part: &&Part<'_>| part.text().contains('=') || part.text().ends_with('-');
                if self.verb == "annotate" {
                    reading.loose.extend(arguments.iter().filter(changes));
                }
                let objects: Vec<_> = arguments.iter().filter(|part| !changes(part)).copied().collect();
                self.objects(&objects)?
            }
            ("rollout" | "set", [sub, objects @ ..]) => {
                let known = match self.verb {
                    "rollout" => &["pause", "restart", "resume", "undo"][..],
                    _ => &["env", "image", "resources", "selector", "serviceaccount", "sa", "subject"],
                };
                if sub.is_made() || !known.contains(&sub.text()) {
                    return Err(not_understood(*sub));
                }
                if sub.text() == "env" {
                    reading.loose.extend(objects.iter().filter(|part| part.text().contains('=')));
                }
                let objects: Vec<_> = objects.iter().filter(|part| !part.text().contains('=')).copied().collect();
                // An account's name comes after the object's.
                let first =
                    if objects.first().is_some_and(|part| part.text().contains('/')) { 1 } else { objects.len() };
                self.objects(&objects[..first])?
            }
            (_, arguments) => self.objects(arguments)?,
        };
        if self.verb == "expose" {
            let name = self.values("name").next().or(objects.first().and_then(|object| object.name));
            reading.services.extend(name.map(|name| name.text().to_owned()));
        }
        for object in &objects {
            match kind(object.kind.text()) {
                NAMESPACE if ["all", "selector", "field-selector"].iter().any(|option| self.has(option)) => {
                    return Err("chooses namespaces by a pattern".into());
                }
                NAMESPACE if object.name.is_some_and(|name| is_system(name.text())) => {
                    return Err("changes the cluster's own namespaces".into());
                }
                NAMESPACE if object.name.is_some() => {}
                name if kinds().any(|(kind, _)| kind == name) => {}
                _ => {
                    return Err(format!(
                        "changes objects of a kind that may be in no namespace: `{}`",
                        object.kind.text()
                    ));
                }
            }
        }
        named_namespaces(&objects, reading)
    }

    /// No word of it may become several, which could be options.
    fn unsplit(&self) -> Result<(), String> {
        let values = self.options.iter().filter_map(|(_, value)| *value);
        match values.chain(self.arguments.iter().copied()).find(Part::splits) {
            Some(splits) => Err(unquoted(splits)),
            None => Ok(()),
        }
    }

    fn creates(&self, reading: &mut Reading<'a>) -> Result<(), String> {
        let [sub, names @ ..] = self.arguments.as_slice() else { return Ok(()) };
        if sub.is_made() {
            return Err(format!("computes a kind: `{}`", sub.text()));
        }
        match (kind(sub.text()), names) {
            (NAMESPACE, [name]) if is_system(name.text()) => {
                return Err("changes the cluster's own namespaces".into());
            }
            (NAMESPACE, [name]) => reading.namespaces.push(name_of_namespace(*name)?),
            ("service", [_, name, ..]) => reading.services.push(name.text().to_owned()),
            (
                "configmap" | "cronjob" | "deployment" | "ingress" | "job" | "poddisruptionbudget" | "resourcequota",
                _,
            )
            | ("role" | "rolebinding" | "secret" | "serviceaccount" | "service" | "token", _) => {}
            (NAMESPACE, _) => return Err("names a namespace in a way not understood".into()),
            _ => return Err(format!("makes an object of a kind that may be in no namespace: `{}`", sub.text())),
        }
        Ok(())
    }

    /// `NAMESPACE/POD:PATH` on one side.
    fn copies(&self, reading: &mut Reading<'a>) -> Result<(), String> {
        for side in &self.arguments {
            let Some((pod, _)) = side.text().split_once(':') else {
                reading.copies.push(*side);
                continue;
            };
            if let Some((namespace, _)) = pod.split_once('/') {
                let namespace = name_of_namespace(side.first(namespace.len()))?;
                if is_system(namespace.text()) {
                    return Err("changes the cluster's own namespaces".into());
                }
                reading.namespaces.push(namespace);
            }
        }
        Ok(())
    }

    /// `KIND[,KIND] [NAME…]` or `KIND/NAME…`; no kind may be computed.
    fn objects(&self, arguments: &[Part<'a>]) -> Result<Vec<Object<'a>>, String> {
        let Some((first, names)) = arguments.split_first() else { return Ok(Vec::new()) };
        if arguments.iter().any(|argument| argument.text().contains('/') && !argument.is_made())
            || first.text().contains('/')
        {
            let split = arguments.iter().map(|argument| {
                let (kind, _) = argument.text().split_once('/').ok_or_else(|| not_understood(*argument))?;
                Ok(Object { kind: literal(argument.first(kind.len()))?, name: Some(argument.after(kind.len() + 1)) })
            });
            return split.collect();
        }
        let kinds = first.split(',').map(literal).collect::<Result<Vec<_>, _>>()?;
        let of = |kind| {
            let named = names.iter().map(move |name| Object { kind, name: Some(*name) });
            named.chain(names.is_empty().then_some(Object { kind, name: None }))
        };
        let objects: Vec<_> = kinds.iter().flat_map(|kind| of(*kind)).collect();
        let namespaces = kinds.iter().filter(|kind_| kind(kind_.text()) == NAMESPACE).count();
        if !names.is_empty() && namespaces > 0 && namespaces < kinds.len() {
            return Err("names a namespace in a way not understood".into());
        }
        Ok(objects)
    }
}

/// A kind's full name, where it is known; what was written otherwise.
fn kind(written: &str) -> &str {
    let (name, group) = written.split_once('.').unwrap_or((written, ""));
    let version =
        |text: &str| text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let group = match group.split_once('.') {
        Some((first, rest)) if version(first) => rest,
        _ if version(group) => "",
        _ => group.trim_end_matches('.'),
    };
    let lower = name.to_ascii_lowercase();
    let is = |known: &str, short: Option<&str>| {
        let plural = [format!("{known}s"), format!("{known}es"), known.replace("policy", "policies")];
        lower == known || plural.contains(&lower) || short == Some(lower.as_str())
    };
    if !group.is_empty() && !has(GROUPS, group) {
        return written;
    }
    let known = kinds().find(|(known, short)| is(known, *short)).map(|(known, _)| known);
    known.unwrap_or(match lower.as_str() {
        "ns" | "namespace" | "namespaces" => NAMESPACE,
        "quotas" => "resourcequota",
        "token" => "token",
        _ => written,
    })
}

fn named_namespaces<'a>(objects: &[Object<'a>], reading: &mut Reading<'a>) -> Result<(), String> {
    let namespaces = objects.iter().filter(|object| kind(object.kind.text()) == NAMESPACE);
    for name in namespaces.filter_map(|object| object.name) {
        reading.namespaces.push(name_of_namespace(name)?);
    }
    Ok(())
}

fn name_of_namespace(name: Part<'_>) -> Result<Part<'_>, String> {
    match name.text() {
        text if name.is_made() => Err(format!("computes the name of a namespace: `{text}`")),
        text if !is_name(text) => Err(format!("names a namespace in a way not understood: `{text}`")),
        _ => Ok(name),
    }
}

fn literal(kind: Part<'_>) -> Result<Part<'_>, String> {
    if kind.is_made() { Err(format!("computes a kind: `{}`", kind.text())) } else { Ok(kind) }
}

fn not_understood(word: Part<'_>) -> String {
    format!("has a word not understood: `{}`", word.text())
}

fn unquoted(word: Part<'_>) -> String {
    format!("has `{}` without quotes, which may become any words", word.text())
}
