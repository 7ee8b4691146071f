#!/bin/sh
# Unpacks Exim beside Postfix, for the live suites: Debian's packages of the two exclude one another.
# Needs root and apt-get. The libraries are those that the package names.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get download -q exim4-daemon-light >/dev/null 2>&1
libraries=$(dpkg-deb -f ./*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(lib[^ :]*\).*/\1/p')
# shellcheck disable=SC2086 # a list of names
apt-get install -y -q --no-install-recommends $libraries >/dev/null
dpkg -x ./*.deb /opt/exim4
ln -sf /opt/exim4/usr/sbin/exim4 /usr/local/sbin/exim4
getent passwd Debian-exim >/dev/null ||
    useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
exim4 -C /dev/null -bV | head -n 1
