//! Where the store is that limits are counted in.

use crate::environment::reader::Reader;
use crate::environment::variables::COUNTS_LIMITS;
use crate::limit::store::address;
use crate::secret;
#[cfg(feature = "certificates")]
use crate::tls::{self, credential::Credential, material::Sources};
use crate::topology::Store;

impl Reader<'_> {
    pub(super) fn store(&mut self, store: &Store) -> Option<address::Address> {
        let text = self.secret(store.url, COUNTS_LIMITS);
        #[cfg(feature = "certificates")]
        let credential = match store.tls {
            None => None,
            Some(tls) => {
                let sources = Sources {
                    identity: tls.identity,
                    authority: tls.ca,
                };
                let read = Credential::read(sources, tls::upstream::of_the_store);
                Some((self.certificates(read, "TLS to Redis")?, tls.server_name))
            }
        };
        let address = address::Address::parse(&text?);
        #[cfg(feature = "certificates")]
        let address = match credential {
            None => address.and_then(address::Address::plain),
            Some((credential, name)) => {
                address.and_then(|address| address.encrypted(credential, name))
            }
        };
        #[cfg(not(feature = "certificates"))]
        let address = address.and_then(address::Address::plain);
        match address {
            Ok(address) => Some(address),
            Err(error) => {
                let what = format!("{error} ({COUNTS_LIMITS})");
                self.problem(secret::place(store.url), what)
            }
        }
    }
}
