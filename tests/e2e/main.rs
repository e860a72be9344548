//! End-to-end tests: real processes, real HTTP. Each module is a subject, each test a sentence. They share nothing and
//! run in any order.

/// Runs tests that take a [`harness::Storage`] on each of the three.
macro_rules! on_every_storage {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test] async fn $test() { super::$test(harness::Storage::Embedded).await; })+
        }
        mod redis_and_sqlite {
            $(#[tokio::test] async fn $test() { super::$test(harness::Storage::RedisAndSqlite).await; })+
        }
        mod redis_and_postgres {
            $(#[tokio::test] async fn $test() { super::$test(harness::Storage::RedisAndPostgres).await; })+
        }
    };
}

/// Runs tests that take a [`harness::Storage`] on the two that have a Redis.
macro_rules! with_redis {
    ($($test:ident),+ $(,)?) => {
        mod redis_and_sqlite {
            $(#[tokio::test] async fn $test() { super::$test(harness::Storage::RedisAndSqlite).await; })+
        }
        mod redis_and_postgres {
            $(#[tokio::test] async fn $test() { super::$test(harness::Storage::RedisAndPostgres).await; })+
        }
    };
}

mod accounts;
mod addresses;
mod admin;
mod admin_console;
mod audit;
mod authority;
mod availability;
mod bad_bodies;
mod bad_headers;
mod bad_requests;
mod bit_flips;
mod books;
mod certificates;
mod command_line;
mod connections;
mod cookies;
mod csrf;
mod demonstration;
mod doctor;
mod documents;
mod files;
mod gateway;
mod guards;
mod health;
mod hostile_tokens;
mod imports;
mod installations;
mod invitations;
mod key_server;
mod letters;
mod logging_page;
mod login_codes;
mod logout;
mod lost_factors;
mod lost_stores;
mod mail;
mod mailbox;
mod metrics;
mod monitoring;
mod new_devices;
mod new_passwords;
mod nul_characters;
mod openapi;
mod operators;
mod origins;
mod outages;
mod output;
mod pages;
mod parallel;
mod passkeys;
mod passwords;
mod proxies;
mod published;
mod recovery;
mod refresh;
mod registration;
mod replicas;
mod resource_doctor;
mod restarts;
mod reuse;
mod revocations;
mod revoked;
mod roles;
mod second_factors;
mod secrecy;
mod security_page;
mod sessions;
mod settings;
mod signing_keys;
mod stalls;
mod steady_storage;
mod step_up;
mod step_up_verify;
mod stored_secrets;
mod stores;
mod story;
mod throttling;
mod tls_proxy;
mod totp;
