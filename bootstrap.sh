#!/usr/bin/env bash
# Builds .venv from the hash-locked requirements.
#
# Needs Python 3.11 to 3.14 with its venv module, nothing else; installs from the package index that pip is
# configured for. The stamp .venv/.ready says what the folder was built from: without it the folder
# is half-made, so it is built again from nothing; with another content it is brought up to date.
set -euo pipefail
unset PYTHONDONTWRITEBYTECODE
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=${PATH//"$PWD/.venv/bin:"/}  # the Python that makes the folder stands outside of it

venv=.venv
stamp=$venv/.ready
sums=(sha256sum)
type -P sha256sum >/dev/null || sums=(shasum -a 256)  # macOS; untested there
built_from=$(pwd; "${sums[@]}" requirements.lock pyproject.toml)
quiet=-q
[ -t 2 ] && quiet=

stop() {  # what, declared, data, next
  printf 'bootstrap: %s\n  declared  %s\n  data      %s\n  next      %s\n' "$@" >&2
  exit 1
}

find_python() {  # the newest on the PATH that we know; the one that PYTHON names, when it is set
  local found=() candidate version python="" newest=0
  while read -r candidate; do
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1 </dev/null) || true
    if [[ $version == 3.1[1-4] ]] && ((${version#3.} > newest)); then
      python=$candidate newest=${version#3.}
    fi
    found+=("$candidate is $("$candidate" --version 2>&1 </dev/null | head -n 1)")
  done < <(if [ -n "${PYTHON:-}" ]; then echo "$PYTHON"; else
    type -aP python3.14 python3.13 python3.12 python3.11 python3; fi)
  [ -n "$python" ] || stop "Python 3.11, 3.12, 3.13 or 3.14 was not found (${found[*]:-no python3 on the PATH})" \
    "pyproject.toml  requires-python" "nothing was made" \
    "install one (Debian: apt-get install python3 python3-venv), or say make PYTHON=/path/to/python3"
  printf '%s\n' "$python"
}

make_venv() {
  local python version
  python=$(find_python)
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$python" -c 'import ensurepip, venv' 2>/dev/null || stop \
    "$python has no venv module" "bootstrap.sh" "nothing was made" \
    "install it (Debian: apt-get install python$version-venv), then run the same command again"
  rm -rf "$venv"
  "$python" -m venv "$venv"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

pip_setting() {  # the value that pip has for $1; its environment variables are listed first
  pip config list | sed -n "s/^[^=]*\.$1='\(.*\)'\$/\1/p" | head -n 1
}

share_settings() {  # tell uv what pip knows about this machine; what uv is told already stays
  local index certificates links
  index=$(pip_setting index-url)
  certificates=$(pip_setting cert)
  links=$(pip_setting find-links)
  [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
  [ -z "$certificates" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificates}"
  [ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-${links// /,}}"
  export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"
  mkdir -p "${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}}" 2>/dev/null ||
    export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
}

install_builders() {  # uv, setuptools: their pins stand in the lock file like all others
  awk '/^[^ ]/ { keep = /^(uv|setuptools)==/ } keep' requirements.lock >"$venv/builders.txt"
  pip install -q --require-hashes --no-deps -r "$venv/builders.txt"
}

install_with_uv() {
  local to=(--python "$venv/bin/python" --compile-bytecode --no-build-isolation --no-deps)
  "$venv/bin/uv" pip install $quiet "${to[@]}" --require-hashes -r requirements.lock &&
    "$venv/bin/uv" pip install -q "${to[@]}" -C editable_mode=compat -e .
}

install_with_pip() {  # no dependency is looked for beyond the lock file, which is complete
  pip install $quiet --compile --no-build-isolation --no-deps --require-hashes -r requirements.lock &&
    pip install -q --no-build-isolation --no-deps --config-settings editable_mode=compat -e .
}

exec 9<requirements.lock
if type -P flock >/dev/null; then
  flock 9
else  # macOS, untested there: the lock belongs to the open file, so it outlives perl
  perl -MFcntl=:flock -e 'open(my $file, "<&=", 9) && flock($file, LOCK_EX) or die $!'
fi  # two commands started at once: the second waits, then finds the work done
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$built_from" ] && exit 0
if [ -f "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null && [ "$(head -n 1 "$stamp")" = "$PWD" ]
then
  rm "$stamp"  # from here until the end the folder counts as half-made
else
  make_venv
fi
printf 'bootstrap: installing the locked requirements into %s\n' "$venv" >&2
share_settings
if ! { install_builders && install_with_uv; }; then
  printf 'bootstrap: that did not work with uv; trying pip, which takes longer\n' >&2
  install_with_pip || stop "the locked requirements could not be installed; the reason stands above" \
    "requirements.lock" "$venv is half-made and will be made again" "run the same command again"
fi
printf '%s\n' "$built_from" >"$stamp"
printf 'bootstrap: %s is ready after %s s\n' "$venv" "$SECONDS" >&2
