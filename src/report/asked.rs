//! What the API server and the registry answered while a step was played, in lines. Pure.

use crate::event::Event;

/// The most lines of each, the last of them.
const MOST: usize = 8;
/// Verbs that change nothing: told where they were refused.
const READS: [&str; 3] = ["get", "list", "watch"];

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    requests: Vec<(String, usize)>,
    registry: Vec<(String, usize)>,
}

impl Asked {
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            // A client that finds its way around is no evidence of anything.
            Event::Request { verb, resource, namespace, name, code, .. }
                if !resource.is_empty() && (*code >= 400 || !READS.contains(&verb.as_str())) =>
            {
                let of = |before: &str, part: &str| match part {
                    "" => String::new(),
                    part => format!("{before}{part}"),
                };
                let line = format!("request: {verb} {resource}{}{}: {code}", of(" ", name), of(" -n ", namespace));
                add(&mut self.requests, line);
            }
            Event::RegistryAnswer { image, code, user, .. } => {
                add(&mut self.registry, format!("registry: {code} to {} for {image}", whom(user.as_deref())));
            }
            _ => {}
        }
    }

    /// What was asked of the API server, then of the registry; what came several times is one line.
    pub(super) fn lines(&self) -> Vec<String> {
        let told = |(line, times): &(String, usize)| match times {
            1 => line.clone(),
            times => format!("{line} ×{times}"),
        };
        let last = |lines: &[(String, usize)]| {
            let left_out = lines.len().saturating_sub(MOST);
            let more = (left_out > 0).then(|| format!("… {left_out} before"));
            more.into_iter().chain(lines[left_out..].iter().map(told)).collect::<Vec<_>>()
        };
        [last(&self.requests), last(&self.registry)].concat()
    }
}

/// Who logged in to the registry, or tried to.
pub(super) fn whom(user: Option<&str>) -> &str {
    user.unwrap_or("nobody in particular")
}

fn add(lines: &mut Vec<(String, usize)>, line: String) {
    match lines.iter_mut().find(|(known, _)| *known == line) {
        Some((_, times)) => *times += 1,
        None => lines.push((line, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_or_changed_is_told_and_what_was_only_read_is_not() {
        let request = |verb: &str, resource: &str, name: &str, code| Event::Request {
            lab: 1,
            verb: verb.into(),
            resource: resource.into(),
            namespace: "default".into(),
            name: name.into(),
            code,
            micros: 1,
        };
        let answer = |code, user: Option<&str>| Event::RegistryAnswer {
            lab: 1,
            image: "docker.io/o/a:1".into(),
            code,
            user: user.map(str::to_owned),
        };
        let mut asked = Asked::default();
        let events = [
            request("get", "", "/api", 200),
            request("get", "pods", "p", 200),
            request("get", "pods", "q", 404),
            answer(401, None),
            request("create", "pods", "", 201),
            answer(401, None),
            answer(200, Some("u")),
        ];
        events.iter().for_each(|event| asked.take(event));
        assert_eq!(
            asked.lines(),
            [
                "request: get pods q -n default: 404",
                "request: create pods -n default: 201",
                "registry: 401 to nobody in particular for docker.io/o/a:1 ×2",
                "registry: 200 to u for docker.io/o/a:1",
            ]
        );
        (0..20).for_each(|at| asked.take(&request("delete", "pods", &at.to_string(), 200)));
        assert_eq!(asked.lines().len(), 2 + MOST + 1);
        assert!(asked.lines()[0].starts_with("… 14 before"), "{:?}", asked.lines());
    }
}
