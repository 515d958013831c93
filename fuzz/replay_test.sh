#!/usr/bin/env bash
# replay_test.sh PROGRAM: a target that aborts leaves its seed on the output and its input in a file.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -r "$PWD"' EXIT
status=0
("$1" 1 no-corpus 42) >out 2>err || status=$?
((status == 134)) || { echo "exit status $status, not that of SIGABRT"; exit 1; }
grep -qx 'seed 42' out || { echo "the seed is lost"; exit 1; }
[[ $(cat crash-*) == deadly ]] || { echo "the input is lost"; exit 1; }
