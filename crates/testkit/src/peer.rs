//! Real programs that Trunkline talks to, started in temporary folders on free ports and ended by their process id.
//!
//! They come from Debian's packages (`prosody`, `postgresql`, `pidgin-sipe`, `slapd`, `kamailio`, `sip-tester`, `tshark`) and from PyPI (`slixmpp`, `sipvicious`, in the Python
//! environment that `TRUNKLINE_PEER_PYTHON` names, else in `target/peers`). A peer that cannot be started makes the test
//! fail and says what is missing. Lync has no program that could be started: [`FrontEnd`] stands in for its server, and
//! [`Pidgin`] is a real client of it.

mod authority;
mod balancer;
mod colleague;
pub mod front_end;
mod kamailio;
mod pidgin;
mod postgres;
mod process;
mod prosody;
mod scanner;
mod sipp;
mod slapd;
pub mod tshark;
mod tunnel;

pub use authority::{Authority, Identity, Leaf, Purpose, Time};
pub use balancer::{Balancer, Kind};
pub use colleague::{Colleague, Heard, python};
pub use front_end::FrontEnd;
pub use kamailio::Kamailio;
pub use pidgin::{Buddy, Pidgin, Told, Transport};
pub use postgres::Postgres;
pub use prosody::{Prosody, ProsodyOptions};
pub use scanner::{Scan, Scanner};
pub use sipp::Sipp;
pub use slapd::{Slapd, Somebody};
pub use tunnel::Tunnel;

use std::net::TcpListener;

use anyhow::{Context, Result};

/// A TCP port of the loopback interface that nobody listened on a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on the loopback interface")?;
    Ok(listener.local_addr()?.port())
}
