//! Trusted devices.

use super::{
    Sql,
    engine::rows::{moment, parsed, value},
};
use crate::domain::{
    Unavailable,
    accounts::Epoch,
    sign_in::trusted_devices::{MAX_DEVICES, TrustedDevice, TrustedDeviceStore},
};
use async_trait::async_trait;
use shared::{
    clock::Timestamp,
    ids::{DeviceId, UserId},
};
use sqlx::{any::AnyRow, query};

#[async_trait]
impl TrustedDeviceStore for Sql {
    async fn trust(&self, device: &TrustedDevice) -> Result<(), Unavailable> {
        let statements = || {
            let surplus = query(
                "DELETE FROM trusted_devices WHERE sub = $1 AND id NOT IN
                 (SELECT id FROM trusted_devices WHERE sub = $1 ORDER BY last_used_at DESC, id LIMIT $2)",
            )
            .bind(device.sub.to_string())
            .bind(i64::from(MAX_DEVICES - 1));
            let insert = query(
                "INSERT INTO trusted_devices (id, sub, epoch, created_at, last_used_at, expires_at, ip, user_agent)
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8
                 WHERE EXISTS (SELECT 1 FROM users WHERE id = $2 AND session_epoch = $3)",
            )
            .bind(device.id.to_string())
            .bind(device.sub.to_string())
            .bind(device.epoch.0)
            .bind(device.created_at.millis())
            .bind(device.last_used_at.millis())
            .bind(device.expires_at.millis())
            .bind(device.ip.clone())
            .bind(device.user_agent.clone());
            vec![surplus, insert]
        };
        self.durable.run_together(statements, Vec::new).await?;
        Ok(())
    }

    async fn use_trusted(&self, device: &TrustedDevice) -> Result<bool, Unavailable> {
        let update = || {
            query(
                "UPDATE trusted_devices SET last_used_at = $4, ip = $5, user_agent = $6
                 WHERE id = $1 AND sub = $2 AND epoch = $3 AND expires_at > $4",
            )
            .bind(device.id.to_string())
            .bind(device.sub.to_string())
            .bind(device.epoch.0)
            .bind(device.last_used_at.millis())
            .bind(device.ip.clone())
            .bind(device.user_agent.clone())
        };
        Ok(self.durable.run(update).await?.written > 0)
    }

    async fn trusted_of(&self, sub: UserId, epoch: Epoch, now: Timestamp) -> Result<Vec<TrustedDevice>, Unavailable> {
        let read = || {
            query(
                "SELECT id, sub, epoch, created_at, last_used_at, expires_at, ip, user_agent FROM trusted_devices
                 WHERE sub = $1 AND epoch = $2 AND expires_at > $3 ORDER BY last_used_at DESC, id",
            )
            .bind(sub.to_string())
            .bind(epoch.0)
            .bind(now.millis())
        };
        self.reading.run(read).await?.rows.iter().map(device).collect()
    }

    async fn distrust(&self, sub: UserId, id: DeviceId) -> Result<bool, Unavailable> {
        let delete = || {
            query("DELETE FROM trusted_devices WHERE id = $1 AND sub = $2").bind(id.to_string()).bind(sub.to_string())
        };
        Ok(self.durable.run(delete).await?.written > 0)
    }

    async fn forget_untrusted(&self, before: Timestamp, at_most: u32) -> Result<u64, Unavailable> {
        let delete = || {
            query(
                "DELETE FROM trusted_devices WHERE id IN
                 (SELECT id FROM trusted_devices WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            )
            .bind(before.millis())
            .bind(i64::from(at_most))
        };
        Ok(self.durable.run(delete).await?.written)
    }
}

fn device(row: &AnyRow) -> Result<TrustedDevice, Unavailable> {
    Ok(TrustedDevice {
        id: parsed(row, "id")?,
        sub: parsed(row, "sub")?,
        epoch: Epoch(value(row, "epoch")?),
        created_at: moment(row, "created_at")?,
        last_used_at: moment(row, "last_used_at")?,
        expires_at: moment(row, "expires_at")?,
        ip: value::<&str>(row, "ip")?.to_owned(),
        user_agent: value::<&str>(row, "user_agent")?.to_owned(),
    })
}
