//! Refresh sessions: the rules, the records, and every flow in the life of one.

pub mod caller;
pub mod devices;
pub mod elsewhere;
pub mod logout;
pub mod record;
pub mod records;
pub mod refresh;
pub mod refresh_token;
pub mod rules;
pub mod stall;
pub mod store;
pub mod token_size;
pub mod tokens;
pub mod user_agent;
