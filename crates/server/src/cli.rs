//! The command line: what may be typed, and the text that `--help` shows.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

mod account;
mod activation;
mod archive;
mod bundle;
mod device;
mod doctor;
mod key;
mod phone;
mod span;

pub(crate) use account::{AccountCommand, Import};
pub(crate) use activation::ActivationCommand;
pub(crate) use archive::{Backup, Migrate, Restore};
pub(crate) use bundle::SupportBundle;
pub(crate) use device::DeviceCommand;
pub(crate) use doctor::Doctor;
pub(crate) use key::KeyCommand;
pub(crate) use phone::{Chat, Demo};
pub(crate) use span::Span;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    about = "The open relay that lets phones reach the instant messaging a company runs on its own premises",
    after_help = "Examples:\n  trunkline demo\n  trunkline account add sip:alice@example.test --name \"Alice Example\"\n  \
                  trunkline serve --config GoodConnectServer.exe.config\n\n\
                  Exit codes: 0 done, 1 failed, 2 wrong usage, 4 the server cannot be reached, or does not run.",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Configuration file [default: $TRUNKLINE_CONFIG, else GoodConnectServer.exe.config here or in /etc/trunkline, else
    /// built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the relay until it is told to stop (SIGTERM or Ctrl-C)
    #[command(
        after_help = "Example:\n  trunkline serve --config /etc/trunkline/GoodConnectServer.exe.config"
    )]
    Serve(Json),

    /// Watch phones talk through a relay in a temporary folder, then join in
    #[command(after_help = "Examples:\n  trunkline demo\n  trunkline demo --once && echo all well")]
    Demo(Demo),

    /// Be a phone in this terminal: activate, see who is there, chat
    #[command(
        after_help = "Example:\n  trunkline chat --server https://relay.example.test:8082 --user sip:alice@example.test"
    )]
    Chat(Chat),

    /// Report every problem of a configuration file at once
    #[command(after_help = "Example:\n  trunkline check-config GoodConnectServer.exe.config")]
    CheckConfig(CheckConfig),

    /// Add, show, change and remove accounts
    #[command(
        subcommand,
        after_help = "Example:\n  trunkline account add sip:alice@example.test --name \"Alice Example\""
    )]
    Account(AccountCommand),

    /// Hand out the keys with which phones activate
    #[command(subcommand, after_help = "Example:\n  trunkline activation issue sip:alice@example.test")]
    Activation(ActivationCommand),

    /// List and revoke activated phones
    #[command(subcommand, after_help = "Example:\n  trunkline device list sip:alice@example.test")]
    Device(DeviceCommand),

    /// Write everything but the master key into one file, also while the server runs
    #[command(
        after_help = "Examples:\n  trunkline backup /var/backups/trunkline\n  trunkline backup before-the-change.backup"
    )]
    Backup(Backup),

    /// Put a backup in the place of the database; the server must be stopped
    #[command(
        after_help = "Examples:\n  trunkline restore monday.backup --verify\n  trunkline restore monday.backup --replace"
    )]
    Restore(Restore),

    /// Bring the database's schema up to date, which the server also does when it starts
    #[command(after_help = "Example:\n  trunkline migrate --dry-run")]
    Migrate(Migrate),

    /// Show and change the master key, which guards passwords and access keys
    #[command(subcommand, after_help = "Example:\n  trunkline key show")]
    Key(KeyCommand),

    /// Show whether the relay runs, who is connected, and how much it holds
    #[command(after_help = "Example:\n  trunkline status --json")]
    Status(Json),

    /// Have the running server read its configuration again; no phone notices
    #[command(after_help = "Example:\n  trunkline reload")]
    Reload(Json),
    /// Examine everything that must work, step by step: what fails, the likely cause, and what to try
    #[command(
        after_help = "Examples:\n  trunkline doctor\n  trunkline doctor --as sip:alice@corp.example.test"
    )]
    Doctor(Doctor),

    /// Collect what somebody else needs to help, without secrets and people's names
    #[command(after_help = "Example:\n  trunkline support-bundle --dry-run")]
    SupportBundle(SupportBundle),

    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  trunkline completions bash > /etc/bash_completion.d/trunkline")]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Output for programs.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// `trunkline check-config`.
#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    /// The file to check [default: the one that `serve` would read]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: Json,
}

/// Consent to what cannot be undone.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Consent {
    /// Do it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn every_command_shows_an_example_that_it_takes() {
        let mut command = Cli::command();
        command.build();
        walk(&command);
    }

    fn walk(command: &Command) {
        let name = command.get_name();
        if name == "help" {
            return;
        }
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  trunkline ")).collect();
        assert!(!examples.is_empty(), "{name} shows no example");
        for example in examples {
            let words = words(example);
            assert!(
                name == "trunkline" || example.contains(name),
                "the example of {name} is of another command: {example}"
            );
            if let Err(error) = Cli::try_parse_from(std::iter::once("trunkline".to_owned()).chain(words)) {
                panic!("the example of {name} is not taken: {example}\n{error}");
            }
        }
        command.get_subcommands().for_each(walk);
    }

    /// Splits at blanks outside quotes, up to what belongs to the shell.
    fn words(example: &str) -> Vec<String> {
        let parts: Vec<_> = example.split('"').enumerate().collect();
        let mut words = Vec::new();
        for (at, part) in parts {
            match at % 2 {
                1 => words.push(part.to_owned()),
                _ => words.extend(part.split_whitespace().map(str::to_owned)),
            }
        }
        words.into_iter().take_while(|word| word != ">" && word != "&&").collect()
    }

    #[test]
    fn the_configuration_may_be_named_after_any_subcommand() {
        for line in [
            "trunkline --config a.config status",
            "trunkline status --config a.config",
            "trunkline account add a@b.test --config a.config",
            "trunkline activation issue a@b.test --json --config a.config",
        ] {
            let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
            assert_eq!(cli.config.as_deref(), Some(std::path::Path::new("a.config")), "{line}");
        }
    }
}
