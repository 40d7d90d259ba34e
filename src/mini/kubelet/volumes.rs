//! What a pod's volumes hold, as files: tokens, ConfigMaps, Secrets and pod fields. Reads the API; copying the
//! files into containers is the runtime's.

use std::collections::BTreeMap;

use bytes::Bytes;
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, ServiceAccount, ServiceAccountTokenProjection,
    Volume, VolumeProjection,
};
use kube::api::{Api, PostParams};

use super::fields;
use super::sources::{get, words};
use super::state::PodExt as _;

/// Path inside the volume → contents.
type Files = BTreeMap<String, Bytes>;

/// The contents of all of a pod's volumes by name.
#[derive(Clone, Default)]
pub(super) struct Volumes(BTreeMap<String, Files>);

impl Volumes {
    /// # Errors
    /// The kubelet's message for its FailedMount event.
    pub(super) async fn mount(client: &kube::Client, pod: &Pod) -> Result<Self, String> {
        let mut volumes = BTreeMap::new();
        for volume in pod.pod_spec().volumes.iter().flatten() {
            let files = files(client, pod, volume).await;
            let name = &volume.name;
            let files = files.map_err(|error| format!("MountVolume.SetUp failed for volume {name:?} : {error}"))?;
            volumes.insert(volume.name.clone(), files);
        }
        Ok(Self(volumes))
    }

    /// Where a container sees a directory with nothing in it: an `emptyDir`, a Secret without keys. What holds files
    /// beneath it is made with them.
    #[must_use]
    pub(super) fn empty_directories(&self, container: &Container) -> Vec<String> {
        let files = self.files(container);
        let mounts = container.volume_mounts.iter().flatten();
        let paths = mounts.map(|mount| format!("/{}", mount.mount_path.trim_matches('/')));
        let within = |file: &str, path: &str| {
            file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        paths.filter(|path| !files.keys().any(|file| within(file, path))).collect()
    }

    /// The files a container sees: absolute path → contents.
    #[must_use]
    pub(super) fn files(&self, container: &Container) -> Files {
        let mut seen = Files::new();
        for mount in container.volume_mounts.iter().flatten() {
            let prefix = mount.sub_path.as_deref().unwrap_or_default().trim_matches('/');
            for (path, contents) in self.0.get(&mount.name).into_iter().flatten() {
                let inside = match path.strip_prefix(prefix) {
                    Some("") => String::new(),
                    Some(rest) if prefix.is_empty() => format!("/{rest}"),
                    Some(rest) if rest.starts_with('/') => rest.to_owned(),
                    _ => continue,
                };
                seen.insert(format!("{}{inside}", mount.mount_path.trim_end_matches('/')), contents.clone());
            }
        }
        seen
    }
}

async fn files(client: &kube::Client, pod: &Pod, volume: &Volume) -> Result<Files, String> {
    let namespace = pod.namespace();
    if let Some(source) = &volume.projected {
        let mut files = Files::new();
        for source in source.sources.iter().flatten() {
            files.extend(projection(client, pod, source).await?);
        }
        return Ok(files);
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let data = bytes(get::<Secret>(client, namespace, name, source.optional).await?.data);
        return pick(data, "secret", source.items.as_deref(), source.optional);
    }
    if let Some(source) = &volume.config_map {
        let data = of_config_map(get(client, namespace, &source.name, source.optional).await?);
        return pick(data, "config", source.items.as_deref(), source.optional);
    }
    if let Some(source) = &volume.downward_api {
        return downward(pod, source.items.as_deref());
    }
    // An empty directory needs no file: it lives in the container's own layer.
    if volume.empty_dir.is_some() { Ok(Files::new()) } else { Err("volume type is not supported on mini".to_owned()) }
}

async fn projection(client: &kube::Client, pod: &Pod, source: &VolumeProjection) -> Result<Files, String> {
    let namespace = pod.namespace();
    if let Some(source) = &source.service_account_token {
        return token(client, pod, source).await;
    }
    if let Some(source) = &source.config_map {
        let data = of_config_map(get(client, namespace, &source.name, source.optional).await?);
        return pick(data, "config", source.items.as_deref(), source.optional);
    }
    if let Some(source) = &source.secret {
        let data = bytes(get::<Secret>(client, namespace, &source.name, source.optional).await?.data);
        return pick(data, "secret", source.items.as_deref(), source.optional);
    }
    match &source.downward_api {
        Some(source) => downward(pod, source.items.as_deref()),
        None => Err("projection is not supported on mini".to_owned()),
    }
}

async fn token(client: &kube::Client, pod: &Pod, source: &ServiceAccountTokenProjection) -> Result<Files, String> {
    let account = pod.pod_spec().service_account_name.clone().unwrap_or_else(|| "default".to_owned());
    let bound = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
    };
    let spec = TokenRequestSpec {
        audiences: source.audience.clone().map(|audience| vec![audience]),
        expiration_seconds: source.expiration_seconds,
        bound_object_ref: Some(bound),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), pod.namespace());
    let granted = api.create_token_request(&account, &PostParams::default(), &request).await;
    let granted = granted.map_err(|error| format!("failed to fetch token: {}", words(error)))?;
    let token = granted.status.and_then(|status| status.token).unwrap_or_default();
    Ok(Files::from([(source.path.clone(), Bytes::from(token))]))
}

