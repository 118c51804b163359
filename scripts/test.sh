#!/usr/bin/env bash
# Runs the tests in the project's venv; arguments reach pytest: bash scripts/test.sh tests/networks -k gate
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/venv.sh
ensure_venv test,plots
python -m pytest "$@"
