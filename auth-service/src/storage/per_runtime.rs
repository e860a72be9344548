//! Connections stay with the runtime that they were opened on, and end with it. actix gives each of its workers a
//! runtime: shared connections would fail the last requests of a worker that drains longer than its neighbours, and
//! each answer would have to wake another thread.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::{Handle, Id};

/// One value for each runtime, made when it is first needed.
pub(super) struct PerRuntime<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    made: Mutex<HashMap<Id, Arc<T>>>,
}

impl<T> PerRuntime<T> {
    pub(super) fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make), made: Mutex::default() }
    }

    /// The value of the current runtime.
    pub(super) fn here(&self) -> Arc<T> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(Handle::current().id()).or_insert_with(|| Arc::new((self.make)())))
    }
}
