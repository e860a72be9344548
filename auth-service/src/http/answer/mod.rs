//! What an answer is made of: tokens, users, problems, cookies.

pub mod error;
pub mod factors;
pub mod own_cookie;
pub mod qr_code;
pub mod refusals;
pub mod tokens;
