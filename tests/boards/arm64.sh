#!/usr/bin/env bash
# The device half on arm64: `edgecnn verify` and `edgecnn run` of every zoo bundle, and `edgecnn
# read`, in an arm64 Debian root under qemu-user, as a Raspberry Pi 4 and as a Pi 5, compared with
# this machine.
#
# Needs Debian, root, and from apt: debootstrap qemu-user-static (--no-install-recommends is
# enough: nothing is mounted, and binfmt_misc is not used). PYTHON is a Python with edgecnn
# installed and pip's index. The mirror is the one that apt uses. Some 5 minutes, 1 GB in $TMPDIR.
#
# The root's packages are unpacked and not configured, because their scripts would start programs
# that only binfmt_misc can run; python3 is started by qemu itself.
set -euo pipefail
. "$(dirname "$0")/common.sh"
python=${PYTHON:-python3}

not_run() {
    verdict "arm64: not run: $1"
    exit 0
}

[ "$(id -u)" = 0 ] || not_run "debootstrap and chroot need root"
for tool in debootstrap qemu-aarch64-static apt-get dpkg-deb; do
    command -v "$tool" >/dev/null ||
        not_run "$tool is absent (apt-get install --no-install-recommends debootstrap qemu-user-static)"
done
# apt's own reading of its sources, whichever way they are written; the one without -updates.
read -r suite mirror < <(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' \
    'Identifier: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' |
    grep -v '^[^ ]*-' | head -n 1) || not_run "apt knows no Debian mirror (is it Debian? apt-get update?)"
python=$("$python" -c 'import sys, edgecnn_device; print(sys.executable)') ||
    not_run "PYTHON is not a Python with edgecnn, to compare with"

