//! From a host's name to addresses, every one of which is checked; a connection is made to one of these and to nothing else.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use url::Host;

use crate::{fault::Trouble, settings::WebhookSettings, target::Target};

/// The addresses of a target, all of them checked. They hold for one connection: the next one looks the name up again.
///
/// # Errors
/// Where there is none, or one may not be sent to. A name with one such address is refused whole: who answers for it could
/// choose which one is taken.
pub(crate) async fn addresses(settings: &WebhookSettings, target: &Target) -> Result<Vec<SocketAddr>, Trouble> {
    let found = match &target.host {
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        Host::Domain(name) => look_up(settings, name).await.map_err(|error| Trouble::Name(error.to_string()))?,
    };
    if found.is_empty() {
        return Err(Trouble::Name("it has no address".to_owned()));
    }
    if let Some((address, what)) = found.iter().find_map(|own| Some((*own, settings.refusal(*own)?))) {
        return Err(Trouble::Refused { address, what });
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
}

async fn look_up(settings: &WebhookSettings, name: &str) -> io::Result<Vec<IpAddr>> {
    match &settings.resolve {
        Some(resolve) => {
            let (resolve, name) = (Arc::clone(resolve), name.to_owned());
            tokio::task::spawn_blocking(move || resolve(&name)).await.map_err(io::Error::other)?
        }
        None => Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()),
    }
}
