//! The resolved form: what a spec means once every default is filled in.

use nexusc::{Source, compile};

#[test]
fn defaults_of_a_minimal_spec() {
    let text = "edition = 1\ngateway.development = true\nupstreams.a.url = \"mock://local\"\n\
                models.chat = {}\nroutes.chat = { models = [\"chat\"], direct = { upstream = \"a\" } }\n";
    let compilation = compile(&Source::new("minimal.toml", text));
    insta::assert_debug_snapshot!(compilation.output.map(|output| output.topology));
}
