//! The Debian packages that the tests need: which are missing, and how they come.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A package, the program that makes it needless when it comes from elsewhere, and what it is for.
struct Need {
    package: &'static str,
    instead: Option<&'static str>,
    /// Looked for where there is no dpkg.
    program: &'static str,
    purpose: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        package: "build-essential",
        instead: Some("cc"),
        program: "cc",
        purpose: "compiles SQLite and AWS-LC",
    },
    Need { package: "python3", instead: None, program: "python3", purpose: "runs the colleague on XMPP" },
    Need {
        package: "python3-venv",
        instead: None,
        program: "python3",
        purpose: "keeps its library out of yours",
    },
    Need { package: "curl", instead: Some("curl"), program: "curl", purpose: "plays the docs' commands" },
    Need { package: "prosody", instead: None, program: "prosody", purpose: "is the XMPP server" },
    Need { package: "postgresql", instead: None, program: "postgres", purpose: "is the database server" },
    Need { package: "slapd", instead: None, program: "slapd", purpose: "is the directory" },
    Need {
        package: "ldap-utils",
        instead: None,
        program: "ldapsearch",
        purpose: "asks the directory as a check",
    },
    Need {
        package: "pidgin-sipe",
        instead: None,
        program: "pidgin",
        purpose: "is the client of Skype for Business",
    },
    Need {
        package: "libpurple-dev",
        instead: None,
        program: "pkg-config",
        purpose: "compiles what drives that client",
    },
    Need { package: "openssl", instead: Some("openssl"), program: "openssl", purpose: "plays old servers" },
    Need {
        package: "libssl-dev",
        instead: None,
        program: "openssl",
        purpose: "is what the feature legacy-tls is built with",
    },
    Need {
        package: "pkg-config",
        instead: Some("pkg-config"),
        program: "pkg-config",
        purpose: "finds that library",
    },
    Need {
        package: "kamailio",
        instead: None,
        program: "kamailio",
        purpose: "is a proxy before a Front End",
    },
    Need {
        package: "kamailio-tls-modules",
        instead: None,
        program: "kamailio",
        purpose: "lets that proxy speak TLS",
    },
    Need { package: "sip-tester", instead: None, program: "sipp", purpose: "breaks dialogs of SIP" },
    Need { package: "tshark", instead: None, program: "tshark", purpose: "judges what was said in SIP" },
    Need { package: "nginx", instead: None, program: "nginx", purpose: "is a proxy in front of the relay" },
    Need { package: "haproxy", instead: None, program: "haproxy", purpose: "is another one" },
    Need {
        package: "systemd",
        instead: None,
        program: "systemd-analyze",
        purpose: "judges the service's unit",
    },
    Need {
        package: "python3-seccomp",
        instead: None,
        program: "python3",
        purpose: "lays the unit's system call filter on the relay",
    },
    Need { package: "iproute2", instead: None, program: "ip", purpose: "gives the package's test a network" },
];

/// Packages that bring a system service, which the tests do not want: they start servers of their own.
const SERVICES: &[(&str, &str)] = &[
    ("prosody", "prosody.service"),
    ("postgresql", "postgresql.service"),
    ("postgresql", "postgresql@15-main.service"),
    ("nginx", "nginx.service"),
    ("haproxy", "haproxy.service"),
    ("slapd", "slapd.service"),
    ("kamailio", "kamailio.service"),
];

/// Installs what is missing, saying so; an error tells what to type when this user may not.
pub(crate) fn install_missing() -> Result<()> {
    if process::find("dpkg-query").is_none() {
        return require_programs();
    }
    let missing = missing(&versions(NEEDS.iter().map(|need| need.package)));
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("xtask: the Debian package {} is missing: it {}", need.package, need.purpose);
    }
    install(&missing.iter().map(|need| need.package).collect::<Vec<_>>())
}

/// The installed versions of `packages`; those that are not installed are left out.
pub(crate) fn versions<'a>(packages: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    // One query a package: with several, dpkg-query fails as a whole when one is unknown.
    packages.filter_map(|package| Some((package.to_owned(), version(package)?))).collect()
}

