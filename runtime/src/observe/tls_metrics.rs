//! The metrics of TLS. Those of what a topology does not use are not there.

use decide::metric;
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use crate::observe::register::Register;
use crate::tls::credential::Peer;
use crate::topology::Topology;

/// The metrics of TLS.
pub(crate) struct TlsMetrics {
    expiry: IntGaugeVec,
    renewals: IntCounterVec,
    handshakes_failed: Option<IntCounter>,
}

impl TlsMetrics {
    /// Those of `topology`.
    pub(super) fn new(register: &Register<'_>, topology: &Topology) -> Self {
        let metrics = Self {
            expiry: register.gauge_family(metric::CERTIFICATE_EXPIRY, "When a certificate that the gateway shows expires, in seconds since 1970: to clients, to \
                     the upstream of this name, or to the store."),
            renewals: register.counter_family(metric::TLS_RENEWALS, "Times that certificates, keys or authorities were read again because their files had \
                     changed, by result: renewed, or failed and the previous ones stayed."),
            handshakes_failed: topology.gateway.tls.map(|_| {
                register.counter(metric::HANDSHAKES_FAILED, "Connections of clients that came to no agreement on TLS, or showed no certificate that they \
                     had to show.")
            }),
        };
        for result in [RENEWED, FAILED] {
            metrics.renewals.with_label_values(&[result]);
        }
        metrics
    }

    /// Counts a reading of changed files.
    pub(crate) fn renewed(&self, well: bool) {
        let result = if well { RENEWED } else { FAILED };
        self.renewals.with_label_values(&[result]).inc();
    }

    /// Counts a client without TLS.
    pub(crate) fn handshake_failed(&self) {
        if let Some(counter) = &self.handshakes_failed {
            counter.inc();
        }
    }

    /// Shows when the certificate that is shown to `peer` expires.
    pub(crate) fn expires(&self, peer: Peer, second: u64) {
        let labels = match peer {
            Peer::Clients => ["clients", ""],
            Peer::Upstream(upstream) => ["upstream", upstream],
            #[cfg(feature = "jwks")]
            Peer::Issuer => ["issuer", ""],
            #[cfg(feature = "redis")]
            Peer::Store => ["store", ""],
        };
        self.expiry
            .with_label_values(&labels)
            .set(i64::try_from(second).unwrap_or(i64::MAX));
    }
}

const RENEWED: &str = "renewed";
const FAILED: &str = "failed";
