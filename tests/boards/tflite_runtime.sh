#!/bin/sh
# The device half where TFLite is tflite-runtime 2.14 beside numpy 1.26, as on boards that are not
# renewed: the base install with the extra `tflite-runtime`, and ai-edge-litert taken away.
# Needs Python 3.11 or 3.10 (tflite-runtime has no wheels for later ones), on the path or from
# pyenv, and pip's index. Nothing from apt, no root.
set -u
. "$(dirname "$0")/common.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python=$(find_python 3.11)
python=${python:-$(find_python 3.10)}
if [ -z "$python" ]; then
    verdict "tflite-runtime: not run: neither Python 3.11 nor 3.10 is installed"
    exit 0
fi
bin=$folder/venv/bin
if ! make_venv "$python" "$folder/venv" ||
    ! "$bin/python" -m pip download --quiet --no-deps --only-binary=:all: --dest "$folder" \
        tflite-runtime==2.14.0; then
    verdict "tflite-runtime: not run: pip finds no wheel of tflite-runtime 2.14.0 for this machine"
    exit 0
fi
tried='
from importlib.metadata import version
from importlib.util import find_spec
assert find_spec("ai_edge_litert") is None, "ai-edge-litert is still there"
print(*(f"{name} {version(name)}" for name in ("tflite-runtime", "numpy", "opencv-python-headless")), sep=", ")
assert version("numpy").startswith("1.26."), "expected numpy 1.26"
'
if "$bin/python" -m pip install --quiet "$root[tflite-runtime,test]" &&
    "$bin/python" -m pip uninstall --quiet --yes ai-edge-litert &&
    found=$("$bin/python" -c "$tried") &&
    (cd "$folder" && "$bin/edgecnn" verify serial-reader) &&
    device_tests "$bin/python"; then
    verdict "tflite-runtime: passed ($found)"
else
    verdict "tflite-runtime: FAILED"
    exit 1
fi
