# Sourced by quickstart.sh and test.sh: makes .venv, installs the tested versions into it, and activates it.
# Installs again only when the requirements have changed. Usage: ensure_venv EXTRA[,EXTRA...]
ensure_venv() {
  local extras=$1 python=${PYTHON:-python3} stamp
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "error: Python 3.10 or newer is needed; name one with PYTHON=... Received: $("$python" --version 2>&1)" >&2
    return 1
  }
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then  # none yet, or one that could not be finished
    echo "+ $python -m venv --clear .venv"
    "$python" -m venv --clear .venv
  fi
  stamp=.venv/installed-$(cat setup.py constraints.txt | cksum | tr -d ' ')-$extras
  if [ ! -e "$stamp" ]; then
    echo "+ pip install -c constraints.txt -e .[$extras]   (about a minute)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
    touch "$stamp"
  fi
  # shellcheck disable=SC1091
  . .venv/bin/activate
}
