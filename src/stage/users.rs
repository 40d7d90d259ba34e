//! Users of the stage's own registry beside its own: a lab that changes a password has one to itself. Knows no labs.

use std::fs::File;

use super::error::Error;
use super::up::Stage;
use crate::registry::{Client, Credentials, Endpoint};

impl Stage {
    /// Whether the registry's users are the stage's to change.
    pub(crate) fn has_users(&self) -> bool {
        self.handle.registry_container.is_some()
    }

    /// Lets a user in by this password, from now on by no other.
    ///
    /// # Errors
    /// Where the Engine does not change the registry's file, or the registry does not take the login then.
    pub(crate) async fn admit(&self, user: &Credentials) -> Result<(), Error> {
        match &self.tokens {
            Some(tokens) => tokens.admit(user.clone()),
            None => self.set_user(&user.username, Some(user.htpasswd().map_err(Error::Htpasswd)?)).await?,
        }
        let endpoint = Endpoint { host: self.handle.registry.clone() };
        let refused =
            |answer: String| Error::Login { host: endpoint.host.clone(), username: user.username.clone(), answer };
        let client = Client::reaching(&endpoint).map_err(|error| refused(error.to_string()))?;
        client.login(&endpoint, user).await.map_err(|error| refused(error.chain()))
    }

    /// Lets a user in no more.
    ///
    /// # Errors
    /// Where the Engine does not change the registry's file.
    pub(crate) async fn dismiss(&self, username: &str) -> Result<(), Error> {
        match &self.tokens {
            Some(tokens) => tokens.dismiss(username),
            None => self.set_user(username, None).await?,
        }
        Ok(())
    }

    /// Labs of other runs on the same stage have users, too: one after the other changes the file.
    async fn set_user(&self, username: &str, line: Option<String>) -> Result<(), Error> {
        let Some(registry) = &self.handle.registry_container else { return Ok(()) };
        let path = self.handle.private.join("users.lock");
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::create(path)?;
            file.lock().map(|()| file)
        });
        let _locked = locked.await.map_err(std::io::Error::other).flatten().map_err(Error::Lock)?;
        let edit = |users: &str| {
            let others = users.lines().filter(|other| other.split(':').next() != Some(username)).map(str::to_owned);
            others.chain(line).map(|line| line + "\n").collect()
        };
        self.docker.edit_htpasswd(registry, edit).await.map_err(Error::Users)
    }
}
