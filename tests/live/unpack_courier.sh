#!/bin/sh
# Unpacks Courier's POP server beside Dovecot's, for the live suites: Debian's packages of the two exclude
# one another. Needs root and apt-get.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get install -y -q --no-install-recommends courier-base courier-authlib-userdb >/dev/null
apt-get download -q courier-pop >/dev/null 2>&1
dpkg -x ./*.deb /opt/courier-pop
ln -sf /opt/courier-pop/usr/lib/courier/courier/courierpop3login /usr/local/sbin/courierpop3login
# What authdaemond reads stands in a file whose name is compiled in.
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
mkdir -p /run/courier/authdaemon
