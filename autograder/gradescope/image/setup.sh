#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the image: Python, its packages, a wall, the worker's runtime.
set -euo pipefail
source=$(cd -- "$(dirname -- "$0")" && pwd)
home=/opt/deep-nets-autograder

fits() {
    command -v "$1" >/dev/null &&
        "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if fits "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends bubblewrap || echo "bubblewrap cannot be installed: Landlock must do" >&2
if ! find_python >/dev/null; then
    for version in 3.13 3.12 3.11; do
        apt-get install -y -q --no-install-recommends "python$version" "python$version-venv" && break
    done
fi
python=$(find_python) || { echo "no Python 3.11, 3.12 or 3.13 here: choose a newer base image" >&2; exit 1; }

mkdir -p "$home/runtime"
"$python" -m venv "$home/venv"
"$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r "$source/kit/requirements.lock"
if [ -f "$source/kit/datasets/get_datasets.py" ]; then
    "$home/venv/bin/python" "$source/kit/datasets/get_datasets.py"
fi
# Student code runs as another user, who can read none of this, whatever the wall.
chmod -R go-rwx "$source"
bash "$source/run_autograder" prepare
