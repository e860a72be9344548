//! The root secret is replaced while services run: the old and the new one are given together.

use crate::{Database, secret_of};
use auth_service::domain::{
    keys::{KeyError, table::KeyTable as _},
    secrets::{KeyRing, RootSecret},
};
use shared::clock::SystemClock;

struct Secrets {
    old: String,
    new: String,
}

impl Secrets {
    fn fresh() -> Self {
        Self { old: RootSecret::generate().to_string(), new: RootSecret::generate().to_string() }
    }

    fn old_alone(&self) -> KeyRing {
        KeyRing::new(&secret_of(&self.old), None)
    }

    fn new_alone(&self) -> KeyRing {
        KeyRing::new(&secret_of(&self.new), None)
    }

    /// The new one is accepted, but not used yet.
    fn prepared(&self) -> KeyRing {
        KeyRing::new(&secret_of(&self.old), Some(&secret_of(&self.new)))
    }

    /// The old one is still accepted, but no longer used.
    fn replaced(&self) -> KeyRing {
        KeyRing::new(&secret_of(&self.new), Some(&secret_of(&self.old)))
    }
}

async fn kid(database: &Database, secrets: KeyRing) -> String {
    database.replica(secrets).await.unwrap().active().signer.kid.clone()
}

#[tokio::test]
async fn keys_are_resealed_and_the_old_secret_can_be_discarded() {
    let (database, secrets) = (Database::at(SystemClock).await, Secrets::fresh());
    let before = kid(&database, secrets.old_alone()).await;
    assert_eq!(kid(&database, secrets.replaced()).await, before);
    assert_eq!(kid(&database, secrets.new_alone()).await, before);
    let rows = database.sql.keys().await.unwrap().keys;
    assert!(rows.iter().all(|key| secrets.new_alone().is_sealed_by_current(&key.sealed)));
    let refused = database.replica(secrets.old_alone()).await.map(drop);
    assert!(matches!(refused, Err(KeyError::AnotherSecret)), "{refused:?}");
}

#[tokio::test]
async fn another_secret_is_refused() {
    let (database, secrets) = (Database::at(SystemClock).await, Secrets::fresh());
    kid(&database, secrets.old_alone()).await;
    for other in [Secrets::fresh().old_alone(), Secrets::fresh().replaced(), secrets.new_alone()] {
        let refused = database.replica(other).await.map(drop);
        assert!(matches!(refused, Err(KeyError::AnotherSecret)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_replica_that_still_starts_with_the_old_secret_does_not_restore_it() {
    let (database, secrets) = (Database::at(SystemClock).await, Secrets::fresh());
    let before = kid(&database, secrets.prepared()).await;
    assert_eq!(kid(&database, secrets.replaced()).await, before);
    assert_eq!(kid(&database, secrets.prepared()).await, before);
    assert_eq!(kid(&database, secrets.new_alone()).await, before, "everything is sealed under the new one");
}

#[tokio::test]
async fn replicas_at_both_steps_go_on_together() {
    let (database, secrets) = (Database::at(SystemClock).await, Secrets::fresh());
    let prepared = database.replica(secrets.prepared()).await.unwrap();
    let replaced = database.replica(secrets.replaced()).await.unwrap();
    for _ in 0..2 {
        prepared.reload().await.unwrap();
        replaced.reload().await.unwrap();
    }
    assert_eq!(prepared.active().signer.kid, replaced.active().signer.kid);
    assert!(database.replica(secrets.new_alone()).await.is_ok());
}
