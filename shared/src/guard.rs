//! Request guards for actix-web.
