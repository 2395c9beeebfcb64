#!/usr/bin/env bash
# Installs the Debian packages of the service tests, with the jars of Apache Kafka.
#
# Exit codes: 0 all there; 3 a package is missing that only root may install, so no service test ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

packages=(chromium mosquitto default-jre-headless maven)

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null |
    grep --quiet --line-regexp installed || missing+=("$package")
done
fetch_kafka() {
  local jars=data/services/kafka
  [ ! -d "$jars" ] || return 0
  echo "service tests: fetching Apache Kafka"
  rm -rf "$jars.fetching"
  mvn --quiet --batch-mode --file tests/services/kafka.xml dependency:copy-dependencies \
    "-DoutputDirectory=$PWD/$jars.fetching"
  mv "$jars.fetching" "$jars"
}

if [ "${#missing[@]}" -eq 0 ]; then
  fetch_kafka
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  {
    echo "service tests: Debian package ${missing[*]} is missing"
    echo "  declared  tests/services/install.sh"
    echo "  data      these tests did not run, they count as neither passed nor failed:"
    { .venv/bin/python -m pytest -m services --collect-only -q -p no:cacheprovider || true; } |
      sed -n '/::/s/^/              /p'
    echo "  next      sudo apt-get install ${missing[*]}, then make test-services"
  } >&2
  exit 3
fi

echo "service tests: installing ${missing[*]} from Debian"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fetch_kafka
