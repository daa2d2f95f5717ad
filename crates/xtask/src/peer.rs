//! The real programs that tests talk to: a Python of their own, and the list of what is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{debian, process, workspace};

/// Tells tests which Python has the libraries of [`PYTHON_PACKAGES`].
pub(crate) const PYTHON_VARIABLE: &str = "TRUNKLINE_PEER_PYTHON";

/// Python packages that peers are written on; the venv is made anew when one of these lists changes.
const PYTHON_PACKAGES: &[&str] = &["slixmpp==1.17.0", "schemathesis==4.32.5", "sipvicious==0.3.8"];

/// What those stand on, pinned too, so that a test fails for our changes alone.
const PYTHON_FOUNDATIONS: &[&str] = &[
    "aiodns==4.0.4",
    "anyio==4.16.0",
    "certifi==2026.10.19.post1",
    "cffi==2.1.1",
    "charset-normalizer==3.5.3",
    "click==8.5.1",
    "graphql-core==3.3.2",
    "harfile==0.6.0",
    "hypothesis-graphql==0.13.5",
    "hypothesis==6.170.17",
    "idna==3.20",
    "iniconfig==2.3.1",
    "jsonschema_rs==0.60.3",
    "markdown-it-py==4.3.0",
    "MarkupSafe==3.0.4",
    "mdurl==0.1.2",
    "packaging==26.4",
    "pluggy==1.7.0",
    "pyasn1==0.6.5",
    "pyasn1_modules==0.4.2",
    "pycares==5.2.1",
    "pycparser==3.12",
    "Pygments==2.21.0",
    "pyrate-limiter==4.5.1",
    "pytest==9.2.0",
    "PyYAML==6.0.4",
    "requests==2.34.2",
    "rich==15.0.0",
    "sortedcontainers==2.4.0",
    "typing_extensions==4.16.0",
    "urllib3==2.8.0",
    "Werkzeug==3.1.9",
];

/// Debian packages worth reporting.
const SERVERS: &[&str] = &[
    "prosody",
    "postgresql",
    "python3",
    "nginx",
    "haproxy",
    "systemd",
    "pidgin-sipe",
    "kamailio",
    "sip-tester",
    "tshark",
];

/// Makes the peers' Python once and returns its path.
pub(crate) fn python() -> Result<PathBuf> {
    let venv = venv()?;
    let stamp = venv.join("packages.txt");
    let packages = [PYTHON_PACKAGES, PYTHON_FOUNDATIONS].concat();
    let wanted = packages.join("\n");
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && python.exists() {
        return Ok(python);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).with_context(|| format!("cannot remove {}", venv.display()))?;
    }
    process::run(Command::new(system_python()).args(["-m", "venv"]).arg(&venv))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    process::run(Command::new(&python).args(pip).args(&packages))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// Prints the peers with their versions; asks dpkg and pip, never the programs: some start when asked.
pub(crate) fn list() -> Result<ExitCode> {
    let installed = debian::versions(SERVERS.iter().copied());
    for server in SERVERS {
        print_version(server, installed.get(*server).map(String::as_str), "cargo xtask test installs it");
    }
    let python = venv()?.join("bin/python");
    for package in PYTHON_PACKAGES {
        let name = package.split("==").next().unwrap_or(package);
        let script = format!("import importlib.metadata as m; print(m.version({name:?}))");
        let version = process::output(Command::new(&python).args(["-c", &script]));
        print_version(name, version.as_deref(), "cargo xtask test installs it");
    }
    for (tool, plan) in [("nextest", "cargo test stands in"), ("deny", "bans and licences go unchecked")] {
        let answer = process::output(&mut process::cargo([tool, "--version"]));
        let version = answer.as_deref().and_then(|answer| answer.split_whitespace().nth(1));
        print_version(&format!("cargo-{tool}"), version, plan);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_version(name: &str, version: Option<&str>, otherwise: &str) {
    match version {
        Some(version) => println!("{name:<16} {version}"),
        None => println!("{name:<16} not installed: {otherwise}"),
    }
}

fn venv() -> Result<PathBuf> {
    Ok(workspace::metadata()?.target_directory.join("peers/venv"))
}

/// Debian's own Python goes first, since python3-venv belongs to it and not to another one on the path.
fn system_python() -> &'static str {
    let debian = "/usr/bin/python3";
    if Path::new(debian).exists() { debian } else { "python3" }
}
