//! What is believed of the way that a request has come. A trusted proxy is believed what it says of its
//! caller, and nobody else.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName},
    middleware::Next,
    web,
};

use super::problem::Problem;
use crate::{
    code::Code,
    config::{Http, Networks},
    server::State,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who is at the other end of a request's connection.
pub(super) fn peer(request: &ServiceRequest) -> Option<IpAddr> {
    let address = request.peer_addr()?;
    Some(address.ip().to_canonical())
}

/// Whether that is a proxy that is believed.
pub(super) fn is_proxy(peer: Option<IpAddr>, proxies: &Networks) -> bool {
    peer.is_some_and(|peer| proxies.contains(peer))
}

/// The caller's address. Each proxy adds whom it was asked by to the end of a list: read from there, the
/// first that is no trusted proxy is the caller, and whatever stands before it is what the caller has
/// written. Where an entry is no address, the proxy that added it is as near as one comes.
pub(super) fn source(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    proxies: &Networks,
) -> Option<IpAddr> {
    let mut nearest = peer?;
    if !proxies.contains(nearest) {
        return Some(nearest);
    }
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
    let entries = lines.into_iter().rev().flat_map(|line| {
        let line = line.to_str().unwrap_or_default();
        line.rsplit(',').map(|entry| address(entry.trim()))
    });
    for entry in entries {
        let Some(entry) = entry.filter(|_| proxies.contains(nearest)) else {
            break;
        };
        nearest = entry;
    }
    Some(nearest)
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match bare.unwrap_or(text).parse() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

/// What a request was sent by that crossed a network in the open, for the operator; `None` where it did not,
/// as far as those say who are believed.
fn in_the_open(peer: Option<IpAddr>, headers: &HeaderMap, http: &Http) -> Option<&'static str> {
    let is_proxy = is_proxy(peer, &http.trusted_proxies);
    let is_https = http.public_url.scheme() == "https";
    if is_proxy && headers.contains_key(FORWARDED_PROTO) {
        // Of several words each must be right: a caller may have written some of them.
        let mut words = headers.get_all(FORWARDED_PROTO).flat_map(|line| {
            let line = line.to_str().unwrap_or_default();
            line.split(',').map(str::trim)
        });
        let is_right = !is_https || words.all(|word| word.eq_ignore_ascii_case("https"));
        return (!is_right).then_some("the proxy says that its caller did not use https");
    }
    if http.tls.is_some() || peer.is_some_and(|peer| peer.is_loopback()) {
        return None;
    }
    match (is_proxy, is_https) {
        (true, true) => Some("the proxy says nothing by `X-Forwarded-Proto`"),
        (true, false) => None,
        (false, _) => Some("it came past the proxies of `http.trusted_proxies`"),
    }
}

/// Refuses what came by plain HTTP over a network.
pub async fn refuse_plain<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(Problem::internal)?;
    let found = in_the_open(peer(&request), request.headers(), &state.config.http);
    let Some(cause) = found else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    tracing::warn!(cause, "plain HTTP over a network is refused");
    let detail = "plain HTTP is not answered: use the address that begins with `https://`";
    let answer = Problem::new(Code::TlsRequired, detail).respond(request.request());
    Ok(request.into_response(answer).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::{Config, EXAMPLE};

    const HTTPS: &str = "public_url = \"https://books.example\"";

    /// The example, on a network behind two proxies and a network of them.
    fn http(change: impl FnOnce(String) -> String) -> Http {
        let proxies =
            "trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8:1::/48\", \"127.0.0.9\"]";
        let toml = EXAMPLE
            .replace("[database]", &format!("{proxies}\n[database]"))
            .replace("public_url = \"http://localhost:8080\"", HTTPS)
            .replace("127.0.0.1:8080", "0.0.0.0:8080");
        Config::from_toml(&change(toml)).unwrap().http
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        let request = of.iter().fold(TestRequest::default(), |request, header| {
            request.append_header(*header)
        });
        request.to_http_request().headers().clone()
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (text, meant) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:1000", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(address(text), meant.parse().ok(), "{text}");
        }
        for bad in ["", "unknown", "_hidden", "192.0.2.7:x", "[192.0.2"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_caller_is_the_first_that_is_no_proxy_read_from_the_end() {
        let proxies = http(|toml| toml).trusted_proxies;
        let cases: [(&str, &[&str], &str); 14] = [
            // Nobody else is believed.
            ("203.0.113.5", &["198.51.100.1"], "203.0.113.5"),
            ("192.0.2.8", &["198.51.100.1, 10.0.0.1"], "192.0.2.8"),
            ("2001:db8:2::1", &["198.51.100.1"], "2001:db8:2::1"),
            // One proxy, and what its caller wrote before.
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
            ("2001:db8:1::1", &["[2001:db8:9::1]:1"], "2001:db8:9::1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // Several, over one line or more.
            (
                "192.0.2.7",
                &["6.6.6.6, 198.51.100.1, 10.2.0.1, ::ffff:10.0.0.2"],
                "198.51.100.1",
            ),
            (
                "192.0.2.7",
                &["198.51.100.1, 10.2.0.1", "10.0.0.2"],
                "198.51.100.1",
            ),
            // The first of them asks for itself.
            ("192.0.2.7", &["10.2.0.1"], "10.2.0.1"),
            ("192.0.2.7", &[], "192.0.2.7"),
            // What is no address says nothing, and what stands before it neither.
            ("192.0.2.7", &["6.6.6.6, unknown, 10.2.0.1"], "10.2.0.1"),
            ("192.0.2.7", &["6.6.6.6,"], "192.0.2.7"),
        ];
        for (peer, lines, meant) in cases {
            let of: Vec<_> = lines
                .iter()
                .map(|line| ("x-forwarded-for", *line))
                .collect();
            let peer: IpAddr = peer.parse().unwrap();
            let found = source(Some(peer.to_canonical()), &headers(&of), &proxies);
            assert_eq!(found, meant.parse().ok(), "{peer} {lines:?}");
        }
        assert_eq!(source(None, &headers(&[]), &proxies), None);
    }

    #[test]
    fn plain_http_crosses_no_network_but_to_a_proxy_whose_caller_used_tls() {
        let is_refused = |peer: &str, words: &[&str], http: &Http| {
            let of: Vec<_> = words
                .iter()
                .map(|word| ("x-forwarded-proto", *word))
                .collect();
            in_the_open(peer.parse().ok(), &headers(&of), http).is_some()
        };
        let behind = http(|toml| toml);
        for (peer, words) in [
            ("10.0.0.1", &["https"] as &[_]),
            ("10.0.0.1", &["HTTPS"]),
            ("10.0.0.1", &["https, https"]),
            ("127.0.0.1", &[]),
            ("127.0.0.1", &["http"]),
            ("::1", &[]),
            ("127.0.0.9", &[]),
        ] {
            assert!(!is_refused(peer, words, &behind), "{peer} {words:?}");
        }
        for (peer, words) in [
            // Past the proxy, whatever is said.
            ("203.0.113.5", &["https"] as &[_]),
            ("203.0.113.5", &[]),
            ("nobody", &["https"]),
            // By the proxy, for a caller who did not use it.
            ("10.0.0.1", &["http"]),
            ("10.0.0.1", &["https", "http"]),
            ("10.0.0.1", &["http, https"]),
            ("10.0.0.1", &["https,"]),
            ("10.0.0.1", &[""]),
            ("127.0.0.9", &["http"]),
            // Or who may have used anything.
            ("10.0.0.1", &[]),
        ] {
            assert!(is_refused(peer, words, &behind), "{peer} {words:?}");
        }
        let tls = "tls = { certificate = \"a\", key = \"b\" }\n[database]";
        let own = http(|toml| toml.replace("[database]", tls));
        assert!(!is_refused("203.0.113.5", &["http"], &own));
        assert!(!is_refused("10.0.0.1", &[], &own));
        assert!(is_refused("10.0.0.1", &["http"], &own));
        let plain = "public_url = \"http://localhost:8080\"";
        let here = http(|toml| toml.replace(HTTPS, plain));
        assert!(!is_refused("10.0.0.1", &["http"], &here));
        assert!(!is_refused("10.0.0.1", &[], &here));
        assert!(is_refused("203.0.113.5", &["https"], &here));
    }
}
