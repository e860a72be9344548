//! `/auth/…`: the endpoints for users and their clients.

pub mod by_mail;
pub mod confirm;
pub mod csrf;
pub mod email;
pub mod export;
pub mod factors;
pub mod login;
pub mod logout;
pub mod me;
pub mod passkeys;
pub mod password;
pub mod reauthenticate;
pub mod recovery_codes;
pub mod refresh;
pub mod register;
pub mod revoke;
pub mod sessions;
pub mod totp;
pub mod trusted_devices;
