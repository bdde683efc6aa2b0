"""Which IP addresses are public.

Python's own table changes between releases, so this one states the networks that are not:
https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
"""

import ipaddress

NOT_PUBLIC_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# protocols and tunnels such as Teredo, documentation, 6to4, documentation
NOT_PUBLIC_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Return whether an IP address, or the IPv4 address embedded in it, is public.

    Example:
        >>> [is_public(address) for address in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1")]
        [True, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped
        if ip in NAT64:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded is None:
            return ip in GLOBAL_IPV6 and not any(ip in network for network in NOT_PUBLIC_IPV6)
        ip = embedded
    return not any(ip in network for network in NOT_PUBLIC_IPV4)
