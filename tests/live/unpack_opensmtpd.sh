#!/bin/sh
# Unpacks OpenSMTPD beside Postfix, for the live suites: Debian's packages of the two exclude one another.
# Needs root and apt-get. The libraries are those that the package names.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get download -q opensmtpd >/dev/null 2>&1
libraries=$(dpkg-deb -f ./*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(lib[^ :]*\).*/\1/p')
# shellcheck disable=SC2086 # a list of names
apt-get install -y -q --no-install-recommends $libraries >/dev/null
dpkg -x ./*.deb /opt/opensmtpd
ln -sf /opt/opensmtpd/usr/sbin/smtpd /usr/local/sbin/smtpd
# What is compiled in, beside the paths of its configuration.
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
for user in opensmtpd opensmtpq; do
    getent passwd "$user" >/dev/null ||
        useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
done
