//! Browsers on which a user has shown a second factor, and is not asked for it at the next login. What a browser keeps is
//! computed from the device's id under the root secret, and stored nowhere: a copy of the database holds none.

use crate::domain::{
    Client, Unavailable,
    accounts::{Account, Epoch},
    audit::{Action, Audit},
    secrets::KeyRing,
};
use async_trait::async_trait;
use shared::{
    clock::{Clock, Timestamp},
    ids::{DeviceId, UserId},
};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// How many devices of a user are trusted: beyond it, the one that was least recently used is no longer.
pub const MAX_DEVICES: u32 = 20;

/// A device as it is recorded. It lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedDevice {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub sub: UserId,
    /// The user's epoch when it was trusted: what ends all sessions ends the trust.
    pub epoch: Epoch,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last spared its user the second factor.
    pub last_used_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// The address that last used it.
    pub ip: String,
    /// The `User-Agent` that last used it.
    pub user_agent: String,
}

/// Keeps trusted devices. Whatever it reports as done is durable.
#[async_trait]
pub trait TrustedDeviceStore: Send + Sync {
    /// Adds a device, if the user is still in its epoch, in place of the least recently used one beyond [`MAX_DEVICES`].
    async fn trust(&self, device: &TrustedDevice) -> Result<(), Unavailable>;

    /// Notes a use, if the device is trusted; `false`: it is not.
    async fn use_trusted(&self, device: &TrustedDevice) -> Result<bool, Unavailable>;

    /// The devices of a user that are trusted in this epoch, the last used first.
    async fn trusted_of(&self, sub: UserId, epoch: Epoch, now: Timestamp) -> Result<Vec<TrustedDevice>, Unavailable>;

    /// Trusts a device of a user no longer; `false`: the user has none with this id.
    async fn distrust(&self, sub: UserId, id: DeviceId) -> Result<bool, Unavailable>;

    /// Forgets a bounded batch of devices whose time is over; returns how many.
    async fn forget_untrusted(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}

/// What a browser keeps, with how long.
pub struct DeviceCookie {
    /// The text.
    pub value: Zeroizing<String>,
    /// For how long.
    pub lifetime: Duration,
}

/// Trusts devices.
pub struct TrustedDevices {
    store: Arc<dyn TrustedDeviceStore>,
    secrets: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    audit: Arc<Audit>,
    /// Zero: none is trusted.
    life: Duration,
}

impl TrustedDevices {
    /// Devices that are trusted for so long; zero: never.
    #[must_use]
    pub fn new(
        store: Arc<dyn TrustedDeviceStore>,
        secrets: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        audit: Arc<Audit>,
        life: Duration,
    ) -> Self {
        Self { store, secrets, clock, audit, life }
    }

    /// The id of the device that a browser shows, if it is a genuine one, trusted or not.
    #[must_use]
    pub fn read(&self, cookie: &[u8]) -> Option<DeviceId> {
        let (id, secret) = std::str::from_utf8(cookie).ok()?.split_once('.')?;
        let id: DeviceId = id.parse().ok()?;
        self.secrets.is_device_secret(&id.to_string(), secret).then_some(id)
    }

    /// Whether the user need not be asked here. The device is noted as used.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn spares(&self, account: &Account, id: DeviceId, client: &Client) -> Result<bool, Unavailable> {
        if self.life.is_zero() {
            return Ok(false);
        }
        self.store.use_trusted(&self.seen(account, id, client)).await
    }

    /// Trusts the browser from now on; `None`: none is trusted here.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn trust(&self, account: &Account, client: &Client) -> Result<Option<DeviceCookie>, Unavailable> {
        if self.life.is_zero() {
            return Ok(None);
        }
        let device = self.seen(account, DeviceId::fresh(), client);
        self.store.trust(&device).await?;
        let event = self.audit.event(Action::DeviceTrust).to(account.id).by(account.id).from(client);
        self.audit.record(event.with("device", device.id.to_string())).await;
        let id = device.id.to_string();
        let value = Zeroizing::new(format!("{id}.{}", self.secrets.device_secret(&id)));
        Ok(Some(DeviceCookie { value, lifetime: self.life }))
    }

    /// The devices that are trusted, the last used first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of(&self, account: &Account) -> Result<Vec<TrustedDevice>, Unavailable> {
        self.store.trusted_of(account.id, account.session_epoch, self.clock.now()).await
    }

    /// Trusts a device no longer; `false`: the user has none with this id.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn distrust(&self, account: &Account, id: DeviceId, client: &Client) -> Result<bool, Unavailable> {
        let was_trusted = self.store.distrust(account.id, id).await?;
        if was_trusted {
            let event = self.audit.event(Action::DeviceDistrust).to(account.id).by(account.id).from(client);
            self.audit.record(event.with("device", id.to_string())).await;
        }
        Ok(was_trusted)
    }

    /// Forgets a bounded batch of devices whose time is over; returns how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn forget_expired(&self, at_most: u32) -> Result<u64, Unavailable> {
        self.store.forget_untrusted(self.clock.now(), at_most).await
    }

    fn seen(&self, account: &Account, id: DeviceId, client: &Client) -> TrustedDevice {
        let now = self.clock.now();
        TrustedDevice {
            id,
            sub: account.id,
            epoch: account.session_epoch,
            created_at: now,
            last_used_at: now,
            expires_at: now.plus(self.life),
            ip: client.address.to_string(),
            user_agent: client.user_agent.clone(),
        }
    }
}
