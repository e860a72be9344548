//! The ways in.

pub mod login;
pub mod password_check;
pub mod register;
