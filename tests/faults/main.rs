//! Fault runs: real processes and real servers are killed, frozen, wiped, rolled back and raced, while clients that
//! keep to `docs/sessions.md` go on refreshing. Nobody may be logged out, nothing that has ended may come back.
//!
//! Each run proves that its fault struck, or fails, and prints a line of counts. `JETON_FAULTS=long` makes the runs long;
//! any value shows the lines though the output of tests is captured.

mod client;
mod crowd;
mod ended;
mod ledger;
mod size;

mod autonomy;
mod cluster;
mod duels;
mod kill_9;
mod postgres_down;
mod redis_away;
mod redis_forgets;
mod replicas;
mod revocations;
mod sentinel;
mod tabs;
mod thief;
