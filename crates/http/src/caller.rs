use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The other end of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// An IPv4 address that came over an IPv6 socket counts as IPv4.
    pub(crate) address: IpAddr,
    /// Whether the connection itself is TLS.
    pub(crate) tls: bool,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, tls: bool) -> Self {
        Self { address: address.ip().to_canonical(), tls }
    }
}

/// Who asks, as far as trusted proxies tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The source: keys rates, limits and logs.
    pub(crate) address: IpAddr,
    /// The phone's own leg is encrypted.
    pub(crate) secure: bool,
    /// The TCP peer is a trusted proxy.
    pub(crate) proxied: bool,
    /// The source itself is a trusted proxy, so per-address limits do not apply.
    pub(crate) exempt: bool,
}

impl Caller {
    /// Reads the forwarding headers, if the peer may set them.
    pub(crate) fn find(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
        resolve(peer, &list(headers, &FOR), &list(headers, &PROTO), trusted)
    }
}

/// Whether an address belongs to a trusted proxy.
pub(crate) fn trusts(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// Walks the hops from the nearest one outwards and stops at the first that is no trusted proxy, or at the first
/// that cannot be read: whatever stands further left may have been written by anybody.
fn resolve(peer: Peer, hops: &[&str], protos: &[&str], trusted: &[IpNet]) -> Caller {
    if !trusts(trusted, peer.address) {
        return Caller { address: peer.address, secure: peer.tls, proxied: false, exempt: false };
    }
    let mut address = peer.address;
    let mut place = hops.len();
    while place > 0 && trusts(trusted, address) {
        let Some(hop) = parse_hop(hops[place - 1]) else { break };
        address = hop;
        place -= 1;
    }
    // Proxies that append to both lists keep them aligned; others set one scheme for the whole way.
    let proto = if protos.len() == hops.len() { protos.get(place) } else { None };
    let https = proto.or(protos.last()).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    Caller { address, secure: peer.tls || https, proxied: true, exempt: trusts(trusted, address) }
}

/// One member of `X-Forwarded-For`: an address, perhaps with a port or in brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// The members of a comma-separated header, over all its lines; a line that is no text is one empty member.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or(""));
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(peer: &str, hops: &[&str], protos: &[&str]) -> (String, bool, bool) {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "fd00::/8"].iter().map(|net| net.parse().expect("a net")).collect();
        let peer = Peer::new(SocketAddr::new(peer.parse().expect("an address"), 4711), false);
        let caller = resolve(peer, hops, protos, &trusted);
        (caller.address.to_string(), caller.secure, caller.exempt)
    }

    #[test]
    fn forwarding_headers_count_only_from_trusted_proxies_and_from_the_right() {
        let table: &[(&str, &[&str], &str, bool)] = &[
            ("192.0.2.7", &[], "192.0.2.7", false),
            ("192.0.2.7", &["203.0.113.9"], "192.0.2.7", false),
            ("10.0.0.1", &[], "10.0.0.1", true),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9", false),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9", false),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9", false),
            ("10.0.0.1", &["10.0.0.3", "10.0.0.2"], "10.0.0.3", true),
            ("10.0.0.1", &["203.0.113.9", "rubbish", "10.0.0.2"], "10.0.0.2", true),
            ("10.0.0.1", &["rubbish"], "10.0.0.1", true),
            ("10.0.0.1", &["203.0.113.9:51000"], "203.0.113.9", false),
            ("10.0.0.1", &["[2001:db8::5]:51000"], "2001:db8::5", false),
            ("10.0.0.1", &["[2001:db8::5]"], "2001:db8::5", false),
            ("fd00::1", &["2001:db8::5", "::ffff:10.9.9.9"], "2001:db8::5", false),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9", false),
        ];
        for (peer, hops, address, exempt) in table {
            let (found, _, free) = find(peer, hops, &[]);
            assert_eq!((found.as_str(), free), (*address, *exempt), "{peer} {hops:?}");
        }
    }

    #[test]
    fn the_scheme_counts_only_from_trusted_proxies() {
        assert!(!find("192.0.2.7", &[], &["https"]).1);
        assert!(find("10.0.0.1", &["203.0.113.9"], &["HTTPS"]).1);
        assert!(!find("10.0.0.1", &["203.0.113.9"], &["http"]).1);
        assert!(!find("10.0.0.1", &["203.0.113.9"], &[]).1);
        // The outer leg of two appending proxies; a forged member further left changes nothing.
        assert!(find("10.0.0.1", &["203.0.113.9", "10.0.0.2"], &["https", "http"]).1);
        assert!(!find("10.0.0.1", &["1.2.3.4", "203.0.113.9"], &["https", "http"]).1);
    }
}
