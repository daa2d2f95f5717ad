//! The `trunkline` program: subcommands and what they need.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

mod admin;
mod archive;
mod ask;
mod assembly;
mod bundle;
mod cli;
mod configuration;
mod demo;
mod doctor;
mod exit;
mod phone;
mod place;
mod print;
mod reload;
mod serve;
mod shutdown;
mod systemd;
mod telemetry;

use cli::{Cli, Command};
use exit::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn carry_out(cli: Cli) -> Result<(), Failure> {
    // What needs no runtime comes first.
    match &cli.command {
        Command::CheckConfig(args) => {
            return configuration::check(args.file.as_deref().or(cli.config.as_deref()), args.output.json);
        }
        Command::Completions { shell } => return completions(*shell),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(cli));
    // A blocking read of the terminal must not hold the end up.
    runtime.shutdown_background();
    result
}

async fn run(cli: Cli) -> Result<(), Failure> {
    // Fails only when a provider is there already, which is as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let place =
        || configuration::load(cli.config.as_deref()).and_then(|loaded| configuration::place(&loaded.config));
    match cli.command {
        Command::Serve(output) => serve::serve(cli.config.as_deref(), output.json).await,
        Command::Demo(args) => demo::demo(args.once).await,
        Command::Chat(args) => phone::chat(args).await,
        Command::Account(command) => ask::account(place()?, command).await,
        Command::Activation(command) => ask::activation(place()?, command).await,
        Command::Device(command) => ask::device(place()?, command).await,
        Command::Backup(args) => archive::backup(place()?, args).await,
        Command::Restore(args) => archive::restore(place()?, args).await,
        Command::Migrate(args) => archive::migrate(place()?, args).await,
        Command::Key(command) => ask::key(place()?, command).await,
        Command::Reload(output) => ask::reload(place(), cli.config.as_deref(), output.json).await,
        Command::Doctor(args) => {
            let questions = doctor::Questions { account: args.account, json: args.output.json };
            doctor::doctor(cli.config.as_deref(), questions).await
        }
        Command::SupportBundle(args) => {
            let wish = bundle::Wish {
                file: args.file,
                log: args.log,
                dry_run: args.dry_run,
                json: args.output.json,
            };
            bundle::bundle(cli.config.as_deref(), wish).await
        }
        Command::Status(output) => ask::status(place()?, output.json).await,
        Command::CheckConfig(_) | Command::Completions { .. } => Ok(()),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "trunkline", &mut script);
    print::text(&String::from_utf8_lossy(&script))
}
