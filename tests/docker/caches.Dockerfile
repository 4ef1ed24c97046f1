# nginx with slices and Varnish in front of the two servers, as docs/caching.md has them.
# From the root of the repository: docker build -f tests/docker/caches.Dockerfile .
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx varnish \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default \
    && ln -sf /dev/stderr /var/log/nginx/error.log && ln -sf /dev/stdout /var/log/nginx/access.log
COPY docs/caching.md tests/docker/caches.sh /caches/
RUN /caches/caches.sh write /etc/nginx/conf.d/films.conf /etc/varnish/films.vcl
EXPOSE 80 6081
HEALTHCHECK --interval=2s --timeout=2s --retries=15 \
    CMD ["bash", "-c", "for port in 80 6081; do exec 3<>/dev/tcp/127.0.0.1/$port || exit 1; done"]
CMD ["/caches/caches.sh", "run"]
