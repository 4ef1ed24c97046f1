# Apache httpd with mod_h264_streaming, serving /var/www/html on port 80.
# From the root of the repository: docker build -f tests/docker/apache.Dockerfile .
ARG BASE_IMAGE=debian:bookworm-slim

# The same in all servers' files, so that an engine that caches builds it once.
FROM ${BASE_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml ./
COPY tests/setup.sh tests/
RUN tests/setup.sh build && rm -rf /var/lib/apt/lists/*
COPY . .
# The secret `ca`, where there is one: certificates that the registry of crates is trusted by.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export CARGO_HTTP_CAINFO=/run/secrets/ca; fi \
    && make build && make install DESTDIR=/built

FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends apache2 \
    && rm -rf /var/lib/apt/lists/* /var/www/html/* \
    && ln -sf /dev/stderr /var/log/apache2/error.log \
    && ln -sf /dev/stdout /var/log/apache2/access.log
COPY --from=build /built/usr/lib/apache2/ /usr/lib/apache2/
COPY --from=build /built/etc/apache2/ /etc/apache2/
COPY --from=build /built/usr/local/bin/ /usr/local/bin/
COPY tests/docker/apache.conf /etc/apache2/conf-available/h264-streaming.conf
RUN a2enmod -q h264_streaming http2 && a2enconf -q h264-streaming && apache2ctl configtest
EXPOSE 80
STOPSIGNAL SIGWINCH
HEALTHCHECK --interval=2s --timeout=2s --retries=15 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ^HTTP/1 <&3"]
CMD ["apache2ctl", "-D", "FOREGROUND"]
