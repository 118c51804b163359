#!/usr/bin/env bash
# Runs the tests in the project's venv.
#   bash scripts/test.sh                            all but those marked slow; about 8 minutes on 2 cores
#   bash scripts/test.sh --all                      all of them; less than 30 minutes
#   bash scripts/test.sh tests/networks -k gate     arguments reach pytest
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/venv.sh
ensure_venv test,plots
python -m pytest "$@"
