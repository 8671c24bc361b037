# shellcheck shell=bash
# What the scripts share. Source it first:
#   source "$(dirname "$0")/lib.sh"
# It changes to the top of the checkout.

script_file=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# say <text>: progress, on stderr, with the seconds since the script began.
say() { printf '[%3ds] %s\n' "$SECONDS" "$*" >&2; }

# die <text>: one clear line, exit 1. usage_error <text>: the same, exit 2.
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
usage_error() { printf '%s: %s (see %s -h)\n' "${0##*/}" "$*" "${0##*/}" >&2; exit 2; }

# help_if_asked "$@": with -h or --help, prints the comment at the top of the
# script and exits.
help_if_asked() {
  case "${1:-}" in
    -h | --help)
      awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$script_file"
      exit 0
      ;;
  esac
}

# services: the list SERVICES of CMakeLists.txt, one a line.
services() {
  sed -nE 's/^set\(SERVICES (.*)\)$/\1/p' CMakeLists.txt | tr ' ' '\n'
}

# broker_users: what k8s/base/nats/users.conf must say.
broker_users() {
  PYTHONPATH=scripts python3 -c 'from system import nats, settings
print(nats.users_configuration(settings.services()), end="")'
}
