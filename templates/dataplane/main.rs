// {{ header }}
//! The dataplane of `{{ spec }}.toml`.

#![forbid(unsafe_code)]
{% for table in tables %}
#[rustfmt::skip]
mod {{ table }};
{%- endfor %}

fn main() -> std::process::ExitCode {
    runtime::main(&topology::TOPOLOGY)
}
