//! Records which compiler builds the bench, and with which profile.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").expect("cargo sets it");
    let output = Command::new(rustc).arg("--version").output();
    let version = String::from_utf8(output.expect("rustc runs").stdout).expect("is text");
    println!("cargo::rustc-env=RUSTC_VERSION={}", version.trim());

    // Cargo tells a build script only which profile another one inherits from, but names the folder of what it builds after it.
    let folder = std::env::var("OUT_DIR").expect("cargo sets it");
    let mut folders = std::path::Path::new(&folder).iter().rev();
    let profile = folders
        .find(|name| *name == "build")
        .and_then(|_| folders.next());
    let profile = profile.and_then(|name| name.to_str()).unwrap_or("unknown");
    println!("cargo::rustc-env=BUILD_PROFILE={profile}");
}
