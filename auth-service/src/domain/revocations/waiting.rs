//! How many verifiers wait: in all, and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many verifiers may wait at once. Beyond it, they are answered at once and ask again a second later.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// In all.
    pub total: usize,
    /// From one address.
    pub per_address: usize,
}

#[derive(Debug)]
pub(super) struct Waiting {
    room: Room,
    now: Arc<Mutex<Now>>,
}

#[derive(Debug, Default)]
struct Now {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A verifier that waits until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    now: Arc<Mutex<Now>>,
}

impl Waiting {
    pub(super) fn within(room: Room) -> Self {
        Self { room, now: Arc::default() }
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.now).all
    }

    /// A place, if there is room for one more.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let mut now = lock(&self.now);
        let from_there = now.by_address.get(&address).copied().unwrap_or_default();
        if now.all >= self.room.total || from_there >= self.room.per_address {
            return None;
        }
        now.all += 1;
        now.by_address.insert(address, from_there + 1);
        Some(Place { address, now: Arc::clone(&self.now) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut now = lock(&self.now);
        now.all -= 1;
        if let Some(left) = now.by_address.get_mut(&self.address) {
            *left -= 1;
            if *left == 0 {
                now.by_address.remove(&self.address);
            }
        }
    }
}

fn lock(now: &Mutex<Now>) -> MutexGuard<'_, Now> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn places_are_limited_in_all_and_for_each_address_and_are_given_back() {
        let waiting = Waiting::within(Room { total: 3, per_address: 2 });
        let places: Vec<_> = [HERE, HERE].iter().map(|address| waiting.take(*address).expect("room")).collect();
        assert!(waiting.take(HERE).is_none(), "a third from one address");
        let other = waiting.take(THERE).expect("room for another address");
        assert!(waiting.take(THERE).is_none(), "a fourth in all");
        assert_eq!(waiting.count(), 3);
        drop((places, other));
        assert_eq!(waiting.count(), 0);
        assert!(lock(&waiting.now).by_address.is_empty());
        assert!(waiting.take(HERE).is_some());
    }
}