fn version(package: &str) -> Option<String> {
    let format = "-f=${db:Status-Status} ${Version}";
    let answer = process::output(Command::new("dpkg-query").args(["-W", format, package]))?;
    answer.strip_prefix("installed ").map(str::to_owned)
}

fn missing(installed: &BTreeMap<String, String>) -> Vec<&'static Need> {
    let met = |need: &Need| {
        installed.contains_key(need.package) || need.instead.is_some_and(|name| process::find(name).is_some())
    };
    NEEDS.iter().filter(|need| !met(need)).collect()
}

fn require_programs() -> Result<()> {
    let missing: Vec<_> = NEEDS.iter().filter(|need| process::find(need.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = missing.iter().map(|need| format!("{} ({})", need.program, need.purpose)).collect();
    bail!("this is not a Debian machine: install these yourself: {}", list.join(", "));
}

fn install(packages: &[&str]) -> Result<()> {
    let Some(root) = Root::find() else {
        bail!(
            "only root can install packages, and there is no sudo. As root, type: \
             apt-get update && apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    };
    process::run(&mut root.command(&["apt-get", "update"]))?;
    let asleep = Asleep::begin(root, packages)?;
    let options = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    let installed = process::run(&mut root.command(&[&options, packages].concat()));
    installed.and(asleep.end())
}

/// How this user becomes root.
#[derive(Clone, Copy)]
enum Root {
    Already,
    Sudo,
}

impl Root {
    fn find() -> Option<Self> {
        if process::output(Command::new("id").arg("-u")).as_deref() == Some("0") {
            return Some(Self::Already);
        }
        process::find("sudo").map(|_| Self::Sudo)
    }

    fn command(self, words: &[&str]) -> Command {
        // sudo drops the environment, env sets it on the far side.
        let quiet = ["env", "DEBIAN_FRONTEND=noninteractive"];
        let words = [&quiet, words].concat();
        match self {
            Self::Already => with_arguments(words[0], &words[1..]),
            Self::Sudo => with_arguments("sudo", &words),
        }
    }
}

fn with_arguments(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Services masked until the next boot at the latest, so that installing their package does not start them.
///
/// Without systemd there is nothing to mask: containers start no services on installation.
struct Asleep {
    root: Root,
    services: Vec<&'static str>,
}

impl Asleep {
    fn begin(root: Root, packages: &[&str]) -> Result<Self> {
        let runs_systemd = Path::new("/run/systemd/system").is_dir();
        let brought = SERVICES.iter().filter(|(package, _)| runs_systemd && packages.contains(package));
        let asleep = Self { root, services: brought.map(|(_, service)| *service).collect() };
        asleep.systemctl(&["mask", "--runtime"])?;
        Ok(asleep)
    }

    fn end(self) -> Result<()> {
        self.systemctl(&["unmask", "--runtime"])?;
        self.systemctl(&["disable"])
    }

    fn systemctl(&self, verb: &[&str]) -> Result<()> {
        if self.services.is_empty() {
            return Ok(());
        }
        process::run(&mut self.root.command(&[&["systemctl"], verb, &self.services].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_needed_unless_it_or_its_stand_in_is_there() {
        let names = NEEDS.iter().map(|need| need.package);
        let installed = names.filter(|name| !["build-essential", "python3-venv"].contains(name));
        let installed: BTreeMap<_, _> = installed.map(|name| (name.to_owned(), "1".to_owned())).collect();
        let missing: Vec<_> = missing(&installed).iter().map(|need| need.package).collect();
        assert_eq!(missing, ["python3-venv"], "cc compiled this test, so build-essential is not needed");
    }

    #[test]
    fn root_is_asked_through_sudo_with_the_environment_on_the_far_side() {
        let command = Root::Sudo.command(&["apt-get", "update"]);
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(command.get_program(), "sudo");
        assert_eq!(words, ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "update"]);
    }
}
