//! From how far the server is reached, and by what.

use std::net::SocketAddr;

use super::{ConfigError, Http, validate::value};

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl Http {
    /// Plain HTTP to a network is spoken to proxies that are named, and to networks that are.
    pub(super) fn validate_reach(&self) -> Result<(), ConfigError> {
        if self.trusted_proxy.is_some() {
            return value(
                "http.trusted_proxy",
                "names no proxy, and is no key: write the addresses or networks of the proxies as \
                 `trusted_proxies = [\"10.0.0.0/8\"]`, or nothing where there is none",
            );
        }
        if self.trusted_proxies.is_everybody() {
            return value(
                "http.trusted_proxies",
                "has every address in it, and whoever is a proxy says where a request comes from: name \
                 the proxies, and the networks that nobody else is in",
            );
        }
        let is_plain = self.tls.is_none() && self.trusted_proxies.is_empty();
        if is_plain && !is_loopback(self.listen) {
            return value(
                "http.listen",
                "is plain HTTP to a network: give `http.tls`, or name in `http.trusted_proxies` the \
                 proxies in front that speak TLS",
            );
        }
        let told = self.management_listen.is_some_and(|at| !is_loopback(at));
        if told && self.management_networks.is_empty() {
            return value(
                "http.management_listen",
                "is plain HTTP to a network: name in `http.management_networks` those that probes and \
                 Prometheus ask from, such as `[\"10.0.0.0/8\"]`, or listen on loopback",
            );
        }
        Ok(())
    }

    /// What people and partners are answered by, in words.
    pub fn transport(&self) -> &'static str {
        if self.tls.is_some() {
            "transport: TLS"
        } else if is_loopback(self.listen) {
            "transport: plain HTTP, for this machine"
        } else {
            "transport: plain HTTP, for trusted proxies that speak TLS"
        }
    }

    /// Who is answered on the operator's port, in words; `None` where there is none.
    pub fn operators_port(&self) -> Option<&'static str> {
        Some(if is_loopback(self.management_listen?) {
            "operator's port: plain HTTP, for this machine"
        } else {
            "operator's port: plain HTTP, for this machine and `http.management_networks`"
        })
    }

    /// Whether everybody who reaches the operator's port is answered there.
    pub fn is_operators_port_open(&self) -> bool {
        let is_told = self.management_listen.is_some_and(|at| !is_loopback(at));
        is_told && self.management_networks.is_everybody()
    }
}
