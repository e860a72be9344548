//! `/auth/…`: what people and their clients ask.

pub mod csrf;
pub mod login;
pub mod logout;
pub mod me;
pub mod password;
pub mod refresh;
pub mod register;
pub mod sessions;
