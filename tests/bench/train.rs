//! The traffic that a profile is made of: `cargo xtask bench --profiled`.

use std::io;
use std::path::Path;

use crate::client;
use crate::subject::{ONE, Subject};
use crate::{Bench, CALLER, environment};

/// Puts a dataplane that writes a profile under the loads of the benchmark, and stops it, which is when it writes.
pub(crate) fn run(bench: &Bench, program: &Path) -> io::Result<()> {
    let environment = environment(&bench.server);
    let subject = Subject::dataplane("gateway", program, &environment, ONE)?;
    for (answer, load) in bench.loads() {
        bench.server.answers(answer);
        let outcome = client::run(subject.address, &[CALLER], load);
        bench.server.beside(outcome)?;
    }
    subject.stop()
}
