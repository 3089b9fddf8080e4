//! TLS towards one upstream: what is believed and shown, and the name that its certificate must have.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
use crate::tls::upstream::of_the_web;
use crate::upstream::failure::Failure;

/// The encryption of the connections to one upstream.
pub(crate) struct Tls {
    configuration: Configuration,
    name: ServerName<'static>,
}

/// Whom to believe, and what to show.
enum Configuration {
    /// The web's authorities, and nothing.
    OfTheWeb(Arc<ClientConfig>),
    /// What the upstream's own settings say, at the moment.
    #[cfg(feature = "certificates")]
    Own(Credential<ClientConfig>),
}

impl Tls {
    /// For connections to `name`, a host's name or an IP address, which the web's authorities know.
    pub(crate) fn of_the_web(name: &str) -> Result<Self, &'static str> {
        Ok(Self {
            configuration: Configuration::OfTheWeb(of_the_web()),
            name: server_name(name)?,
        })
    }

    /// For connections to `name` by the upstream's own `credential`.
    #[cfg(feature = "certificates")]
    pub(crate) fn own(
        name: &str,
        credential: Credential<ClientConfig>,
    ) -> Result<Self, &'static str> {
        Ok(Self {
            configuration: Configuration::Own(credential),
            name: server_name(name)?,
        })
    }

    /// What is to be kept up to date.
    #[cfg(feature = "certificates")]
    pub(crate) fn credential(&self) -> Option<&Credential<ClientConfig>> {
        match &self.configuration {
            Configuration::OfTheWeb(_) => None,
            Configuration::Own(credential) => Some(credential),
        }
    }

    /// Encrypts `stream`.
    pub(crate) async fn connect(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let configuration = match &self.configuration {
            Configuration::OfTheWeb(configuration) => Arc::clone(configuration),
            #[cfg(feature = "certificates")]
            Configuration::Own(credential) => credential.current(),
        };
        let connector = TlsConnector::from(configuration);
        let connected = connector.connect(self.name.clone(), stream).await;
        connected.map_err(|_| Failure::Tls)
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, &'static str> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| "its host is no name that a certificate could carry")
}
