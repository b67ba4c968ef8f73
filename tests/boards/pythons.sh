#!/bin/sh
# The device half, with the base install alone, under the Python versions given; by default under
# every supported one. Needs those Pythons, on the path or from pyenv, and pip's index.
# One that is not installed is said to be missing; one that fails ends with status 1.
set -u
. "$(dirname "$0")/common.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
[ $# -gt 0 ] || set -- 3.10 3.11 3.12 3.13
for version; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        verdict "Python $version: not run: it is not installed"
    elif make_venv "$python" "$folder/$version" &&
        "$folder/$version/bin/python" -m pip install --quiet "$root[test]" &&
        device_tests "$folder/$version/bin/python"; then
        verdict "Python $version: passed"
    else
        verdict "Python $version: FAILED"
        failed=1
    fi
done
exit $failed
