# nginx with mod_h264_streaming, serving /var/www/html on port 80, and by HTTP/2 on port 8080.
# From the root of the repository: docker build -f tests/docker/nginx.Dockerfile .
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
RUN apt-get update && apt-get install -y --no-install-recommends nginx \
    && rm -rf /var/lib/apt/lists/* /var/www/html/* /etc/nginx/sites-enabled/default \
    && ln -sf /dev/stderr /var/log/nginx/error.log \
    && ln -sf /dev/stdout /var/log/nginx/access.log
COPY --from=build /built/usr/lib/nginx/ /usr/lib/nginx/
COPY --from=build /built/etc/nginx/ /etc/nginx/
COPY --from=build /built/usr/local/bin/ /usr/local/bin/
COPY tests/docker/nginx.conf /etc/nginx/conf.d/films.conf
RUN ln -s ../modules-available/mod-http-h264-streaming.conf /etc/nginx/modules-enabled/50-mod-http-h264-streaming.conf \
    && nginx -t
EXPOSE 80 8080
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=2s --timeout=2s --retries=15 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ^HTTP/1 <&3"]
CMD ["nginx", "-g", "daemon off;"]
