#!/usr/bin/env bash
# Installs the Debian packages of the service tests, with the jars of Apache Kafka.
#
# Exit codes: 0 all there; 3 something is missing that cannot be had here, so no service test ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

packages=(chromium mosquitto prometheus prometheus-alertmanager redis-server default-jre-headless maven)

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null |
    grep --quiet --line-regexp installed || missing+=("$package")
done
# Says what is missing, which tests are left out for it, what to do.
leave_out() {
  {
    echo "service tests: $1"
    echo "  declared  tests/services/install.sh"
    echo "  data      these tests did not run, they count as neither passed nor failed:"
    { .venv/bin/python -m pytest -m services --collect-only -q -p no:cacheprovider || true; } |
      sed -n '/::/s/^/              /p'
    echo "  next      $2"
  } >&2
  exit 3
}
fetch_kafka() {
  local jars=data/services/kafka
  [ ! -d "$jars" ] || return 0
  echo "service tests: fetching Apache Kafka"
  rm -rf "$jars.fetching"
  mvn --quiet --batch-mode --file tests/services/kafka.xml dependency:copy-dependencies \
    "-DoutputDirectory=$PWD/$jars.fetching" ||
    leave_out "the jars of Apache Kafka cannot be had" "see whether Maven reaches its repository"
  mv "$jars.fetching" "$jars"
}

if [ "${#missing[@]}" -eq 0 ]; then
  fetch_kafka
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  leave_out "Debian package ${missing[*]} is missing" \
    "sudo apt-get install ${missing[*]}, then make test-services"
fi

echo "service tests: installing ${missing[*]} from Debian"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
  leave_out "Debian package ${missing[*]} cannot be had" "apt-get install ${missing[*]}"
fetch_kafka
