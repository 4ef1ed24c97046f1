# The server tests, to be run against servers that are there already.
# From the root of the repository: docker build -f tests/docker/client.Dockerfile .
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml ./
COPY tests/setup.sh tests/
RUN tests/setup.sh build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export CARGO_HTTP_CAINFO=/run/secrets/ca; fi \
    && cargo test --locked -p tests --test http --no-run \
    && install -D target/debug/deps/http-???????????????? /built/server-tests

FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends curl ffmpeg && rm -rf /var/lib/apt/lists/*
COPY --from=build /built/ /usr/local/bin/
COPY tests/docker/caches_test.sh /usr/local/bin/
# Where the tests keep the films they make.
ENV CARGO_TARGET_DIR=/var/tmp
CMD ["server-tests"]
