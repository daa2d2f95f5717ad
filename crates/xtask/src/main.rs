//! The repository's own commands: everything that a developer or CI does beyond `cargo build`, with nothing to
//! install first. `cargo xtask --help` lists them.

mod bench;
mod debian;
mod generate;
mod package;
mod peer;
mod process;
mod suite;
mod tidy;
mod trial;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The repository's own commands", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what the tests need, then runs every check and every test
    Test {
        /// Checks and unit tests only: installs nothing, starts no other program
        #[arg(long)]
        fast: bool,
        /// Handed to the test runner, for example the name of a test
        #[arg(last = true)]
        runner: Vec<OsString>,
    },
    /// Checks the rules of the house that no other tool knows
    Tidy,
    /// Writes the documents and example files that are made from code
    Gen,
    /// Says which real peers are installed, without starting any
    Peers,
    /// Builds the program as it ships and makes a Debian package of it
    Package,
    /// Runs the trials at full length, hours in all, and prints how each ended
    Trial {
        /// The beginning of a trial's name, as F5; all when none is given
        names: Vec<String>,
    },
    /// Builds the programs as they ship and puts load on them
    Bench {
        /// Builds for debugging instead: to try the benchmark itself
        #[arg(long)]
        dev: bool,
        /// Measures nothing: puts what `--json` wrote into docs/benchmarks.md
        #[arg(long, value_name = "FILE")]
        fill: Option<std::path::PathBuf>,
        /// Handed to the load program; --help lists what it knows
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        load: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Test { fast, runner } => suite::run(fast, &runner),
        Command::Tidy => tidy::run(),
        Command::Gen => generate::run(),
        Command::Peers => peer::list(),
        Command::Package => package::run(),
        Command::Trial { names } => trial::run(&names),
        Command::Bench { fill: Some(measured), .. } => bench::fill(&measured),
        Command::Bench { dev, load, .. } => bench::run(dev, &load),
    };
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
