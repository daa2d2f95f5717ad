//! `trunkline chat`: a phone in this terminal.

use std::io::{self, IsTerminal};

use trunkline_client::{
    ActivateError, AuthenticationError, ConnectError,
    chat::{ChatError, ChatOptions, run},
};

use crate::{cli::Chat, exit::Failure, print};

/// Runs the terminal phone until the person quits or the input ends.
pub(crate) async fn chat(args: Chat) -> Result<(), Failure> {
    let options = ChatOptions {
        server: args.server,
        user: args.user.to_string(),
        access_key_file: args.access_key_file,
        ca_file: args.ca_file,
        fingerprint: args.fingerprint,
        state_dir: args.state_dir,
        plain: !print::colour(io::stdout().is_terminal()),
    };
    run(options).await.map_err(|error| failure(&error))
}

fn failure(error: &ChatError) -> Failure {
    let words = error.to_string();
    match error {
        ChatError::User(..) | ChatError::Server(_) => Failure::usage(words),
        ChatError::Activate(ActivateError::Connect(error))
        | ChatError::Authentication(AuthenticationError::Connect(error)) => unreached(words, error),
        ChatError::Activate(ActivateError::Refused(_)) => {
            Failure::failed(words).advise("ask for a new key: trunkline activation issue ADDRESS")
        }
        _ => Failure::failed(words),
    }
}

fn unreached(words: String, error: &ConnectError) -> Failure {
    match error {
        ConnectError::Tls { .. } => Failure::unreachable(words).advise(
            "--fingerprint with what `trunkline status` shows on the server, or --ca-file with the company's authority",
        ),
        _ => Failure::unreachable(words),
    }
}
