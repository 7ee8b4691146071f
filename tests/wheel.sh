#!/bin/sh
# A wheel, installed in an empty environment, offers `twistd irsend` and irsendctl.
# Usage: tests/wheel.sh PYTHON (one that has the `build` package)
set -eu
python=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$python" -m build --quiet --wheel --outdir "$directory" .
for file in irsend/py.typed irsend/device/models/ir2270.toml irsend/panel/static/panel.js twisted/plugins/irsend_plugin.py; do
    "$python" -m zipfile --list "$directory"/*.whl | grep -q "$file" || { echo "not in the wheel: $file" >&2; exit 1; }
done
if "$python" -m zipfile --list "$directory"/*.whl | grep -q '^tests/'; then
    echo "the wheel ships the tests" >&2
    exit 1
fi
"$python" -m venv "$directory/empty"
"$directory/empty/bin/pip" install --quiet --disable-pip-version-check "$directory"/*.whl
cd "$directory"
empty/bin/twistd --help | grep -q '^    irsend '
empty/bin/twistd irsend --check
empty/bin/irsendctl --version
