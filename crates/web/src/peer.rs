//! Whom an address stands for, where callers are counted by address.

use std::net::{IpAddr, Ipv6Addr};

/// The address that is counted: of IPv6 the /64, which is what one customer gets (RFC 6177), and an IPv4-mapped one as
/// the IPv4 address it maps.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        },
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_address() {
        let rows = [
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:1:ffff::7", "2001:db8:0:1::"),
            ("2001:db8:0:2::7", "2001:db8:0:2::"),
        ];
        for (address, expected) in rows {
            assert_eq!(network(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }
}
