//! Where requests are reported to beside metrics and log lines, by a spec that asks for it.

use std::io;
#[cfg(feature = "audit")]
use std::rc::Rc;
use std::time::Duration;

#[cfg(any(feature = "audit", feature = "otlp"))]
use decide::metric;
#[cfg(feature = "audit")]
use tokio::task::spawn_local;

#[cfg(feature = "audit")]
use crate::observe::audit::{self, AuditLog};
use crate::observe::log;
use crate::observe::metrics::Metrics;
#[cfg(feature = "otlp")]
use crate::observe::otlp;
use crate::topology::Topology;

/// What the environment holds for reports.
#[derive(Default)]
pub(crate) struct Settings {
    /// For the audit log, if there is one.
    #[cfg(feature = "audit")]
    pub(crate) audit: Option<audit::Settings>,
    /// For the collector, if there is one.
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<otlp::Settings>,
}

/// The ways to whatever reports, for a thread that serves.
#[derive(Clone, Default)]
pub(crate) struct Sinks {
    #[cfg(feature = "audit")]
    audit: Option<audit::Sink>,
    #[cfg(feature = "otlp")]
    otlp: Option<otlp::Sink>,
}

/// The threads that report. They end when every way to them is gone.
#[derive(Default)]
pub(crate) struct Writers {
    #[cfg(feature = "audit")]
    audit: Option<audit::writer::Writer>,
    #[cfg(feature = "otlp")]
    otlp: Option<otlp::Sender>,
}

/// The reports of one worker.
pub(crate) struct Reports {
    /// The audit log.
    #[cfg(feature = "audit")]
    pub(crate) audit: Option<Rc<AuditLog>>,
    /// The way to the collector.
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<otlp::Sink>,
}

/// Starts the threads that `topology` asks for. They say in `log` when they cannot report.
pub(crate) fn start(
    topology: &'static Topology,
    settings: Settings,
    metrics: &Metrics,
    log: &log::Sink,
) -> io::Result<(Sinks, Writers)> {
    #[cfg_attr(not(any(feature = "audit", feature = "otlp")), expect(unused_mut))]
    let (mut sinks, mut writers) = (Sinks::default(), Writers::default());
    #[cfg(feature = "audit")]
    if let (Some(audit), Some(settings)) = (&topology.audit, settings.audit) {
        let lost = metrics.register().counter(
            metric::AUDIT_LOST,
            "Audit records lost because they could not be written in time.",
        );
        let (sink, writer) = audit::start(topology, audit, settings, lost, log.clone())?;
        sinks.audit = Some(sink);
        writers.audit = Some(writer);
    }
    #[cfg(feature = "otlp")]
    if let Some(settings) = settings.otlp {
        let dropped = metrics.register().counter(
            metric::SPANS_DROPPED,
            "Recorded requests whose spans were dropped or refused by the collector.",
        );
        let (sink, sender) = otlp::start(topology, settings, dropped, log.clone())?;
        sinks.otlp = Some(sink);
        writers.otlp = Some(sender);
    }
    #[cfg(not(any(feature = "audit", feature = "otlp")))]
    let _ = (topology, settings, metrics, log);
    Ok((sinks, writers))
}

impl Writers {
    /// Waits until everything is reported, but no longer than `limit` for each.
    pub(crate) fn finish(self, limit: Duration) {
        #[cfg(feature = "audit")]
        if let Some(writer) = self.audit {
            writer.finish(limit);
        }
        #[cfg(feature = "otlp")]
        if let Some(sender) = self.otlp {
            sender.finish(limit);
        }
        #[cfg(not(any(feature = "audit", feature = "otlp")))]
        let _ = limit;
    }
}

impl Reports {
    /// The reports of a worker whose ways are `sinks`.
    pub(crate) fn new(sinks: Sinks) -> Self {
        #[cfg(not(any(feature = "audit", feature = "otlp")))]
        let Sinks {} = sinks;
        Self {
            #[cfg(feature = "audit")]
            audit: sinks.audit.map(|sink| Rc::new(AuditLog::new(sink))),
            #[cfg(feature = "otlp")]
            otlp: sinks.otlp,
        }
    }

    /// Whether a request must not be served, because it could not be reported as it must.
    pub(crate) fn refuse(&self) -> bool {
        #[cfg(feature = "audit")]
        let refuse = self.audit.as_ref().is_some_and(|audit| audit.refuses());
        #[cfg(not(feature = "audit"))]
        let refuse = false;
        refuse
    }

    /// Starts the tasks that hand over in time what waits.
    pub(crate) fn keep_flushing(&self) {
        #[cfg(feature = "audit")]
        if let Some(audit) = &self.audit {
            spawn_local(Rc::clone(audit).keep_flushing());
        }
    }

    /// Hands everything over.
    pub(crate) fn flush(&self) {
        #[cfg(feature = "audit")]
        if let Some(audit) = &self.audit {
            audit.flush();
        }
    }
}
