//! Images: tag, push, pull, list, remove, and what is known of them.

use std::collections::BTreeMap;

use super::args::{Images, Remove};
use super::names::{ImageName, familiar};
use super::play::{Error, Player};
use super::table::{age, render, short};
use crate::docker::{AuthConfig, ImageSummary};
use crate::registry::Credentials;

impl Player {
    pub(super) async fn tag(&self, source: &str, target: &str) -> Result<(), Error> {
        let source = self.image(source).await?;
        let target = self.names().image(target)?;
        self.lab.docker.tag(&source, &target.local).await?;
        self.names().remember(&target);
        Ok(())
    }

    pub(super) async fn push(&self, image: &str) -> Result<(), Error> {
        let name = self.names().image(image)?;
        self.out.print(format_args!("The push refers to repository [{}]", name.written.name()));
        if self.lab.docker.image(&name.local).await?.is_none() {
            return Err(Error::NotLocal(familiar(&name.written.name())));
        }
        let credentials = self.logged_in().ok_or(Error::NotLoggedIn)?;
        self.names().will_push(&name);
        (self.lab.pushes)(image);
        let pushed = self.lab.docker.push(&name.local, Some(self.engine_login(&credentials)), &|_| {}).await?;
        let served = self.session(name.served, Some(credentials))?.resolve().await;
        let served = served.map_err(|error| Error::Registry(error.chain()))?.digest;
        if served != pushed.digest {
            return Err(Error::Digest { pushed: pushed.digest, served });
        }
        self.out.print(format_args!("{}: digest: {} size: {}", name.written.object(), pushed.digest, pushed.size));
        Ok(())
    }

    pub(super) async fn pull(&self, image: &str) -> Result<(), Error> {
        let name = self.names().image(image)?;
        self.fetch(&name, |line| self.out.print(format_args!("{line}"))).await?;
        self.out.print(format_args!("{}", name.written.canonical()));
        Ok(())
    }

    /// Pulls an image and tells docker's lines about it.
    async fn fetch(&self, name: &ImageName, tell: impl Fn(&str)) -> Result<(), Error> {
        let written = &name.written;
        let credentials = self.logged_in();
        let login = credentials.as_ref().map(|credentials| self.engine_login(credentials));
        let before = self.lab.docker.image(&name.local).await?.map(|image| image.id);
        tell(&format!("{}: Pulling from {}", written.object(), written.repository()));
        let pulled = self.lab.docker.pull(&name.local, login, &|_| {}).await?;
        self.names().remember(name);
        let resolved = self.session(name.served.clone(), credentials)?.resolve().await;
        let digest = resolved.map_err(|error| Error::Registry(error.chain()))?.digest;
        let fate = match before == Some(pulled.id) {
            true => "Image is up to date for",
            false => "Downloaded newer image for",
        };
        tell(&format!("Digest: {digest}\nStatus: {fate} {}", familiar(&written.canonical())));
        Ok(())
    }

    pub(super) async fn images(&self, asked: Images) -> Result<(), Error> {
        let wanted = asked.repository.as_deref().map(|name| self.names().image(name)).transpose()?;
        let one_tag =
            asked.repository.as_deref().is_some_and(|name| name.rsplit('/').next().unwrap_or("").contains(':'));
        let now = jiff::Timestamp::now().as_second();
        let mut rows = vec![["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"].map(str::to_owned).to_vec()];
        for image in self.own_images().await? {
            for tag in &image.tags {
                let written = self.names().written(tag);
                let (repository, version) = written.rsplit_once(':').unwrap_or((&written, "latest"));
                let fits = wanted.as_ref().is_none_or(|wanted| match one_tag {
                    true => wanted.local == *tag,
                    false => {
                        tag.rsplit_once(':').is_some_and(|(name, _)| wanted.local.starts_with(&format!("{name}:")))
                    }
                });
                if fits && !asked.quiet {
                    let size = super::table::size(image.size);
                    let cells = [repository, version, short(&image.id), &age(now - image.created), &size];
                    rows.push(cells.map(str::to_owned).to_vec());
                } else if fits {
                    self.out.print(format_args!("{}", short(&image.id)));
                }
            }
        }
        if !asked.quiet {
            self.out.text(format_args!("{}", render(&rows, |cell| self.names().width(cell))));
        }
        Ok(())
    }

