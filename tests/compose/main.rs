//! What `docker-compose.yml` and the images promise. They need a Docker engine: `cargo xtask test --compose` builds the
//! images, runs these, and then the end-to-end tests against containers.

mod pages;

mod first_start;
mod handbook;
mod health;
mod images;
mod readme;
mod volumes;
