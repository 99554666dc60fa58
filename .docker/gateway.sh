#!/bin/sh
# A dataplane-sync whose gateway is its own container. The engine numbers a container's links in no fixed order, so
# the places file is written at every start, with the names that the links have this time.
set -eu

link_in() {
    # "7: eth1    inet 10.0.1.2/24 …"
    found=$(ip -o -4 address show to "$1")
    [ -n "$found" ] || { echo "gateway: no link has an address in $1" >&2; exit 1; }
    echo "$found" | { read -r _ link _; echo "$link"; }
}

inside=$(link_in "$INSIDE_SUBNET")
outside=$(link_in "$OUTSIDE_SUBNET")

# What is forwarded never takes the way of the control network, neither to the world nor to its hosts.
default=$(ip -4 route show default)
if [ -n "$default" ]; then
    # "default via 172.18.0.1 dev eth0 …", and then "172.18.0.0/16 proto kernel …"
    control=$(echo "$default" | { read -r _ _ _ _ link _; echo "$link"; })
    for network in $(ip -4 route show dev "$control" scope link | cut -d' ' -f1); do
        for link in "$inside" "$outside"; do ip rule add iif "$link" to "$network" prohibit; done
    done
    ip -4 route del default
fi

cat >/run/mooring/places.toml <<END
[[vpc]]
name = "*"
inside = "$inside"
outside = "$outside"
# The hosts outside have routes to the EIPs over every gateway.
arp = false
END
exec mooring-dataplane-sync --places /run/mooring/places.toml "$@"
