//! Word to systemd, or whoever else manages this process and set `NOTIFY_SOCKET`: that it serves, that it stops.

use sd_notify::NotifyState;

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;

/// Tells `state` to the manager, if there is one.
pub(super) fn tell(state: NotifyState<'_>, sink: &Sink) {
    let text = state.to_string();
    if let Err(error) = sd_notify::notify(&[state]) {
        let message = format!("cannot tell {text} to NOTIFY_SOCKET: {error}");
        sink.line(&Line::new(Level::Warn, "nexus.server", &message));
    }
}
