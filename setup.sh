#!/bin/sh
# Makes .venv and installs Melisma into it, with the versions of constraints.txt; `make setup` calls this.
# PYTHON names the Python to build on, TORCH=cpu takes torch's build without CUDA.
set -eu
cd "$(dirname "$0")"

say() { printf 'setup: %s\n' "$1" >&2; }

case "${TORCH:-}" in
"" | cpu) ;;
*)
    say "TORCH=$TORCH is not known: TORCH=cpu takes torch's build without CUDA, and leaving it out the usual one"
    exit 2
    ;;
esac

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$name" -c "$new_enough" 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found="none that runs"
    say "Python 3.11 or newer is wanted, found is ${found}; install one, or name one: PYTHON=/path/to/python make setup"
    exit 2
}

if ! .venv/bin/python -c "$new_enough" 2>/dev/null || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "$python lacks the modules venv and ensurepip; on Debian and Ubuntu: sudo apt install python3-venv"
        exit 2
    fi
    say "making .venv on $("$python" --version)"
    "$python" -m venv --clear .venv
fi

install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }

if [ "${TORCH:-}" = cpu ]; then
    say "installing torch without CUDA, from torch's own index"
    # Its dependencies come from the plain index below, where the pinned versions are.
    install --no-deps --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)"
fi

say "installing everything else (some minutes, the first time)"
install --constraint constraints.txt hatchling editables
install --constraint constraints.txt --no-build-isolation --editable '.[dev,tables,sweep,board,sound]'
say "done: make demo, make test, or .venv/bin/melisma"