work=$(mktemp -d)
board=$work/root
finish() {
    status=$?
    rm -rf --one-file-system "$work"
    [ "$status" = 0 ] || verdict "arm64: FAILED"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

echo "arm64: building a Debian $suite root"
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
export http_proxy=${http_proxy-} https_proxy=${https_proxy-}
if ! debootstrap --foreign --force-check-gpg --arch=arm64 --variant=minbase --include=python3 \
    "$suite" "$board" "$mirror" >"$work/debootstrap.log" 2>&1; then
    tail -n 20 "$work/debootstrap.log"
    trap 'rm -rf "$work"' EXIT
    not_run "debootstrap could not build the root"
fi
# debootstrap may leave links to /proc and the like; what is written below must stay in the root.
for folder in proc sys; do
    [ ! -L "$board/$folder" ] || rm "$board/$folder"
    mkdir -p "$board/$folder"
done
for package in "$board"/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$board"
done
cp "$(command -v qemu-aarch64-static)" "$board/qemu"
version=$(readlink "$board/usr/bin/python3" | sed 's/^python//')

echo "arm64: installing the device half from aarch64 wheels, Python $version"
wheels=$board/wheels
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$wheels" "$root"
# shellcheck disable=SC2046
"$python" -m pip download --quiet --dest "$wheels" --only-binary=:all: --python-version "$version" \
    $(seq -f '--platform=manylinux_2_%g_aarch64' 17 36) --platform=manylinux2014_aarch64 \
    "$wheels"/edgecnn-*.whl pip

# Start a program of the root as the core in $core; its errors are kept.
on_board() {
    env -i PATH=/usr/bin:/usr/sbin HOME=/root COLUMNS=110 OMP_WAIT_POLICY=PASSIVE \
        QEMU_CPU="$core" timeout 300 chroot "$board" /qemu "$@" 2>"$work/errors" ||
        { cat "$work/errors"; return 1; }
}

# Describe the core where programs look for it. Without this XNNPACK, which does TFLite's work on a
# board, silently stays out; and the /sys of this machine crashes onnxruntime under qemu 7.2.
describe() {
    mkdir -p "$board/sys/devices/system/cpu"
    echo 0-3 | tee "$board"/sys/devices/system/cpu/{possible,present} >/dev/null
    for number in 0 1 2 3; do
        printf 'processor\t: %s\nFeatures\t: %s\nCPU implementer\t: 0x41\nCPU architecture: 8\n' \
            "$number" "$2"
        printf 'CPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 3\n\n' "$1"
    done >"$board/proc/cpuinfo"
}

core=cortex-a72
on_board /usr/bin/python3 -m venv --without-pip /venv
on_board /venv/bin/python3 "/wheels/$(basename "$wheels"/pip-*.whl)/pip" install --quiet --no-index \
    --no-compile --find-links /wheels edgecnn

# Clear lines of all five currencies: a doubtful one may differ from one int8 kernel to the next.
mkdir "$board/lines"
for number in 000 003 005 006 008 009 010 012 013 015; do
    cp "$root/calibration/serial-lines/line-$number.jpg" "$board/lines"
done

# Print what a bundle surely finds on the lines, without how sure it is: a find that is hardly one may
# be there with one int8 kernel and not with the next.
found() {
    "$python" -c 'import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    sure = [result for result in frame["results"] if result.pop("score", 1) >= 0.5]
    for result in sure:
        result.pop("confidence", None), result.pop("scores", None)
    print(json.dumps({**frame, "results": sure}, ensure_ascii=False))'
}

# Whole notes, each read right here by both int8 variants: none is a doubtful one.
"$python" -m edgecnn data synth notes -n 4 --seed 7 -o "$board/notes" >/dev/null

# Print currency and serial of every note, without where it is and how sure that is.
said() {
    "$python" -c 'import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    notes = [(note["currency"], note["serial"], note["reason"]) for note in frame["notes"]]
    print(json.dumps({"source": frame["source"], "notes": notes}, ensure_ascii=False))'
}

variants_of() {
    "$python" -c 'import sys; from pathlib import Path
from edgecnn.bundle.read import read_bundle
for v in read_bundle(Path(sys.argv[1])).manifest.variants: print(f"{v.format}-{v.precision}")' \
        "$root/edgecnn/zoo/$1.edge"
}

# Run a verb here and on the board, and compare what a filter leaves of the lines that both print.
compare() {
    local filter=$1 number=$2
    shift 2
    (cd "$board" && "$python" -m edgecnn "$@" --json) 2>/dev/null | "$filter" >"$work/here"
    on_board /venv/bin/python3 -m edgecnn "$@" --json | "$filter" >"$work/there"
    [ "$(wc -l <"$work/here")" = "$number" ]
    "$python" "$root/tests/boards/same.py" "$work/here" "$work/there"
}

try_read() {
    local variants variant
    variants=$(variants_of note-detector) # the reader has more
    for variant in $variants; do
        compare said 4 read notes --variant "$variant"
        [ "$(grep -c '""' "$work/here")" = 4 ] # a serial is given, so there was something to compare
        echo "arm64: $core, read, $variant: the same currencies and serials as here on 4 notes"
    done
}

try_bundle() {
    local bundle=$1 variants variant
    on_board /venv/bin/python3 -m edgecnn verify "$bundle"
    grep -q 'XNNPACK delegate' "$work/errors" ||
        { echo "XNNPACK stayed out: what a board runs was not tried"; return 1; }
    variants=$(variants_of "$bundle")
    for variant in $variants; do
        compare found 10 run "$bundle" lines --variant "$variant"
        echo "arm64: $core, $bundle, $variant: the same results as here on 10 pictures"
    done
}

for core in cortex-a72 cortex-a76; do
    case $core in
    cortex-a72) describe 0xd08 "fp asimd evtstrm crc32 cpuid" ;;
    cortex-a76) describe 0xd0b "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp \
cpuid asimdrdm lrcpc dcpop asimddp" ;;
    esac
    for file in "$root"/edgecnn/zoo/*.edge; do
        try_bundle "$(basename "$file" .edge)"
    done
    try_read
done
verdict "arm64: passed (Debian $suite, Python $version, as cortex-a72 and cortex-a76)"
