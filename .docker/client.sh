#!/bin/sh
# The client of the demo: a host outside with a route to the EIPs over every gateway.
set -eu
ip route replace "$EIPS" $(for gateway in $GATEWAYS; do echo "nexthop via $gateway"; done)
trap 'exit 0' TERM
sleep infinity &
wait
