//! The way back: Front Ends connect to the relay by themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::net::{TcpStream, lookup_host};
use trunkline_core::port::{Step, Trouble};

use super::{Examination, limited};

impl Examination<'_> {
    pub(super) async fn listener(&self) -> Step {
        if let Some((at, counts)) = self.listening {
            let came = format!(
                "listening at {at}; {} servers came in, {} were turned away for their certificates",
                counts.admitted, counts.refused
            );
            return if counts.refused == 0 && counts.admitted == 0 {
                let none = "no server has come in yet; they do when somebody writes to a phone";
                Step::good("listener", format!("listening at {at}; {none}"))
            } else if counts.refused == 0 {
                Step::good("listener", came)
            } else {
                Step::doubtful("listener", came, "the log names them; allowedPeers needs every Front End")
            };
        }
        let at = reachable(self.settings.listen);
        match limited(TcpStream::connect(at)).await {
            Ok(_) => Step::good("listener", format!("something listens at {at}")),
            Err(_) => Step::not_tried("listener", format!("nothing listens at {at}, since no server runs")),
        }
    }

    pub(super) async fn dial_back(&self) -> Step {
        let (fqdn, port) = (&self.settings.local_fqdn, self.place.port);
        let found = limited(lookup_host((fqdn.as_str(), port))).await;
        let addresses: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
        let told: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        let told = told.join(", ");
        if addresses.is_empty() {
            return Step::bad(
                "dial-back",
                Trouble {
                    expected: format!("an address for {fqdn}, where Front Ends connect to"),
                    seen: "it has none here".into(),
                    likely: "DNS has no A record for the trusted application's name".into(),
                    attempt: format!("getent ahosts {fqdn}, here and on a Front End"),
                },
            );
        }
        if addresses.iter().all(|address| is_here(address.ip())) {
            return Step::good("dial-back", format!("{fqdn} is {told}, which is this computer"));
        }
        Step::doubtful(
            "dial-back",
            format!("{fqdn} is {told}, and not all of that is this computer"),
            format!(
                "see that port {port} of {fqdn} leads here: Test-NetConnection {fqdn} -Port {port} on a Front End"
            ),
        )
    }
}

/// Only the addresses of this computer can be bound.
fn is_here(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Where something that listens everywhere can be reached.
fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}
