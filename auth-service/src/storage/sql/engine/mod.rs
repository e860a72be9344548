//! Connections to a database: addresses, pools, errors, migrations.

pub mod address;
pub mod backend;
pub mod connections;
pub mod faults;
pub mod lane;
pub mod migrate;
pub mod open;
pub mod pool;
pub mod rows;
pub mod sqlite_file;
