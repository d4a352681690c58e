# The one program in a distroless image: no shell, nothing to write to but mounted volumes, a user without rights.
#   docker build -t REGISTRY/scrape-relay:0.1.0 .

# bookworm, since the image below has Debian 12's C library
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package scrape-relay \
    && mkdir -p /image/usr/local/bin /image/var/lib/scrape-relay \
    && cp target/release/scrape-relay /image/usr/local/bin/scrape-relay \
    && strip --strip-debug /image/usr/local/bin/scrape-relay \
    # the name under which metrics-k8s-proxy is started
    && ln -s scrape-relay /image/usr/local/bin/metrics-proxy \
    && chown 65532:65532 /image/var/lib/scrape-relay

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="scrape-relay" \
      org.opencontainers.image.description="Scrapes a fleet of Prometheus targets and serves them as a few valid pages" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 15090 15091 15092
ENTRYPOINT ["/usr/local/bin/scrape-relay"]
# Arguments replace this. Without any, the environment says what to do, as metrics-k8s-proxy's does.
CMD ["standalone"]
