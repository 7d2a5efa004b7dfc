//! Has the linker lay what every start runs side by side in the executable, and write down in little space what has to be
//! relocated (docs/decisions/0011-a-start-side-by-side.md).

#![allow(clippy::print_stdout, reason = "a build script talks to cargo by printing")]

use std::{env, error::Error, fmt::Write as _, fs, path::Path, process::Command};

/// Patterns of what runs, in order.
const ORDER: &str = "start-order.txt";
/// `no` for linkers that take no such script.
const SWITCH: &str = "COUNTERSIGN_START_ORDER";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ORDER}");
    println!("cargo::rerun-if-env-changed={SWITCH}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("PROFILE", "release") || is(SWITCH, "no") {
        return Ok(());
    }
    let mut script = "/* If the linker takes no such script, build with COUNTERSIGN_START_ORDER=no */\nSECTIONS {\n  .text.start : {\n".to_owned();
    for pattern in fs::read_to_string(ORDER)?.lines().filter(|line| !line.starts_with('#')) {
        // What the compiler takes for cold, growing a vector for instance, a start runs all the same.
        writeln!(script, "    *(.text.{pattern} .text.unlikely.{pattern})")?;
    }
    script.push_str("  }\n}\nINSERT BEFORE .text;\n");
    let file = Path::new(&env::var("OUT_DIR")?).join("start-order.ld");
    fs::write(&file, script)?;
    for argument in ["-Xlinker", "-T", "-Xlinker", &file.display().to_string()] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    // PROFILE says release for `dist` too. The folder of the build has the true name: …/release/build/countersign-…/out
    let profile = file.ancestors().nth(4).and_then(Path::file_name);
    let stays_here = profile.is_some_and(|name| name == "release") && is("HOST", &env::var("TARGET")?);
    if stays_here && is("CARGO_CFG_TARGET_ENV", "gnu") && reads_packed_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    Ok(())
}

/// Whether the C library of this machine can: glibc since 2.36. An older one would refuse the executable.
fn reads_packed_relocations() -> bool {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().map(|said| said.stdout).unwrap_or_default();
    let said = String::from_utf8(said).unwrap_or_default();
    let version = said.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?))) >= Some((2, 36))
}
