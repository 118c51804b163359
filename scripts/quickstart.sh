#!/usr/bin/env bash
# From nothing to an exported, queried model: a venv, an install, then scripts/quickstart.py with all arguments.
#   bash scripts/quickstart.sh                    two minutes on 2 cores, and the installation
#   bash scripts/quickstart.sh --steps=20         a look at every stage, without the accuracy
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/venv.sh
ensure_venv plots
python scripts/quickstart.py "$@"
