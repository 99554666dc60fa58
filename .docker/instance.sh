#!/bin/sh
# An instance of the demo: keepalived on its only link, and a service that answers with the instance's name.
set -eu

link=$(ip -o -4 address show to "$INSIDE_SUBNET" | { read -r _ link _; echo "$link"; })
# Not the compose file's `mac_address`: which engine heeds it from which compose is a long story.
ip link set "$link" address "$MAC"
# Over every gateway: flows are spread, and any gateway can carry any of them.
ip route replace default $(for gateway in $GATEWAYS; do echo "nexthop via $gateway"; done)

cat >/run/keepalived.conf <<END
global_defs {
    router_id $(hostname)
    vrrp_version 3
}
vrrp_instance havip {
    state BACKUP
    nopreempt
    interface $link
    virtual_router_id 50
    priority $PRIORITY
    advert_int 0.1
    virtual_ipaddress {
        $HAVIP dev $link
    }
}
END
socat "TCP-LISTEN:$PORT,fork,reuseaddr" SYSTEM:hostname &
exec keepalived --vrrp --dont-fork --log-console --no-syslog --use-file /run/keepalived.conf \
    --pid /run/keepalived.pid --vrrp_pid /run/vrrp.pid
