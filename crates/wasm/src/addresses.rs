//! To whom a guest may send requests: the hosts that are listed, at addresses of the public internet.
//!
//! A name may be made to lead anywhere by whoever has its zone, so the address is checked that is connected to, not one
//! that was looked up before. Private addresses are reached when they are listed by number, or as `localhost`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host and port that a guest may send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostRule {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl HostRule {
    /// Reads `name:port`, `1.2.3.4:port` or `[::1]:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no host and port: write `\"api.example.org:443\"`");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let host = Host::of(host).ok_or_else(wrong)?;
        Ok(Self { host, port })
    }

    /// Whether it speaks of the host and port of a request.
    pub(crate) fn covers(&self, host: &str, port: u16) -> bool {
        self.port == port && Host::of(host).as_ref() == Some(&self.host)
    }

    /// Whether a host that it covers may be at an address.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        match &self.host {
            Host::Address(listed) => canonical(*listed) == canonical(address),
            Host::Name(name) if name == "localhost" => canonical(address).is_loopback(),
            Host::Name(_) => is_public(address),
        }
    }
}

impl Host {
    fn of(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        (!name.is_empty() && name.chars().all(known)).then_some(Self::Name(name))
    }
}

/// The IPv4 address in an IPv6 one that stands for it.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether an address is one of the public internet: not of this machine, of a private network, or of any other special
/// purpose (the registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18);
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    // Global unicast is 2000::/3; what leads to IPv4 from there (6to4, Teredo) is left out, as are documents' addresses.
    let unicast = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || a & 0xfff0 == 0x3ff0;
    let translated = a == 0x64 && b == 0xff9b && c == 0;
    if translated {
        let [.., high, low] = address.segments();
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        return is_public_v4(Ipv4Addr::new(w, x, y, z));
    }
    unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_of_the_public_internet_are_known() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().expect("an address")), "{special}");
        }
        for public in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn a_rule_covers_its_host_and_port_only() {
        let rule = HostRule::parse("API.Example.org:443").expect("a rule");
        assert!(rule.covers("api.example.ORG.", 443));
        assert!(!rule.covers("api.example.org", 80));
        assert!(!rule.covers("evil.org", 443) && !rule.covers("api.example.org.evil.org", 443));
        assert!(!rule.admits("127.0.0.1".parse().expect("an address")));
        let listed = HostRule::parse("[::1]:80").expect("a rule");
        assert!(listed.covers("[::1]", 80) && listed.admits("::1".parse().expect("an address")));
        assert!(!listed.covers("127.0.0.1", 80));
        for wrong in
            ["api.example.org", "api.example.org:", "a:0", "a:99999", ":80", "a b:80", "*:80", "http://a:80"]
        {
            assert!(HostRule::parse(wrong).is_err(), "{wrong}");
        }
    }
}
