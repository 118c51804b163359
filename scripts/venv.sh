# Sourced by quickstart.sh and test.sh: creates a virtual environment, installs the tested versions, and activates it.
# Installs again only when the requirements have changed. Usage: ensure_venv EXTRA[,EXTRA...]
# Environment variables:
#   PYTHON         the Python to create it with; python3 by default
#   S3D_TF_VENV    its folder, relative to the project's; .venv by default
#   S3D_TF_EXTRAS  extras of setup.py to install as well, e.g. gpu
ensure_venv() {
  local extras=$1${S3D_TF_EXTRAS:+,$S3D_TF_EXTRAS} python=${PYTHON:-python3} venv=${S3D_TF_VENV:-.venv} stamp
  local in_venv=$venv/bin/python
  if ! { is_supported "$in_venv" && "$in_venv" -m pip --version; } >/dev/null 2>&1; then  # none yet, or unfinished
    is_supported "$python" || {
      echo "error: TensorFlow 2.21 needs Python 3.10 to 3.13; name one with PYTHON=... Received: $(version_of "$python")" >&2
      return 1
    }
    if [ ! -e "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then  # --clear would delete it
      echo "error: S3D_TF_VENV must be a new folder or a virtual environment. Received: $venv" >&2
      return 1
    fi
    echo "+ $python -m venv --clear $venv"
    "$python" -m venv --clear "$venv" || return 1
  elif [ -n "${PYTHON:-}" ] && ! is_supported "$python"; then
    echo "error: TensorFlow 2.21 needs Python 3.10 to 3.13; name one with PYTHON=... Received: $(version_of "$python")" >&2
    return 1
  elif [ -n "${PYTHON:-}" ] && [ "$(version_of "$python")" != "$(version_of "$in_venv")" ]; then
    echo "error: $venv has $(version_of "$in_venv"); delete it, or set S3D_TF_VENV to another folder. Received: PYTHON=$PYTHON" >&2
    return 1
  fi
  stamp=$venv/installed-$(cat setup.py constraints.txt | cksum | tr -d ' ')-$extras
  if [ ! -e "$stamp" ]; then
    echo "+ pip install -c constraints.txt -e .[$extras]   (about a minute)"
    "$in_venv" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]" || return 1
    touch "$stamp"
  fi
  # shellcheck disable=SC1091
  . "$venv/bin/activate"
}

is_supported() {
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

version_of() {
  "$1" --version 2>&1 | head -n 1
}
