//! The library that every Nexus dataplane is built on: an OpenAI-compatible gateway driven by
//! static tables.
//!
//! A generated crate fills the tables of [`topology`] and hands them to [`main`]; everything else
//! lives here.
//!
//! # The life of a request
//! 1. `server` accepts a connection on one of its workers (one thread and one listening socket for
//!    each core; nothing on the request path is shared under a lock) and reads a request's head.
//! 2. `pipeline` takes the request through its stations, in this order: identify
//!    (`observe::trace`), authenticate (`auth`, `jwt`), read and scan the body (`api::body`, `api::scan`,
//!    `words`), admit to the model (`api::models`), answer again what was answered (`idempotency`), admit
//!    within limits (`limit`), route (`route`), forward (`upstream`).
//! 3. `forward` makes the attempts, over `upstream`: the chosen upstream, then the route's others,
//!    those again whose failure may pass, then those of the models that stand in, until one answers.
//!    A slow one may be overtaken by a second. Those whose circuit is open are passed over, the
//!    unhealthy come last. After the first byte of a response nothing is tried again.
//!    `shadow` sends a copy of some requests to one more upstream, beside them.
//! 4. `stream` relays the response as it comes, byte for byte, and reads along: first token, usage.
//!    What only the gateway asked for is left out; a client that waits may get a comment.
//! 5. `observe` accounts for it when the last byte is out or the client has gone: metrics and a log
//!    line.
//! 6. Whatever went wrong becomes an OpenAI error object in `error`, and nowhere else.
//!
//! What is not here: any reading of a spec (that is the compiler's), and any setting that is read
//! after the start.

mod address;
mod admin;
mod alarm;
mod api;
mod auth;
mod caller;
mod command_line;
mod dataplane;
mod endpoint;
mod environment;
mod error;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), expect(dead_code, reason = "fuzz targets use a part of it"))]
mod fixture;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg_attr(not(feature = "nvml"), path = "gpus/absent.rs")]
mod gpus;
mod h1;
mod idempotency;
#[cfg(feature = "jwt")]
mod jwt;
mod limit;
mod message;
mod observe;
mod pipeline;
mod probe;
mod room;
mod route;
mod secret;
mod server;
mod shadow;
mod sse;
mod stream;
mod sync;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
pub mod topology;
mod turn;
mod unwind;
mod upstream;
#[cfg(feature = "words")]
mod words;
mod worker;

use std::process::ExitCode;

use crate::command_line::Command;
use crate::dataplane::Dataplane;
use crate::topology::Topology;

/// A request makes and drops a hundred small things on one thread; with the allocator of glibc they are a sixth of
/// its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the dataplane of `topology` until it is asked to stop: the `main` of a generated crate.
///
/// Reads the command line and the environment of the process. The exit code is 0 after a graceful
/// stop, 1 when it could not start, 2 when the command line is wrong.
pub fn main(topology: &'static Topology) -> ExitCode {
    let command = match command_line::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(unknown) => {
            eprintln!("error: {unknown}\n\n{}", command_line::help(topology));
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Help => {
            println!("{}", command_line::help(topology));
            ExitCode::SUCCESS
        }
        Command::Version => {
            println!("{}", command_line::version(topology));
            ExitCode::SUCCESS
        }
        Command::Check => match environment::read(topology, &environment::of_process()) {
            Ok(_) => {
                println!(
                    "the environment has everything that `{}` needs",
                    topology.name
                );
                ExitCode::SUCCESS
            }
            Err(problems) => refuse(&problems),
        },
        Command::Health => match probe::ask(topology, &environment::of_process()) {
            Ok(()) => {
                println!("`{}` is ready", topology.name);
                ExitCode::SUCCESS
            }
            Err(reason) => {
                eprintln!("error: {reason}");
                ExitCode::FAILURE
            }
        },
        Command::Serve => match environment::read(topology, &environment::of_process()) {
            Ok(settings) => serve(topology, settings),
            Err(problems) => refuse(&problems),
        },
    }
}

fn serve(topology: &'static Topology, mut settings: environment::Settings) -> ExitCode {
    let process = settings.process.clone();
    let reports = std::mem::take(&mut settings.reports);
    let dataplane = match Dataplane::new(topology, settings) {
        // Lives as long as the process, so that no request has to count references to it.
        Ok(dataplane) => Box::leak(Box::new(dataplane)),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match server::supervisor::run(dataplane, &process, reports) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(problems: &[environment::Problem]) -> ExitCode {
    let count = problems.len();
    let noun = if count == 1 {
        "setting is"
    } else {
        "settings are"
    };
    eprintln!("error: {count} {noun} missing or wrong");
    for problem in problems {
        eprintln!("  {problem}");
    }
    ExitCode::FAILURE
}
