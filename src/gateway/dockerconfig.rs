//! The docker config in a pull secret, where the hub is played by a registry under its own name: its keys and its user.
//! Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::names::Elsewhere;

const HUB: &str = "docker.io";
/// How secrets name the hub, with what ends a URL taken off.
const SERVERS: &[&str] = &["index.docker.io", "docker.io", "registry-1.docker.io"];

/// Base64 of a config for the registry; None where that changes nothing, or it is none.
pub(super) fn encoded(base64: &str, elsewhere: &Elsewhere) -> Option<String> {
    let plain: String = base64.split_ascii_whitespace().collect();
    let plain = String::from_utf8(STANDARD.decode(plain).ok()?).ok()?;
    text(&plain, elsewhere).map(|config| STANDARD.encode(config))
}

/// A config for the registry; None where that changes nothing, or it is none.
pub(super) fn text(config: &str, elsewhere: &Elsewhere) -> Option<String> {
    let mut value: Value = serde_json::from_str(config).ok()?;
    let before = value.clone();
    // `.dockercfg` has no `auths` around its servers.
    match value.get_mut("auths") {
        Some(auths) => servers(auths.as_object_mut()?, elsewhere),
        None => servers(value.as_object_mut()?, elsewhere),
    }
    (value != before).then(|| value.to_string())
}

fn servers(auths: &mut Map<String, Value>, elsewhere: &Elsewhere) {
    for (server, mut login) in std::mem::take(auths) {
        let bare = server.trim_start_matches("https://").trim_start_matches("http://");
        let host = bare.split('/').next().unwrap_or_default();
        if !SERVERS.contains(&host) {
            auths.insert(server, login);
            continue;
        }
        user(&mut login, elsewhere);
        // The hub under another account keeps its name.
        auths.insert(if elsewhere.host == HUB { server } else { elsewhere.host.clone() }, login);
    }
}

fn user(login: &mut Value, elsewhere: &Elsewhere) {
    let Elsewhere { username, lecture_username, .. } = elsewhere;
    if login["username"] == json!(lecture_username) {
        login["username"] = json!(username);
    }
    let auth = login["auth"].as_str().and_then(|auth| STANDARD.decode(auth).ok());
    let auth = auth.and_then(|auth| String::from_utf8(auth).ok());
    if let Some((_, password)) =
        auth.as_deref().and_then(|auth| auth.split_once(':')).filter(|(user, _)| user == lecture_username)
    {
        login["auth"] = json!(STANDARD.encode(format!("{username}:{password}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_the_user_become_the_registrys() {
        let elsewhere =
            Elsewhere { host: "ghcr.io".into(), path: "x".into(), username: "me".into(), lecture_username: "o".into() };
        let auth = |user: &str| STANDARD.encode(format!("{user}:p:w"));
        let config =
            |server: &str, user: &str| json!({server: {"username": user, "password": "p:w", "auth": auth(user)}});
        let there = json!({"auths": config("https://index.docker.io/v1/", "o")}).to_string();
        let here = json!({"auths": config("ghcr.io", "me")}).to_string();
        assert_eq!(text(&there, &elsewhere), Some(here.clone()));
        assert_eq!(encoded(&STANDARD.encode(&there), &elsewhere), Some(STANDARD.encode(&here)));
        assert_eq!(text(&config("docker.io", "o").to_string(), &elsewhere), Some(config("ghcr.io", "me").to_string()));
        assert_eq!(
            text(&config("docker.io", "ann").to_string(), &elsewhere),
            Some(config("ghcr.io", "ann").to_string())
        );
        assert_eq!(text(&config("quay.io", "o").to_string(), &elsewhere), None);
        for none in ["", "null", "[]", "{\"auths\": []}", "{\"auths\": {\"docker.io\": 3}", "x"] {
            assert_eq!(text(none, &elsewhere), None, "{none}");
        }
        let hub = Elsewhere { host: "docker.io".into(), ..elsewhere };
        let kept = json!({"auths": config("https://index.docker.io/v1/", "me")}).to_string();
        assert_eq!(text(&there, &hub), Some(kept));
    }
}
