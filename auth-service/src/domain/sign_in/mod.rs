//! Registration, login, and the password check.

pub mod login;
pub mod password_check;
pub mod register;
