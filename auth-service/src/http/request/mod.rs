//! What is read from a request: its client, its cookies, its page, its caller.

pub mod caller;
pub mod client;
pub mod cookie;
pub mod device;
pub mod flow;
pub mod forwarded;
pub mod origin;
pub mod site;
