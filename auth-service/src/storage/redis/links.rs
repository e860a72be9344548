//! A link for each runtime. actix gives each of its workers one, and a connection ends with the runtime that it was
//! opened on: shared, it would fail the last requests of a worker that drains longer than its neighbours. Also, an answer
//! need not wake another thread.

use super::{address::Address, link::Link};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::{Handle, Id};

pub(super) struct Links {
    address: Arc<Address>,
    links: Mutex<HashMap<Id, Arc<Link>>>,
}

impl Links {
    pub(super) fn to(address: Address) -> Self {
        Self { address: Arc::new(address), links: Mutex::default() }
    }

    /// The link of the runtime that asks.
    pub(super) fn here(&self) -> Arc<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let link = links.entry(Handle::current().id()).or_insert_with(|| Arc::new(Link::to(Arc::clone(&self.address))));
        Arc::clone(link)
    }
}