    pub(super) async fn rmi(&self, remove: Remove) -> Result<u8, Error> {
        let mut code = 0;
        for name in &remove.names {
            let removed = async {
                let image = self.image(name).await?;
                // Never by id: that would take names that are not the lab's.
                let names = match image.starts_with("sha256:") {
                    false => vec![image],
                    true => self.tags_of(&image).await?,
                };
                if names.len() > 1 && !remove.force {
                    let why = "(must be forced) - image is referenced in multiple repositories";
                    return Err(Error::Registry(format!("conflict: unable to delete {name} {why}")));
                }
                for name in names {
                    for line in self.lab.docker.rmi(&name, remove.force).await? {
                        self.out.print(format_args!("{}", self.names().back(&line)));
                    }
                }
                Ok(())
            };
            match removed.await {
                Ok(()) => {}
                Err(error) => {
                    self.out.warn(format_args!("{}", self.names().back(&error.to_string())));
                    let forgiven = remove.force && matches!(error, Error::Absent { .. });
                    code = if forgiven { code } else { 1 };
                }
            }
        }
        Ok(code)
    }

    /// A container's or an image's whole description.
    pub(super) async fn inspect(&self, names: &[String]) -> Result<u8, Error> {
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for name in names {
            match (self.container(name).await, self.image(name).await) {
                (Ok(container), _) => found.push(self.lab.docker.container_json(&container.id).await?),
                (Err(Error::Absent { .. }), Ok(image)) => found.push(self.lab.docker.image_json(&image).await?),
                (Err(Error::Absent { .. }), Err(Error::Absent { .. } | Error::Reference { .. })) => absent.push(name),
                (Err(Error::Absent { .. }), Err(error)) | (Err(error), _) => return Err(error),
            }
        }
        let text = serde_json::to_string_pretty(&found).unwrap_or_default().replace("\n  ", "\n    ");
        self.out.print(format_args!("{}", self.names().back(&text)));
        for name in &absent {
            self.out.warn(format_args!("Error: No such object: {name}"));
        }
        Ok(if absent.is_empty() { 0 } else { 1 })
    }

    /// What the Engine calls the image that the reader calls `name`, or that has this id among the lab's own.
    pub(super) async fn image(&self, name: &str) -> Result<String, Error> {
        let named = self.names().image(name);
        if let Ok(named) = &named
            && self.lab.docker.image(&named.local).await?.is_some()
        {
            return Ok(named.local.clone());
        }
        let id = name.trim_start_matches("sha256:");
        if !id.is_empty() && id.bytes().all(|letter| letter.is_ascii_hexdigit()) {
            let own = self.own_images().await?;
            let found: Vec<_> =
                own.iter().filter(|image| image.id.trim_start_matches("sha256:").starts_with(id)).collect();
            if let [image] = found[..] {
                return Ok(image.id.clone());
            }
        }
        let written = familiar(&named?.written.to_string());
        Err(Error::Absent { kind: "image", name: written })
    }

    /// [`Player::image`], pulled where it is not here.
    pub(super) async fn image_or_pull(&self, name: &str) -> Result<String, Error> {
        match self.image(name).await {
            Err(Error::Absent { name: written, .. }) => {
                self.out.warn(format_args!("Unable to find image '{written}' locally"));
                let name = self.names().image(name)?;
                self.fetch(&name, |line| self.out.warn(format_args!("{line}"))).await?;
                Ok(name.local)
            }
            found => found,
        }
    }

    /// Images that have names of this lab's, with those names only.
    async fn own_images(&self) -> Result<Vec<ImageSummary>, Error> {
        let begin = self.names().images_begin();
        let own = self.lab.docker.images().await?.into_iter().map(|mut image| {
            image.tags.retain(|tag| tag.starts_with(&begin));
            image
        });
        Ok(own.filter(|image| !image.tags.is_empty()).collect())
    }

    async fn tags_of(&self, id: &str) -> Result<Vec<String>, Error> {
        let own: BTreeMap<_, _> = self.own_images().await?.into_iter().map(|image| (image.id, image.tags)).collect();
        Ok(own.get(id).cloned().unwrap_or_default())
    }

    fn engine_login(&self, credentials: &Credentials) -> AuthConfig {
        AuthConfig {
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            server: self.lab.handle.registry.clone(),
        }
    }
}
