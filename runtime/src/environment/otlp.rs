//! Where spans are sent, and with which headers.

use hyper::header::{HeaderName, HeaderValue};

use crate::address::Address;
use crate::environment::reader::Reader;
use crate::environment::variables::COLLECTOR;
use crate::observe::otlp;
use crate::secret;
use crate::topology::Otlp;

impl Reader<'_> {
    pub(super) fn otlp(&mut self, settings: &Otlp) -> Option<otlp::Settings> {
        let replaced = self.optional(COLLECTOR);
        let address = match Address::parse(replaced.as_deref().unwrap_or(settings.endpoint)) {
            Ok(address) => Some(address),
            Err(error) => self.problem(COLLECTOR, error),
        };
        let mut headers = Vec::new();
        for (name, place) in settings.headers {
            let purpose = format!("the header `{name}` for the collector");
            let text = match secret::text(*place, self.variable) {
                Ok(text) => text,
                Err(error) => {
                    self.problem::<()>(secret::place(*place), format!("{error} ({purpose})"));
                    continue;
                }
            };
            match HeaderValue::try_from(text) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    headers.push((HeaderName::from_static(name), value));
                }
                Err(_) => {
                    let what = format!("{} ({purpose})", secret::Unreadable::NotText);
                    self.problem::<()>(secret::place(*place), what);
                }
            }
        }
        Some(otlp::Settings {
            address: address?,
            headers,
        })
    }
}
