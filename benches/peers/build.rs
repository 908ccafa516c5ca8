//! Records which compiler builds the bench.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").expect("cargo sets it");
    let output = Command::new(rustc).arg("--version").output();
    let version = String::from_utf8(output.expect("rustc runs").stdout).expect("is text");
    println!("cargo::rustc-env=RUSTC_VERSION={}", version.trim());
}
