#!/bin/sh
# Fetch CIFAR-10 into datasets/. All arguments go to datasets/get_datasets.py: try `./get_datasets.sh --help`.
# On Windows run `python datasets\get_datasets.py` instead.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
for python in python3 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/datasets/get_datasets.py" "$@"
    fi
done
echo "error: get_datasets.sh: neither python3 nor python is Python 3.11 or newer" >&2
echo "  fix: install Python 3.11 or newer, or activate the environment that has it" >&2
exit 1
