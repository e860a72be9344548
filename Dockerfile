# One file, a target per service. The dependencies are built in a layer of their own: a change of our sources does not build them
# again. No crate is named but the services: every crate of the build context is in the workspace of the image, and
# .dockerignore leaves out what only developers need. Written for the classic builder (no RUN --mount) as well as for BuildKit.

# That workspace. Tests and examples are not here, nor the crates that they depend on, and nothing in the image runs them.
FROM debian:bookworm-slim AS sources
WORKDIR /src
COPY . .
RUN crates=$(for manifest in */Cargo.toml; do printf '"%s", ' "${manifest%/Cargo.toml}"; done) \
    && sed -i "s|^members = .*|members = [$crates]|" Cargo.toml \
    && sed -i '/^\[/h; x; /^\[\(dev-dependencies\|\[example\|\[test\)/ { x; d }; x' */Cargo.toml

# The same with programs that do nothing, so that nothing changes here when our sources do.
FROM sources AS manifests
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -name build.rs ! -path '*/src/main.rs' ! -path '*/src/lib.rs' -delete \
    && find . -depth -type d -empty -delete \
    && for program in */src/main.rs; do echo 'fn main() {}' >"$program" || exit; done \
    && truncate --size 0 */src/lib.rs

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY --from=manifests /src .
# What only tests need leaves the lock file, which --locked would refuse to change. Nothing may come in: each checksum of
# what is left is one that was there.
RUN cp Cargo.lock /tmp/whole.lock \
    && cargo update --quiet --workspace \
    && ! grep '^checksum' Cargo.lock | grep --quiet --invert-match --line-regexp --fixed-strings --file /tmp/whole.lock \
    && cp Cargo.lock /tmp/Cargo.lock
# Each service is built with its own features only.
RUN cargo build --release --locked -p auth-service \
    && cargo build --release --locked -p resource-service

COPY --from=sources /src .
# Our sources become newer than what was built of the empty crates; what was generated in target does not, or all would be
# built again.
RUN cp /tmp/Cargo.lock . \
    && find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked -p auth-service \
    && cargo build --release --locked -p resource-service

FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/jeton --shell /usr/sbin/nologin jeton \
    && install -d -o jeton -g jeton -m 0700 /var/lib/jeton /var/lib/jeton/data
WORKDIR /var/lib/jeton
USER jeton

FROM base AS auth-service
COPY --from=build /src/target/release/auth-service /usr/local/bin/auth-service
ENV AUTH_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["auth-service"]

FROM base AS resource-service
COPY --from=build /src/target/release/resource-service /usr/local/bin/resource-service
ENV RESOURCE_LISTEN=0.0.0.0:8081
EXPOSE 8081
ENTRYPOINT ["resource-service"]
