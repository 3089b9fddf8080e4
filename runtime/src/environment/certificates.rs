//! Certificates, keys and authorities in files.

use crate::environment::reader::Reader;
use crate::tls::{self, credential::Credential, material::Fault};
use crate::topology::Gateway;

impl Reader<'_> {
    /// What `[gateway.tls]` asks for.
    pub(super) fn listener(
        &mut self,
        gateway: &Gateway,
    ) -> Option<Credential<rustls::ServerConfig>> {
        let (sources, http2) = (tls::listener::sources(gateway.tls.as_ref()?), gateway.http2);
        let read = Credential::read(sources, move |material| {
            tls::listener::configuration(material, http2)
        });
        self.certificates(read, "TLS for clients")
    }

    pub(super) fn certificates<T>(
        &mut self,
        read: Result<Credential<T>, Vec<Fault>>,
        purpose: &str,
    ) -> Option<Credential<T>> {
        match read {
            Ok(credential) => Some(credential),
            Err(faults) => {
                for Fault { file, wrong } in faults {
                    self.problem::<()>(file, format!("{wrong} ({purpose})"));
                }
                None
            }
        }
    }
}
