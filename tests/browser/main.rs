//! The pages of auth-service and its client, in a real Chromium.

mod client;
mod console;
mod factors;
mod journeys;
mod line;
mod links;
mod looks;
mod playground;
mod scripts;
mod strangers;
