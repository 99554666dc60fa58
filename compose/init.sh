#!/bin/sh
# Runs once before everything else, and changes nothing the next time: gives each volume to its user, and makes a
# password for each user of NATS.
set -eu
umask 077

give() { # FOLDER UID
    chown "$2:$2" "$1" && chmod 0700 "$1"
}

key() { # NAME UID
    [ -s "/keys/$1" ] || { head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"/keys/$1.new" && mv "/keys/$1.new" "/keys/$1"; }
    chown "$2:$2" "/keys/$1"
}

chmod 0711 /keys
give /data/nats 10000
give /data/resource 10001
give /data/binding 10002
give /data/health 10003
give /data/gw-1 0
give /data/gw-2 0

key admin 10001
key resource 10001
key binding 10002
key health 10003
key gateway 0

{
    echo "authorization { users = ["
    for user in admin resource binding health gateway; do
        echo "  { user: $user, password: \"$(cat "/keys/$user")\" }"
    done
    echo "] }"
} >/keys/users.conf.new
mv /keys/users.conf.new /keys/users.conf
chown 10000:10000 /keys/users.conf
