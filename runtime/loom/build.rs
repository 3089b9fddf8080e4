//! Sets `cfg(loom)` for the models alone. As a flag of the whole build, which is usual, it would take tokio's
//! sockets away, and with them the runtime.

fn main() {
    println!("cargo::rustc-cfg=loom");
    // A feature of the runtime that its files ask about.
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"jwt\"))");
    println!("cargo::rerun-if-changed=build.rs");
}
