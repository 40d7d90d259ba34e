//! What is asked of a container that runs: its ports, its whole log, a command's output, one network more.
//! Does not know what for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::{EndpointSettings, NetworkConnectRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListImagesOptionsBuilder};
use futures::TryStreamExt;

use super::Docker;
use super::container::{LogOptions, published};
use super::error::{Error, Result, failed};
use super::exec::ExecSpec;

impl Docker {
    /// Container port → port on 127.0.0.1.
    pub async fn ports(&self, container: &str) -> Result<BTreeMap<u16, u16>> {
        let found = self.inspect(container).await?;
        Ok(published(found.network_settings.and_then(|networks| networks.ports).unwrap_or_default()))
    }

    /// Whether its published ports were chosen by whoever made it: others change with each start.
    pub async fn has_fixed_ports(&self, container: &str) -> Result<bool> {
        let bindings = self.inspect(container).await?.host_config.and_then(|host| host.port_bindings);
        let mut ports = bindings.into_iter().flatten().flat_map(|(_, bindings)| bindings).flatten();
        Ok(ports.all(|binding| binding.host_port.is_some_and(|port| !port.is_empty() && port != "0")))
    }

    /// Starts a container again that has been stopped.
    pub async fn start_again(&self, container: &str) -> Result<()> {
        let started = self.api.start_container(container, None).await;
        started.map_err(failed(format!("starting container {container} again")))
    }

    /// Stops a container's processes where they are; whoever asks them gets no answer.
    pub async fn pause(&self, container: &str) -> Result<()> {
        self.api.pause_container(container).await.map_err(failed(format!("pausing container {container}")))
    }

    /// Lets a paused container's processes go on.
    pub async fn unpause(&self, container: &str) -> Result<()> {
        self.api.unpause_container(container).await.map_err(failed(format!("letting container {container} go on")))
    }

    /// Both streams as far as they have been written.
    pub async fn read_logs(&self, container: &str) -> Result<String> {
        let lost = |_| Error::Missing { what: "log", name: container.to_owned() };
        let chunks: Vec<bytes::Bytes> =
            self.logs(container, LogOptions::default()).await?.try_collect().await.map_err(lost)?;
        Ok(String::from_utf8_lossy(&chunks.concat()).into_owned())
    }

    /// Runs a command in a container to its end: its exit code and both streams.
    pub async fn run_in(&self, container: &str, command: &[&str]) -> Result<(i32, String)> {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let streams = self.exec(container, ExecSpec { command, ..ExecSpec::default() }).await?;
        let lost = |_| Error::Missing { what: "output", name: container.to_owned() };
        let chunks: Vec<(u8, bytes::Bytes)> = streams.output.try_collect().await.map_err(lost)?;
        let text: Vec<u8> = chunks.into_iter().flat_map(|(_, bytes)| bytes).collect();
        Ok((streams.exit_code.await?, String::from_utf8_lossy(&text).into_owned()))
    }

    /// Joins a container to one network more; returns the name or address by which others reach it there: `alias`, or
    /// its IP address with Podman, whose networks know no names where a plugin is missing.
    pub async fn join(&self, container: &str, network: &str, alias: &str) -> Result<String> {
        let endpoint = EndpointSettings { aliases: Some(vec![alias.to_owned()]), ..Default::default() };
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        let joined = self.api.connect_network(network, request).await;
        joined.map_err(failed(format!("joining {container} to network {network}")))?;
        if !self.is_podman() {
            return Ok(alias.to_owned());
        }
        let networks = self.inspect(container).await?.network_settings.and_then(|settings| settings.networks);
        let address = networks.and_then(|mut networks| networks.remove(network)?.ip_address);
        address
            .filter(|ip| !ip.is_empty())
            .ok_or_else(|| Error::Missing { what: "address", name: container.to_owned() })
    }

    /// The addresses of a container on all its networks.
    ///
    /// # Errors
    /// Where the Engine knows no such container, or names no address of it.
    pub async fn addresses(&self, container: &str) -> Result<Vec<IpAddr>> {
        let networks = self.inspect(container).await?.network_settings.and_then(|settings| settings.networks);
        let written = networks.into_iter().flatten().flat_map(|(_, on)| [on.ip_address, on.global_ipv6_address]);
        let found: Vec<_> = written.flatten().filter_map(|address| address.parse().ok()).collect();
        let missing = || Error::Missing { what: "address", name: container.to_owned() };
        (!found.is_empty()).then_some(found).ok_or_else(missing)
    }

    /// The address of this machine on the Engine's own network, which containers of other networks reach, too.
    ///
    /// # Errors
    /// Where the Engine names none.
    pub async fn gateway(&self) -> Result<IpAddr> {
        let name = if self.is_podman() { "podman" } else { "bridge" };
        let network = self.api.inspect_network(name, None::<InspectNetworkOptions>).await;
        let network = network.map_err(failed(format!("asking for network {name}")))?;
        let gateways =
            network.ipam.and_then(|ipam| ipam.config).into_iter().flatten().filter_map(|config| config.gateway);
        let found = gateways.filter_map(|gateway| gateway.parse().ok()).find(IpAddr::is_ipv4);
        found.ok_or_else(|| Error::Missing { what: "gateway", name: name.to_owned() })
    }

    /// Whether the image's registry serves it to this Engine.
    pub async fn on_hub(&self, image: &str) -> Result<()> {
        self.api
            .inspect_registry_image(image, None)
            .await
            .map(drop)
            .map_err(failed(format!("asking the hub for {image}")))
    }

    /// Names (`repository:tag`) of the local images of one repository.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let filters = std::collections::HashMap::from([("reference", vec![repository.to_owned()])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = self.api.list_images(Some(options)).await.map_err(failed("listing images"))?;
        Ok(images.into_iter().flat_map(|image| image.repo_tags).collect())
    }
}
