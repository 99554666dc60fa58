#!/bin/sh
# Runs before everything else, and changes nothing the next time: makes the users of NATS and their passwords, and gives
# each volume and password to the one service whose it is.
set -eu
umask 077

give() { # UID FOLDER [PASSWORD]
    chown "$1:$1" "/data/$2" && chmod 0700 "/data/$2"
    [ -z "${3:-}" ] || chown "$1:$1" "/keys/$3"
}

moor log users --passwords /keys >/keys/users.conf.new
mv /keys/users.conf.new /keys/users.conf
chmod 0711 /keys
chown 10000:10000 /keys/users.conf
chown 10001:10001 /keys/mooring-admin
give 10000 nats
give 10001 resource mooring-resource
give 10002 binding mooring-binding
give 10003 health mooring-health
give 0 gw-1 mooring-dataplane-sync
give 0 gw-2 mooring-dataplane-sync
