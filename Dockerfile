# Mooring's image: the four services, mooringd and moor. `docker build .` makes it; docker-compose.yml uses it.
#
# PREBUILT names a folder of the context with the programs in it: then nothing is compiled, and RUST_IMAGE can be any
# image with a shell. BASE_IMAGE may have the packages below already: then nothing is downloaded.
# No BuildKit needed: the classic builder makes every stage above the one that is asked for.
ARG BASE_IMAGE=debian:bookworm-slim
ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${BASE_IMAGE} AS base
RUN command -v ip >/dev/null || \
    (apt-get update && apt-get install -y --no-install-recommends ca-certificates iproute2 && rm -rf /var/lib/apt/lists/*)
COPY compose/init.sh compose/gateway.sh /usr/local/lib/mooring/

# The hosts of the demo: a client, and instances with keepalived.
FROM base AS demo
RUN command -v keepalived >/dev/null && command -v ping >/dev/null && command -v socat >/dev/null || \
    (apt-get update && apt-get install -y --no-install-recommends keepalived iputils-ping socat && rm -rf /var/lib/apt/lists/*)
COPY compose/client.sh compose/instance.sh /usr/local/lib/mooring/

FROM ${RUST_IMAGE} AS build
ARG PREBUILT=
LABEL mooring.prebuilt=$PREBUILT
WORKDIR /src
COPY . .
RUN set -eu; \
    programs="mooringd mooring-resource mooring-binding mooring-health mooring-dataplane-sync moor"; from="$PREBUILT"; \
    if [ -z "$PREBUILT" ]; then \
        cargo build --release --locked $(for program in $programs; do echo "--bin $program"; done); from=target/release; \
    fi; \
    for program in $programs; do install -D -m 0755 "$from/$program" "/out/$program"; done

FROM base AS run
COPY --from=build /out/ /usr/local/bin/
USER 10001:10001
CMD ["mooringd", "--help"]
