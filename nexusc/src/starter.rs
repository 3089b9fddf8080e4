//! The first spec of somebody who has none: one model on one server.

use crate::import::address;
use crate::import::draft::{Draft, Section, list, string};
use crate::import::names::{Names, model_name};
use crate::ir::Endpoint;
use crate::resolve::upstream;

/// A spec that serves `model` from the server at `upstream`, an address as people have it: with or without `/v1`.
///
/// # Errors
/// What is wrong with the address or the name, in a phrase.
pub fn starter(upstream: &str, model: &str) -> Result<String, String> {
    let url = address::of(upstream).map_err(|why| {
        format!("{why}: write `http://HOST:PORT`, `https://HOST` or `mock://local`")
    })?;
    model_name(model)
        .map_err(|why| format!("{why}: write one such as `chat` or `Qwen/Qwen2.5-7B-Instruct`"))?;
    let name = Names::default().unique(model, "server");
    let mut draft = Draft::default();
    draft.head.push(
        "One model on one server, for whoever is on this machine. Run it: nexusc up SPEC"
            .to_owned(),
    );
    let mut gateway = Section::default();
    gateway.note(
        "In development mode nobody has to authenticate. Before others can reach it, replace this line by keys: \
         `[keys.NAME]` with `secret = { env = \"VARIABLE\" }` and `models`.",
    );
    gateway.set("development", "true");
    gateway.set("listen", string(listen(&url)));
    draft.add(&["gateway"], gateway);
    let mut section = Section::default();
    section.note("What clients ask for; `aliases` are further names for it.");
    draft.add(&["models", model], std::mem::take(&mut section));
    if url.starts_with("mock://") {
        section.note("Answers by itself. A server of yours: `url = \"http://HOST:PORT\"`.");
    } else {
        section
            .note("Where the model is served; `model = \"...\"` if it is called otherwise there.");
    }
    section.set("url", string(&url));
    draft.add(&["upstreams", &name], section);
    let mut route = Section::default();
    route.set("models", list([model]));
    route.set("direct", format!("{{ upstream = {} }}", string(&name)));
    draft.add(&["routes", &name], route);
    Ok(draft.text())
}

/// Where the gateway listens: where the server at `url` does not.
fn listen(url: &str) -> &'static str {
    let server = upstream::parse(url);
    let server = server
        .as_ref()
        .ok()
        .filter(|server| server.is_on_this_machine());
    match server.and_then(Endpoint::host_and_port) {
        Some((_, 8080)) => "127.0.0.1:8081",
        _ => "127.0.0.1:8080",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, compile};

    #[test]
    fn it_compiles_without_a_finding_whatever_the_server_and_the_model() {
        for (upstream, model) in [
            ("mock://local", "chat"),
            ("http://localhost:8000/v1", "Qwen/Qwen2.5-7B-Instruct"),
            ("https://api.example.com", "4o"),
            ("http://localhost:8080", "chat"),
            ("http://127.0.0.1:8080/v1", "chat"),
            ("http://[::1]:8080", "chat"),
            ("http://localhost:8081", "chat"),
        ] {
            let spec = starter(upstream, model).unwrap();
            let found = compile(&Source::new("first.toml", spec.as_str())).diagnostics;
            assert!(found.is_empty(), "{spec}\n{found:#?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        assert!(
            starter("hunter2", "chat")
                .unwrap_err()
                .contains("`http://HOST:PORT`")
        );
        assert!(starter("mock://local", "a b").is_err());
    }
}
