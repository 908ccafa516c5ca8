//! Which address a request comes from, for the limits of each address.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

/// Returns the address that limits count.
///
/// A trusted proxy adds the address of its client to the end of `X-Forwarded-For`; whatever is before
/// it may be the client's invention. Of IPv6, one client may have a whole network of 64 bits.
pub fn of_client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    if let Some(peer) = of_peer(peer, trusted) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    // As bytes: what a client sent before the address that counts need not be text.
    let addresses = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for address in addresses {
        let address = std::str::from_utf8(address).ok();
        match address.and_then(|address| address.trim().parse::<IpAddr>().ok()) {
            Some(address) if trusted.contains(&address.to_canonical()) => {}
            Some(address) => return network(address.to_canonical()),
            None => break,
        }
    }
    network(peer.to_canonical())
}

/// Returns the address that limits of connections count; `None` for a trusted proxy, whose connections
/// are those of many clients.
pub fn of_peer(peer: IpAddr, trusted: &[IpAddr]) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    (!trusted.contains(&peer)).then(|| network(peer))
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(forwarded: &[&str], peer: &str, trusted: &[&str]) -> String {
        let values = forwarded.iter().map(|value| {
            let name = axum::http::HeaderName::from_static("x-forwarded-for");
            let value = axum::http::HeaderValue::from_bytes(value.as_bytes());
            (name, value.expect("a value"))
        });
        let parse = |address: &&str| address.parse().expect("an address");
        let trusted: Vec<_> = trusted.iter().map(parse).collect();
        of_client(&values.collect(), parse(&peer), &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_its_own_word() {
        let proxy = ["10.0.0.1"];
        assert_eq!(of(&["1.2.3.4"], "10.0.0.9", &proxy), "10.0.0.9");
        assert_eq!(of(&["1.2.3.4"], "10.0.0.1", &proxy), "1.2.3.4");
        assert_eq!(
            of(&["::ffff:1.2.3.4"], "::ffff:10.0.0.1", &proxy),
            "1.2.3.4"
        );
        assert_eq!(of(&["9.9.9.9, 1.2.3.4"], "10.0.0.1", &proxy), "1.2.3.4");
        assert_eq!(of(&["9.9.9.9", "1.2.3.4"], "10.0.0.1", &proxy), "1.2.3.4");
        for forwarded in [&["é, 1.2.3.4"][..], &["9.9.9.9", "é,1.2.3.4"]] {
            assert_eq!(
                of(forwarded, "10.0.0.1", &proxy),
                "1.2.3.4",
                "{forwarded:?}"
            );
        }
        let two = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(
            of(&["9.9.9.9, 1.2.3.4,10.0.0.2"], "10.0.0.1", &two),
            "1.2.3.4"
        );
        for forwarded in [
            &[][..],
            &[""],
            &["1.2.3.4, unknown"],
            &["1.2.3.4", "é"],
            &["10.0.0.1"],
        ] {
            assert_eq!(
                of(forwarded, "10.0.0.1", &proxy),
                "10.0.0.1",
                "{forwarded:?}"
            );
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        assert_eq!(of(&[], "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(of(&["2001:db8::7"], "::1", &["::1"]), "2001:db8::");
    }
}
