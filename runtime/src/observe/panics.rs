//! A panic is logged like everything else: as a JSON line.

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;

/// Sends the message and the place of every panic to `sink` from now on.
pub(crate) fn log_to(sink: Sink) {
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or("of a kind without a text");
        let message = match panic.location() {
            Some(place) => format!("panic at {}:{}: {text}", place.file(), place.line()),
            None => format!("panic: {text}"),
        };
        sink.line(&Line::new(Level::Error, "nexus.panic", &message));
    }));
}
