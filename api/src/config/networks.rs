//! Addresses and networks, as the operator names them.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use thiserror::Error;

/// How many bits of an IPv6 address stand before the IPv4 address that is mapped into it.
const MAPPED_BITS: u8 = 96;

/// Why a text is neither an address nor a network.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// It has another form.
    #[error(
        "is no network: write an address such as `192.0.2.7`, or a network such as `10.0.0.0/8` or \
         `fd00::/8`"
    )]
    Form,
    /// It names one address and the network around it, and so leaves open which of the two is meant.
    #[error("is no network: write `{network}` for all of it, or `{address}` for one address")]
    Both {
        /// The network.
        network: IpNet,
        /// The address.
        address: IpAddr,
    },
}

/// One address, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let network = text.parse::<IpNet>().map_err(|_| NetworkError::Form)?;
        if network.addr() != network.network() {
            return Err(NetworkError::Both {
                network: network.trunc(),
                address: network.addr(),
            });
        }
        Ok(Self(canonical(network)))
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

/// A network of IPv4 addresses that are mapped into IPv6 is one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    let mapped = |network: IpNet| {
        let IpNet::V6(network) = network else {
            return None;
        };
        let bits = network.prefix_len().checked_sub(MAPPED_BITS)?;
        let address = network.addr().to_ipv4_mapped()?;
        Ipv4Net::new(address, bits).ok()
    };
    mapped(network).map_or(network, IpNet::V4)
}

/// A list of addresses and networks; none where it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether an address is in one of them. An IPv4 address is the same where a socket of IPv6 shows it
    /// mapped (`::ffff:192.0.2.7`).
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every address of a kind is in one of them: `0.0.0.0/0` or `::/0`.
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.0.prefix_len() == 0)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|one| one.0.to_string()).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn an_address_is_in_the_networks_that_have_it_and_in_no_other() {
        let named = networks(&[
            "10.0.0.0/8",
            "192.0.2.7",
            "fd00::/8",
            "::ffff:198.51.100.0/120",
        ]);
        for inside in [
            "10.255.0.1",
            "::ffff:10.0.0.1",
            "192.0.2.7",
            "fd12::1",
            "198.51.100.9",
            "::ffff:198.51.100.9",
        ] {
            assert!(named.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "11.0.0.1",
            "192.0.2.8",
            "::1",
            "::10.0.0.1",
            "fe80::1",
            "198.51.101.1",
        ] {
            assert!(!named.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(!Networks::default().contains(IpAddr::from([127, 0, 0, 1])));
        // Every address of IPv6 is none of IPv4.
        assert!(!networks(&["::/0"]).contains(IpAddr::from([192, 0, 2, 7])));
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_told_both() {
        let told = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        let both = told("10.0.0.7/8");
        assert!(
            both.contains("`10.0.0.0/8`") && both.contains("`10.0.0.7`"),
            "{both}"
        );
        for none in ["", "proxy", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "true"] {
            assert!(told(none).starts_with("is no network:"), "{none}");
        }
    }

    #[test]
    fn everybody_is_told_from_many() {
        assert!(networks(&["10.0.0.0/8", "0.0.0.0/0"]).is_everybody());
        assert!(networks(&["::ffff:0:0/96"]).is_everybody());
        assert!(!networks(&["10.0.0.0/8"]).is_everybody());
    }
}
