#!/bin/sh
# Builds a wheel in dist/, and shows from an empty environment, in an empty directory and
# without the checkout, that it has all that it needs.
# Usage: tests/wheel.sh PYTHON (one that has the `build` package)
set -eu
python=$1
checkout=$(pwd)
directory=$(mktemp -d)
machine=
trap 'status=$?; [ -z "$machine" ] || kill "$machine" 2>/dev/null || :; chmod -R u+w "$directory"; rm -rf "$directory"; exit $status' EXIT

fail() {
    echo "$*" >&2
    [ ! -e "$directory/log" ] || cat "$directory/log" >&2
    exit 1
}

# What an earlier build has left would be shipped too.
rm -rf dist build
"$python" -m build --quiet --wheel --outdir dist .
files=$("$python" -m zipfile --list dist/*.whl)
for file in irsend/py.typed irsend/device/models/ir2270.toml irsend/panel/static/panel.js irsend/panel/static/swagger-ui/swagger-ui-bundle.js twisted/plugins/irsend_plugin.py share/man/man1/irsendctl.1; do
    echo "$files" | grep -q "$file" || fail "not in the wheel: $file"
done
if echo "$files" | grep -q '^tests/'; then
    fail "the wheel ships the tests"
fi
"$python" -m venv "$directory/empty"
pip() {
    "$directory/empty/bin/pip" install --quiet --disable-pip-version-check "$@"
}
# Kilobytes of what pip has installed, without bytecode, pip itself and what came with it.
installed() {
    du -sk --exclude=__pycache__ --exclude='pip*' --exclude='setuptools*' --exclude=pkg_resources \
        "$directory"/empty/lib/python*/site-packages | cut -f1
}
wheel=$(echo "$checkout"/dist/*.whl)
pip "$wheel"
mkdir "$directory/work"
cd "$directory/work"

# The light installation.
light=$(installed)
[ "$light" -le $((60 * 1024)) ] || fail "the light installation has $light KB"
../empty/bin/irsend-machine --check > ../log || fail "irsend-machine --check"
../empty/bin/irsendctl --version
if ../empty/bin/python -c 'import PIL' 2> /dev/null; then
    fail "the light installation has Pillow"
fi

pip "$wheel[all]"
whole=$(installed)
[ "$whole" -le $((150 * 1024)) ] || fail "the whole installation has $whole KB"
echo "light: $light KB, whole: $whole KB"
# For a newcomer's first test, below.
pip pytest

../empty/bin/twistd --help | grep '^    irsend ' > ../log || fail "twistd does not know irsend"
../empty/bin/twistd irsend --check
../empty/bin/irsendctl --version

# The sample is the checkout's, and can be used.
../empty/bin/irsendctl sample > irsend.toml
cmp irsend.toml "$checkout/etc/irsend.toml"

# Only the wheel's own scripts are on the path, as under pipx, and nothing can be written into
# the installation: neither twistd's cache of plugins nor what Python compiles.
mkdir ../bin
ln -s ../empty/bin/irsend-machine ../empty/bin/irsendctl ../bin/
find "$directory/empty" -name dropin.cache -exec rm {} +
as_installed() {
    if [ "$(id -u)" = 0 ]; then
        # Permissions do not hold root back.
        set -- unshare --mount sh -c \
            'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"' \
            sh "$directory/empty" "$@"
    fi
    # In the place of its subshell, which then has the process id that signals are sent to.
    exec env -i PATH="$directory/bin:/usr/sbin:/sbin:/usr/bin:/bin" "$@"
}
if [ "$(id -u)" != 0 ]; then
    chmod -R a-w "$directory/empty"
fi
if (as_installed touch "$directory/empty/written") 2> /dev/null; then
    fail "the installation can be written"
fi
as_installed irsend-machine --help | grep '^Usage: irsend-machine ' > ../log || fail "irsend-machine --help"
as_installed irsend-machine --config irsend.toml --check | grep '^configuration: irsend.toml$'
# A newcomer's first test, and a command beside a machine.
mkdir ../first
cp "$checkout/docs/examples/test_five_lines.py" ../first/
(as_installed "$directory/empty/bin/python" -m pytest -q -p no:cacheprovider ../first)
# shellcheck disable=SC2016
(as_installed irsendctl run -- sh -c 'test -n "$IRSEND_SMTP_PORT"')
# Ports of its own: another machine may run on this host.
ports="--set listen.smtp=tcp:0:interface=127.0.0.1 --set listen.panel=tcp:0:interface=127.0.0.1
    --set mailhost.smtp=tcp:0:interface=127.0.0.1 --set mailhost.pop3=tcp:0:interface=127.0.0.1"
for configuration in "" "--config irsend.toml" "--bare"; do
    # shellcheck disable=SC2086
    as_installed irsend-machine $configuration $ports > "$directory/log" 2>&1 &
    machine=$!
    tries=0
    until url=$(sed -n 's|.*Panel: \(http://.*\)/$|\1|p' "$directory/log") && [ -n "$url" ]; do
        tries=$((tries + 1))
        { kill -0 "$machine" && [ "$tries" -lt 300 ]; } || fail "irsend-machine $configuration does not start"
        sleep 0.1
    done
    as_installed irsendctl --url "$url" status | grep 'imageRUNNER 2270'
    kill -TERM "$machine"
    wait "$machine" || fail "irsend-machine $configuration ends with $?"
    machine=
    ! grep -q Traceback "$directory/log" || fail "irsend-machine $configuration logs a traceback"
    left=$(ls -A)
    [ "$left" = "irsend.toml
var" ] || fail "irsend-machine $configuration leaves: $left"
    if [ -n "$(find "$directory/empty" -name dropin.cache)" ]; then
        fail "it wrote into the installation"
    fi
done
echo "dist/$(basename "$checkout"/dist/*.whl)"
