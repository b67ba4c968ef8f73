#!/bin/sh
# The device half, with the base install alone, under every supported Python that is here.
# A Python that is not installed is said to be missing; one that fails ends with status 1.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
failed=0
for version in 3.10 3.11 3.12 3.13; do
    python=$(command -v "python$version" || ls -d "$HOME"/.pyenv/versions/"$version".*/bin/python 2>/dev/null | tail -n 1)
    if [ -z "$python" ]; then
        echo "Python $version: not installed here, not tried"
        continue
    fi
    folder=$(mktemp -d)
    if "$python" -m venv "$folder/venv" &&
        "$folder/venv/bin/python" -m pip install --quiet "$root[test]" &&
        (cd "$root/tests" && "$folder/venv/bin/python" -m pytest -c ../pyproject.toml --rootdir .. \
            -p no:cacheprovider bare device bundle vision data cli); then
        echo "Python $version: passed"
    else
        echo "Python $version: FAILED"
        failed=1
    fi
    rm -rf "$folder"
done
exit $failed
