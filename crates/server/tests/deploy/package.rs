//! The Debian package, made from the program of this build and installed for real.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// Where `cargo xtask test` puts the packager; the variable is its doing too.
fn packager() -> PathBuf {
    let told = env::var_os("TRUNKLINE_CARGO_DEB").map(PathBuf::from);
    let made = || repository().join("target/tools/bin/cargo-deb");
    let packager = told.unwrap_or_else(made);
    assert!(packager.exists(), "cargo-deb is not at {}: cargo xtask test installs it", packager.display());
    packager
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Packs the program that is already built.
fn pack(into: &Path) -> PathBuf {
    let package = into.join("first.deb");
    let target = Path::new(env!("CARGO_BIN_EXE_trunkline")).ancestors().nth(2).unwrap();
    let mut command = Command::new(packager());
    command.args(["--package", "trunkline-server", "--no-build", "--offline", "--profile", "dev"]);
    command.args(["--strip", "--fast", "-Z", "gz", "--output"]).arg(&package);
    well(command.current_dir(repository()).env("CARGO_TARGET_DIR", target));
    package
}

/// The same package as a later version.
fn newer(package: &Path, into: &Path) -> PathBuf {
    let (tree, newer) = (into.join("tree"), into.join("second.deb"));
    well(Command::new("dpkg-deb").arg("--raw-extract").args([package, &tree]));
    let control = tree.join("DEBIAN/control");
    let text = std::fs::read_to_string(&control).unwrap();
    let version = text.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap();
    std::fs::write(&control, text.replace(version, &format!("{version}+later"))).unwrap();
    let options = ["-Znone", "--root-owner-group", "--build"];
    well(Command::new("dpkg-deb").args(options).args([&tree, &newer]));
    newer
}

fn well(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}\n{err}", output.status)
}

/// A command as root, in a world of its own processes, network and mounts.
fn apart() -> Command {
    let root = well(Command::new("id").arg("-u")).trim() == "0";
    let mut command = Command::new(if root { "unshare" } else { "sudo" });
    if !root {
        command.args(["-n", "unshare"]);
    }
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command
}

#[test]
fn the_package_installs_serves_upgrades_and_goes_without_a_trace() {
    let folder = TempDir::new().unwrap();
    let first = pack(folder.path());
    let second = newer(&first, folder.path());
    let world = folder.path().join("world");
    std::fs::create_dir(&world).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/package.sh");
    let output = apart().arg("sh").arg(script).arg(&world).args([&first, &second]).output().unwrap();
    let told = told(&output);
    assert!(output.status.success(), "this needs root, or sudo without a password, and unshare(1):\n{told}");
    for line in [
        "root:trunkline 750 /etc/trunkline",
        "root:trunkline 640 /etc/trunkline/GoodConnectServer.exe.config",
        "GoodConnectServer.exe.config: no errors",
        "-- signed out",
        "in force      DRAIN_SECS",
        "sip:bob@example.test",
        "the folder /var/lib/trunkline is trunkline's",
        "STEP done",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
}

#[test]
fn the_manual_page_names_every_command() {
    let help = well(Command::new(env!("CARGO_BIN_EXE_trunkline")).arg("--help"));
    let page = std::fs::read_to_string(repository().join("deploy/trunkline.1")).unwrap().replace('\\', "");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names.iter().filter(|name| **name != "help") {
        assert!(page.contains(name), "{name} is not in the manual page");
    }
}
