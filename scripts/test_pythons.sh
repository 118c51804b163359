#!/usr/bin/env bash
# Checks that the project works on each supported Python: a new environment in .venvs/VERSION, a short quickstart, and
# tests of what depends on the versions of Python and of the packages. Ends with a table.
#   bash scripts/test_pythons.sh                  Python 3.10 to 3.13; those that are not installed are listed as such
#   bash scripts/test_pythons.sh 3.10 3.13        these two, which must be installed
#   bash scripts/test_pythons.sh --except=3.11    all but this one
# Exits with 1 if a check fails, if a Python that must be installed is not, or if none is.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/venv.sh

SUPPORTED=(3.10 3.11 3.12 3.13)
QUICKSTART=(--steps=20 --num_train=64 --num_val=16)
TESTS=(-n 0 tests/test_flag_fields.py tests/test_venv.py tests/networks/test_layers.py tests/data/test_prepare.py
  tests/data/test_layouts_tfds.py tests/data/test_pyav_decoder.py)
TABLE=()

main() {
  local versions=("${SUPPORTED[@]}") except='' required=1 version python failed=0 tested=0
  case ${1:-} in
    --except=*) except=${1#*=} required=0 ;;
    '') required=0 ;;
    *) versions=("$@") ;;
  esac
  row Python install quickstart tests
  for version in "${versions[@]}"; do
    if [ "$version" = "$except" ]; then
      row "$version" "left out" - -
      tested=$((tested + 1))  # elsewhere
    elif python=$(find_python "$version"); then
      tested=$((tested + 1))
      check "$version" "$python" || failed=1
    else
      row "$version" "not installed" - -
      failed=$((failed | required))
    fi
  done
  printf '\n'
  printf '%s\n' "${TABLE[@]}"
  [ "$failed" = 0 ] && [ "$tested" -gt 0 ]
}

# Prints the path of the Python of a version such as 3.10: from PATH, or one of pyenv's.
find_python() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    case $(version_of "$candidate") in "Python $1".*) command -v "$candidate" && return ;; esac
  done
  return 1
}

# Adds a row to the table; fails if a step failed. The tests run even if the quickstart failed.
check() {
  local installed=ok quickstart=ok tests=ok start=$SECONDS exact
  local -x PYTHON=$2 S3D_TF_VENV=.venvs/$1
  local out=quickstart-python$1 log=.venvs/$1-tests.log
  exact=$(version_of "$PYTHON")
  printf '\n== %s: %s\n' "$exact" "$PYTHON"
  rm -rf "$S3D_TF_VENV" "$out"
  (ensure_venv plots && ensure_venv test,plots) || installed=failed
  installed="$installed, $((SECONDS - start)) s"
  if [[ $installed == ok* ]]; then
    start=$SECONDS
    bash scripts/quickstart.sh "${QUICKSTART[@]}" "--output_dir=$out" || quickstart=failed
    quickstart="$quickstart, $((SECONDS - start)) s"
    bash scripts/test.sh "${TESTS[@]}" 2>&1 | tee "$log" || tests=failed
    tests="$tests, $(tail -n 1 "$log")"
  else
    quickstart=- tests=-
  fi
  row "${exact#Python }" "$installed" "$quickstart" "$tests"
  [[ "$installed $quickstart $tests" != *failed* ]]
}

row() {
  TABLE+=("$(printf '%-8s  %-13s  %-13s  %s' "$@")")
}

main "$@"
