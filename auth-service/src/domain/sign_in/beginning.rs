//! The last step of every login.

use super::new_device::NewDevices;
use crate::domain::{
    Client, Unavailable,
    accounts::Credentials,
    sessions::{
        Sessions,
        begin::BeginError,
        methods::Methods,
        refresh_token::{RefreshClaims, Transport},
        tokens::Tokens,
    },
};
use shared::ids::DeviceId;
use std::sync::Arc;
use tracing::Instrument as _;

/// How a new session is carried, and what it takes the place of.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// How the client carries the refresh token.
    pub transport: Transport,
    /// The refresh token in the request's cookie: its session ends.
    pub previous: Option<RefreshClaims>,
    /// The device that the browser says it is, if it may be one on which the second factor is not asked for.
    pub device: Option<DeviceId>,
}

/// Begins sessions.
pub struct Beginning {
    sessions: Arc<Sessions>,
    new_devices: Arc<NewDevices>,
}

impl Beginning {
    /// With notices of new devices.
    #[must_use]
    pub fn new(sessions: Arc<Sessions>, new_devices: Arc<NewDevices>) -> Self {
        Self { sessions, new_devices }
    }

    /// Begins a session of a user who has shown enough, and ends the one of the request's cookie.
    ///
    /// # Errors
    /// [`BeginError`].
    pub async fn begin(
        &self,
        checked: Credentials,
        shown: Methods,
        NewSession { transport, previous, .. }: NewSession,
        client: &Client,
    ) -> Result<Tokens, BeginError> {
        if let Some(previous) = &previous {
            self.sessions.logout(previous, client).await?;
        }
        let (account, is_news) = (checked.account.clone(), self.new_devices.is_news(&checked.account, client).await);
        // Once begun, it is finished even if the client leaves: whoever cuts the connection could otherwise keep the user from
        // hearing of it, and would be known from then on.
        let (sessions, new_devices) = (Arc::clone(&self.sessions), Arc::clone(&self.new_devices));
        let client = client.clone();
        let beginning = async move {
            let tokens = sessions.begin(checked, shown, transport, &client).await?;
            if is_news {
                new_devices.notify(&account, &client).await;
            }
            Ok::<_, BeginError>(tokens)
        };
        let begun = tokio::spawn(beginning.in_current_span()).await;
        begun.map_err(|error| Unavailable { store: "session store", cause: error.to_string() })?
    }
}
