//! The ways in.

pub mod login;
pub mod register;