fn of_config_map(map: ConfigMap) -> Files {
    let mut files = bytes(map.binary_data);
    files.extend(map.data.into_iter().flatten().map(|(key, text)| (key, Bytes::from(text))));
    files
}

fn downward(pod: &Pod, items: Option<&[DownwardAPIVolumeFile]>) -> Result<Files, String> {
    let file = |item: &DownwardAPIVolumeFile| {
        let field = item.field_ref.as_ref().ok_or("resource fields are not supported on mini")?;
        Ok((item.path.clone(), Bytes::from(fields::value(pod, &field.field_path, None)?)))
    };
    items.unwrap_or_default().iter().map(file).collect()
}

fn bytes(data: Option<BTreeMap<String, ByteString>>) -> Files {
    data.into_iter().flatten().map(|(key, ByteString(bytes))| (key, Bytes::from(bytes))).collect()
}

/// All keys under their own names, or the items' under theirs.
fn pick(data: Files, kind: &str, items: Option<&[KeyToPath]>, optional: Option<bool>) -> Result<Files, String> {
    let Some(items) = items.filter(|items| !items.is_empty()) else { return Ok(data) };
    let mut picked = Files::new();
    for KeyToPath { key, path, .. } in items {
        match data.get(key) {
            Some(contents) => _ = picked.insert(path.clone(), contents.clone()),
            None if optional == Some(true) => {}
            None => return Err(format!("references non-existent {kind} key: {key}")),
        }
    }
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::VolumeMount;

    use super::*;

    #[test]
    fn mounts_place_files_whole_or_by_sub_path() {
        let files = ["a", "d/b", "dd"].map(|path| (path.to_owned(), Bytes::from_static(b"x")));
        let volumes = Volumes(BTreeMap::from([("v".to_owned(), Files::from(files))]));
        let seen = |mount_path: &str, sub_path: Option<&str>| {
            let mount = VolumeMount {
                name: "v".into(),
                mount_path: mount_path.into(),
                sub_path: sub_path.map(str::to_owned),
                ..VolumeMount::default()
            };
            let container = Container { volume_mounts: Some(vec![mount]), ..Container::default() };
            volumes.files(&container).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(seen("/m", None), ["/m/a", "/m/d/b", "/m/dd"]);
        assert_eq!(seen("/m/", Some("d")), ["/m/b"]);
        assert_eq!(seen("/etc/file", Some("a")), ["/etc/file"]);
    }

    #[test]
    fn a_mount_without_files_is_an_empty_directory() {
        let files = Files::from([("k".to_owned(), Bytes::from_static(b"x"))]);
        let volumes = Volumes(BTreeMap::from([("files".to_owned(), files), ("empty".to_owned(), Files::new())]));
        let mounts = [("empty", "/cache/"), ("files", "/full"), ("empty", "/mnt"), ("files", "/mnt/inner")];
        let mount = |(name, path): (&str, &str)| VolumeMount {
            name: name.into(),
            mount_path: path.into(),
            ..VolumeMount::default()
        };
        let container = Container { volume_mounts: Some(mounts.map(mount).into()), ..Container::default() };
        assert_eq!(volumes.empty_directories(&container), ["/cache"]);
    }
}
