//! A server of which the spec says what starts it: a service of BentoML, for example.

use crate::emit::engine::{Gpus, Server};
use crate::ir::container::Container;

pub(super) fn start(container: &Container, gpus: Gpus, port: u16) -> Server {
    let Container {
        image,
        args,
        ready,
        live,
        user,
        data,
    } = container;
    Server {
        image: image.clone(),
        // What its image starts, which gets the arguments.
        command: Vec::new(),
        args: args.clone(),
        gpus,
        environment: Vec::new(),
        health_path: ready.clone(),
        live_path: live.clone(),
        user: *user,
        cache: data.clone(),
        port,
    }
}
