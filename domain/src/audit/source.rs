//! From where (AUD-1), without saying from which desk.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The class and the network of an address, as the log keeps it for years: `loopback`,
/// `private 10.1.2.0/24`, `public 203.0.113.0/24`, `public 2001:db8:7::/48`. Enough to tell an office
/// from a strange place, and not enough to tell one person's machine.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        address if address.is_loopback() => "loopback".to_owned(),
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let is_private = address.is_private()
                || address.is_link_local()
                // Shared between a carrier's customers (RFC 6598).
                || (a == 100 && (64..128).contains(&b));
            let network = Ipv4Addr::new(a, b, c, 0);
            format!("{} {network}/24", class(is_private))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            let is_private = address.is_unique_local() || address.is_unicast_link_local();
            let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
            format!("{} {network}/48", class(is_private))
        }
    }
}

const fn class(is_private: bool) -> &'static str {
    if is_private { "private" } else { "public" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_its_class_and_network() {
        for (address, expected) in [
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("10.1.2.3", "private 10.1.2.0/24"),
            ("192.168.7.9", "private 192.168.7.0/24"),
            ("169.254.1.1", "private 169.254.1.0/24"),
            ("100.64.3.2", "private 100.64.3.0/24"),
            ("203.0.113.77", "public 203.0.113.0/24"),
            ("::ffff:203.0.113.77", "public 203.0.113.0/24"),
            ("2001:db8:7:1:2:3:4:5", "public 2001:db8:7::/48"),
            ("fd00:1:2:3::4", "private fd00:1:2::/48"),
            ("fe80::1", "private fe80::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected, "{address}");
        }
    }
}
