//! Which address a request comes from, for the limits of each address.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;

/// Returns the address that limits count.
///
/// A trusted proxy adds the address of its client to the end of `X-Forwarded-For`; whatever is before
/// it may be the client's invention. Of IPv6, one client may have a whole network of 64 bits.
pub fn of_client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return network(peer);
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let values = values.filter_map(|value| value.to_str().ok());
    let addresses = values.flat_map(|value| value.rsplit(','));
    for address in addresses {
        match address.trim().parse::<IpAddr>() {
            Ok(address) if trusted.contains(&address.to_canonical()) => {}
            Ok(address) => return network(address.to_canonical()),
            Err(_) => break,
        }
    }
    network(peer)
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
            (name, value.parse().expect("a value"))
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
        let two = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(
            of(&["9.9.9.9, 1.2.3.4,10.0.0.2"], "10.0.0.1", &two),
            "1.2.3.4"
        );
        for forwarded in [&[][..], &[""], &["1.2.3.4, unknown"], &["10.0.0.1"]] {
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
