# Sourced by the scripts beside it.
root=$(cd "$(dirname "$0")/../.." && pwd)
export OMP_WAIT_POLICY=PASSIVE

# Print a verdict, and keep it for the summary of `make test-boards`.
verdict() {
    echo "$1"
    mkdir -p "$root/build"
    echo "$1" >>"$root/build/boards.txt"
}

# Print the path of a Python of the version; a pyenv shim may be on the path and yet not run.
find_python() {
    for candidate in "$(command -v "python$1")" "$HOME/.pyenv/versions/$1".*/bin/python; do
        if "$candidate" -c "import sys; assert '%d.%d' % sys.version_info[:2] == '$1'" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

# Make a virtual environment; the pip that comes with an older Python can search for minutes.
make_venv() {
    "$1" -m venv "$2" && "$2/bin/python" -m pip install --quiet --upgrade pip
}

# The tests of the device half, by the Python given.
device_tests() {
    (cd "$root/tests" && "$1" -m pytest -c ../pyproject.toml --rootdir .. \
        -p no:cacheprovider bare device bundle vision data cli)
}
