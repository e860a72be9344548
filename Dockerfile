# One file, a target per service. The dependencies are built in a layer of their own: a change of our sources does not
# build them again. Written for the classic builder (no RUN --mount) as well as for BuildKit.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# The dependencies: manifests, the lock file, and empty crates.
COPY Cargo.toml Cargo.lock ./
COPY auth-service/Cargo.toml auth-service/
COPY resource-service/Cargo.toml resource-service/
COPY shared/Cargo.toml shared/
COPY tests/Cargo.toml tests/
COPY tests/harness/Cargo.toml tests/harness/
COPY xtask/Cargo.toml xtask/
COPY xtask/start/Cargo.toml xtask/start/
COPY auth-service/build.rs auth-service/
COPY resource-service/build.rs resource-service/
RUN for crate in auth-service resource-service xtask xtask/start; do mkdir -p $crate/src && echo 'fn main() {}' > $crate/src/main.rs; done \
    && touch auth-service/src/lib.rs resource-service/src/lib.rs \
    && mkdir -p shared/src tests/harness \
    && touch shared/src/lib.rs tests/harness/lib.rs \
    && for part in bench compose e2e faults interop; do mkdir tests/$part && echo 'fn main() {}' > tests/$part/main.rs; done \
    && cargo build --release --locked -p auth-service \
    && cargo build --release --locked -p resource-service

COPY . .
# Our sources become newer than what was built of the empty crates; what was generated in target does not, or all would be
# built again. Each service is built with its own features only.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
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
